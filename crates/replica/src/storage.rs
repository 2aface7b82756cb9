//! Between the protocol, the log and the state: writes that are asked for and settled, snapshots
//! taken while writes go on, and snapshots that a leader sends.

use crate::api::{Config, Event, Output};
use crate::server::{Replica, Work, set_membership};
use crate::state::{State, StateLoader};
use wal::{Settled, SnapshotReader, SnapshotSink, Ticket as WalTicket, Wal};
use zab_core::{Input as ZabInput, Output as ZabOutput, Role, Ticket};
use zk_types::{Bytes, SnapshotId, SnapshotMeta};
use znode_tree::TreeConfig;

/// Chunks of an own snapshot that may be on their way to the disk.
const CHUNKS_AHEAD: u64 = 4;

/// What stands between a server and its disk.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) wal: Wal,
    pub(crate) tree_config: TreeConfig,
    /// Where within the second half of the interval this server takes its snapshots, as a part of
    /// 2^32, so that the servers of an ensemble do not all take theirs at once.
    jitter: u32,
    txns_since_snapshot: u32,
    taking: Taking,
    staged: Option<Staged>,
    installing: Option<(WalTicket, State)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taking {
    No,
    /// As soon as the one before is durable.
    Wanted,
    /// The tree is still being written.
    Writing,
    /// All of it is on its way to the disk.
    Finishing,
}

/// A leader's snapshot on its way in: its bytes are kept on disk and read into a state at once.
#[derive(Clone)]
struct Staged {
    id: SnapshotId,
    reader: SnapshotReader,
    loader: StateLoader,
    failed: Failed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Failed {
    No,
    Yes,
}

impl Storage {
    /// Nothing under way.
    pub(crate) fn new(wal: Wal, tree_config: TreeConfig, jitter: u32) -> Self {
        Storage {
            wal,
            tree_config,
            jitter,
            txns_since_snapshot: 0,
            taking: Taking::No,
            staged: None,
            installing: None,
        }
    }

    /// Gives up what has come of a leader's snapshot: this server has caught up without it.
    pub(crate) fn drop_staged(&mut self) {
        self.staged = None;
    }

    /// Whether a tree of so many nodes should be written. What a transaction costs then stays the
    /// same however large the tree is, and so does the part of a start that reads the log.
    fn is_due(&self, config: &Config, nodes: usize) -> bool {
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        let paid_for = nodes
            .checked_div(config.snapshot_nodes_per_txn)
            .unwrap_or(0);
        let half = u64::from(config.snapshot_txns.max(paid_for) / 2);
        let txns = half + ((half * u64::from(self.jitter)) >> 32);
        u64::from(self.txns_since_snapshot) > txns
            || (config.snapshot_log_bytes > 0
                && self.wal.log_bytes_since_snapshot() > config.snapshot_log_bytes)
    }
}

impl Replica {
    /// Carries out what the protocol asks of the disk.
    pub(crate) fn on_storage_output(&mut self, output: ZabOutput) {
        match output {
            ZabOutput::WritePromise { ticket, promise } => {
                self.storage.wal.write_promise(WalTicket(ticket.0), promise);
            }
            ZabOutput::Append { ticket, record } => {
                if matches!(self.role(), Role::Following { .. }) {
                    self.statistics.proposals_received += 1;
                }
                self.storage.wal.append(WalTicket(ticket.0), &record);
            }
            ZabOutput::Truncate { ticket, to } => {
                self.storage.wal.truncate(WalTicket(ticket.0), to);
            }
            ZabOutput::TakeSnapshot => self.want_snapshot(),
            ZabOutput::ReadSnapshot {
                ticket,
                id,
                offset,
                bytes_max,
            } => {
                self.storage
                    .wal
                    .read_snapshot(WalTicket(ticket.0), id, offset, bytes_max);
            }
            ZabOutput::StageSnapshot { id, offset, bytes } => self.stage(id, offset, &bytes),
            ZabOutput::Install { ticket, id, meta } => self.install(ticket, id, &meta),
            ZabOutput::Notify { .. }
            | ZabOutput::Dial { .. }
            | ZabOutput::Close { .. }
            | ZabOutput::Send { .. }
            | ZabOutput::Deliver(_)
            | ZabOutput::Role(_)
            | ZabOutput::SyncDone { .. }
            | ZabOutput::App { .. }
            | ZabOutput::Note(_) => unreachable!("the façade sends only disk outputs here"),
        }
    }

    /// Tells the protocol what has become durable or was read.
    pub(crate) fn collect_settled(&mut self) {
        while let Some(settled) = self.storage.wal.poll_settled() {
            let input = match settled {
                Settled::Written(ticket) => ZabInput::Persisted {
                    ticket: Ticket(ticket.0),
                },
                Settled::Read { ticket, bytes } => ZabInput::SnapshotRead {
                    ticket: Ticket(ticket.0),
                    bytes: Bytes::from(bytes),
                },
                Settled::SnapshotTaken { id, meta } => {
                    self.on_snapshot_taken(meta.zxid);
                    ZabInput::SnapshotTaken { id, meta }
                }
                Settled::Installed(ticket) => {
                    self.on_installed(ticket);
                    ZabInput::Installed {
                        ticket: Ticket(ticket.0),
                    }
                }
                Settled::InstallFailed(ticket) => {
                    self.storage.installing = None;
                    ZabInput::InstallFailed {
                        ticket: Ticket(ticket.0),
                    }
                }
            };
            self.work.push_back(Work::Zab(input));
        }
    }

    /// Counts an applied record and begins a snapshot when one is due.
    pub(crate) fn on_applied(&mut self) {
        self.storage.txns_since_snapshot = self.storage.txns_since_snapshot.saturating_add(1);
        let nodes = self.state.tree.node_count();
        if self.storage.taking == Taking::No && self.storage.is_due(&self.config, nodes) {
            self.begin_snapshot();
        }
    }

    /// Moves a snapshot under way on by as much as the disk can take now.
    pub(crate) fn pump_snapshot(&mut self) {
        if self.storage.taking == Taking::Wanted {
            self.begin_snapshot();
        }
        let ahead_max = CHUNKS_AHEAD * u64::from(self.config.chunk_bytes);
        while self.storage.taking == Taking::Writing
            && self.storage.wal.snapshot_backlog_bytes() < ahead_max
        {
            let chunk_bytes = usize::try_from(self.config.chunk_bytes).expect("a u32 fits");
            match self.state.tree.snapshot_chunk(chunk_bytes) {
                Some(chunk) => self.storage.wal.snapshot_chunk(&chunk),
                None => {
                    self.storage.wal.finish_snapshot();
                    self.storage.taking = Taking::Finishing;
                }
            }
        }
    }

    /// How the newest snapshot and the log stand, in bytes, for `dirs` and `conf`.
    pub(crate) fn disk_bytes(&self) -> (u64, u64) {
        self.storage.wal.directory_bytes()
    }

    fn want_snapshot(&mut self) {
        if self.storage.taking == Taking::No {
            self.storage.taking = Taking::Wanted;
        }
    }

    fn begin_snapshot(&mut self) {
        self.stopwatches.on_snapshot_begun(self.now);
        self.storage.txns_since_snapshot = 0;
        self.storage.taking = Taking::Writing;
        self.state.tree.begin_snapshot();
        self.storage.wal.begin_snapshot(self.state.meta());
        self.storage.wal.snapshot_chunk(&self.state.table_bytes());
    }

    fn on_snapshot_taken(&mut self, zxid: zk_types::Zxid) {
        self.storage.taking = Taking::No;
        let times = &mut self.statistics.times;
        self.stopwatches.on_snapshot_taken(self.now, times);
        self.outputs
            .push_back(Output::Event(Event::SnapshotTaken { zxid }));
    }

    fn stage(&mut self, id: SnapshotId, offset: u64, bytes: &[u8]) {
        if offset == 0 {
            self.storage.staged = Some(Staged {
                id,
                reader: SnapshotReader::new(),
                loader: StateLoader::new(self.storage.tree_config.clone()),
                failed: Failed::No,
            });
        }
        let staged = self.storage.staged.get_or_insert_with(|| Staged {
            id,
            reader: SnapshotReader::new(),
            loader: StateLoader::new(self.storage.tree_config.clone()),
            // What came before was given up; the install will fail, and the leader plan anew.
            failed: Failed::Yes,
        });
        assert_eq!(staged.id, id, "a stage is of one snapshot");
        if staged.failed == Failed::No && staged.reader.push(bytes, &mut staged.loader).is_err() {
            staged.loader.discard();
            staged.failed = Failed::Yes;
        }
        self.storage.wal.stage(id, offset, bytes);
    }

    fn install(&mut self, ticket: Ticket, id: SnapshotId, meta: &SnapshotMeta) {
        let ticket = WalTicket(ticket.0);
        let staged = self
            .storage
            .staged
            .take()
            .expect("what is installed was staged");
        assert_eq!(staged.id, id, "what is installed is what was staged");
        let is_whole = staged.reader.finished() == Some(id) && staged.reader.meta() == Some(meta);
        match staged.loader.into_state() {
            Some(state) if is_whole => {
                self.abandon_snapshot();
                self.storage.installing = Some((ticket, state));
                self.storage.wal.install(ticket, id, meta);
            }
            Some(_) | None => {
                let failed = ZabInput::InstallFailed {
                    ticket: Ticket(ticket.0),
                };
                self.work.push_back(Work::Zab(failed));
            }
        }
    }

    fn on_installed(&mut self, ticket: WalTicket) {
        let (expected, state) = self
            .storage
            .installing
            .take()
            .expect("an install was under way");
        assert_eq!(expected, ticket, "installs settle one at a time");
        assert!(
            state.applied >= self.state.applied,
            "an install never takes the state back"
        );
        self.state = state;
        self.locals
            .meet(|session| self.state.sessions.contains(session));
        set_membership(&mut self.state, &self.config, self.wall);
        self.storage.txns_since_snapshot = 0;
    }

    /// Gives up an own snapshot: the state it is of is about to be replaced.
    fn abandon_snapshot(&mut self) {
        match self.storage.taking {
            Taking::No => {}
            Taking::Wanted => self.storage.taking = Taking::No,
            Taking::Writing | Taking::Finishing => {
                self.state.tree.abandon_snapshot();
                self.storage.wal.abandon_snapshot();
                self.storage.taking = Taking::No;
            }
        }
    }
}
