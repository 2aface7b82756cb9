//! The tree itself: nodes, the index of paths, and the figures kept about them.

use crate::acl_table::{AclId, AclTable};
use crate::change::{Change, ChangeKind};
use crate::config::TreeConfig;
use crate::digest::Digest;
use crate::name::Name;
use crate::node::{NO_NODE, Node, NodeIndex, ROOT};
use crate::path_index::PathIndex;
use crate::quota::Quotas;
use crate::reap::Reapable;
use crate::slab::Slab;
use crate::snapshot::Snapshot;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::Hasher;
use siphasher::sip::SipHasher13;
use zk_types::{Acl, Bytes, Perms, SessionId, WallTime, Zxid};

/// Where the text of the ensemble's configuration is shown.
pub(crate) const CONFIG_PATH: &str = "/zookeeper/config";

/// The replicated state machine: a tree of znodes.
///
/// Reads take `&self`; a writer takes `&mut self` for the time of one transaction.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(crate) config: TreeConfig,
    pub(crate) nodes: Slab,
    pub(crate) index: PathIndex,
    pub(crate) acls: AclTable,
    pub(crate) ephemerals: BTreeMap<SessionId, BTreeSet<NodeIndex>>,
    pub(crate) ephemeral_count: usize,
    pub(crate) reapable: Reapable,
    pub(crate) quotas: Quotas,
    pub(crate) node_count: usize,
    pub(crate) data_size: u64,
    pub(crate) digest: Digest,
    pub(crate) last_zxid: Zxid,
    pub(crate) snapshot: Option<Snapshot>,
}

impl Tree {
    /// The tree that every server starts from, before any transaction.
    ///
    /// Source: `client-protocol.md` §6.2.
    pub fn new(config: TreeConfig) -> Tree {
        let mut tree = Tree::without_nodes(config);
        let open = tree.acls.intern(&[Acl::world(Perms::ALL)]);
        let config_acl = tree.acls.intern(&[Acl::world(Perms::READ)]);
        tree.plant("/", open);
        tree.plant("/zookeeper", open);
        tree.plant("/zookeeper/quota", open);
        let shown = tree.plant(CONFIG_PATH, config_acl);
        tree.nodes[shown].aversion = -1;
        tree.acls.retain(open);
        tree.acls.retain(open);
        tree
    }

    /// How many nodes there are, the root included once.
    pub fn node_count(&self) -> usize {
        self.node_count
    }

    /// How many of them are ephemeral.
    pub fn ephemeral_count(&self) -> usize {
        self.ephemeral_count
    }

    /// How many different access lists are in use.
    pub fn acl_count(&self) -> usize {
        self.acls.len()
    }

    /// Bytes of all paths and data together.
    pub fn approximate_data_size(&self) -> u64 {
        self.data_size
    }

    /// Digest of all nodes but those below `/zookeeper`; equal trees have equal digests.
    ///
    /// Source: Apache's version 2, `operations.md` §5.4.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// The last transaction that was applied.
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// Notes a record of the log that does not concern the tree, such as an epoch's marker.
    ///
    /// # Panics
    /// When `zxid` is not above [`Tree::last_zxid`].
    pub fn advance(&mut self, zxid: Zxid) {
        assert!(
            zxid > self.last_zxid,
            "{zxid:?} is applied after {:?}",
            self.last_zxid
        );
        self.last_zxid = zxid;
    }

    /// Shows `text` in `/zookeeper/config`, as a start-up or a reconfiguration does: version −1,
    /// `zxid` that of the configuration. No transaction, so the last zxid stays.
    pub fn set_config(
        &mut self,
        text: &[u8],
        zxid: Zxid,
        time: WallTime,
        changed: &mut dyn FnMut(Change<'_>),
    ) {
        let index = self.find(CONFIG_PATH).expect("the node cannot be deleted");
        let before = self.nodes[index].data_length();
        self.alter(CONFIG_PATH, index, |node| {
            node.data = Some(Bytes::from(text));
            node.version = -1;
            node.mzxid = zxid;
            node.mtime = time;
        });
        self.resize_data(before, text.len());
        let acl = self.acls.get(self.nodes[index].acl);
        changed(Change {
            kind: ChangeKind::DataChanged,
            path: CONFIG_PATH,
            acl,
        });
    }
}

impl Tree {
    pub(crate) fn without_nodes(config: TreeConfig) -> Tree {
        Tree {
            config,
            nodes: Slab::default(),
            index: PathIndex::with_capacity(0),
            acls: AclTable::default(),
            ephemerals: BTreeMap::new(),
            ephemeral_count: 0,
            reapable: Reapable::default(),
            quotas: Quotas::default(),
            node_count: 0,
            data_size: 0,
            digest: Digest::default(),
            last_zxid: Zxid::ZERO,
            snapshot: None,
        }
    }

    /// A node of the initial tree.
    fn plant(&mut self, path: &str, acl: AclId) -> NodeIndex {
        let parent = match split(path) {
            Some((parent, _)) => self.find(parent).expect("parents are planted first"),
            None => NO_NODE,
        };
        let name = split(path).map_or("", |(_, name)| name);
        self.attach(
            path,
            Node {
                name: Name::new(name),
                data: Some(Bytes::from([])),
                czxid: Zxid::ZERO,
                mzxid: Zxid::ZERO,
                pzxid: Zxid::ZERO,
                ctime: WallTime(0),
                mtime: WallTime(0),
                owner: 0,
                version: 0,
                cversion: 0,
                aversion: 0,
                parent,
                first_child: NO_NODE,
                next_sibling: NO_NODE,
                previous_sibling: NO_NODE,
                children: 0,
                acl,
                path_hash: self.hash(path),
            },
        )
    }

    /// The node of a path; the empty path is the root.
    pub(crate) fn find(&self, path: &str) -> Option<NodeIndex> {
        let path = shown(path);
        self.find_hashed(path, self.hash(path))
    }

    /// Hash of a full path under this tree's key.
    pub(crate) fn hash(&self, path: &str) -> u32 {
        self.hash_bytes(path.as_bytes())
    }

    pub(crate) fn hash_bytes(&self, path: &[u8]) -> u32 {
        let [key0, key1] = self.config.hash_key;
        let mut hasher = SipHasher13::new_with_keys(key0, key1);
        hasher.write(path);
        u32::try_from(hasher.finish() >> 32).expect("a shift by 32 leaves 32 bits")
    }

    /// The node of a full path whose hash is known.
    pub(crate) fn find_hashed(&self, path: &str, hash: u32) -> Option<NodeIndex> {
        self.index.find(hash, |index| {
            self.nodes[index].path_hash == hash && self.is_path_of(path, index)
        })
    }

    fn is_path_of(&self, path: &str, mut index: NodeIndex) -> bool {
        if index == ROOT {
            return path == "/";
        }
        let mut rest = path.as_bytes();
        while index != ROOT {
            let node = &self.nodes[index];
            let Some(before) = rest.strip_suffix(node.name.as_bytes()) else {
                return false;
            };
            let Some((b'/', before)) = before.split_last() else {
                return false;
            };
            rest = before;
            index = node.parent;
        }
        rest.is_empty()
    }

    /// The full path of a node.
    pub(crate) fn path_of(&self, index: NodeIndex) -> String {
        if index == ROOT {
            return String::from("/");
        }
        let mut line = Vec::new();
        let mut at = index;
        while at != ROOT {
            line.push(at);
            at = self.nodes[at].parent;
        }
        let mut path = String::new();
        for at in line.into_iter().rev() {
            path.push('/');
            path.push_str(self.nodes[at].name.as_str());
        }
        path
    }
}

/// The path of the parent, `""` for the root, and the name; `None` for the root itself.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    match path.rsplit_once('/') {
        None | Some(("", "")) => None,
        Some(parts) => Some(parts),
    }
}

/// A path under the name that clients know: the empty one, as [`split`] gives it, is the root.
pub(crate) fn shown(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}
