//! All judges, and what they are shown: after every step of a server what it applied and what it
//! is, at every commit the disks, and at the end everything.

mod budget;

use crate::client::SimClient;
use crate::disk::SimDisk;
use crate::host::Host;
use crate::net::{ConnNumber, Side};
use crate::notes::Notes;
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::closes::{Close, judge_closes};
use crate::oracle::durability::{Commit, Durability};
use crate::oracle::history::search::both_agree;
use crate::oracle::history::{self, Writes};
use crate::oracle::ledger::{Ledger, State};
use crate::oracle::peers::{Peers, Sending};
use crate::oracle::sessions::{self, Homes, Move, Reign};
use crate::oracle::syncs;
use crate::oracle::timeline::Timeline;
use crate::oracle::votes::Votes;
use crate::oracle::watches::{self, AtEnd};
use crate::oracle::wire::Tap;
use crate::queue::Micros;
use crate::swarm::{Locality, Swarm};
use replica::Replica;
use std::collections::BTreeMap;
use wal::File;
use xxhash_rust::xxh3::Xxh3Default;
use zab_core::{Note, Role};
use zk_types::{ErrorCode, Standing, Zxid};

/// A server that does nothing for so long was paused.
const STANDSTILL: Micros = 2_500_000;

/// All judges.
#[derive(Clone)]
pub(crate) struct Judges {
    pub(crate) ledger: Ledger,
    durability: Durability,
    peers: Peers,
    votes: Votes,
    /// Who leads, or led, each epoch.
    leaders: BTreeMap<u32, Reign>,
    roles: Vec<Option<Role>>,
    standings: Vec<Standing>,
    /// Who knows a session.
    locality: Locality,
    /// When each server started.
    starts: Vec<Vec<Micros>>,
    /// Since when each server has been what it is.
    since: Vec<Micros>,
    /// Connections of clients that servers have closed, with those of the step under way.
    closes: Vec<Close>,
    closing: Vec<ConnNumber>,
    /// When each server took its last step, and when it last did so after standing still.
    steps: Vec<(Micros, Micros)>,
}

impl Judges {
    pub(crate) fn new(servers: usize, locality: Locality) -> Self {
        Judges {
            ledger: Ledger::new(servers),
            durability: Durability::new(servers),
            peers: Peers::default(),
            votes: Votes::new(servers),
            leaders: BTreeMap::new(),
            roles: vec![None; servers],
            standings: vec![Standing::Fresh; servers],
            locality,
            starts: vec![Vec::new(); servers],
            since: vec![0; servers],
            closes: Vec::new(),
            closing: Vec::new(),
            steps: vec![(0, 0); servers],
        }
    }

    /// A server is about to start from its disk.
    pub(crate) fn before_start(
        &mut self,
        server: usize,
        now: Micros,
        host: &Host,
    ) -> Result<(), Broken> {
        self.starts[server].push(now);
        self.roles[server] = None;
        self.votes.started(server);
        self.durability.before_start(server, &host.disk)
    }

    /// A server is about to say something to another one.
    pub(crate) fn sent(&mut self, sending: &Sending<'_>, disk: &SimDisk) -> Result<(), Broken> {
        let judged = self
            .durability
            .look_at(sending.from, disk)
            .and_then(|()| self.peers.sent(sending, &mut self.durability));
        judged.map_err(|broken| self.with_roles(broken))
    }

    /// A server reads what `side` of a connection sent it.
    pub(crate) fn heard(
        &mut self,
        server: usize,
        (conn, side): (ConnNumber, Side),
        now: Micros,
        bytes: &[u8],
    ) {
        if let Some(from) = self.peers.heard((conn, side), now) {
            self.votes.heard(conn, (from, server), bytes);
        }
    }

    /// A server closes the connection of a client.
    pub(crate) fn closed(&mut self, conn: ConnNumber) {
        self.closing.push(conn);
    }

    /// A server is told whom to follow.
    pub(crate) fn suggested(&mut self, server: usize) {
        self.votes.suggested(server);
    }

    /// How many epochs somebody led.
    pub(crate) fn epochs(&self) -> usize {
        self.leaders.len()
    }

    /// How many messages servers have sent each other.
    pub(crate) fn messages(&self) -> u64 {
        self.peers.messages
    }

    /// What a server notes of the protocol is no sign of somebody's fault, where nobody is broken.
    pub(crate) fn noted(
        &mut self,
        server: usize,
        note: &Note,
        (now, swarm): (Micros, &Swarm),
    ) -> Result<(), Broken> {
        if let (Note::LockedOut { learner }, Some(Role::Leading { epoch })) =
            (note, self.roles[server])
        {
            let epoch = epoch.0;
            self.peers.turned_away(server, (*learner, epoch), now);
        }
        let (Note::IllegalMessage { .. } | Note::Contradiction { .. }) = note else {
            return Ok(());
        };
        if !swarm.is_calm() {
            return Ok(());
        }
        let seen = format!("{} notes {note:?}", server_name(server));
        let rule = "S10 legality: nobody says what is illegal where nothing is broken";
        Err(self.with_roles(Broken::safety(rule, seen).server(server)))
    }

    /// How often a server has started.
    pub(crate) fn incarnation(&self, server: usize) -> usize {
        self.starts[server].len()
    }

    /// Something has happened, and may have changed what disks hold for certain.
    pub(crate) fn look_at_disks(&mut self, hosts: &[Host]) -> Result<(), Broken> {
        for (server, host) in hosts.iter().enumerate() {
            let judged = self.durability.look_at(server, &host.disk);
            judged.map_err(|broken| self.with_roles(broken))?;
        }
        Ok(())
    }

    /// A server is about to take a file's name away.
    pub(crate) fn goes(
        &mut self,
        server: usize,
        disk: &SimDisk,
        file: &File,
    ) -> Result<(), Broken> {
        let judged = self.durability.goes(server, disk, file);
        judged.map_err(|broken| self.with_roles(broken))
    }

    /// A server has started.
    pub(crate) fn started(&mut self, server: usize, host: &Host) -> Result<(), Broken> {
        let Some(replica) = host.replica() else {
            return Ok(());
        };
        let observed = replica.observe();
        self.durability
            .recovered(server, &host.disk, &observed.zab, replica.findings())?;
        self.ledger.jumped(server, observed.applied)
    }

    /// A server has taken a step.
    pub(crate) fn look_at(
        &mut self,
        server: usize,
        now: Micros,
        hosts: &mut [Host],
        notes: &mut Notes,
    ) -> Result<(), Broken> {
        let judged = self.step(server, now, hosts, notes);
        judged.map_err(|broken| self.with_roles(broken))
    }

    fn step(
        &mut self,
        server: usize,
        now: Micros,
        hosts: &mut [Host],
        notes: &mut Notes,
    ) -> Result<(), Broken> {
        let (last, resumed) = self.steps[server];
        let resumed = if now - last > STANDSTILL {
            now
        } else {
            resumed
        };
        self.steps[server] = (now, resumed);
        let clock_rate = hosts[server].clock_rate();
        let closing = std::mem::take(&mut self.closing);
        let (Some(replica), disk) = hosts[server].replica_and_disk() else {
            return Ok(());
        };
        let mut fresh = None;
        for record in replica.take_applied() {
            notes.record(|recorder| recorder.applied(server, record.zxid.0));
            let (zxid, chain) = (record.zxid.0, record.chain.0);
            self.durability
                .chains
                .histories_match(server, zxid, chain)?;
            if self.ledger.applied(server, now, &record)? {
                fresh = Some(record.zxid);
            }
        }
        timers_are_armed(server, replica)?;
        let observed = replica.observe();
        self.standings[server] = observed.zab.standing;
        let role = observed.zab.role;
        let serves = matches!(role, Role::Leading { .. } | Role::Following { .. });
        if serves && observed.zab.standing == Standing::Member {
            self.durability.serves(server);
        }
        let state = State {
            tree: observed.digest,
            sessions: sessions_hash(observed.sessions.iter().map(|(id, ms)| (id.0, ms))),
        };
        self.ledger
            .states_are_equal(server, observed.applied, state)?;
        let applied = observed.applied.0;
        self.durability
            .stepped(server, disk, &observed.zab, applied)?;
        let committed = observed.zab.committed.0;
        let was = self.roles[server].replace(role);
        self.votes.stepped(server, was, &observed.zab)?;
        self.close(server, was, role, closing);
        if let Role::Leading { epoch } = role {
            self.peers.leads_with(epoch.0, observed.zab.last.0, now);
        }
        let led = led_meanwhile(was, role, committed);
        let now_is = (was != Some(role)).then_some(role);
        for role in led.into_iter().chain(now_is) {
            let reign = Reign {
                server,
                since: now,
                clock_rate,
            };
            self.role(reign, role)?;
        }
        // One server alone may end an epoch and prepare the next in one step.
        let many = self.roles.len() > 1;
        if let (true, Some(zxid), Role::LeadingPrepare { .. }) = (many, fresh, role) {
            let name = server_name(server);
            let seen = format!("{name} applies {zxid:?}, and its epoch is not established");
            let rule = "S32 marker: records of earlier epochs commit with their successor's marker";
            return Err(Broken::safety(rule, seen).server(server).at(zxid.0));
        }
        self.commits(server, (led.or(was), role), committed)
    }

    /// Notes what a server closed that is what it was before, in an epoch that it serves.
    fn close(&mut self, server: usize, was: Option<Role>, role: Role, closing: Vec<ConnNumber>) {
        let time = self.steps[server].0;
        if was != Some(role) {
            self.since[server] = time;
            return;
        }
        let (Role::Leading { epoch } | Role::Following { epoch, .. }) = role else {
            return;
        };
        let reign = self.leaders.get(&epoch.0).map_or(time, |reign| reign.since);
        let since = self.since[server].max(reign);
        let closes = closing.into_iter().map(|conn| Close { conn, time, since });
        self.closes.extend(closes);
    }

    /// A leader commits what it knows to be committed; everybody else was told.
    fn commits(
        &mut self,
        server: usize,
        (was, role): (Option<Role>, Role),
        committed: u64,
    ) -> Result<(), Broken> {
        if let (Role::Leading { epoch }, _) | (_, Some(Role::Leading { epoch })) = (role, was) {
            return self.durability.committed(Commit {
                zxid: committed,
                epoch: epoch.0,
                server,
            });
        }
        if committed <= self.durability.last_committed() {
            return Ok(());
        }
        let seen = format!(
            "{} takes {} for committed, and no leader committed it",
            server_name(server),
            zxid_name(committed)
        );
        let rule = "S30 follower: nobody knows of a commit before a leader";
        Err(Broken::safety(rule, seen).server(server).at(committed))
    }

    fn role(&mut self, reign: Reign, role: Role) -> Result<(), Broken> {
        let server = reign.server;
        let Role::Leading { epoch } = role else {
            if !matches!(role, Role::LeadingPrepare { .. }) {
                self.durability.leads(server, false);
            }
            return Ok(());
        };
        match self.leaders.insert(epoch.0, reign) {
            None => self.durability.established(server, epoch.0),
            Some(before) => {
                let seen = format!(
                    "{} leads epoch {}, which {} led already",
                    server_name(server),
                    epoch.0,
                    server_name(before.server)
                );
                let rule = "S4 one reign: an epoch has one leader, once";
                Err(Broken::safety(rule, seen)
                    .server(server)
                    .server(before.server))
            }
        }
    }

    /// Says what those whom a broken rule concerns were doing.
    fn with_roles(&self, mut broken: Broken) -> Broken {
        let roles = broken.who.iter().map(|who| {
            let number = who
                .strip_prefix('s')
                .and_then(|id| id.parse::<usize>().ok());
            let role = number.and_then(|id| self.roles.get(id.wrapping_sub(1))?.as_ref());
            match role {
                None => "down",
                Some(Role::Looking) => "looking",
                Some(Role::LeadingPrepare { .. }) => "preparing to lead",
                Some(Role::Leading { .. }) => "leading",
                Some(Role::FollowingPrepare { .. }) => "preparing to follow",
                Some(Role::Following { .. }) => "following",
            }
        });
        broken.roles = roles.collect();
        broken
    }

    // The end.

    /// Why not all servers agree yet.
    pub(crate) fn disagreement(&self, hosts: &[Host]) -> Option<String> {
        for (server, host) in hosts.iter().enumerate() {
            let replica = host.replica()?;
            let applied = replica.observe().applied;
            if applied != self.ledger.last() {
                let last = self.ledger.last();
                let name = server_name(server);
                return Some(format!("{name} stands at {applied:?}, others at {last:?}"));
            }
        }
        None
    }

    /// Judges everything; `held` says how many connections of clients each server has.
    pub(crate) fn verdict(
        &self,
        (taps, held): (&[Tap], &[usize]),
        clients: &[SimClient],
        moves: &[Move],
        hosts: &[Host],
        (end, is_well): ((Micros, Micros), bool),
    ) -> Result<(), Broken> {
        let writes = Writes::collect(taps);
        let timeline = history::judge(&self.ledger, taps, &writes, self.locality)?;
        if self.is_sampled() {
            both_agree(&timeline, taps)?;
        }
        syncs::judge(&self.peers.rounds, taps, hosts.len())?;
        sessions::judge_moves(&timeline, moves)?;
        let proposed_at = |zxid| {
            let index = self.ledger.find(Zxid(zxid))?;
            let applied = self.ledger.entries()[index].time;
            let proposed = self.peers.proposed_at(zxid);
            Some(proposed.map_or(applied, |proposed| proposed.min(applied)))
        };
        sessions::judge_expiry(&timeline, taps, &writes, &self.leaders, proposed_at)?;
        if self.locality == Locality::Global {
            judge_closes(&timeline, taps, &self.closes, proposed_at)?;
        }
        let homes = Homes {
            starts: &self.starts,
            clock_rates: hosts.iter().map(Host::clock_rate).collect(),
        };
        sessions::judge_homes(&timeline, taps, &homes)?;
        let resumed =
            |(host, (_, stepped)): (&Host, &(Micros, Micros))| host.resumed_at.max(*stepped);
        let resumed: Vec<Micros> = hosts.iter().zip(&self.steps).map(resumed).collect();
        if is_well {
            sessions::judge_silence(&timeline, taps, (&self.leaders, &resumed), end)?;
        }
        let open_tap = |client: &SimClient| client.open_tap().filter(|_| is_well);
        let open: Vec<usize> = clients.iter().filter_map(open_tap).collect();
        let mut waiting = vec![Vec::new(); hosts.len()];
        for (number, tap) in taps.iter().enumerate() {
            let at_end = if open.contains(&number) {
                AtEnd::Open
            } else {
                AtEnd::Gone
            };
            let count = watches::judge(&timeline, tap, at_end)?;
            if at_end == AtEnd::Open {
                waiting[tap.server].push(count);
            }
        }
        for client in clients {
            client
                .watches
                .judge(&timeline, open_tap(client).is_some())?;
        }
        for (server, host) in hosts.iter().enumerate().filter(|_| is_well) {
            same_tree(server, host, &timeline)?;
            // It cannot know of a connection that ended in silence.
            let knows_all = held[server] == waiting[server].len();
            if let Some(replica) = host.replica().filter(|_| knows_all) {
                let has = replica.observe().watches;
                watches::none_is_left_over(server, has, &waiting[server])?;
            }
        }
        Ok(())
    }
}

/// What a server was in between that came to lead, and ceased to, in one step.
fn led_meanwhile(was: Option<Role>, role: Role, committed: u64) -> Option<Role> {
    let Some(Role::LeadingPrepare { epoch: Some(epoch) }) = was else {
        return None;
    };
    let has_committed = committed >> 32 == u64::from(epoch.0);
    (has_committed && role != Role::Leading { epoch }).then_some(Role::Leading { epoch })
}

/// A leader always waits for some time to come. Others may wait for their disk alone.
fn timers_are_armed(server: usize, replica: &Replica) -> Result<(), Broken> {
    let leads = matches!(replica.role(), Role::Leading { .. });
    if !leads || replica.next_deadline().is_some() {
        return Ok(());
    }
    let seen = format!("{} waits for nothing", server_name(server));
    let rule = "S40 armed: a leader always has a deadline";
    Err(Broken::resource(rule, seen).server(server))
}

impl Judges {
    /// Whether this is one of the hundredth part of worlds whose history is searched too.
    fn is_sampled(&self) -> bool {
        let last = self.ledger.entries().last();
        let chance = last.map_or(1, |entry| entry.record.chain.0);
        self.locality == Locality::Global && chance.is_multiple_of(100)
    }
}

/// A hash of sessions and their timeouts, in the order of their ids.
fn sessions_hash(sessions: impl Iterator<Item = (i64, i32)>) -> u64 {
    let mut hasher = Xxh3Default::new();
    for (session, timeout_ms) in sessions {
        hasher.update(&session.to_be_bytes());
        hasher.update(&timeout_ms.to_be_bytes());
    }
    hasher.digest()
}

/// Every node of a server is that of the model, and there is no other.
fn same_tree(server: usize, host: &Host, timeline: &Timeline) -> Result<(), Broken> {
    let Some(replica) = host.replica() else {
        return Ok(());
    };
    let observed = replica.observe();
    let tree = observed.tree;
    let broken = |seen: String| {
        let seen = format!("{} {seen}", server_name(server));
        Err(Broken::history(
            "H10 tree: the final tree is what the transactions make",
            seen,
        )
        .server(server))
    };
    let model = &timeline.last;
    if tree.node_count() != model.count() {
        let seen = format!("has {} nodes of {}", tree.node_count(), model.count());
        return broken(seen);
    }
    for (path, node) in model
        .nodes()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("/zookeeper"))
    {
        let shown = match tree.get_data(path, &[]) {
            Ok((data, stat)) => {
                let stat_is_right = (stat.czxid.0, stat.mzxid.0, stat.pzxid.0)
                    == (node.czxid, node.mzxid, node.pzxid)
                    && stat.version == node.version
                    && stat.ephemeral_owner.0 == node.owner
                    && stat.cversion == node.stat().cversion;
                stat_is_right && data.map(|data| &**data) == node.data.as_deref()
            }
            Err(ErrorCode::NoNode) => false,
            Err(error) => return broken(format!("answers {error} for {path}")),
        };
        if !shown {
            return broken(format!("shows another {path}"));
        }
    }
    let open = observed.sessions.len();
    if open != model.sessions.len() {
        return broken(format!("has {open} sessions of {}", model.sessions.len()));
    }
    Ok(())
}
