//! Reading: every length is checked against the bytes at hand before anything is taken or allocated.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// Why bytes could not be read as the record that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ended inside the named field.
    #[error("the field `{field}` needs {needed} bytes, {left} are left")]
    Short {
        /// The field that was being read.
        field: &'static str,
        /// How many bytes it needs.
        needed: usize,
        /// How many bytes were left.
        left: usize,
    },
    /// A length below −1, or above the limit the reader was made with.
    #[error("the field `{field}` states the length {length}, which is outside its limits")]
    Length {
        /// The field that was being read.
        field: &'static str,
        /// The length it stated.
        length: i32,
    },
    /// A null where a value is required.
    #[error("the field `{field}` is null and may not be")]
    Null {
        /// The field that was being read.
        field: &'static str,
    },
    /// A number that stands for nothing in this place.
    #[error("the field `{field}` has the value {value}, which means nothing here")]
    Value {
        /// The field that was being read.
        field: &'static str,
        /// What it held.
        value: i64,
    },
}

/// Reads jute primitives off a byte slice, in order.
///
/// Source: Apache `BinaryInputArchive.java`; `client-protocol.md` §1.2.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    length_max: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes` that refuses strings and buffers longer than `length_max` bytes.
    pub fn new(bytes: &'a [u8], length_max: usize) -> Self {
        Reader { bytes, length_max }
    }

    /// How many bytes have not been read.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes that have not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Reads a signed 32-bit integer.
    pub fn int(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array(field)?))
    }

    /// Reads a signed 64-bit integer.
    pub fn long(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array(field)?))
    }

    /// Reads one byte.
    pub fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(field)?[0])
    }

    /// Reads a boolean: any byte but zero is true.
    pub fn boolean(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.byte(field)? != 0)
    }

    /// Reads a buffer; length −1 is `None`, which is not the same as an empty one.
    pub fn buffer(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, DecodeError> {
        let length = self.int(field)?;
        if length == -1 {
            return Ok(crate::mutant!(
                "null-buffer-read-as-empty",
                None,
                Some(&self.bytes[..0])
            ));
        }
        let wanted = usize::try_from(length).map_err(|_| DecodeError::Length { field, length })?;
        if wanted > self.length_max {
            return Err(DecodeError::Length { field, length });
        }
        self.take(field, wanted).map(Some)
    }

    /// Reads a string; malformed UTF-8 becomes U+FFFD, as Java's decoder has it.
    pub fn ustring(&mut self, field: &'static str) -> Result<Option<Cow<'a, str>>, DecodeError> {
        let bytes = self.buffer(field)?;
        Ok(bytes.map(|bytes| match core::str::from_utf8(bytes) {
            // Nearly all are: one check of the whole is a third of looking for what to replace.
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(bytes),
        }))
    }

    /// Reads the count of a vector: −1 is `None`, any other negative count is an empty vector.
    ///
    /// The count is a claim of the sender: allocate for what is read, never for what is claimed.
    pub fn count(&mut self, field: &'static str) -> Result<Option<usize>, DecodeError> {
        let count = self.int(field)?;
        Ok(match count {
            -1 => None,
            _ => Some(usize::try_from(count).unwrap_or(0)),
        })
    }

    /// Reads a vector with `item` for each element; a null vector is `None`.
    pub fn vector<T>(
        &mut self,
        field: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.count(field)? else {
            return Ok(None);
        };
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(Some(items))
    }

    /// Takes `count` bytes as they are.
    pub fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        if count > self.bytes.len() {
            return Err(DecodeError::Short {
                field,
                needed: count,
                left: self.bytes.len(),
            });
        }
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let taken = self.take(field, N)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }
}
