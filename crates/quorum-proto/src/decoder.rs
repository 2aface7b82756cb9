//! Reading frames out of bytes that arrive cut anywhere.

use crate::encode::{CHECKSUM_BYTES, KIND_HELLO, KIND_MESSAGE, KIND_NOTIFICATION, LENGTH_BYTES};
use crate::hello::{HELLO_BYTES, Hello, MAGIC, PROTOCOL_VERSION_OLDEST, PortKind};
use alloc::vec::Vec;
use serde::Deserialize;
use zab_core::{Message, Notification};
use zk_types::ServerId;

/// One frame of a peer port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A greeting, first from the side that dialled.
    Hello(Hello),
    /// A message of the quorum port.
    Message(Message),
    /// A notification of the election port.
    Notification(Notification),
}

/// Why bytes are no frame. The link is beyond use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The length is nothing a peer may send.
    #[error("a frame claims {claimed} bytes, between 1 and {max} are allowed")]
    Length {
        /// What it claims.
        claimed: u32,
        /// The bound.
        max: usize,
    },
    /// The checksum is not that of the frame.
    #[error("a frame's checksum is {stated:#010x}, its bytes have {computed:#010x}")]
    Checksum {
        /// What the frame says.
        stated: u32,
        /// What its bytes have.
        computed: u32,
    },
    /// A kind of frame that this port does not carry.
    #[error("a frame of kind {0} on a port that does not carry it")]
    Kind(u8),
    /// The greeting does not start as one.
    #[error("a greeting without the magic number")]
    Magic,
    /// The greeting ends too early.
    #[error("a greeting of {0} bytes")]
    ShortHello(usize),
    /// The peer speaks a version that is no longer understood.
    #[error("the peer speaks version {0} of the protocol")]
    Version(u16),
    /// The greeting is for the other port, or for none.
    #[error("a greeting for port kind {0}")]
    Port(u8),
    /// The payload is no message.
    #[error("a payload that is no {0}")]
    Payload(&'static str),
    /// The payload goes on after the message.
    #[error("{bytes} bytes after a {kind}")]
    Trailing {
        /// What was read before.
        kind: &'static str,
        /// How many are left.
        bytes: usize,
    },
}

/// Cuts one link's bytes into frames. Holds at most one frame and what was pushed since the last
/// call of [`Decoder::next`].
#[derive(Clone, Debug)]
pub struct Decoder {
    port: PortKind,
    frame_bytes_max: usize,
    buffer: Vec<u8>,
    /// Where the unread part of the buffer starts.
    start: usize,
    failed: Option<DecodeError>,
}

impl Decoder {
    /// A decoder for a link of `port` whose payloads have at most `frame_bytes_max` bytes.
    pub fn new(port: PortKind, frame_bytes_max: usize) -> Self {
        Decoder {
            port,
            frame_bytes_max,
            buffer: Vec::new(),
            start: 0,
            failed: None,
        }
    }

    /// Takes bytes as they came. The caller then calls [`Decoder::next`] until it has no more.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.start > 0 {
            let read = zk_types::mutant!("partial-frame-lost", self.start, self.buffer.len());
            self.buffer.drain(..read);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// When the bytes are no frame; every later call returns the same error.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot go on after `None`"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let taken = self.take();
        if let Err(error) = taken {
            self.failed = Some(error);
            self.buffer = Vec::new();
            self.start = 0;
        }
        taken
    }

    fn take(&mut self) -> Result<Option<Frame>, DecodeError> {
        let Some((length, rest)) = self.buffer[self.start..].split_first_chunk::<LENGTH_BYTES>()
        else {
            return Ok(None);
        };
        let claimed = u32::from_be_bytes(*length);
        let length = usize::try_from(claimed).unwrap_or(usize::MAX);
        if length == 0 || length > self.frame_bytes_max {
            return Err(DecodeError::Length {
                claimed,
                max: self.frame_bytes_max,
            });
        }
        let Some(stated) = rest.get(length..length.saturating_add(CHECKSUM_BYTES)) else {
            return Ok(None);
        };
        let stated = u32::from_be_bytes([stated[0], stated[1], stated[2], stated[3]]);
        let covered = &self.buffer[self.start..self.start + LENGTH_BYTES + length];
        let computed = crc32fast::hash(covered);
        if stated != computed {
            return Err(DecodeError::Checksum { stated, computed });
        }
        let frame = payload(self.port, &rest[..length])?;
        self.start += LENGTH_BYTES + length + CHECKSUM_BYTES;
        Ok(Some(frame))
    }
}

fn payload(port: PortKind, payload: &[u8]) -> Result<Frame, DecodeError> {
    let (&kind, body) = payload
        .split_first()
        .expect("a payload of length 0 was refused");
    match (port, kind) {
        (_, KIND_HELLO) => Ok(Frame::Hello(hello(port, body)?)),
        (PortKind::Quorum, KIND_MESSAGE) => Ok(Frame::Message(whole("message", body)?)),
        (PortKind::Election, KIND_NOTIFICATION) => {
            Ok(Frame::Notification(whole("notification", body)?))
        }
        (PortKind::Quorum | PortKind::Election, _) => Err(DecodeError::Kind(kind)),
    }
}

/// Bytes after the known fields are those of a later version, and are passed over.
fn hello(port: PortKind, body: &[u8]) -> Result<Hello, DecodeError> {
    let Some(fixed) = body.first_chunk::<HELLO_BYTES>() else {
        return Err(DecodeError::ShortHello(body.len()));
    };
    if fixed[..4] != MAGIC {
        return Err(DecodeError::Magic);
    }
    let version = u16::from_be_bytes([fixed[4], fixed[5]]);
    if version < PROTOCOL_VERSION_OLDEST {
        return Err(DecodeError::Version(version));
    }
    if PortKind::of_code(fixed[6]) != Some(port) {
        return Err(DecodeError::Port(fixed[6]));
    }
    Ok(Hello {
        sender: ServerId(word(fixed, 8)),
        storage: word(fixed, 16),
        recipient: ServerId(word(fixed, 24)),
        port,
    })
}

fn word(bytes: &[u8; HELLO_BYTES], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(word)
}

fn whole<'a, T: Deserialize<'a>>(kind: &'static str, body: &'a [u8]) -> Result<T, DecodeError> {
    let (value, rest) = postcard::take_from_bytes(body).map_err(|_| DecodeError::Payload(kind))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing {
            kind,
            bytes: rest.len(),
        })
    }
}
