//! The façade of a server, and the loop that lets its machines talk until they are quiet.

use crate::api::{Config, ConnId, Event, Input, Output};
use crate::between::RequestTag;
use crate::connections::Connections;
use crate::leader::{Leader, Submission};
use crate::outcomes::Outcomes;
use crate::peers::{Effect, Peers};
use crate::read_only::ReadOnly;
use crate::state::{State, StateLoader};
use crate::statistics::{Statistics, Stopwatches};
use crate::storage::Storage;
use crate::throttle::{Bucket, ThrottleQueue};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use auth::{AuthRules, Authenticator};
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use session::{IdGenerator, LocalTable, Sessions, Touches};
use wal::{Disk, Finding, RecoveryError, Repair, Wal, WalConfig};
use watch::WatchTable;
use zab_core::{Input as ZabInput, Note, Output as ZabOutput, Role, Summary, Zab};
use zk_types::{Instant, Record, RecordBody, ServerId, WallTime, Zxid};
use znode_tree::{Tree, TreeConfig};

/// Why a server cannot start from what its disk holds.
#[derive(Debug, thiserror::Error)]
pub enum StartError<E: core::fmt::Debug + core::fmt::Display> {
    /// Recovery of the log and the snapshots failed.
    #[error("{0}")]
    Recovery(RecoveryError<E>),
}

/// One whole server.
#[derive(Clone)]
pub struct Replica {
    pub(crate) config: Config,
    pub(crate) now: Instant,
    pub(crate) wall: WallTime,
    pub(crate) zab: Zab,
    pub(crate) storage: Storage,
    pub(crate) peers: Peers,
    pub(crate) state: State,
    pub(crate) watches: WatchTable<ConnId>,
    pub(crate) connections: Connections,
    pub(crate) outcomes: Outcomes,
    pub(crate) throttled: ThrottleQueue,
    pub(crate) connect_tokens: Option<Bucket>,
    pub(crate) authenticator: Authenticator,
    /// Chance that clients see; nothing else is decided by it.
    pub(crate) nonces: ChaCha8Rng,
    pub(crate) role: Role,
    pub(crate) leader: Option<Leader>,
    pub(crate) read_only: ReadOnly,
    /// Sessions that only this server knows.
    pub(crate) locals: LocalTable,
    pub(crate) touches: Touches,
    pub(crate) touch_at: Instant,
    pub(crate) ids: IdGenerator,
    pub(crate) statistics: Statistics,
    pub(crate) stopwatches: Stopwatches,
    pub(crate) trace_mask: i64,
    pub(crate) digests: VecDeque<(Zxid, u64)>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) work: VecDeque<Work>,
    pub(crate) outputs: VecDeque<Output>,
    applied_records: Option<Vec<Record>>,
}

/// Something that has to wait until the protocol has nothing more to say.
#[derive(Clone)]
pub(crate) enum Work {
    /// An input for the protocol.
    Zab(ZabInput),
    /// A request for the leader that this server is.
    Submit(Submission),
}

impl Replica {
    /// Recovers from `disk` and starts. Outputs may be waiting.
    ///
    /// # Errors
    /// When the disk fails, or holds what this server must not start from.
    pub fn start<D: Disk>(
        config: Config,
        disk: &mut D,
        now: Instant,
        wall: WallTime,
    ) -> Result<Replica, StartError<D::Error>>
    where
        D::Error: core::fmt::Debug + core::fmt::Display,
    {
        let mut rng = ChaCha8Rng::from_seed(config.seed);
        let hash_key = |rng: &mut ChaCha8Rng| [rng.next_u64() ^ config.hash_salt, rng.next_u64()];
        let tree_config = TreeConfig {
            extended_types: config.extended_types,
            enforce_quota: config.enforce_quota,
            skip_acl: config.skip_acl,
            data_bytes_max: config.frame_bytes_max.saturating_sub(DATA_REPLY_BYTES),
            digest: config.auth.digest.is_some(),
            sasl: config.auth.sasl.is_some(),
            anybody_of_sasl: anybody_of_sasl(&config.auth),
            ..TreeConfig::new(hash_key(&mut rng))
        };
        let mut sink = StateLoader::new(tree_config.clone());
        let (wal, recovered) = Wal::recover(wal_config(&config), disk, rng.next_u64(), &mut sink)
            .map_err(StartError::Recovery)?;
        let mut state = sink
            .into_state()
            .unwrap_or_else(|| State::new(tree_config.clone()));
        assert_eq!(
            recovered
                .base
                .as_ref()
                .map_or(Zxid::ZERO, |(_, meta)| meta.zxid),
            state.applied,
            "the state starts at the base"
        );
        set_membership(&mut state, &config, wall);
        let members: BTreeSet<ServerId> = config.voters();
        let trusted_for = config.tick * 2;
        let zab_recovered = zab_core::Recovered {
            promise: recovered.promise,
            base: recovered.base,
            records: recovered.records,
            committed: recovered.committed,
        };
        let ids = IdGenerator::new(config.me, wall, rng.next_u64());
        let outcomes = Outcomes::new(RequestTag(rng.next_u64()));
        assert_ne!(
            config.snapshot_nodes_per_txn, 1,
            "a tree that only grows would never be written"
        );
        let storage = Storage::new(wal, tree_config, rng.next_u32());
        let watches = WatchTable::new(hash_key(&mut rng));
        let connect_tokens = config.limits.connects.clone();
        let connect_tokens = connect_tokens.map(|limits| Bucket::new(limits, now));
        let authenticator = Authenticator::new(config.auth.clone());
        let mut nonces = ChaCha8Rng::from_seed(config.seed);
        nonces.set_stream(NONCE_STREAM);
        let zab = Zab::new(zab_config(&config), zab_recovered, rng, now);
        let locals = LocalTable::new(config.tick, now);
        let mut replica = Replica {
            peers: Peers::new(
                config.me,
                recovered.identity.storage_id,
                members,
                trusted_for,
            ),
            config,
            now,
            wall,
            zab,
            storage,
            state,
            watches,
            connections: Connections::new(),
            outcomes,
            throttled: ThrottleQueue::new(),
            connect_tokens,
            authenticator,
            nonces,
            role: Role::Looking,
            leader: None,
            read_only: ReadOnly::No,
            locals,
            touches: Touches::new(),
            touch_at: now,
            ids,
            statistics: Statistics::new(now),
            stopwatches: Stopwatches::new(now),
            trace_mask: 306,
            digests: VecDeque::new(),
            findings: recovered.findings,
            work: VecDeque::new(),
            outputs: VecDeque::new(),
            applied_records: None,
        };
        replica.leave_read_only();
        replica.settle();
        Ok(replica)
    }

    /// Takes one input. The caller drains [`Replica::poll_output`] before the next.
    ///
    /// # Panics
    /// When outputs of the last input are left, and on any bug of ours: a server that contradicts
    /// itself stops.
    pub fn handle(&mut self, now: Instant, wall: WallTime, input: Input<'_>) {
        assert!(
            self.outputs.is_empty(),
            "outputs are drained between inputs"
        );
        if now.since(self.now) > self.config.tick {
            let until = now + self.config.tick;
            self.locals.postpone_expiry(until);
            if let ReadOnly::Serving(visitors) = &mut self.read_only {
                visitors.postpone_expiry(until);
            }
            if let Some(leader) = &mut self.leader {
                leader.postpone_expiry(until);
            }
        }
        self.now = now;
        self.wall = wall;
        match input {
            Input::ClientConnected { conn, ip, port } => self.on_client_connected(conn, ip, port),
            Input::ClientBytes { conn, bytes } => self.on_client_bytes(conn, bytes),
            Input::ClientSent { conn, bytes } => self.on_client_sent(conn, bytes),
            Input::ClientClosed { conn } => self.on_client_closed(conn),
            Input::PeerAccepted { link, port } => self.peers.on_accepted(now, link, port),
            Input::PeerConnected { link } => self.peers.on_connected(now, link),
            Input::PeerBytes { link, bytes } => self.peers.on_bytes(link, bytes),
            Input::PeerClosed { link } => self.peers.on_closed(now, link),
            Input::DiskDone { id, bytes } => {
                let times = &mut self.statistics.times;
                self.stopwatches.on_done(id, now, times);
                self.storage.wal.on_done(id, bytes);
            }
            Input::BatchEnd => self.on_batch_end(),
            Input::Timeout => self.on_timeout(),
            Input::Gauges { descriptors } => self.statistics.descriptors = descriptors,
        }
        self.settle();
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        let leader = self.leader.as_ref().map(Leader::next_deadline);
        [
            self.zab.next_deadline(),
            self.peers.next_deadline(),
            self.connections.next_deadline(),
            leader,
            self.serves().then_some(self.touch_at),
            self.locals.next_deadline().filter(|_| self.serves()),
            self.read_only_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What this server is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The protocol as it stands; for oracles and pictures.
    pub fn summary(&self) -> Summary {
        self.zab.summary()
    }

    /// The last record that was applied.
    pub fn applied(&self) -> Zxid {
        self.state.applied
    }

    /// The sessions that this server alone knows; for oracles.
    pub fn local_sessions_open(&self) -> usize {
        self.locals.len()
    }

    /// The tree; for oracles.
    pub fn tree(&self) -> &Tree {
        &self.state.tree
    }

    /// The replicated session table; for oracles.
    pub fn sessions(&self) -> &Sessions {
        &self.state.sessions
    }

    /// Makes a server that looks for a leader act as if its election had named `leader`; see
    /// [`Zab::suggest`]. Outputs may be waiting.
    pub fn suggest(&mut self, now: Instant, leader: ServerId) {
        assert!(
            self.outputs.is_empty(),
            "outputs are drained between inputs"
        );
        self.now = now;
        self.zab.suggest(now, leader);
        self.settle();
    }

    /// Whether a server whose disk is full is of no use: its log waits for space, and there are
    /// others who may have some. A server alone goes on serving reads, and writes when there is
    /// space again.
    pub fn is_stuck_without_space(&self) -> bool {
        self.config.voters().len() > 1 && self.storage.wal.waits_for_background()
    }

    /// What recovery found on the disk that an operator should read.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Keeps every applied record for [`Replica::take_applied`]; for oracles.
    pub fn record_applied(&mut self) {
        self.applied_records = Some(Vec::new());
    }

    /// The records applied since the last call, if they are kept.
    pub fn take_applied(&mut self) -> Vec<Record> {
        self.applied_records
            .as_mut()
            .map(core::mem::take)
            .unwrap_or_default()
    }

    /// Whether clients are served.
    pub(crate) fn serves(&self) -> bool {
        match self.role {
            Role::Leading { .. } | Role::Following { .. } => true,
            Role::Looking | Role::LeadingPrepare { .. } | Role::FollowingPrepare { .. } => false,
        }
    }

    fn on_timeout(&mut self) {
        if self.zab.next_deadline().is_some_and(|at| at <= self.now) {
            self.work.push_back(Work::Zab(ZabInput::Timeout));
        }
        self.peers.on_timeout(self.now);
        self.close_silent_connections();
        if self.serves() {
            self.expire_local_sessions();
            if self.touch_at <= self.now {
                self.hand_over_touches();
            }
        }
        self.read_only_on_timeout();
        self.lead_on_timeout();
    }

    fn on_batch_end(&mut self) {
        self.release_throttled();
        self.resume_paused();
        self.settle();
        self.storage.wal.flush();
        self.peers.flush();
        self.flush_connections();
    }

    /// Lets the machines talk to each other until none has anything left to say.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.zab.poll_output() {
                self.on_zab_output(output);
            }
            while let Some(effect) = self.peers.poll_effect() {
                match effect {
                    Effect::World(output) => self.outputs.push_back(output),
                    Effect::Zab(input) => self.work.push_back(Work::Zab(input)),
                }
            }
            self.collect_settled();
            let Some(work) = self.work.pop_front() else {
                break;
            };
            match work {
                Work::Zab(input) => self.zab.handle(self.now, input),
                Work::Submit(submission) => self.submit(submission),
            }
        }
        self.pump_snapshot();
        while let Some(task) = self.storage.wal.poll_task() {
            self.stopwatches.on_task(&task, self.now);
            self.outputs.push_back(Output::Disk(task));
        }
    }

    fn on_zab_output(&mut self, output: ZabOutput) {
        match output {
            ZabOutput::Notify { to, notification } => {
                self.peers.notify(self.now, to, notification);
            }
            ZabOutput::Dial { link, peer } => self.peers.dial_quorum(link, peer),
            ZabOutput::Close { link, why: _ } => self.peers.close_quorum(link),
            ZabOutput::Send { link, message } => self.peers.send(link, &message),
            ZabOutput::Deliver(record) => self.deliver(record),
            ZabOutput::Role(role) => self.on_role(role),
            ZabOutput::SyncDone { tag } => self.on_sync_done(RequestTag(tag.0)),
            ZabOutput::App { from, bytes } => self.on_app(from, &bytes),
            ZabOutput::Note(note) => {
                if let Note::Synchronising { plan, .. } = note {
                    match plan {
                        "SNAP" => self.statistics.snap_count += 1,
                        _ => self.statistics.diff_count += 1,
                    }
                }
                self.outputs.push_back(Output::Event(Event::Note(note)));
            }
            output @ (ZabOutput::WritePromise { .. }
            | ZabOutput::Append { .. }
            | ZabOutput::Truncate { .. }
            | ZabOutput::TakeSnapshot
            | ZabOutput::ReadSnapshot { .. }
            | ZabOutput::StageSnapshot { .. }
            | ZabOutput::Install { .. }) => self.on_storage_output(output),
        }
    }

    fn deliver(&mut self, record: Record) {
        self.state.advance(&record);
        match &record.body {
            RecordBody::Txn(payload) => self.apply(payload),
            RecordBody::Marker | RecordBody::Config(_) => {
                self.state.tree.advance(record.zxid);
                self.answer_due_refusals();
            }
        }
        self.on_applied();
        if let Some(kept) = &mut self.applied_records {
            kept.push(record);
        }
    }

    fn on_role(&mut self, role: Role) {
        let served = self.serves();
        self.role = role;
        self.leader = None;
        self.statistics.leader_since = None;
        let times = &mut self.statistics.times;
        self.stopwatches.on_role(role, self.now, times);
        if served {
            self.drop_all_connections();
            self.touches.clear();
            self.outcomes.clear();
        }
        match role {
            Role::Looking => self.statistics.looking_count += 1,
            Role::Leading { .. } => {
                self.storage.drop_staged();
                self.statistics.leader_since = Some(self.now);
                self.leader = Some(Leader::new(&self.state.sessions, &self.config, self.now));
            }
            Role::Following { .. } => self.storage.drop_staged(),
            Role::LeadingPrepare { .. } | Role::FollowingPrepare { .. } => {}
        }
        self.leave_read_only();
        if self.serves() {
            self.locals.restart_all(self.now);
        }
        self.touch_at = self.now + self.config.tick / 2;
        self.outputs.push_back(Output::Event(Event::Role(role)));
    }
}

/// Bytes of the reply to a `getData` beside the data: header, length and Stat.
/// Source: `client-protocol.md` §1.3.
const DATA_REPLY_BYTES: usize = 88;

/// Where in the seeded generator the chance that clients see is drawn.
const NONCE_STREAM: u64 = 1;

fn anybody_of_sasl(rules: &AuthRules) -> Option<Arc<str>> {
    let anybody = rules.sasl.as_ref()?.anybody.as_deref()?;
    Some(Arc::from(anybody))
}

impl Config {
    /// Every voter; this server alone when no members are configured.
    pub(crate) fn voters(&self) -> BTreeSet<ServerId> {
        if self.members.is_empty() {
            BTreeSet::from([self.me])
        } else {
            self.members.iter().map(|(id, _)| *id).collect()
        }
    }
}

/// Shows the ensemble's members in `/zookeeper/config`.
pub(crate) fn set_membership(state: &mut State, config: &Config, wall: WallTime) {
    if config.members.is_empty() {
        return;
    }
    let mut text = alloc::string::String::new();
    for (id, line) in &config.members {
        text.push_str(&alloc::format!("server.{id}={line}\n"));
    }
    text.push_str("version=0");
    state
        .tree
        .set_config(text.as_bytes(), Zxid::ZERO, wall, &mut |_| {});
}

fn wal_config(config: &Config) -> WalConfig {
    WalConfig {
        me: config.me,
        segment_bytes: config.segment_bytes,
        snapshots_kept: config.snapshots_kept,
        batch_bytes_max: 4 << 20,
        read_bytes: config.chunk_bytes,
        repair: if config.members.is_empty() {
            Repair::Nobody
        } else {
            Repair::Peers
        },
    }
}

fn zab_config(config: &Config) -> zab_core::Config {
    zab_core::Config {
        me: config.me,
        voters: config.voters(),
        tick: config.tick,
        init_limit: config.init_limit,
        sync_limit: config.sync_limit,
        finalize_wait: Duration::from_millis(200).min(config.tick),
        notification_interval: (Duration::from_millis(200), Duration::from_secs(2)),
        window_bytes_max: config.window_bytes_max,
        chunk_bytes: config.chunk_bytes,
        learner_backlog_bytes_max: config.backlog_bytes_max,
        counter_max: config.counter_max,
    }
}
