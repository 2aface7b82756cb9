//! Write requests as they arrive: decoded, but nothing in them is trusted yet.

use crate::{KeeperOp, Perms};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// A path as a client sent it: perhaps null, perhaps no path at all.
pub type RawPath<'a> = Option<Cow<'a, str>>;

/// An access list entry as a client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAcl<'a> {
    /// Permission bits, verbatim.
    pub perms: Perms,
    /// Scheme; null is an invalid entry.
    pub scheme: Option<Cow<'a, str>>,
    /// Identity; null is allowed with the scheme `auth` only.
    pub id: Option<Cow<'a, str>>,
}

/// Which opcode asked for a creation; it decides the node's kind and the form of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateCall {
    /// Opcode 1.
    Create,
    /// Opcode 15.
    Create2,
    /// Opcode 19.
    Container,
    /// Opcode 21.
    Ttl,
    /// Opcode 502, of ClickHouse Keeper: a node that exists is no failure.
    IfNotExists,
}

/// A request to create a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOp<'a> {
    /// The opcode that asked.
    pub call: CreateCall,
    /// Requested path, without the suffix of a sequential node.
    pub path: RawPath<'a>,
    /// Data; null and empty are distinct.
    pub data: Option<Cow<'a, [u8]>>,
    /// Access list; null is invalid.
    pub acl: Option<Vec<RawAcl<'a>>>,
    /// Create flags 0 to 6: persistent, ephemeral, sequential, container, TTL.
    pub flags: i32,
    /// Time to live in milliseconds; −1 where the request has no such field.
    pub ttl_ms: i64,
}

/// One write request, or one part of a multi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op<'a> {
    /// Create a node.
    Create(CreateOp<'a>),
    /// Delete a node if its version matches.
    Delete {
        /// Node.
        path: RawPath<'a>,
        /// Expected version, −1 for any.
        version: i32,
    },
    /// Delete an empty container or a TTL node; only the server itself asks for it.
    DeleteContainer {
        /// Node.
        path: RawPath<'a>,
    },
    /// Set a node's data if its version matches.
    SetData {
        /// Node.
        path: RawPath<'a>,
        /// New data; null and empty are distinct.
        data: Option<Cow<'a, [u8]>>,
        /// Expected version, −1 for any.
        version: i32,
    },
    /// Set a node's access list if its ACL version matches.
    SetAcl {
        /// Node.
        path: RawPath<'a>,
        /// New list.
        acl: Option<Vec<RawAcl<'a>>>,
        /// Expected ACL version, −1 for any.
        version: i32,
    },
    /// Check a node's version; only inside a multi.
    Check {
        /// Node.
        path: RawPath<'a>,
        /// Expected version, −1 for any.
        version: i32,
    },
    /// All or nothing.
    Multi(Vec<Op<'a>>),
    /// Open a session; the request's session id is the new one.
    CreateSession {
        /// Negotiated timeout in milliseconds.
        timeout_ms: i32,
    },
    /// Close the requesting session and delete its ephemeral nodes.
    CloseSession,
    /// A write of ClickHouse Keeper.
    Keeper(KeeperOp<'a>),
}
