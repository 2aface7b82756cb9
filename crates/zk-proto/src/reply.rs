//! Replies as a server sends them: each function appends one whole frame.
//!
//! One function per form of the body; which operation has which is in `client-protocol.md` §4:
//!
//! | operations | function |
//! | --- | --- |
//! | any that failed | [`error`] |
//! | delete, ping, checkWatches, removeWatches, auth, setWatches, setWatches2, closeSession; checkNotExists, deleteRecursive, checkStat, tryDelete | [`void`] |
//! | create, createIfNotExists, sync | [`path`], [`raw_path`] |
//! | create2, createContainer, createTTL | [`path_stat`] |
//! | exists, setData, setACL | [`stat`] |
//! | getData, reconfig | [`data`] |
//! | getACL | [`acl`] |
//! | getChildren, getEphemerals, listRecursive | [`names`], [`names_with`] |
//! | getChildren2, filteredList | [`names_stat`], [`names_stat_with`] |
//! | getChildrenPage | [`page`] |
//! | listWithStatsAndData | [`details`] |
//! | getAllChildrenNumber | [`number`] |
//! | addWatch | [`add_watch`] |
//! | multi, multiRead | [`multi`] |
//! | whoAmI | [`who_am_i`] |
//! | sasl | [`sasl`], [`sasl_refused`] |

use crate::frame::{patch, sized};
use crate::keeper::ChildrenDetails;
use crate::multi::{OpResult, encode_results};
use crate::pages::ChildrenPage;
use crate::records::{write_acl, write_stat};
use crate::{ClientInfo, ReplyHeader, Xid};
use alloc::vec::Vec;
use jute::Writer;
use zk_types::{Acl, ErrorCode, RawPath, Stat, Zxid};

/// A failure: a header and nothing else.
pub fn error(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, code: ErrorCode) {
    sized(out, |out| {
        ReplyHeader {
            xid,
            zxid,
            err: code.code(),
        }
        .write(&mut Writer::new(out));
    });
}

/// A success without a body.
pub fn void(out: &mut Vec<u8>, xid: Xid, zxid: Zxid) {
    success(out, xid, zxid, |_| {});
}

/// A path.
pub fn path(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, path: &str) {
    success(out, xid, zxid, |out| Writer::new(out).ustring(Some(path)));
}

/// A path that is echoed as it came, null included.
pub fn raw_path(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, path: &RawPath<'_>) {
    success(out, xid, zxid, |out| {
        Writer::new(out).ustring(path.as_deref());
    });
}

/// A path and the Stat of its node.
pub fn path_stat(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, path: &str, stat: &Stat) {
    success(out, xid, zxid, |out| {
        let mut writer = Writer::new(out);
        writer.ustring(Some(path));
        write_stat(&mut writer, stat);
    });
}

/// A Stat.
pub fn stat(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, stat: &Stat) {
    success(out, xid, zxid, |out| {
        write_stat(&mut Writer::new(out), stat);
    });
}

/// Data and the Stat of its node.
pub fn data(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, data: Option<&[u8]>, stat: &Stat) {
    success(out, xid, zxid, |out| {
        let mut writer = Writer::new(out);
        writer.buffer(data);
        write_stat(&mut writer, stat);
    });
}

/// An access list and the Stat of its node.
pub fn acl(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, acl: &[Acl], stat: &Stat) {
    success(out, xid, zxid, |out| {
        let mut writer = Writer::new(out);
        write_acl(&mut writer, acl);
        write_stat(&mut writer, stat);
    });
}

/// Names of children, or paths of ephemeral nodes.
pub fn names<N: AsRef<str>>(
    out: &mut Vec<u8>,
    xid: Xid,
    zxid: Zxid,
    names: impl IntoIterator<Item = N>,
) {
    names_with(out, xid, zxid, |list| list.extend(names));
}

/// As [`names`], for whoever can only walk the names himself.
pub fn names_with(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, fill: impl FnOnce(&mut NameList<'_>)) {
    success(out, xid, zxid, |out| NameList::write(out, fill));
}

/// Names of children and the Stat of their parent.
pub fn names_stat<N: AsRef<str>>(
    out: &mut Vec<u8>,
    xid: Xid,
    zxid: Zxid,
    names: impl IntoIterator<Item = N>,
    stat: &Stat,
) {
    names_stat_with(out, xid, zxid, |list| list.extend(names), stat);
}

/// As [`names_stat`], for whoever can only walk the names himself.
pub fn names_stat_with(
    out: &mut Vec<u8>,
    xid: Xid,
    zxid: Zxid,
    fill: impl FnOnce(&mut NameList<'_>),
    stat: &Stat,
) {
    success(out, xid, zxid, |out| {
        NameList::write(out, fill);
        write_stat(&mut Writer::new(out), stat);
    });
}

/// Children with their Stats and their data.
pub fn details(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, details: &ChildrenDetails<'_>) {
    success(out, xid, zxid, |out| details.write(&mut Writer::new(out)));
}

/// A page of children.
pub fn page(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, page: &ChildrenPage<'_>) {
    success(out, xid, zxid, |out| page.write(&mut Writer::new(out)));
}

/// A number of nodes.
pub fn number(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, number: i32) {
    success(out, xid, zxid, |out| Writer::new(out).int(number));
}

/// The success of an `addWatch`, which has a body of four zero bytes.
pub fn add_watch(out: &mut Vec<u8>, xid: Xid, zxid: Zxid) {
    number(out, xid, zxid, 0);
}

/// The results of a multi or `multiRead`, one for each of its parts.
pub fn multi(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, results: &[OpResult<'_>]) {
    success(out, xid, zxid, |out| encode_results(results, out));
}

/// The identities of a connection.
pub fn who_am_i(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, infos: &[ClientInfo<'_>]) {
    success(out, xid, zxid, |out| {
        let mut writer = Writer::new(out);
        writer.count(infos.len());
        for info in infos {
            writer.ustring(Some(&info.scheme));
            writer.ustring(Some(&info.user));
        }
    });
}

/// One step of a SASL exchange.
pub fn sasl(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, token: Option<&[u8]>) {
    success(out, xid, zxid, |out| Writer::new(out).buffer(token));
}

/// The end of a SASL exchange that proved nothing: an error with a null token behind it.
pub fn sasl_refused(out: &mut Vec<u8>, xid: Xid, code: ErrorCode) {
    sized(out, |out| {
        let zxid = Zxid::ZERO;
        let err = code.code();
        ReplyHeader { xid, zxid, err }.write(&mut Writer::new(out));
        Writer::new(out).buffer(None);
    });
}

/// A vector of strings that is written as it is walked; its count is set afterwards.
#[derive(Debug)]
pub struct NameList<'a> {
    out: &'a mut Vec<u8>,
    count: usize,
}

impl NameList<'_> {
    /// Appends one name.
    pub fn push(&mut self, name: &str) {
        Writer::new(self.out).ustring(Some(name));
        self.count += 1;
    }

    fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut NameList<'_>)) {
        let start = out.len();
        Writer::new(out).count(0);
        let mut list = NameList { out, count: 0 };
        fill(&mut list);
        let count = list.count;
        patch(out, start, count);
    }
}

impl<N: AsRef<str>> Extend<N> for NameList<'_> {
    fn extend<I: IntoIterator<Item = N>>(&mut self, names: I) {
        for name in names {
            self.push(name.as_ref());
        }
    }
}

fn success(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, body: impl FnOnce(&mut Vec<u8>)) {
    sized(out, |out| {
        ReplyHeader { xid, zxid, err: 0 }.write(&mut Writer::new(out));
        body(out);
    });
}
