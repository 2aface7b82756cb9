//! Listings that Apache does not know. Source: `docs/keeper-extensions.md`, `docs/children-pages.md`.

use crate::Tree;
use crate::acl_table::AclId;
use crate::node::{NO_NODE, Node, NodeIndex, ROOT};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use zk_types::{Bytes, ErrorCode, Identity, NodeKind, Perms, Stat, Zxid};

/// A child as its parent's listing shows it; what is not asked for is not made.
#[derive(Clone, Copy, Debug)]
pub struct Child<'t> {
    node: &'t Node,
}

impl<'t> Child<'t> {
    /// Its name.
    pub fn name(&self) -> &'t str {
        self.node.name.as_str()
    }

    /// Its metadata.
    pub fn stat(&self) -> Stat {
        self.node.stat()
    }

    /// Its data.
    pub fn data(&self) -> Option<&'t Bytes> {
        self.node.data.as_ref()
    }

    /// Whether it goes with a session.
    pub fn is_ephemeral(&self) -> bool {
        matches!(self.node.kind(), NodeKind::Ephemeral(_))
    }
}

/// What a caller may read; each access list is looked at once.
#[derive(Debug)]
pub struct Reader<'a> {
    tree: &'a Tree,
    identities: &'a [Identity],
    verdicts: BTreeMap<AclId, bool>,
}

impl Reader<'_> {
    /// Whether the caller has READ on a child of a node of the same tree.
    pub fn may_read(&mut self, child: Child<'_>) -> bool {
        let id = child.node.acl;
        *self.verdicts.entry(id).or_insert_with(|| {
            let acl = self.tree.acls.get(id);
            self.tree.permits(acl, Perms::READ, self.identities)
        })
    }
}

/// Some of a node's children, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'t> {
    /// Their names, the latest first.
    pub names: Vec<&'t str>,
    /// The node's metadata.
    pub stat: Stat,
    /// The transaction that created the last of them, when there are others from before it.
    pub next: Option<Zxid>,
}

/// What a page begins behind: the transaction that created the last child of the page before it,
/// and that child's name.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The transaction.
    pub zxid: Zxid,
    /// The name; only speed depends on it.
    pub name: &'a str,
}

/// Bytes of names, each with its length, after which a page is long enough.
const PAGE_BYTES: usize = 512 << 10;

/// Bytes that the length of a name takes in an answer.
const NAME_LENGTH_BYTES: usize = 4;

impl Tree {
    /// The children that were created before a transaction, the latest first: `names_max` of them,
    /// and then the others that the last one's transaction created. Where that is more than half a
    /// mebibyte, those of the transactions that fit, but at least of one.
    ///
    /// So a child that exists from the first page to the last is listed once, whatever is created
    /// and deleted meanwhile. Takes time in proportion to the page while the child that `before`
    /// names exists, else to the children that are passed over.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` without READ on the node.
    pub fn children_page(
        &self,
        path: &str,
        identities: &[Identity],
        before: Option<Before<'_>>,
        names_max: usize,
    ) -> Result<Page<'_>, ErrorCode> {
        let index = self.readable(path, identities)?;
        let node = &self.nodes[index];
        let mut first = node.first_child;
        let mut below = Zxid(u64::MAX);
        if let Some(before) = before {
            first = self.child_to_begin_at(path, index, before);
            below = before.zxid;
        }
        let mut page = Page {
            names: Vec::new(),
            stat: node.stat(),
            next: None,
        };
        let mut bytes = 0;
        let mut latest = below;
        // How many names the transactions before `latest` have, and the last of those.
        let mut fitting = (0, below);
        for child in self.siblings_from(first) {
            let child = &self.nodes[child];
            if child.czxid >= below {
                continue;
            }
            if child.czxid != latest {
                if page.names.len() >= names_max.max(1) || bytes >= PAGE_BYTES {
                    page.next = Some(latest);
                    break;
                }
                fitting = (page.names.len(), latest);
                latest = child.czxid;
            }
            bytes += NAME_LENGTH_BYTES + child.name.as_bytes().len();
            page.names.push(child.name.as_str());
            if bytes > PAGE_BYTES && fitting.0 > 0 {
                page.names.truncate(fitting.0);
                page.next = Some(fitting.1);
                break;
            }
        }
        Ok(page)
    }

    /// The named child if it still is what the page before ended with, else the first.
    fn child_to_begin_at(&self, path: &str, parent: NodeIndex, before: Before<'_>) -> NodeIndex {
        let path = if parent == ROOT { "" } else { path };
        self.find(&format!("{path}/{}", before.name))
            .filter(|&child| {
                let child = &self.nodes[child];
                child.parent == parent && child.czxid == before.zxid
            })
            .unwrap_or(self.nodes[parent].first_child)
    }
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
    ) -> Result<(impl Iterator<Item = Child<'t>> + use<'t>, Stat), ErrorCode> {
        let node = &self.nodes[self.readable(path, identities)?];
        let children = self.siblings_from(node.first_child).map(|index| Child {
            node: &self.nodes[index],
        });
        Ok((children, node.stat()))
    }

    /// What these identities may read of this tree, asked often.
    pub fn reader<'a>(&'a self, identities: &'a [Identity]) -> Reader<'a> {
        Reader {
            tree: self,
            identities,
            verdicts: BTreeMap::new(),
        }
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
        let mut reader = self.reader(identities);
        while let Some(index) = frontier.pop_front() {
            for child in self.siblings_from(self.nodes[index].first_child) {
                let node = &self.nodes[child];
                if !reader.may_read(Child { node }) {
                    continue;
                }
                if !each(self.path_of(child)) {
                    return Ok(());
                }
                if node.children > 0 {
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
