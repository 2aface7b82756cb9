//! Scripts as bytes.

use super::opcodes;
use super::script::{Base, Field, Hello, Password, Request};

/// What the fields of a script stand for while it runs.
pub(super) struct Meaning<'a> {
    /// The script's own subtree: `/x`, or nothing for the whole tree.
    pub(super) prefix: &'a str,
    /// The zxids of successful writes, in order.
    pub(super) zxids: &'a [i64],
}

/// The frame of a request.
pub(super) fn frame(request: &Request, xid: i32, meaning: &Meaning<'_>) -> Vec<u8> {
    let mut record = Vec::new();
    put_int(&mut record, xid);
    put_int(&mut record, request.op);
    for field in &request.fields {
        put_field(&mut record, field, meaning);
    }
    record.truncate(record.len().saturating_sub(request.cut));
    let mut frame = Vec::with_capacity(record.len() + 4);
    put_int(&mut frame, request.length.unwrap_or(length(&record)));
    frame.extend_from_slice(&record);
    frame
}

/// The first frame of a connection.
pub(super) fn hello(hello: &Hello, session: i64, password: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    put_int(&mut record, hello.version);
    put_long(&mut record, hello.last_zxid);
    put_int(&mut record, hello.timeout);
    put_long(&mut record, session);
    match hello.password {
        Password::Good => put_buffer(&mut record, password),
        Password::Wrong => put_buffer(&mut record, &[7; 16]),
        Password::Short => put_buffer(&mut record, &password[..password.len().min(3)]),
        Password::Null => put_int(&mut record, -1),
    }
    record.extend(hello.read_only);
    record.truncate(record.len().saturating_sub(hello.cut));
    let mut frame = Vec::new();
    put_buffer(&mut frame, &record);
    frame
}

/// What a string of a script stands for.
pub(super) fn full(base: Base, text: &[u8], prefix: &str) -> Vec<u8> {
    let before = match base {
        Base::Nothing => String::new(),
        Base::Subtree => prefix.to_owned(),
        Base::Quota => format!("/zookeeper/quota{prefix}"),
    };
    [before.as_bytes(), text].concat()
}

fn put_field(out: &mut Vec<u8>, field: &Field, meaning: &Meaning<'_>) {
    match field {
        Field::Int(value) => put_int(out, *value),
        Field::Long(value) => put_long(out, *value),
        Field::Byte(value) => out.push(*value),
        Field::Text(base, text) => put_buffer(out, &full(*base, text, meaning.prefix)),
        Field::Null => put_int(out, -1),
        Field::Fill(count) => put_buffer(out, &vec![b'x'; *count]),
        Field::Zxid(rank) => {
            let known = meaning.zxids;
            let index = known.len().checked_sub(rank + 1);
            put_long(out, index.map_or(0, |index| known[index]));
        }
        Field::Raw(bytes) => out.extend_from_slice(bytes),
        Field::Pad(length) => out.resize(out.len().max(*length), 0),
        Field::OpenAcl => {
            put_int(out, 1);
            put_int(out, 31);
            put_buffer(out, b"world");
            put_buffer(out, b"anyone");
        }
        Field::Part(op) => put_multi_header(out, *op, false),
        Field::Done => put_multi_header(out, opcodes::ERROR, true),
    }
}

fn put_multi_header(out: &mut Vec<u8>, op: i32, done: bool) {
    put_int(out, op);
    out.push(u8::from(done));
    put_int(out, -1);
}

fn put_int(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_long(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_int(out, length(bytes));
    out.extend_from_slice(bytes);
}

fn length(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("a request is short")
}
