//! A node as a record of a snapshot. Nearly all of a snapshot is nodes, so these are laid out by
//! hand: numbers of fixed length, and only those that a node was not born with.
//!
//! ```text
//! tag: 1  parts: 1  index: 4  parent: 4  acl: 4  czxid: 8  ctime: 8
//!   [owner: 8]  [mzxid: 8  mtime: 8  version: 4]  [pzxid: 8  cversion: 4  children: 4]  [aversion: 4]
//!   name length: 4  name  [data]
//! ```
//!
//! Numbers are big-endian. `parts` says which brackets are there; data is what is left.

use super::record::{PREFIX_BYTES, RECORD_BYTES_MAX};
use crate::node::NodeIndex;
use alloc::vec::Vec;
use zk_types::{WallTime, Zxid};

/// The first byte of a node's record; no other record begins with it.
pub(super) const TAG: u8 = 0xff;

const OWNER: u8 = 1;
const MODIFIED: u8 = 2;
const FAMILY: u8 = 4;
const ACCESS: u8 = 8;
const DATA: u8 = 16;
const PARTS: u8 = OWNER | MODIFIED | FAMILY | ACCESS | DATA;

/// What precedes the name, when every part is there.
const FIXED_BYTES_MAX: usize = PREFIX_BYTES + 30 + 8 + 20 + 16 + 4 + 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeRecord<'a> {
    pub(super) index: NodeIndex,
    pub(super) parent: NodeIndex,
    pub(super) name: &'a str,
    pub(super) data: Option<&'a [u8]>,
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

impl NodeRecord<'_> {
    /// Appends the record with its length.
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        let mut fixed = Fixed::default();
        fixed.put([0; PREFIX_BYTES]);
        fixed.put([TAG, self.parts()]);
        fixed.put(self.index.to_be_bytes());
        fixed.put(self.parent.to_be_bytes());
        fixed.put(self.acl.to_be_bytes());
        fixed.put(self.czxid.0.to_be_bytes());
        fixed.put(self.ctime.0.to_be_bytes());
        if self.parts() & OWNER != 0 {
            fixed.put(self.owner.to_be_bytes());
        }
        if self.parts() & MODIFIED != 0 {
            fixed.put(self.mzxid.0.to_be_bytes());
            fixed.put(self.mtime.0.to_be_bytes());
            fixed.put(self.version.to_be_bytes());
        }
        if self.parts() & FAMILY != 0 {
            fixed.put(self.pzxid.0.to_be_bytes());
            fixed.put(self.cversion.to_be_bytes());
            fixed.put(self.children.to_be_bytes());
        }
        if self.parts() & ACCESS != 0 {
            fixed.put(self.aversion.to_be_bytes());
        }
        let name_length = u32::try_from(self.name.len()).expect("a name fits a record");
        fixed.put(name_length.to_be_bytes());
        let data = self.data.unwrap_or(&[]);
        let length = fixed.length - PREFIX_BYTES + self.name.len() + data.len();
        assert!(length <= RECORD_BYTES_MAX, "what is accepted fits a record");
        let length = u32::try_from(length).expect("the bound is below 2^32");
        fixed.bytes[..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&fixed.bytes[..fixed.length]);
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(data);
    }

    fn parts(&self) -> u8 {
        let part = |is_there, part| if is_there { part } else { 0 };
        let modified = (self.mzxid, self.mtime, self.version) != (self.czxid, self.ctime, 0);
        let family = (self.pzxid, self.cversion, self.children) != (self.czxid, 0, 0);
        part(self.owner != 0, OWNER)
            | part(modified, MODIFIED)
            | part(family, FAMILY)
            | part(self.aversion != 0, ACCESS)
            | part(self.data.is_some(), DATA)
    }
}

impl<'a> NodeRecord<'a> {
    /// The node of a record, without its length. `None` when the bytes are none.
    pub(super) fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let from = &mut bytes;
        let [TAG, parts] = take(from)? else {
            return None;
        };
        if parts & !PARTS != 0 {
            return None;
        }
        let mut record = NodeRecord {
            index: u32::from_be_bytes(take(from)?),
            parent: u32::from_be_bytes(take(from)?),
            name: "",
            data: None,
            acl: u32::from_be_bytes(take(from)?),
            children: 0,
            czxid: Zxid(u64::from_be_bytes(take(from)?)),
            mzxid: Zxid::ZERO,
            pzxid: Zxid::ZERO,
            ctime: WallTime(i64::from_be_bytes(take(from)?)),
            mtime: WallTime(0),
            owner: 0,
            version: 0,
            cversion: 0,
            aversion: 0,
        };
        (record.mzxid, record.mtime) = (record.czxid, record.ctime);
        record.pzxid = record.czxid;
        if parts & OWNER != 0 {
            record.owner = i64::from_be_bytes(take(from)?);
        }
        if parts & MODIFIED != 0 {
            record.mzxid = Zxid(u64::from_be_bytes(take(from)?));
            record.mtime = WallTime(i64::from_be_bytes(take(from)?));
            record.version = i32::from_be_bytes(take(from)?);
        }
        if parts & FAMILY != 0 {
            record.pzxid = Zxid(u64::from_be_bytes(take(from)?));
            record.cversion = i32::from_be_bytes(take(from)?);
            record.children = u32::from_be_bytes(take(from)?);
        }
        if parts & ACCESS != 0 {
            record.aversion = i32::from_be_bytes(take(from)?);
        }
        let name_length = usize::try_from(u32::from_be_bytes(take(from)?)).ok()?;
        let (name, data) = bytes.split_at_checked(name_length)?;
        record.name = core::str::from_utf8(name).ok()?;
        if parts & DATA != 0 {
            record.data = Some(data);
        } else if !data.is_empty() {
            return None;
        }
        Some(record)
    }
}

/// Room for the numbers of one record, so that they reach the snapshot in one piece.
struct Fixed {
    bytes: [u8; FIXED_BYTES_MAX],
    length: usize,
}

impl Default for Fixed {
    fn default() -> Self {
        Fixed {
            bytes: [0; FIXED_BYTES_MAX],
            length: 0,
        }
    }
}

impl Fixed {
    fn put<const N: usize>(&mut self, number: [u8; N]) {
        self.bytes[self.length..self.length + N].copy_from_slice(&number);
        self.length += N;
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (number, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn node() -> NodeRecord<'static> {
        NodeRecord {
            index: 0x01_02_03_04,
            parent: 5,
            name: "ab",
            data: None,
            acl: 6,
            children: 0,
            czxid: Zxid(0x07_0000_0008),
            mzxid: Zxid(0x07_0000_0008),
            pzxid: Zxid(0x07_0000_0008),
            ctime: WallTime(9),
            mtime: WallTime(9),
            owner: 0,
            version: 0,
            cversion: 0,
            aversion: 0,
        }
    }

    fn bytes(node: &NodeRecord<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        node.append(&mut bytes);
        bytes
    }

    #[test]
    fn a_node_as_it_was_born_has_these_bytes() {
        let expected = [
            &[0, 0, 0, 36, 0xff, 0][..],
            &[1, 2, 3, 4, 0, 0, 0, 5, 0, 0, 0, 6],
            &[0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9],
            &[0, 0, 0, 2, b'a', b'b'],
        ];
        assert_eq!(bytes(&node()), expected.concat());
    }

    #[test]
    fn a_node_with_all_that_can_change_has_these_bytes() {
        let changed = NodeRecord {
            data: Some(b"xyz"),
            children: 0x10,
            mzxid: Zxid(0x0b),
            pzxid: Zxid(0x0e),
            mtime: WallTime(0x0c),
            owner: 0x0a,
            version: 0x0d,
            cversion: 0x0f,
            aversion: 0x11,
            ..node()
        };
        let expected = [
            &[0, 0, 0, 87, 0xff, 31][..],
            &[1, 2, 3, 4, 0, 0, 0, 5, 0, 0, 0, 6],
            &[0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9],
            &[0, 0, 0, 0, 0, 0, 0, 0x0a],
            &[0, 0, 0, 0, 0, 0, 0, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0x0c],
            &[0, 0, 0, 0x0d],
            &[0, 0, 0, 0, 0, 0, 0, 0x0e, 0, 0, 0, 0x0f, 0, 0, 0, 0x10],
            &[0, 0, 0, 0x11],
            &[0, 0, 0, 2, b'a', b'b', b'x', b'y', b'z'],
        ];
        assert_eq!(bytes(&changed), expected.concat());
        let read = NodeRecord::read(&bytes(&changed)[PREFIX_BYTES..]).map(|read| read == changed);
        assert_eq!(read, Some(true));
    }

    #[test]
    fn what_is_cut_short_or_claims_unknown_parts_is_no_node() {
        let whole = bytes(&node())[PREFIX_BYTES..].to_vec();
        for length in 0..whole.len() {
            assert_eq!(NodeRecord::read(&whole[..length]), None, "{length} bytes");
        }
        let mut unknown = whole.clone();
        unknown[1] = 32;
        assert_eq!(NodeRecord::read(&unknown), None);
        let longer = [whole, vec![0]].concat();
        assert_eq!(NodeRecord::read(&longer), None, "no data was announced");
    }
}
