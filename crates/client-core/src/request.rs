//! What a client may be asked to do. Paths are below the chroot; `None` for a version is any.

use alloc::string::String;
use alloc::vec::Vec;
use zk_proto::{AddWatchMode, WatcherType};
use zk_types::Acl;

/// One request to the ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRequest {
    /// Creates a node.
    Create(Create),
    /// Deletes a node.
    Delete {
        /// Node.
        path: String,
        /// Version it must have.
        version: Option<i32>,
    },
    /// Asks whether a node exists.
    Exists {
        /// Node.
        path: String,
        /// Who wants to know of its next creation, deletion or change of data.
        watch: Option<Watcher>,
    },
    /// Reads data.
    GetData {
        /// Node.
        path: String,
        /// Who wants to know of its next change of data or deletion.
        watch: Option<Watcher>,
    },
    /// Sets data.
    SetData {
        /// Node.
        path: String,
        /// Data; null and empty are distinct.
        data: Option<Vec<u8>>,
        /// Version it must have.
        version: Option<i32>,
    },
    /// Lists children.
    GetChildren {
        /// Node.
        path: String,
        /// Who wants to know of the next change of the list, or the node's deletion.
        watch: Option<Watcher>,
    },
    /// Lists children a page at a time, the latest first. Only for servers whose
    /// [`ClientRequest::ServerFeatures`] have a line `children-pages`: others close the connection.
    GetChildrenPage {
        /// Node.
        path: String,
        /// How many names are enough.
        names_max: usize,
        /// The end of the page before this one, `None` for the first.
        after: Option<PageEnd>,
    },
    /// Reads what the server knows that no other does, a line for each; `NoNode` from others.
    ServerFeatures,
    /// Reads an access list.
    GetAcl {
        /// Node.
        path: String,
    },
    /// Sets an access list.
    SetAcl {
        /// Node.
        path: String,
        /// List.
        acl: Vec<Acl>,
        /// ACL version it must have.
        version: Option<i32>,
    },
    /// Catches the server up with its leader, so that the next read sees what was written before.
    Sync {
        /// Any path.
        path: String,
    },
    /// Several writes, all or nothing.
    Multi(Vec<MultiOp>),
    /// Several reads.
    MultiRead(Vec<MultiReadOp>),
    /// Sets a watch that stays.
    AddWatch {
        /// Node.
        path: String,
        /// What it covers.
        mode: AddWatchMode,
        /// Who wants to know.
        watcher: Watcher,
    },
    /// Removes watches, here and on the server.
    RemoveWatches {
        /// Node.
        path: String,
        /// Which.
        kind: WatcherType,
    },
    /// Asks whether the server knows of watches.
    CheckWatches {
        /// Node.
        path: String,
        /// Which.
        kind: WatcherType,
    },
    /// Lists the session's ephemeral nodes.
    GetEphemerals {
        /// What their paths begin with; `/` for all below the chroot.
        prefix: String,
    },
    /// Counts all descendants.
    GetAllChildrenNumber {
        /// Node.
        path: String,
    },
    /// Lists the connection's identities.
    WhoAmI,
    /// Changes the ensemble's configuration.
    Reconfig {
        /// Servers to add or change, as `server.N=` lines.
        joining: Option<String>,
        /// Ids of servers to remove.
        leaving: Option<String>,
        /// All servers, in place of a difference.
        members: Option<String>,
        /// Version of the configuration this changes.
        version: Option<i64>,
    },
}

/// Where a page of children ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// As the server stated it.
    pub zxid: i64,
    /// The page's last name.
    pub name: String,
}

/// Who is told when a watch fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watcher {
    /// Whoever reads the session's events.
    Session,
    /// The request's own listener too: its ticket stands in [`crate::Output::Event`].
    Own,
}

/// A node to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Path, without the suffix of a sequential node.
    pub path: String,
    /// Data; null and empty are distinct.
    pub data: Option<Vec<u8>>,
    /// Access list; an empty one is refused by servers.
    pub acl: Vec<Acl>,
    /// How long it lives and whether it is numbered.
    pub mode: CreateMode,
    /// What is to be told of it.
    pub reply: CreateReply,
}

/// How long a node lives, and whether its name is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMode {
    /// Until it is deleted.
    Persistent,
    /// The same, numbered.
    PersistentSequential,
    /// As long as the session.
    Ephemeral,
    /// The same, numbered.
    EphemeralSequential,
    /// Until its last child is gone.
    Container,
    /// Until it has been childless and unmodified for so many milliseconds.
    Ttl(i64),
    /// The same, numbered.
    TtlSequential(i64),
}

impl CreateMode {
    /// Whether the server numbers the name.
    pub fn is_sequential(self) -> bool {
        match self {
            CreateMode::PersistentSequential
            | CreateMode::EphemeralSequential
            | CreateMode::TtlSequential(_) => true,
            CreateMode::Persistent
            | CreateMode::Ephemeral
            | CreateMode::Container
            | CreateMode::Ttl(_) => false,
        }
    }

    /// The flags on the wire. Source: `client-protocol.md` §4.1.
    pub(crate) fn flags(self) -> i32 {
        match self {
            CreateMode::Persistent => 0,
            CreateMode::Ephemeral => 1,
            CreateMode::PersistentSequential => 2,
            CreateMode::EphemeralSequential => 3,
            CreateMode::Container => 4,
            CreateMode::Ttl(_) => 5,
            CreateMode::TtlSequential(_) => 6,
        }
    }
}

/// What is to be told of a created node. Containers and TTL nodes always come with their Stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateReply {
    /// Its path.
    Path,
    /// Its path and Stat.
    PathAndStat,
}

/// One part of a multi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultiOp {
    /// Creates a node.
    Create(Create),
    /// Deletes a node.
    Delete {
        /// Node.
        path: String,
        /// Version it must have.
        version: Option<i32>,
    },
    /// Sets data.
    SetData {
        /// Node.
        path: String,
        /// Data; null and empty are distinct.
        data: Option<Vec<u8>>,
        /// Version it must have.
        version: Option<i32>,
    },
    /// Checks that a node exists.
    Check {
        /// Node.
        path: String,
        /// Version it must have.
        version: Option<i32>,
    },
}

/// One part of a multi-read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultiReadOp {
    /// Reads data.
    GetData {
        /// Node.
        path: String,
    },
    /// Lists children.
    GetChildren {
        /// Node.
        path: String,
    },
}
