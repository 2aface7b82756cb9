//! The handshake: the first frame of each direction, which has no header.

use crate::frame::sized;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{SessionId, Zxid};

/// Length of a session password in bytes, in everything this crate's users send.
pub const PASSWORD_BYTES: usize = 16;

/// What a client opens a connection with.
///
/// Source: `client-protocol.md` §2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectRequest<'a> {
    /// The last transaction the client has seen; a negative number on the wire counts as none.
    pub last_zxid_seen: Zxid,
    /// Session timeout the client asks for, in milliseconds; not yet clamped, perhaps negative.
    pub timeout_ms: i32,
    /// Session to resume, [`SessionId::NONE`] for a new one.
    pub session: SessionId,
    /// Password of the session to resume; of any length, null included.
    pub password: Option<&'a [u8]>,
    /// Whether a read-only server will do; `None` when the client does not know of the field.
    pub read_only: Option<bool>,
}

impl<'a> ConnectRequest<'a> {
    /// Reads the first frame of a client.
    ///
    /// # Errors
    /// A frame that ends before its password does: the connection is to be closed without a word.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame, frame.len());
        reader.int("protocolVersion")?;
        let last_zxid_seen = reader.long("lastZxidSeen")?;
        Ok(ConnectRequest {
            last_zxid_seen: Zxid(u64::try_from(last_zxid_seen).unwrap_or(0)),
            timeout_ms: reader.int("timeOut")?,
            session: SessionId(reader.long("sessionId")?),
            password: reader.buffer("passwd")?,
            read_only: reader.boolean("readOnly").ok(),
        })
    }

    /// Appends the request as a whole frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        sized(out, |out| {
            let mut writer = Writer::new(out);
            writer.int(0);
            writer.long(self.last_zxid_seen.0.cast_signed());
            writer.int(self.timeout_ms);
            writer.long(self.session.0);
            writer.buffer(self.password);
            if let Some(read_only) = self.read_only {
                writer.boolean(read_only);
            }
        });
    }
}

/// What a server answers a [`ConnectRequest`] with.
///
/// Source: `client-protocol.md` §2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectResponse<'a> {
    /// Negotiated session timeout in milliseconds; 0 when the session was refused.
    pub timeout_ms: i32,
    /// The session; [`SessionId::NONE`] when it was refused.
    pub session: SessionId,
    /// Its password.
    pub password: &'a [u8],
    /// Whether the server is read-only; `None` exactly when the request did not ask.
    pub read_only: Option<bool>,
}

impl<'a> ConnectResponse<'a> {
    /// The refusal of a session that is unknown, expired, or not the client's. Never for a
    /// condition that passes: clients give the session up.
    pub fn refusal(read_only: Option<bool>) -> ConnectResponse<'static> {
        ConnectResponse {
            timeout_ms: 0,
            session: SessionId::NONE,
            password: &[0; PASSWORD_BYTES],
            read_only,
        }
    }

    /// Whether the session was refused, by either of the two signs that clients go by.
    pub fn is_refusal(&self) -> bool {
        self.timeout_ms <= 0 || self.session == SessionId::NONE
    }

    /// Reads the first frame of a server.
    ///
    /// # Errors
    /// A frame that ends before its password does, or a null password.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame, frame.len());
        reader.int("protocolVersion")?;
        Ok(ConnectResponse {
            timeout_ms: reader.int("timeOut")?,
            session: SessionId(reader.long("sessionId")?),
            password: reader
                .buffer("passwd")?
                .ok_or(DecodeError::Null { field: "passwd" })?,
            read_only: reader.boolean("readOnly").ok(),
        })
    }

    /// Appends the response as a whole frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        sized(out, |out| {
            let mut writer = Writer::new(out);
            writer.int(0);
            writer.int(self.timeout_ms);
            writer.long(self.session.0);
            writer.buffer(Some(self.password));
            if let Some(read_only) = self.read_only {
                writer.boolean(read_only);
            }
        });
    }
}
