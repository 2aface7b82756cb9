//! Reads that ClickHouse Keeper adds. Source: `docs/keeper-extensions.md`.

use crate::Tree;
use crate::node::{NO_NODE, NodeIndex};
use alloc::collections::VecDeque;
use alloc::string::String;
use zk_types::{Bytes, ErrorCode, Identity, Perms, Stat};

/// A child as its parent's listing shows it.
#[derive(Clone, Debug)]
pub struct Child<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its metadata.
    pub stat: Stat,
    /// Its data.
    pub data: Option<&'t Bytes>,
    /// Whether the caller has READ on it.
    pub is_readable: bool,
}

impl Tree {
    /// The node's children with what they are made of, in no particular order, and its metadata.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` without READ on the node.
    pub fn children_in_full<'t>(
        &'t self,
        path: &str,
        identities: &[Identity],
    ) -> Result<(impl Iterator<Item = Child<'t>>, Stat), ErrorCode> {
        let node = &self.nodes[self.readable(path, identities)?];
        let children = self.siblings_from(node.first_child).map(move |index| {
            let child = &self.nodes[index];
            Child {
                name: child.name.as_str(),
                stat: child.stat(),
                data: child.data.as_ref(),
                is_readable: self.permits(self.acls.get(child.acl), Perms::READ, identities),
            }
        });
        Ok((children, node.stat()))
    }

    /// Calls `each` with the paths of descendants, parents first, until it says no. What lies
    /// below a node without READ is passed over, and so is the node.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` without READ on the node.
    pub fn descendants(
        &self,
        path: &str,
        identities: &[Identity],
        each: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), ErrorCode> {
        let mut frontier = VecDeque::from([self.readable(path, identities)?]);
        while let Some(index) = frontier.pop_front() {
            for child in self.siblings_from(self.nodes[index].first_child) {
                let acl = self.acls.get(self.nodes[child].acl);
                if !self.permits(acl, Perms::READ, identities) {
                    continue;
                }
                if !each(self.path_of(child)) {
                    return Ok(());
                }
                if self.nodes[child].children > 0 {
                    frontier.push_back(child);
                }
            }
        }
        Ok(())
    }

    fn siblings_from(&self, first: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        core::iter::successors(some(first), |&at| some(self.nodes[at].next_sibling))
    }
}

fn some(index: NodeIndex) -> Option<NodeIndex> {
    (index != NO_NODE).then_some(index)
}
