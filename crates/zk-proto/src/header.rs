//! The headers of requests and replies.

use jute::{DecodeError, Reader, Writer};
use zk_types::Zxid;

/// The number a client gives a request, echoed in its reply.
///
/// Source: `client-protocol.md` §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid(pub i32);

impl Xid {
    /// A watch event, which answers nothing.
    pub const NOTIFICATION: Xid = Xid(-1);
    /// Every reply to a ping.
    pub const PING: Xid = Xid(-2);
    /// What most clients number an auth packet with.
    pub const AUTH: Xid = Xid(-4);
    /// What some clients number a `setWatches` with.
    pub const SET_WATCHES: Xid = Xid(-8);
}

/// What precedes every request but the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Number of the request.
    pub xid: Xid,
    /// Which operation is meant; any number may arrive.
    pub opcode: i32,
}

impl RequestHeader {
    /// Reads the header of a frame and returns it with the rest of the frame.
    ///
    /// # Errors
    /// A frame shorter than eight bytes: the connection is to be closed without a word.
    pub fn decode(frame: &[u8]) -> Result<(RequestHeader, &[u8]), DecodeError> {
        let mut reader = Reader::new(frame, frame.len());
        let xid = Xid(reader.int("xid")?);
        let opcode = reader.int("type")?;
        Ok((RequestHeader { xid, opcode }, reader.rest()))
    }

    pub(crate) fn write(self, writer: &mut Writer<'_>) {
        writer.int(self.xid.0);
        writer.int(self.opcode);
    }
}

/// What precedes every reply and every watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyHeader {
    /// Number of the request that is answered.
    pub xid: Xid,
    /// See `client-protocol.md` §3.2; all bits set stands for the −1 of the wire.
    pub zxid: Zxid,
    /// Error code, 0 for success; any number may arrive.
    pub err: i32,
}

impl ReplyHeader {
    /// The zxid that the wire calls −1: none.
    pub const NO_ZXID: Zxid = Zxid(u64::MAX);

    /// Reads the header of a frame and returns it with the rest of the frame.
    ///
    /// # Errors
    /// A frame shorter than sixteen bytes.
    pub fn decode(frame: &[u8]) -> Result<(ReplyHeader, &[u8]), DecodeError> {
        let mut reader = Reader::new(frame, frame.len());
        let xid = Xid(reader.int("xid")?);
        let zxid = Zxid(reader.long("zxid")?.cast_unsigned());
        let err = reader.int("err")?;
        Ok((ReplyHeader { xid, zxid, err }, reader.rest()))
    }

    pub(crate) fn write(self, writer: &mut Writer<'_>) {
        writer.int(self.xid.0);
        let zxid = zk_types::mutant!("reply-without-its-zxid", self.zxid, Zxid::ZERO);
        writer.long(zxid.0.cast_signed());
        writer.int(self.err);
    }
}
