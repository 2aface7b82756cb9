//! Frames written out by hand, so that a test shows every byte it is about.

use super::Standalone;
use replica::ConnId;
use std::fmt::Write as _;

/// The bytes of a dump; white space and bars are for readers.
pub(crate) fn hex(dump: &str) -> Vec<u8> {
    let digits: String = dump.chars().filter(char::is_ascii_hexdigit).collect();
    assert_eq!(digits.len() % 2, 0, "two digits are a byte: {dump}");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex digits"))
        .collect()
}

/// Bytes as digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Asserts that the server said exactly what the dump says.
pub(crate) fn assert_said(sent: &[u8], dump: &str) {
    assert_eq!(digits(sent), digits(&hex(dump)), "expected {dump}");
}

pub(crate) fn int(value: i32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

pub(crate) fn long(value: i64) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

/// A `ustring` or `buffer`.
pub(crate) fn text(value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let mut bytes = int(i32::try_from(value.len()).expect("a short text"));
    bytes.extend(value);
    bytes
}

/// A null `ustring`, `buffer` or `vector`.
pub(crate) fn null() -> Vec<u8> {
    int(-1)
}

/// The list that grants everything to everybody.
pub(crate) fn open() -> Vec<u8> {
    acl(&[(31, "world", "anyone")])
}

pub(crate) fn acl(entries: &[(i32, &str, &str)]) -> Vec<u8> {
    let mut bytes = int(i32::try_from(entries.len()).expect("a short list"));
    for (perms, scheme, id) in entries {
        bytes.extend([int(*perms), text(scheme), text(id)].concat());
    }
    bytes
}

/// A whole frame: its length, header and record.
pub(crate) fn frame(xid: i32, opcode: i32, record: &[Vec<u8>]) -> Vec<u8> {
    text([int(xid), int(opcode), record.concat()].concat())
}

/// One reply, or event, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) xid: i32,
    pub(crate) zxid: i64,
    pub(crate) err: i32,
    pub(crate) body: Vec<u8>,
}

/// The frames in what a server sent.
pub(crate) fn replies(mut sent: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !sent.is_empty() {
        let length = usize::try_from(int_at(sent, 0)).expect("a length");
        let (frame, rest) = sent[4..].split_at(length);
        replies.push(Reply {
            xid: int_at(frame, 0),
            zxid: long_at(frame, 4),
            err: int_at(frame, 12),
            body: frame[16..].to_vec(),
        });
        sent = rest;
    }
    replies
}

pub(crate) fn int_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn long_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

impl Standalone {
    /// Sends one request and returns the one reply.
    pub(crate) fn call(&mut self, conn: ConnId, opcode: i32, record: &[Vec<u8>]) -> Reply {
        let sent = self.send(conn, &frame(1, opcode, record));
        let mut replies = replies(&sent);
        assert_eq!(replies.len(), 1, "one reply to {opcode}: {replies:?}");
        replies.remove(0)
    }

    /// The error code of the reply to one request.
    pub(crate) fn code(&mut self, conn: ConnId, opcode: i32, record: &[Vec<u8>]) -> i32 {
        self.call(conn, opcode, record).err
    }

    /// Creates a node that is open to everybody.
    pub(crate) fn make(&mut self, conn: ConnId, path: &str) {
        let record = [text(path), text(""), open(), int(0)];
        assert_eq!(self.code(conn, 1, &record), 0, "{path} is created");
    }

    /// Sets data of whatever version.
    pub(crate) fn put(&mut self, conn: ConnId, path: &str, data: &str) {
        let record = [text(path), text(data), int(-1)];
        assert_eq!(self.code(conn, 5, &record), 0, "{path} is set");
    }

    pub(crate) fn is_closed(&self, conn: ConnId) -> bool {
        self.closed.contains(&conn)
    }
}
