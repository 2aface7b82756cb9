//! Writing frames: length, payload, checksum.

use crate::hello::{Hello, MAGIC, PROTOCOL_VERSION};
use alloc::vec::Vec;
use serde::Serialize;
use zab_core::{Message, Notification};

pub(crate) const KIND_HELLO: u8 = 1;
pub(crate) const KIND_MESSAGE: u8 = 2;
pub(crate) const KIND_NOTIFICATION: u8 = 3;

/// Bytes of the length in front of a payload.
pub(crate) const LENGTH_BYTES: usize = 4;

/// Bytes of the checksum behind a payload.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// Appends the frame of a greeting.
pub fn encode_hello(hello: &Hello, out: &mut Vec<u8>) {
    frame(KIND_HELLO, out, |out| {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&PROTOCOL_VERSION.to_be_bytes());
        out.push(hello.port.code());
        out.push(0);
        out.extend_from_slice(&hello.sender.0.to_be_bytes());
        out.extend_from_slice(&hello.storage.to_be_bytes());
        out.extend_from_slice(&hello.recipient.0.to_be_bytes());
    });
}

/// Appends the frame of a message of the quorum port.
pub fn encode_message(message: &Message, out: &mut Vec<u8>) {
    frame(KIND_MESSAGE, out, |out| serialize(message, out));
}

/// Appends the frame of a notification of the election port.
pub fn encode_notification(notification: &Notification, out: &mut Vec<u8>) {
    frame(KIND_NOTIFICATION, out, |out| serialize(notification, out));
}

/// # Panics
/// When the payload reaches 4 GiB; whoever makes messages bounds them far below.
fn frame(kind: u8, out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out.push(kind);
    payload(out);
    let length = out.len() - start - LENGTH_BYTES;
    let length = u32::try_from(length).expect("a payload is shorter than 4 GiB");
    out[start..start + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

fn serialize(value: &impl Serialize, out: &mut Vec<u8>) {
    let taken = core::mem::take(out);
    *out = postcard::to_extend(value, taken).expect("a vector takes whatever a message writes");
}
