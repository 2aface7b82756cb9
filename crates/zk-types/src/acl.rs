//! Who may do what: permissions, identities and access lists.

use alloc::string::String;
use core::ops::BitOr;
use serde::{Deserialize, Serialize};

/// A set of permission bits, kept verbatim: unknown bits are inert but stored.
///
/// Source: `client-protocol.md` §8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Perms(pub i32);

impl Perms {
    /// Read data and children.
    pub const READ: Perms = Perms(1);
    /// Set data.
    pub const WRITE: Perms = Perms(2);
    /// Create children.
    pub const CREATE: Perms = Perms(4);
    /// Delete children.
    pub const DELETE: Perms = Perms(8);
    /// Set the ACL.
    pub const ADMIN: Perms = Perms(16);
    /// All five.
    pub const ALL: Perms = Perms(31);

    /// Whether the two sets share a bit.
    pub fn intersects(self, other: Perms) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Perms {
    type Output = Perms;

    fn bitor(self, other: Perms) -> Perms {
        Perms(self.0 | other.0)
    }
}

/// One entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Acl {
    /// What the entry grants.
    pub perms: Perms,
    /// How `id` is to be read: `world`, `digest`, `ip`, …
    pub scheme: String,
    /// Whom it grants it to.
    pub id: String,
}

impl Acl {
    /// `world:anyone` with the given permissions.
    pub fn world(perms: Perms) -> Self {
        Acl {
            perms,
            scheme: String::from("world"),
            id: String::from("anyone"),
        }
    }
}

/// One identity that a connection has proven.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The scheme that proved it; `super` bypasses every check.
    pub scheme: String,
    /// The identity within its scheme.
    pub id: String,
}
