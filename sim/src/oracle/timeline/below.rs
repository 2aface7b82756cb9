//! Whole subtrees, as they were.

use super::Timeline;
use crate::oracle::model::{Node, split};

impl Timeline {
    /// All nodes below `path` after everything through `zxid`.
    pub(crate) fn below(&self, path: &str, zxid: u64) -> impl Iterator<Item = (&str, &Node)> {
        let prefix = match path {
            "/" => "/".to_owned(),
            path => format!("{path}/"),
        };
        self.last.within(prefix, zxid)
    }

    /// The names of all children of `path` after everything through `zxid`, and what they were.
    pub(crate) fn children(&self, path: &str, zxid: u64) -> impl Iterator<Item = (&str, &Node)> {
        let below = self.below(path, zxid);
        let parent = path.to_owned();
        below.filter_map(move |(path, node)| {
            let (above, name) = split(path)?;
            (above == parent).then_some((name, node))
        })
    }
}
