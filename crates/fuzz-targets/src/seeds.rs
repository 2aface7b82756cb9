//! Valid inputs of every kind, to start from.

mod client;
mod peer;

pub(crate) use client::{
    client_frames, connect_request, connect_response, replies, requests, transactions,
    watcher_event,
};
pub(crate) use peer::{election_port, quorum_port};

/// Ten primitives and what they are read from.
pub(crate) fn jute_reader() -> Vec<Vec<u8>> {
    let mut bytes = vec![9, 0, 1, 2, 3, 4, 4, 5, 5, 6];
    let mut values = Vec::new();
    let mut writer = jute::Writer::new(&mut values);
    writer.int(-2);
    writer.long(1 << 40);
    writer.byte(7);
    writer.boolean(true);
    writer.buffer(Some(b"bytes"));
    writer.buffer(None);
    writer.ustring(Some("/é"));
    writer.ustring(None);
    writer.count(2);
    writer.ustring(Some("a"));
    writer.ustring(None);
    bytes.extend(values);
    vec![bytes]
}

/// Scripts of several lengths; any bytes are one.
pub(crate) fn commands() -> Vec<Vec<u8>> {
    [6u16, 60, 300]
        .map(|length| {
            (0..length)
                .map(|at| (at.wrapping_mul(at + 7) % 251).to_be_bytes()[1])
                .collect()
        })
        .to_vec()
}
