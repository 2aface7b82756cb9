//! The last component of a path, kept with its node.

use alloc::boxed::Box;

/// Names up to this many bytes live inside the node: no allocation, no second cache line.
const INLINE_BYTES_MAX: usize = 22;

/// A node's name. Its text is never empty but for the root, and holds no slash.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Inline {
        length: u8,
        bytes: [u8; INLINE_BYTES_MAX],
    },
    Heap(Box<str>),
}

impl Name {
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = [0; INLINE_BYTES_MAX];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Name::Inline { length, bytes }
            }
            _ => Name::Heap(Box::from(text)),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Name::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Name::Heap(text) => text.as_bytes(),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Name::Inline { length, bytes } => core::str::from_utf8(&bytes[..usize::from(*length)])
                .expect("the bytes were copied from text"),
            Name::Heap(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_is_given_back() {
        for length in 0..64 {
            let text = "é".repeat(length);
            let name = Name::new(&text);
            assert_eq!(name.as_str(), text);
            assert_eq!(name.as_bytes(), text.as_bytes());
        }
    }
}
