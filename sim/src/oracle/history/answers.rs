//! Whether the bytes of an answer say what the model says.

use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::model::{Answer, Node};
use crate::oracle::wire::{Request, stat};
use std::collections::BTreeSet;

pub(super) fn children_are_right(
    node: &Node,
    with_stat: bool,
    error: i32,
    bytes: &mut Bytes<'_>,
) -> Result<bool, Malformed> {
    if error != 0 {
        return Ok(false);
    }
    let shown = bytes.texts()?;
    let count_is_right = shown.len() == node.children.len();
    let shown: BTreeSet<String> = shown.into_iter().collect();
    let right = count_is_right && shown == *node.children;
    Ok(right && (!with_stat || stat(bytes)? == node.stat()))
}

pub(super) fn answer_matches(
    expected: &Answer,
    request: &Request,
    error: i32,
    body: &[u8],
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
            multi_matches(results, parts, &mut bytes)
        }
        Answer::Created { .. } | Answer::Stat(_) | Answer::Void => {
            Ok(error == 0 && one_matches(expected, &mut bytes)? && bytes.is_empty())
        }
    }
}

fn one_matches(expected: &Answer, bytes: &mut Bytes<'_>) -> Result<bool, Malformed> {
    match expected {
        Answer::Created { path, stat: shown } => {
            let path_is_right = bytes.text()? == *path;
            match shown {
                Some(shown) => Ok(path_is_right && stat(bytes)? == *shown),
                None => Ok(path_is_right),
            }
        }
        Answer::Stat(shown) => Ok(stat(bytes)? == *shown),
        Answer::Void => Ok(true),
        Answer::Multi(_) | Answer::Error(_) => Ok(false),
    }
}

fn multi_matches(
    results: &[Result<Answer, i32>],
    parts: &[Request],
    bytes: &mut Bytes<'_>,
) -> Result<bool, Malformed> {
    for (result, part) in results.iter().zip(parts) {
        let kind = bytes.int()?;
        let done = bytes.byte()?;
        let header_error = bytes.int()?;
        let right = match result {
            Ok(answer) => kind == kind_of(part) && header_error == 0 && one_matches(answer, bytes)?,
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
