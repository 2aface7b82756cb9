//! Immutable bytes that transaction, tree, log and sockets share.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use triomphe::Arc;

/// Immutable shared bytes: a clone costs a count, and one count of eight bytes lies before them.
/// The second count of the standard library's `Arc`, for weak references, would put values of a
/// hundred bytes into the next larger block of most allocators.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Arc<[u8]>);

impl Bytes {
    /// How many share them, from 1 on.
    pub fn holders(&self) -> usize {
        Arc::count(&self.0)
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Bytes(Arc::from(bytes))
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
    fn from(bytes: [u8; N]) -> Self {
        Bytes::from(&bytes[..])
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(&bytes[..])
    }
}
