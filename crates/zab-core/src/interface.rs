//! What goes into the machine and what comes out: the whole contract with the world.

use crate::message::{Message, Notification};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;
use zk_types::{Bytes, Epoch, Promise, Record, ServerId, SnapshotId, SnapshotMeta, Zxid};

/// One connection between two servers, in one of its incarnations; never used again once closed.
/// The machine counts the links it dials upwards from 1; accepted ones need numbers out of their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// Names one write or read that was asked of the disk. The machine gives them out ascending. Writes
/// outlive a change of role: their completion is wanted in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Names one sync that was asked for at this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyncTag(pub u64);

/// What a server knows of itself and its ensemble before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// This server.
    pub me: ServerId,
    /// All servers that vote, this one included. One voter alone is a standalone server: it leads
    /// without an election.
    pub voters: BTreeSet<ServerId>,
    /// The unit of every limit below.
    pub tick: Duration,
    /// Ticks that discovery and synchronisation may each take.
    pub init_limit: u32,
    /// Ticks that a peer may stay silent afterwards.
    pub sync_limit: u32,
    /// How long an elected vote waits for a better one. Skipped when every voter has voted.
    pub finalize_wait: Duration,
    /// First and longest pause between repeated notifications.
    pub notification_interval: (Duration, Duration),
    /// Bytes of log kept in memory for learners that lag; older ones are sent a snapshot.
    pub window_bytes_max: usize,
    /// Bytes of one chunk of a snapshot transfer.
    pub chunk_bytes: u32,
    /// Bytes a learner may be sent ahead of what it acknowledged; live records wait beyond that, and
    /// are taken from the window as acknowledgements come. One that falls out of the window is dropped.
    pub learner_backlog_bytes_max: usize,
    /// The last counter of an epoch; `u32::MAX - 65_536` except where a test shortens it.
    pub counter_max: u32,
}

/// What recovery found on the disk.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The promise and the standing.
    pub promise: Promise,
    /// The base snapshot, if there is one.
    pub base: Option<(SnapshotId, SnapshotMeta)>,
    /// Every record after the base, in order; all durable.
    pub records: Vec<Record>,
    /// The highest commit point that any record or snapshot proves.
    pub committed: Zxid,
}

/// Everything the world can tell the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A quorum link is up: one this server dialled (to its leader), or one a learner dialled.
    Connected {
        /// The link.
        link: LinkId,
        /// Who is at its other end.
        peer: ServerId,
    },
    /// A quorum link is gone, or could not be dialled.
    Disconnected {
        /// The link.
        link: LinkId,
    },
    /// A message came over a quorum link.
    Message {
        /// The link.
        link: LinkId,
        /// The message.
        message: Message,
    },
    /// A notification came from a voter over the election mesh, which may lose and reorder.
    Notification {
        /// Who sent it.
        from: ServerId,
        /// What it says.
        notification: Notification,
    },
    /// A write is durable, and with it every earlier write of its kind: promises are one kind,
    /// appends and truncations the other. So the newest ticket of a batch is enough.
    Persisted {
        /// The write.
        ticket: Ticket,
    },
    /// A new transaction, only when [`crate::Zab::next_zxid`] is some; it gets that zxid.
    Propose {
        /// The transaction, opaque.
        payload: Bytes,
    },
    /// A client of this server wants to see everything finished before now.
    Sync {
        /// Comes back with [`Output::SyncDone`].
        tag: SyncTag,
    },
    /// Something of the layer above, to the leader; dropped when no leader is being followed.
    ToLeader {
        /// Opaque.
        bytes: Bytes,
    },
    /// Something of the layer above, to a learner in broadcast; dropped when it is gone.
    ToLearner {
        /// The learner.
        to: ServerId,
        /// Opaque.
        bytes: Bytes,
    },
    /// A snapshot of this server's own applied state is complete and durable.
    SnapshotTaken {
        /// The file.
        id: SnapshotId,
        /// What it stands for.
        meta: SnapshotMeta,
    },
    /// Part of a snapshot file was read; empty bytes say that the file is gone.
    SnapshotRead {
        /// The read.
        ticket: Ticket,
        /// The bytes, at most as many as asked for.
        bytes: Bytes,
    },
    /// A staged snapshot is verified, durable and the base of log and state.
    Installed {
        /// The install.
        ticket: Ticket,
    },
    /// A staged snapshot did not match its id; nothing changed.
    InstallFailed {
        /// The install.
        ticket: Ticket,
    },
    /// [`crate::Zab::next_deadline`] is due. Harmless when it is not.
    Timeout,
}

/// Everything the machine asks of the world, in the order it must happen.
#[derive(Clone, Debug)]
#[must_use]
pub enum Output {
    /// Send over the election mesh; only the newest to each voter matters.
    Notify {
        /// To whom.
        to: ServerId,
        /// What.
        notification: Notification,
    },
    /// Open a quorum link to the leader; answered by `Connected` or `Disconnected`.
    Dial {
        /// The incarnation to use.
        link: LinkId,
        /// Whom to dial.
        peer: ServerId,
    },
    /// Close a link; nothing more is taken from it.
    Close {
        /// The link.
        link: LinkId,
        /// For people and counters.
        why: CloseReason,
    },
    /// Send over a quorum link.
    Send {
        /// The link.
        link: LinkId,
        /// The message.
        message: Message,
    },
    /// Make the promise durable; answered by `Persisted`.
    WritePromise {
        /// The write.
        ticket: Ticket,
        /// The promise.
        promise: Promise,
    },
    /// Append to the log and make durable; answered by `Persisted`. Shares one order with
    /// `Truncate`.
    Append {
        /// The write.
        ticket: Ticket,
        /// One record.
        record: Record,
    },
    /// Cut the log above `to` and make that durable; answered by `Persisted`.
    Truncate {
        /// The write.
        ticket: Ticket,
        /// The last record to keep.
        to: Zxid,
    },
    /// Take a snapshot of the applied state soon, for a learner; answered by `SnapshotTaken`.
    TakeSnapshot,
    /// Read part of a snapshot file; answered by `SnapshotRead`.
    ReadSnapshot {
        /// The read.
        ticket: Ticket,
        /// The file.
        id: SnapshotId,
        /// Where to start.
        offset: u64,
        /// How much.
        bytes_max: u32,
    },
    /// Part of a snapshot came from the leader: keep it at its offset. Offset 0 starts anew.
    StageSnapshot {
        /// The file.
        id: SnapshotId,
        /// Where the bytes belong.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// The staged snapshot is whole: verify it, make it durable, make it the base of the log and
    /// the state; answered by `Installed` or `InstallFailed`.
    Install {
        /// The install.
        ticket: Ticket,
        /// The file.
        id: SnapshotId,
        /// What it must stand for.
        meta: SnapshotMeta,
    },
    /// The next committed record, to be applied now; also after a start, from the base on.
    Deliver(Record),
    /// The role or its phase changed; everything of the earlier one is over. Requests that were
    /// proposed and not delivered will not be answered by this term.
    Role(Role),
    /// The sync is done: everything it had to see has been delivered before this output.
    SyncDone {
        /// The sync.
        tag: SyncTag,
    },
    /// Something of the layer above, from the leader or from a learner in broadcast.
    App {
        /// Who sent it.
        from: ServerId,
        /// Opaque.
        bytes: Bytes,
    },
    /// Something an operator should see; changes nothing.
    Note(Note),
}

/// What this server is, and whether it may serve clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Looking for a leader.
    Looking,
    /// Leads `epoch`, and collects support or synchronises followers.
    LeadingPrepare {
        /// The epoch, once it is chosen.
        epoch: Option<Epoch>,
    },
    /// Leads `epoch` and serves: may propose.
    Leading {
        /// The epoch.
        epoch: Epoch,
    },
    /// Follows `leader` and is being synchronised.
    FollowingPrepare {
        /// Whom.
        leader: ServerId,
    },
    /// Follows `leader` in `epoch` and serves.
    Following {
        /// Whom.
        leader: ServerId,
        /// In which epoch.
        epoch: Epoch,
    },
}

/// Why a link was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CloseReason {
    /// The role that used it is over.
    RoleEnded,
    /// The peer was silent for too long.
    Silence,
    /// The peer took too long to acknowledge or to read.
    Slow,
    /// The peer is of an older epoch.
    StaleEpoch,
    /// A message that is illegal in this role and phase.
    Illegal,
    /// A newer link of the same peer replaced it.
    Replaced,
    /// The histories contradict each other: committed data would be lost.
    Contradiction,
    /// The peer has to learn first where its disk stands towards the ensemble.
    Standing,
}

/// Something worth a line in a log or a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An election was decided for this server or another.
    Elected {
        /// The leader.
        leader: ServerId,
    },
    /// A learner is brought up by this plan.
    Synchronising {
        /// The learner.
        learner: ServerId,
        /// `DIFF`, `TRUNC` or `SNAP`.
        plan: &'static str,
    },
    /// A message that is illegal in this role and phase came from a peer.
    IllegalMessage {
        /// Who sent it.
        from: ServerId,
        /// What it was.
        what: &'static str,
    },
    /// The histories of two servers contradict each other; somebody lost committed data.
    Contradiction {
        /// The other server.
        with: ServerId,
    },
    /// The leader lost its quorum and steps down.
    QuorumLost,
    /// This server's standing changed.
    Standing(zk_types::Standing),
    /// A voter has promised a later epoch than the leader's; the leader starts a new one for it.
    LockedOut {
        /// The voter.
        learner: ServerId,
    },
    /// The counter of the epoch has run out; the leader starts a new one.
    CounterExhausted,
    /// The leader's own disk finished no write for too long; it steps down, and is no candidate until
    /// the disk has caught up.
    DiskStalled,
}
