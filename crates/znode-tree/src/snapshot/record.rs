//! The records of a snapshot: each a length of four bytes, big-endian, and so many bytes; all but
//! those of nodes, which have a layout of their own, are postcard.
//!
//! ```text
//! Head  Quota*  { Acl? Node }*  End
//! ```
//!
//! Nodes come in the order of their places, the root first; an access list comes before the first
//! node that has it. A parent is named by its place and may come later than its child.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use zk_types::{Acl, Zxid};

/// Version of the format below.
pub(super) const FORMAT: u32 = 2;

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
    /// Nothing follows.
    End,
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
