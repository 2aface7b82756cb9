//! Paths of znodes. A path that exists as a type is valid; `parse` is the only door.

use alloc::boxed::Box;
use core::fmt;

/// Why a string is not a path.
///
/// Source: Apache `PathUtils.java`; `client-protocol.md` §6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The empty string.
    #[error("a path may not be empty")]
    Empty,
    /// It does not start with `/`.
    #[error("a path starts with a slash")]
    Relative,
    /// It ends with `/` and is not the root.
    #[error("a path does not end with a slash")]
    TrailingSlash,
    /// Two slashes in a row.
    #[error("a path has no empty component")]
    EmptyComponent,
    /// A component that is `.` or `..`.
    #[error("a path has no relative component")]
    RelativeComponent,
    /// A character that no path may hold.
    #[error("the character U+{0:04X} may not stand in a path")]
    Character(u32),
}

/// An absolute, validated path of a znode.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZnodePath(Box<str>);

impl ZnodePath {
    /// The root.
    pub fn root() -> Self {
        ZnodePath(Box::from("/"))
    }

    /// Validates `text` and copies it.
    ///
    /// # Errors
    /// The first rule of [`PathError`] that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        ZnodePath::validate(text)?;
        Ok(ZnodePath(Box::from(text)))
    }

    /// Checks that `text` is a path without copying it.
    ///
    /// # Errors
    /// As [`ZnodePath::parse`].
    pub fn validate(text: &str) -> Result<(), PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if !text.starts_with('/') {
            return Err(PathError::Relative);
        }
        if text == "/" {
            return Ok(());
        }
        if text.ends_with('/') {
            return Err(PathError::TrailingSlash);
        }
        for component in text[1..].split('/') {
            match component {
                "" => return Err(PathError::EmptyComponent),
                "." | ".." => return Err(PathError::RelativeComponent),
                _ => {}
            }
            // Nearly all are of such characters only, and need not be decoded.
            if component.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                continue;
            }
            if let Some(bad) = component.chars().find(|&character| !is_allowed(character)) {
                return Err(PathError::Character(u32::from(bad)));
            }
        }
        Ok(())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &str {
        let cut = self.0.rfind('/').expect("a valid path holds a slash");
        &self.0[cut + 1..]
    }

    /// The path above this one, `None` for the root.
    pub fn parent(&self) -> Option<ZnodePath> {
        if &*self.0 == "/" {
            return None;
        }
        let cut = self.0.rfind('/').expect("a valid path holds a slash");
        Some(ZnodePath(Box::from(if cut == 0 {
            "/"
        } else {
            &self.0[..cut]
        })))
    }
}

/// Java checks UTF-16 units, so everything above the basic plane falls in the surrogate range.
fn is_allowed(character: char) -> bool {
    !matches!(
        u32::from(character),
        0..=0x1f | 0x7f..=0x9f | 0xd800..=0xf8ff | 0xfff0..=0xffff | 0x1_0000..
    )
}

impl fmt::Debug for ZnodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ZnodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_that_apache_accepts_are_accepted() {
        for path in [
            "/",
            "/a b",
            "/.a",
            "/..a",
            "/...",
            "/a/.../b",
            "/é中",
            "/\u{a0}",
            "/\u{2028}",
            "/\u{f900}",
            "/\u{ffef}",
        ] {
            assert_eq!(ZnodePath::validate(path), Ok(()), "{path:?}");
        }
    }

    #[test]
    fn the_paths_that_apache_refuses_are_refused() {
        for path in [
            "",
            "a",
            "/a/",
            "//a",
            "/a//b",
            "/.",
            "/..",
            "/a/./b",
            "/a/..",
            "/\u{1}",
            "/\u{9}",
            "/\u{7f}",
            "/\u{9f}",
            "/\u{f8ff}",
            "/\u{fff0}",
            "/\u{fffd}",
            "/\u{1f600}",
            "/\0",
        ] {
            assert!(ZnodePath::validate(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn the_parent_of_a_top_level_node_is_the_root() {
        let path = ZnodePath::parse("/a").unwrap();
        assert_eq!(path.parent(), Some(ZnodePath::root()));
        assert_eq!(ZnodePath::root().parent(), None);
    }
}
