//! What a request may be answered with. Paths are below the chroot.

use crate::PageEnd;
use crate::PartError;
use alloc::string::String;
use alloc::vec::Vec;
use zk_types::{Acl, Identity, Stat};

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Delete, sync, addWatch, removeWatches and checkWatches have nothing to tell.
    Done,
    /// A node was created.
    Created {
        /// Its path, number included.
        path: String,
        /// Its Stat, where it was asked for.
        stat: Option<Stat>,
    },
    /// Whether a node exists: its Stat if it does.
    Exists(Option<Stat>),
    /// Data or an access list was set; this is the node's Stat now.
    Set(Stat),
    /// Data; also the configuration that a reconfig led to.
    Data {
        /// The data.
        data: Option<Vec<u8>>,
        /// The node's Stat.
        stat: Stat,
    },
    /// Children.
    Children {
        /// Their names, in no particular order.
        names: Vec<String>,
        /// The parent's Stat.
        stat: Stat,
    },
    /// A page of children.
    Page {
        /// Their names.
        names: Vec<String>,
        /// The parent's Stat as of this page.
        stat: Stat,
        /// Where the next page begins, if there is one.
        end: Option<PageEnd>,
    },
    /// An access list.
    Acl {
        /// The list.
        acl: Vec<Acl>,
        /// The node's Stat.
        stat: Stat,
    },
    /// The parts of a multi or multi-read, one by one. A multi in which any part failed did nothing.
    Multi(Vec<Result<PartResponse, PartError>>),
    /// Paths of ephemeral nodes.
    Ephemerals(Vec<String>),
    /// A number of nodes.
    Number(i32),
    /// Identities.
    WhoAmI(Vec<Identity>),
}

/// The answer to one part of a multi or multi-read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartResponse {
    /// Deleted or checked.
    Done,
    /// A node was created.
    Created {
        /// Its path, number included.
        path: String,
        /// Its Stat, where the server sent it.
        stat: Option<Stat>,
    },
    /// Data was set; this was the node's Stat just then.
    Set(Stat),
    /// Data.
    Data {
        /// The data.
        data: Option<Vec<u8>>,
        /// The node's Stat.
        stat: Stat,
    },
    /// Names of children.
    Children(Vec<String>),
}
