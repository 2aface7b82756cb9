//! Requests that ask about access lists, about sessions, about many nodes at once, or about
//! watches, and what they had to be answered.

use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::history::names_are_right;
use crate::oracle::model::{Node, code};
use crate::oracle::timeline::Timeline;
use crate::oracle::wire::{open_to_all, stat};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Acl {
        path: SmolStr,
    },
    Ephemerals {
        prefix: SmolStr,
    },
    Descendants {
        path: SmolStr,
    },
    WhoAmI,
    Many(Vec<Part>),
    Page {
        path: SmolStr,
        names_max: i32,
        before: i64,
        after: Option<String>,
    },
    Watches {
        path: SmolStr,
        kind: i32,
        is_removal: bool,
    },
}

/// One part of a multi-read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    of_children: bool,
    path: SmolStr,
}

/// Where and when a request was answered.
#[derive(Clone, Copy)]
pub(crate) struct At<'t> {
    pub(crate) timeline: &'t Timeline,
    pub(crate) session: i64,
    pub(crate) stamp: u64,
}

impl At<'_> {
    fn node(&self, path: &str) -> Option<&Node> {
        self.timeline.node_at(path, self.stamp)
    }
}

impl Asked {
    /// Reads the body of a request, if it is one of these.
    pub(crate) fn read(code: i32, bytes: &mut Bytes<'_>) -> Result<Option<Self>, Malformed> {
        Ok(Some(match code {
            6 => Asked::Acl {
                path: bytes.text()?,
            },
            17 | 18 => Asked::Watches {
                path: bytes.text()?,
                kind: bytes.int()?,
                is_removal: code == 18,
            },
            22 => Asked::Many(parts(bytes)?),
            103 => Asked::Ephemerals {
                prefix: bytes.text()?,
            },
            104 => Asked::Descendants {
                path: bytes.text()?,
            },
            107 => Asked::WhoAmI,
            2260 => {
                let path = bytes.text()?;
                bytes.byte()?;
                let (names_max, before) = (bytes.int()?, bytes.long()?);
                let after = bytes.buffer()?.map(<[u8]>::to_vec);
                let after = after.map(String::from_utf8).transpose();
                Asked::Page {
                    path,
                    names_max,
                    before,
                    after: after.map_err(|_| Malformed)?,
                }
            }
            _ => return Ok(None),
        }))
    }

    /// What it is and where, for a story.
    pub(crate) fn words(&self) -> String {
        match self {
            Asked::Acl { path } => format!("getACL {path}"),
            Asked::Ephemerals { prefix } => format!("getEphemerals {prefix}"),
            Asked::Descendants { path } => format!("getAllChildrenNumber {path}"),
            Asked::WhoAmI => "whoAmI".to_owned(),
            Asked::Many(parts) => format!("multiRead of {}", parts.len()),
            Asked::Page {
                path,
                names_max,
                before,
                ..
            } => format!("getChildrenPage {path} {names_max} before {before:#x}"),
            Asked::Watches {
                path,
                kind,
                is_removal: true,
            } => format!("removeWatches {path} {kind}"),
            Asked::Watches { path, kind, .. } => format!("checkWatches {path} {kind}"),
        }
    }

    /// Whether an answer says what was true.
    pub(crate) fn is_right(&self, at: At<'_>, error: i32, body: &[u8]) -> Result<bool, Malformed> {
        let mut bytes = Bytes(body);
        let missing = error == code::NO_NODE;
        match self {
            Asked::Acl { path } => match at.node(path) {
                None => Ok(missing),
                Some(node) => Ok(error == 0
                    && open_to_all(&mut bytes)? == node.perms
                    && stat(&mut bytes)? == node.stat()),
            },
            Asked::Ephemerals { prefix } => {
                let all = at.timeline.below("/", at.stamp);
                let owned = all.filter(|(_, node)| node.owner == at.session);
                let prefix = if prefix == "/" { "" } else { prefix };
                let named = owned.filter(|(path, _)| path.starts_with(prefix));
                let expected: BTreeSet<&str> = named.map(|(path, _)| path).collect();
                let shown = bytes.words()?;
                let count_is_right = shown.len() == expected.len();
                let shown: BTreeSet<&str> = shown.into_iter().collect();
                Ok(error == 0 && count_is_right && shown == expected)
            }
            Asked::Descendants { path } => match at.node(path) {
                None => Ok(missing),
                Some(_) => {
                    let count = at.timeline.below(path, at.stamp).count();
                    Ok(error == 0 && usize::try_from(bytes.int()?) == Ok(count))
                }
            },
            Asked::WhoAmI => Ok(error == 0),
            Asked::Many(parts) => Ok(error == 0 && many_are_right(parts, at, &mut bytes)?),
            Asked::Page { path, .. } => match at.node(path) {
                None => Ok(missing),
                Some(node) => Ok(error == 0 && self.page_is_right(node, at, &mut bytes)?),
            },
            // Held against the watches of the connection.
            Asked::Watches { .. } => Ok(true),
        }
    }

    /// The children created before some transaction, the latest first: as many as were asked
    /// for, and the rest of the last one's transaction.
    fn page_is_right(
        &self,
        node: &Node,
        at: At<'_>,
        bytes: &mut Bytes<'_>,
    ) -> Result<bool, Malformed> {
        let Asked::Page {
            path,
            names_max,
            before,
            ..
        } = self
        else {
            return Ok(false);
        };
        let top = if path == "/" { "" } else { path };
        let mut children: Vec<(u64, &str)> = Vec::new();
        for (name, child) in at.timeline.children(path, at.stamp) {
            if *before == 0 || child.czxid < before.cast_unsigned() {
                children.push((child.czxid, name));
            }
        }
        children.sort_by(|one, other| other.cmp(one));
        let enough = usize::try_from((*names_max).max(1)).expect("not negative");
        let last = children.get(enough - 1).map(|(created, _)| *created);
        let page: Vec<_> = children
            .iter()
            .take_while(|(created, _)| last.is_none_or(|last| *created >= last))
            .collect();
        let next = match page.last() {
            Some((created, _)) if page.len() < children.len() => *created,
            Some(_) | None => 0,
        };
        let expected: BTreeSet<&str> = page.iter().map(|(_, name)| *name).collect();
        let shown = bytes.words()?;
        let mut came = shown.iter().map(|name| {
            let child = at.node(&format!("{top}/{name}"));
            child.map_or(0, |child| child.czxid)
        });
        let in_order = {
            let mut last = u64::MAX;
            came.all(|created| std::mem::replace(&mut last, created) >= created)
        };
        let right = shown.len() == expected.len()
            && in_order
            && shown.iter().all(|name| expected.contains(name));
        Ok(right && stat(bytes)? == node.stat() && bytes.long()?.cast_unsigned() == next)
    }
}

fn parts(bytes: &mut Bytes<'_>) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::new();
    loop {
        let code = bytes.int()?;
        let done = bytes.byte()? != 0;
        bytes.int()?;
        if done {
            return Ok(parts);
        }
        let path = bytes.text()?;
        bytes.byte()?;
        parts.push(Part {
            of_children: code == 8,
            path,
        });
    }
}

fn many_are_right(parts: &[Part], at: At<'_>, bytes: &mut Bytes<'_>) -> Result<bool, Malformed> {
    for part in parts {
        let kind = bytes.int()?;
        let done = bytes.byte()?;
        let header_error = bytes.int()?;
        let right = match at.node(&part.path) {
            None => kind == -1 && header_error == code::NO_NODE && bytes.int()? == header_error,
            Some(node) if part.of_children => {
                kind == 8
                    && header_error == 0
                    && names_are_right(at.timeline, (&part.path, node, at.stamp), bytes)?
            }
            Some(node) => {
                let data_is_right = bytes.buffer()? == node.data.as_deref();
                kind == 4 && header_error == 0 && data_is_right && stat(bytes)? == node.stat()
            }
        };
        if done != 0 || !right {
            return Ok(false);
        }
    }
    Ok(bytes.int()? == -1 && bytes.byte()? == 1)
}
