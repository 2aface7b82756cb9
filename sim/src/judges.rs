//! All judges, and what they are shown: after every step of a server what it applied and what it
//! is, at every commit the disks, and at the end everything.

use crate::client::SimClient;
use crate::decide::Dice;
use crate::disk::SimDisk;
use crate::host::Host;
use crate::notes::Notes;
use crate::oracle::broken::{Broken, server_name};
use crate::oracle::durability::Durability;
use crate::oracle::history::{self, Writes};
use crate::oracle::ledger::Ledger;
use crate::oracle::peers::{Peers, Sending};
use crate::oracle::sessions::{self, Homes, Move, Reign};
use crate::oracle::syncs;
use crate::oracle::timeline::Timeline;
use crate::oracle::watches::{self, AtEnd};
use crate::oracle::wire::Tap;
use crate::queue::Micros;
use crate::swarm::Locality;
use std::collections::BTreeMap;
use wal::File;
use zab_core::Role;
use zk_types::{ErrorCode, Standing, Zxid};

/// All judges.
#[derive(Clone)]
pub(crate) struct Judges {
    pub(crate) ledger: Ledger,
    durability: Durability,
    peers: Peers,
    /// Who leads, or led, each epoch.
    leaders: BTreeMap<u32, Reign>,
    roles: Vec<Option<Role>>,
    standings: Vec<Standing>,
    /// Who knows a session.
    locality: Locality,
    /// When each server started.
    starts: Vec<Vec<Micros>>,
}

impl Judges {
    pub(crate) fn new(servers: usize, locality: Locality) -> Self {
        Judges {
            ledger: Ledger::new(servers),
            durability: Durability::new(servers),
            peers: Peers::default(),
            leaders: BTreeMap::new(),
            roles: vec![None; servers],
            standings: vec![Standing::Fresh; servers],
            locality,
            starts: vec![Vec::new(); servers],
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
        self.durability.before_start(server, &host.disk)
    }

    /// A server is about to say something to another one.
    pub(crate) fn sent(&mut self, sending: &Sending<'_>, disk: &SimDisk) -> Result<(), Broken> {
        self.durability.look_at(sending.from, disk)?;
        self.peers
            .sent(sending, &self.durability.holding(sending.from))
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
        let clock_rate = hosts[server].clock_rate();
        let (Some(replica), disk) = hosts[server].replica_and_disk() else {
            return Ok(());
        };
        let mut fresh = None;
        for record in replica.take_applied() {
            notes.record(|recorder| recorder.applied(server, record.zxid.0));
            if self.ledger.applied(server, now, &record)? {
                fresh = Some(record.zxid);
            }
        }
        let observed = replica.observe();
        self.standings[server] = observed.zab.standing;
        let role = observed.zab.role;
        let (applied, digest) = (observed.applied, observed.digest);
        self.ledger.digest(server, applied, digest)?;
        self.durability.stepped(server, disk, &observed.zab)?;
        // One server alone may end an epoch and prepare the next in one step.
        let many = self.roles.len() > 1;
        if let (true, Some(zxid), Role::LeadingPrepare { .. }) = (many, fresh, role) {
            let name = server_name(server);
            let seen = format!("{name} applies {zxid:?}, and its epoch is not established");
            let rule = "records of earlier epochs commit with their successor's marker";
            return Err(Broken::safety(rule, seen).server(server).at(zxid.0));
        }
        if self.roles[server] != Some(role) {
            self.roles[server] = Some(role);
            let reign = Reign {
                server,
                since: now,
                clock_rate,
            };
            self.role(reign, role)?;
        }
        let has_turned = self.durability.has_turned(server);
        match fresh {
            Some(zxid) => self.durability.committed(zxid, &self.ledger, hosts),
            None if has_turned => self.durability.turned(&self.ledger, hosts),
            None => Ok(()),
        }
    }

    fn role(&mut self, reign: Reign, role: Role) -> Result<(), Broken> {
        let Role::Leading { epoch } = role else {
            return Ok(());
        };
        match self.leaders.insert(epoch.0, reign) {
            None => Ok(()),
            Some(before) => {
                let seen = format!(
                    "{} leads epoch {}, which {} led already",
                    server_name(reign.server),
                    epoch.0,
                    server_name(before.server)
                );
                let rule = "an epoch has one leader, once";
                Err(Broken::safety(rule, seen)
                    .server(reign.server)
                    .server(before.server))
            }
        }
    }

    // The fault budget.

    /// Whether the budget allows one more server to lose what it knew.
    pub(crate) fn may_lose(&mut self, server: usize, hosts: &[Host]) -> Result<bool, Broken> {
        for (other, host) in hosts.iter().enumerate() {
            self.durability.look_at(other, &host.disk)?;
        }
        let is_lost = |other: &usize| {
            *other == server
                || self.standings[*other] != Standing::Member
                || !self.durability.is_member(*other)
                || self.durability.is_rotten(*other)
        };
        let lost = (0..hosts.len()).filter(is_lost).count();
        Ok(lost <= (hosts.len() - 1) / 2)
    }

    /// A bit of a file of a server flipped.
    pub(crate) fn rotted(&mut self, server: usize, file: &File) {
        self.durability.rotted(server, file);
    }

    /// Whether a server is down that lost its promise.
    pub(crate) fn has_forgotten(&self, server: usize) -> bool {
        self.durability.has_forgotten(server)
    }

    /// A server that is down lost its promise.
    pub(crate) fn forgot(&mut self, server: usize) {
        self.standings[server] = Standing::Amnesiac;
        self.durability.forgot(server);
    }

    /// A server lost its disk.
    pub(crate) fn lost(&mut self, server: usize) {
        self.standings[server] = Standing::Fresh;
        self.durability.lost(server);
    }

    /// A place on a server's disk where rot is told from a torn write.
    pub(crate) fn rottable(
        &mut self,
        server: usize,
        host: &Host,
        dice: &mut Dice,
    ) -> Result<Option<(File, usize)>, Broken> {
        self.durability.rottable(server, &host.disk, dice)
    }

    /// Whether rot at a place is told from a torn write.
    pub(crate) fn is_rottable(
        &mut self,
        server: usize,
        host: &Host,
        name: &str,
        offset: usize,
    ) -> Result<bool, Broken> {
        self.durability
            .is_rottable(server, &host.disk, name, offset)
    }

    /// The last record that a disk holds for good, whatever its server says.
    pub(crate) fn durable(&mut self, server: usize, disk: &SimDisk) -> Result<u64, Broken> {
        self.durability.look_at(server, disk)?;
        let image = self.durability.holding(server).image;
        Ok(image.records.last().map_or(image.base.0, |mark| mark.0))
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

    /// Judges everything.
    pub(crate) fn verdict(
        &self,
        taps: &[Tap],
        clients: &[SimClient],
        moves: &[Move],
        hosts: &[Host],
        end: (Micros, Micros),
    ) -> Result<(), Broken> {
        let writes = Writes::collect(taps);
        let timeline = Timeline::tell(&self.ledger, &writes, self.locality)?;
        history::judge(&timeline, taps)?;
        syncs::judge(&self.peers.rounds, taps, hosts.len())?;
        sessions::judge_moves(&timeline, moves)?;
        let proposed_at = |zxid| {
            let index = self.ledger.find(Zxid(zxid))?;
            let applied = self.ledger.entries()[index].time;
            let proposed = self.peers.proposed_at(zxid);
            Some(proposed.map_or(applied, |proposed| proposed.min(applied)))
        };
        sessions::judge_expiry(&timeline, taps, &writes, &self.leaders, proposed_at)?;
        let homes = Homes {
            starts: &self.starts,
            clock_rates: hosts.iter().map(Host::clock_rate).collect(),
        };
        sessions::judge_homes(&timeline, taps, &homes)?;
        let resumed: Vec<Micros> = hosts.iter().map(|host| host.resumed_at).collect();
        sessions::judge_silence(&timeline, taps, (&self.leaders, &resumed), end)?;
        let open: Vec<usize> = clients.iter().filter_map(SimClient::open_tap).collect();
        for (number, tap) in taps.iter().enumerate() {
            let at_end = if open.contains(&number) {
                AtEnd::Open
            } else {
                AtEnd::Gone
            };
            watches::judge(&timeline, tap, at_end)?;
        }
        for client in clients {
            client
                .watches
                .judge(&timeline, client.open_tap().is_some())?;
        }
        for (server, host) in hosts.iter().enumerate() {
            same_tree(server, host, &timeline)?;
        }
        Ok(())
    }
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
        Err(Broken::history("the final tree is what the transactions make", seen).server(server))
    };
    let model = &timeline.last;
    if tree.node_count() != model.nodes.len() {
        let seen = format!("has {} nodes of {}", tree.node_count(), model.nodes.len());
        return broken(seen);
    }
    for (path, node) in model
        .nodes
        .iter()
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
