//! Whether the bytes of an answer say what the model says.

use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::model::{Answer, Node};
use crate::oracle::timeline::Timeline;
use crate::oracle::wire::{Request, WireStat, stat};
use crate::workload::FEATURES;

pub(super) fn children_are_right(
    timeline: &Timeline,
    (path, node, stamp): (&str, &Node, u64),
    with_stat: bool,
    (error, bytes): (i32, &mut Bytes<'_>),
) -> Result<bool, Malformed> {
    if error != 0 {
        return Ok(false);
    }
    let right = names_are_right(timeline, (path, node, stamp), bytes)?;
    Ok(right && (!with_stat || stat(bytes)? == node.stat()))
}

/// As many different names as there were children, each of which was one.
pub(crate) fn names_are_right(
    timeline: &Timeline,
    (path, node, stamp): (&str, &Node, u64),
    bytes: &mut Bytes<'_>,
) -> Result<bool, Malformed> {
    let mut shown = bytes.words()?;
    let count = shown.len();
    shown.sort_unstable();
    shown.dedup();
    let count_is_right = shown.len() == count && i32::try_from(count) == Ok(node.children);
    let parent = if path == "/" { "" } else { path };
    let mut path = format!("{parent}/");
    let above = path.len();
    let was_there = |name: &&str| {
        path.truncate(above);
        path.push_str(name);
        timeline.node_at(&path, stamp).is_some()
    };
    Ok(count_is_right && shown.iter().all(was_there))
}

/// Whether what only the place in the history tells is compared too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamps {
    Compared,
    Ignored,
}

impl Stamps {
    fn allow(self, shown: &WireStat, right: &WireStat) -> bool {
        let without = |stat: &WireStat| WireStat {
            czxid: 0,
            mzxid: 0,
            pzxid: 0,
            ctime: 0,
            mtime: 0,
            ..*stat
        };
        match self {
            Stamps::Compared => shown == right,
            Stamps::Ignored => without(shown) == without(right),
        }
    }
}

pub(super) fn answer_matches(
    expected: &Answer,
    request: &Request,
    error: i32,
    body: &[u8],
    stamps: Stamps,
) -> Result<bool, Malformed> {
    let mut bytes = Bytes(body);
    match expected {
        Answer::Error(code) => Ok(error == *code),
        Answer::Multi(results) => {
            if error != 0 {
                return Ok(false);
            }
            let Request::Multi(parts) = request else {
                return Ok(false);
            };
            multi_matches(results, parts, &mut bytes, stamps)
        }
        Answer::Created { .. } | Answer::Stat(_) | Answer::Void => {
            Ok(error == 0 && one_matches(expected, &mut bytes, stamps)? && bytes.is_empty())
        }
    }
}

fn one_matches(
    expected: &Answer,
    bytes: &mut Bytes<'_>,
    stamps: Stamps,
) -> Result<bool, Malformed> {
    match expected {
        Answer::Created { path, stat: shown } => {
            let path_is_right = bytes.word()? == path;
            match shown {
                Some(shown) => Ok(path_is_right && stamps.allow(&stat(bytes)?, shown)),
                None => Ok(path_is_right),
            }
        }
        Answer::Stat(shown) => Ok(stamps.allow(&stat(bytes)?, shown)),
        Answer::Void => Ok(true),
        Answer::Multi(_) | Answer::Error(_) => Ok(false),
    }
}

fn multi_matches(
    results: &[Result<Answer, i32>],
    parts: &[Request],
    bytes: &mut Bytes<'_>,
    stamps: Stamps,
) -> Result<bool, Malformed> {
    for (result, part) in results.iter().zip(parts) {
        let kind = bytes.int()?;
        let done = bytes.byte()?;
        let header_error = bytes.int()?;
        let right = match result {
            Ok(answer) => {
                kind == kind_of(part) && header_error == 0 && one_matches(answer, bytes, stamps)?
            }
            Err(code) => kind == -1 && header_error == *code && bytes.int()? == *code,
        };
        if done != 0 || !right {
            return Ok(false);
        }
    }
    Ok(bytes.int()? == -1 && bytes.byte()? == 1)
}

/// Whether the first failure of a multi is that its session is closing or has moved.
pub(super) fn turned_away(body: &[u8]) -> Result<bool, Malformed> {
    let mut bytes = Bytes(body);
    loop {
        let kind = bytes.int()?;
        bytes.byte()?;
        let error = bytes.int()?;
        if kind != -1 {
            return Ok(false);
        }
        if error != 0 {
            return Ok(error == -112 || error == -118);
        }
        bytes.int()?;
    }
}

fn kind_of(part: &Request) -> i32 {
    match part {
        Request::Create {
            with_stat: true, ..
        } => 15,
        Request::Create { .. } => 1,
        Request::Delete { .. } => 2,
        Request::SetData { .. } => 5,
        Request::Check { .. } => 13,
        Request::Multi(_)
        | Request::Exists { .. }
        | Request::GetData { .. }
        | Request::GetChildren { .. }
        | Request::Sync
        | Request::Ping
        | Request::SetWatches(_)
        | Request::AddWatch { .. }
        | Request::SetAcl { .. }
        | Request::Asked(_)
        | Request::CloseSession
        | Request::Other(_) => 0,
    }
}

/// Whether a read shows this node, whatever its place in the history.
pub(super) fn read_matches(
    node: Option<&Node>,
    request: &Request,
    error: i32,
    body: &[u8],
) -> Result<bool, Malformed> {
    if asks_for_features(request) {
        return features_are_right(error, body);
    }
    let mut bytes = Bytes(body);
    let Some(node) = node else {
        return Ok(error == -101);
    };
    let mut data_is_right = error == 0;
    if let Request::GetData { .. } = request {
        data_is_right &= error != 0 || bytes.buffer()? == node.data.as_deref();
    }
    if let Request::GetChildren { with_stat, .. } = request {
        let count = i32::try_from(bytes.words()?.len());
        data_is_right &= count == Ok(node.children);
        if !with_stat {
            return Ok(data_is_right);
        }
    }
    Ok(data_is_right && Stamps::Ignored.allow(&stat(&mut bytes)?, &node.stat()))
}

/// Whether a read is of the text in which a server says what it knows; it is no node.
pub(super) fn asks_for_features(request: &Request) -> bool {
    matches!(request, Request::GetData { path, .. } if path == FEATURES)
}

pub(super) fn features_are_right(error: i32, body: &[u8]) -> Result<bool, Malformed> {
    Ok(error == 0 && Bytes(body).buffer()? == Some(b"children-pages\n".as_slice()))
}
