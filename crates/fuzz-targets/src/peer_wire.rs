//! The two ports between servers.

use crate::bytes::{Script, pieces};
use quorum_proto::{
    DecodeError, Decoder, Frame, PortKind, encode_hello, encode_message, encode_notification,
};

const FRAME_BYTES_MAX: usize = 1 << 16;

/// A link of the quorum port. An odd first byte means that the rest is one payload to be framed
/// and summed rightly, so that damage gets past the checksum; the byte also decides where the
/// stream is cut.
pub fn quorum_port(bytes: &[u8]) {
    port(PortKind::Quorum, bytes);
}

/// A link of the election port, as [`quorum_port`].
pub fn election_port(bytes: &[u8]) {
    port(PortKind::Election, bytes);
}

fn port(port: PortKind, bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let seed = script.byte().unwrap_or(0);
    let framed;
    let stream = if seed % 2 == 1 {
        framed = frame(script.rest());
        &framed
    } else {
        script.rest()
    };
    let whole = cut(port, [stream]);
    let pieced = cut(port, pieces(stream, seed));
    assert_eq!(whole, pieced, "it does not matter where the network cuts");
    for frame in &whole.0 {
        let mut wire = Vec::new();
        write(frame, &mut wire);
        assert_eq!(
            cut(port, [&wire[..]]),
            (vec![frame.clone()], None),
            "it is read again"
        );
    }
}

/// `payload` as a frame: its length before it, the sum of both behind it.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    wire.extend(
        u32::try_from(payload.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    wire.extend(payload);
    wire.extend(crc32fast::hash(&wire).to_be_bytes());
    wire
}

pub(crate) fn write(frame: &Frame, out: &mut Vec<u8>) {
    match frame {
        Frame::Hello(hello) => encode_hello(hello, out),
        Frame::Message(message) => encode_message(message, out),
        Frame::Notification(notification) => encode_notification(notification, out),
    }
}

fn cut<'a>(
    port: PortKind,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Frame>, Option<DecodeError>) {
    let mut decoder = Decoder::new(port, FRAME_BYTES_MAX);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error), "a failed link stays failed");
                    return (frames, Some(error));
                }
            }
        }
    }
    (frames, None)
}
