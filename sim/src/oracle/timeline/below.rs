//! Whole subtrees, as they were.

use super::Timeline;
use crate::oracle::model::Node;

impl Timeline {
    /// All nodes below `path` after everything through `zxid`.
    pub(crate) fn below(&self, path: &str, zxid: u64) -> impl Iterator<Item = (&str, &Node)> {
        let prefix = match path {
            "/" => "/".to_owned(),
            path => format!("{path}/"),
        };
        let from = self.versions.range(prefix.clone()..);
        let within = from.take_while(move |(path, _)| path.starts_with(&prefix));
        let others = within.filter(|(path, _)| path.as_str() != "/");
        others.filter_map(move |(path, _)| Some((path.as_str(), self.node_at(path, zxid)?)))
    }
}
