//! What replicas tell each other beside ZAB itself: requests on their way to the leader, refusals
//! on their way back, and sessions that live, move or die. Carried opaque by `zab-core`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use zk_types::{Bytes, ErrorCode, Identity, SessionId, Zxid};
use znode_tree::Refusal;

/// Names one request at the server it came to; never used twice, across restarts either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct RequestTag(pub(crate) u64);

/// A write request on its way to the leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ForwardedRequest {
    /// How its origin will recognise the outcome.
    pub(crate) tag: RequestTag,
    /// The session that asks, or that is to be opened.
    pub(crate) session: SessionId,
    /// Who knows that session.
    pub(crate) scope: Scope,
    /// The client's number for it.
    pub(crate) cxid: i32,
    /// What is asked.
    pub(crate) opcode: i32,
    /// Who asks, as of the moment the request was decoded.
    pub(crate) identities: Arc<[Identity]>,
    /// The request record as the client sent it.
    #[serde(with = "zk_types::blob")]
    pub(crate) body: Bytes,
}

/// Who knows a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    /// Every server, or will before the request is looked at.
    Global,
    /// The server alone that the request came to.
    Local,
}

/// To the leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToLeader {
    /// A client wants something changed.
    Request(ForwardedRequest),
    /// A client brought a session here; may it go on?
    Revalidate {
        /// How the origin will recognise the answer.
        tag: RequestTag,
        /// The session.
        session: SessionId,
        /// Its newly negotiated timeout in milliseconds.
        timeout_ms: i32,
    },
    /// Clients of these sessions spoke since the last such message.
    Touched {
        /// The sessions.
        sessions: Vec<SessionId>,
    },
}

/// From the leader to the server a request came from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromLeader {
    /// The request changes nothing.
    Refused {
        /// Which request.
        tag: RequestTag,
        /// Why.
        refusal: WireRefusal,
        /// The refusal is right once everything through here is applied.
        after: Zxid,
    },
    /// Whether a session may go on.
    Revalidated {
        /// Which question.
        tag: RequestTag,
        /// The answer.
        verdict: Verdict,
    },
    /// Another server serves this session now.
    Moved {
        /// The session.
        session: SessionId,
    },
}

/// Whether a session may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// It lives.
    Valid,
    /// It is over, or never was.
    Expired,
}

/// A refusal as numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum WireRefusal {
    /// One error.
    Error(i32),
    /// One code for each part of a multi.
    Multi(Vec<i32>),
}

/// A number that is no error code of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no error code")]
pub(crate) struct UnknownCode(i32);

impl From<&Refusal> for WireRefusal {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Error(code) => WireRefusal::Error(code.code()),
            Refusal::Multi(codes) => WireRefusal::Multi(
                codes
                    .iter()
                    .map(|code| code.map_or(0, ErrorCode::code))
                    .collect(),
            ),
        }
    }
}

impl TryFrom<WireRefusal> for Refusal {
    type Error = UnknownCode;

    fn try_from(wire: WireRefusal) -> Result<Self, UnknownCode> {
        let known = |code| ErrorCode::from_code(code).ok_or(UnknownCode(code));
        Ok(match wire {
            WireRefusal::Error(code) => Refusal::Error(known(code)?),
            WireRefusal::Multi(codes) => Refusal::Multi(
                codes
                    .into_iter()
                    .map(|code| {
                        if code == 0 {
                            Ok(None)
                        } else {
                            known(code).map(Some)
                        }
                    })
                    .collect::<Result<_, _>>()?,
            ),
        })
    }
}

/// The bytes of a message.
pub(crate) fn encode<T: Serialize>(message: &T) -> Bytes {
    postcard::to_allocvec(message)
        .expect("these messages are always encodable")
        .into()
}

/// The message of the bytes.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, postcard::Error> {
    postcard::from_bytes(bytes)
}
