//! Writing: appends to a buffer that the caller owns, so that one buffer serves a whole connection.

use alloc::vec::Vec;

/// Appends jute primitives to a byte vector.
///
/// Source: Apache `BinaryOutputArchive.java`; `client-protocol.md` §1.2.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out }
    }

    /// Appends a signed 32-bit integer.
    pub fn int(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Appends a signed 64-bit integer.
    pub fn long(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Appends one byte.
    pub fn byte(&mut self, value: u8) {
        self.out.push(value);
    }

    /// Appends a boolean as 00 or 01.
    pub fn boolean(&mut self, value: bool) {
        self.byte(u8::from(value));
    }

    /// Appends a buffer; `None` has the length −1.
    ///
    /// # Panics
    /// When the buffer is longer than 2³¹−1 bytes, which no bounded caller holds.
    pub fn buffer(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.int(-1),
            Some(bytes) => {
                self.count(bytes.len());
                self.out.extend_from_slice(bytes);
            }
        }
    }

    /// Appends a string; `None` has the length −1.
    pub fn ustring(&mut self, value: Option<&str>) {
        self.buffer(value.map(str::as_bytes));
    }

    /// Appends the count of a vector or the length of a buffer.
    ///
    /// # Panics
    /// When the count is above 2³¹−1.
    pub fn count(&mut self, count: usize) {
        self.int(i32::try_from(count).expect("a count that was held in memory within its bound"));
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}
