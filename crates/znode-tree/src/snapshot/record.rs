//! The records of a snapshot: each a length of four bytes, big-endian, and so many bytes of
//! postcard.
//!
//! ```text
//! Head  Quota*  { Acl? Node }*  End
//! ```
//!
//! Nodes come in the order of their places, the root first; an access list comes before the first
//! node that has it. A parent is named by its place and may come later than its child.

use crate::node::NodeIndex;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use zk_types::{Acl, WallTime, Zxid};

/// Version of the format below.
pub(super) const FORMAT: u32 = 1;

/// Length of the length.
pub(super) const PREFIX_BYTES: usize = 4;

/// No record is longer: room for the longest data, name and access list that are accepted.
pub(super) const RECORD_BYTES_MAX: usize = 1 << 30;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// What the whole is.
    Head {
        format: u32,
        zxid: Zxid,
        digest: u64,
        nodes: u64,
    },
    /// An active quota and its usage, which follows from the history and not from the nodes.
    Quota {
        path: &'a str,
        count: i64,
        bytes: i64,
    },
    /// An access list under the number that nodes refer to.
    Acl { id: u32, entries: Cow<'a, [Acl]> },
    /// A node.
    #[serde(borrow)]
    Node(NodeRecord<'a>),
    /// Nothing follows.
    End,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NodeRecord<'a> {
    pub(super) index: NodeIndex,
    pub(super) parent: NodeIndex,
    pub(super) name: &'a str,
    #[serde(borrow)]
    pub(super) data: Option<Raw<'a>>,
    pub(super) acl: u32,
    pub(super) children: u32,
    pub(super) czxid: Zxid,
    pub(super) mzxid: Zxid,
    pub(super) pzxid: Zxid,
    pub(super) ctime: WallTime,
    pub(super) mtime: WallTime,
    pub(super) owner: i64,
    pub(super) version: i32,
    pub(super) cversion: i32,
    pub(super) aversion: i32,
}

/// Bytes that are copied at once; serde would take a slice apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;

        impl<'de> Visitor<'de> for Borrow {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Raw<'de>, E> {
                Ok(Raw(bytes))
            }
        }

        deserializer.deserialize_bytes(Borrow)
    }
}

/// Appends a record with its length.
pub(super) fn append(out: &mut Vec<u8>, record: &Record<'_>) {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    let mut out_full =
        postcard::to_extend(record, core::mem::take(out)).expect("every record can be encoded");
    let length = out_full.len() - start - PREFIX_BYTES;
    assert!(length <= RECORD_BYTES_MAX, "what is accepted fits a record");
    let length = u32::try_from(length).expect("the bound is below 2^32");
    out_full[start..start + PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    *out = out_full;
}
