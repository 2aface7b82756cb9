//! What kind of world a seed is: its sizes, its limits, and which faults it knows.

mod apart;
mod calm;
mod disk_faults;
mod mishaps;

use self::apart::{Apart, locality, minority, net_knobs};
pub use self::disk_faults::DiskFault;
use crate::decide::{Dice, Stream};
use crate::nemesis::MishapKind;
use crate::net::NetKnobs;
use crate::options::Profile;
use crate::queue::Micros;
use crate::workload::Recipes;
use serde::{Deserialize, Serialize};

/// Kinds of faults that a world knows at least, if it knows any.
const KINDS_LEAST: usize = 3;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A process dies; the page cache stays.
    ProcessCrash,
    /// A machine loses its power.
    PowerLoss,
    /// All machines lose their power at once.
    PowerLossOfAll,
    /// A machine dies between two effects of one step.
    CrashAtEffect,
    /// A machine dies when it has just written to a file of some kind.
    CrashAtFile,
    /// A machine dies while it recovers.
    CrashInRecovery,
    /// A machine dies three times in a row, soon after each start.
    CrashStorm,
    /// A process stands still for a while.
    Pause,
    /// The leader stands still until others may have replaced it.
    LeaderPause,
    /// The network falls into two parts.
    Partition,
    /// One direction between two machines is lost.
    OneWay,
    /// The leader is cut off from the other servers.
    IsolateLeader,
    /// One kind of port is cut between some servers.
    IsolatePort,
    /// A server is cut off from every client.
    IsolateClients,
    /// A path is very slow for a while.
    Clog,
    /// A connection is reset.
    Reset,
    /// A connection is cut after some byte.
    Cut,
    /// A disk is slow for a while.
    SlowDisk,
    /// A disk answers nothing for a while.
    StalledDisk,
    /// A disk answers nothing for a while, and meanwhile its server has to connect anew.
    StallAndReset,
    /// A write to disk fails, and the process stops.
    DiskError,
    /// A disk is replaced by an empty one.
    Wipe,
    /// A bit of an old part of a file flips.
    Rot,
    /// Both copies of a promise rot while their server is down.
    PromiseLoss,
    /// The wall clock jumps.
    WallJump,
    /// A client stands still, perhaps until its session is over.
    ClientPause,
    /// A client's connection breaks.
    ClientReset,
    /// Somebody sends nonsense.
    Nonsense,
    /// Somebody goes on after closing a session, or uses one session twice.
    Rudeness,
    /// Something else.
    Mishap(MishapKind),
    /// Something else is done to a disk.
    Disk(DiskFault),
}

impl Fault {
    /// Every kind but those of disks alone.
    pub(crate) const ALL: [Fault; 29] = [
        Fault::ProcessCrash,
        Fault::PowerLoss,
        Fault::PowerLossOfAll,
        Fault::CrashAtEffect,
        Fault::CrashAtFile,
        Fault::CrashInRecovery,
        Fault::CrashStorm,
        Fault::Pause,
        Fault::LeaderPause,
        Fault::Partition,
        Fault::OneWay,
        Fault::IsolateLeader,
        Fault::IsolatePort,
        Fault::IsolateClients,
        Fault::Clog,
        Fault::Reset,
        Fault::Cut,
        Fault::SlowDisk,
        Fault::StalledDisk,
        Fault::StallAndReset,
        Fault::DiskError,
        Fault::Wipe,
        Fault::Rot,
        Fault::PromiseLoss,
        Fault::WallJump,
        Fault::ClientPause,
        Fault::ClientReset,
        Fault::Nonsense,
        Fault::Rudeness,
    ];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::ProcessCrash => "process crash",
            Fault::PowerLoss => "power loss",
            Fault::PowerLossOfAll => "power loss of all",
            Fault::CrashAtEffect => "crash at effect",
            Fault::CrashAtFile => "crash at a file",
            Fault::CrashInRecovery => "crash in recovery",
            Fault::CrashStorm => "crash after crash",
            Fault::Pause => "pause",
            Fault::LeaderPause => "leader paused",
            Fault::Partition => "partition",
            Fault::OneWay => "one-way partition",
            Fault::IsolateLeader => "leader isolated",
            Fault::IsolatePort => "port isolated",
            Fault::IsolateClients => "clients isolated",
            Fault::Clog => "clog",
            Fault::Reset => "reset",
            Fault::Cut => "cut",
            Fault::SlowDisk => "slow disk",
            Fault::StalledDisk => "stalled disk",
            Fault::StallAndReset => "stalled disk and reset",
            Fault::DiskError => "disk error",
            Fault::Wipe => "wiped disk",
            Fault::Rot => "bit rot",
            Fault::PromiseLoss => "lost promise",
            Fault::WallJump => "wall clock jump",
            Fault::ClientPause => "client pause",
            Fault::ClientReset => "client reset",
            Fault::Nonsense => "nonsense",
            Fault::Rudeness => "rude clients",
            Fault::Mishap(kind) => kind.name(),
            Fault::Disk(fault) => fault.name(),
        }
    }

    /// The names of all kinds.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let disks = DiskFault::ALL.into_iter().map(DiskFault::name);
        let mishaps = MishapKind::ALL.into_iter().map(MishapKind::name);
        let others = Fault::ALL.into_iter().map(Fault::name);
        others.chain(disks).chain(mishaps)
    }

    /// How often it strikes among the others, where a seed knows it.
    fn weight(self) -> u32 {
        match self {
            Fault::ProcessCrash
            | Fault::PowerLoss
            | Fault::CrashAtEffect
            | Fault::CrashAtFile
            | Fault::IsolateLeader => 10,
            Fault::Partition | Fault::Cut | Fault::Reset => 8,
            Fault::CrashStorm
            | Fault::Pause
            | Fault::LeaderPause
            | Fault::StallAndReset
            | Fault::OneWay
            | Fault::IsolatePort
            | Fault::ClientPause
            | Fault::ClientReset => 6,
            Fault::Rudeness => 15,
            Fault::Mishap(_) => 4,
            Fault::PowerLossOfAll
            | Fault::CrashInRecovery
            | Fault::IsolateClients
            | Fault::Clog
            | Fault::SlowDisk
            | Fault::StalledDisk
            | Fault::Wipe
            | Fault::Rot
            | Fault::PromiseLoss
            | Fault::WallJump
            | Fault::DiskError
            | Fault::Disk(_)
            | Fault::Nonsense => 3,
        }
    }
}

/// Who knows a session.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Locality {
    /// Every server.
    #[default]
    Global,
    /// The server that opened it, for as long as it lasts.
    Local,
    /// The server that opened it, until the session wants an ephemeral node.
    UntilEphemeral,
}

/// What servers without a quorum do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Minority {
    /// They serve nobody.
    #[default]
    Silent,
    /// They serve those who only read, and clients take it.
    Readable,
}

/// Everything that a seed draws before its world begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Swarm {
    pub(crate) servers: usize,
    pub(crate) clients: usize,
    pub(crate) tick: Micros,
    pub(crate) init_limit: u32,
    pub(crate) sync_limit: u32,
    pub(crate) segment_bytes: u64,
    pub(crate) snapshot_txns: u32,
    pub(crate) snapshot_nodes_per_txn: u32,
    pub(crate) snapshot_log_bytes: u64,
    pub(crate) snapshots_kept: u32,
    pub(crate) window_bytes_max: usize,
    pub(crate) backlog_bytes_max: usize,
    pub(crate) chunk_bytes: u32,
    pub(crate) counter_max: u32,
    pub(crate) outstanding_max: u32,
    pub(crate) frame_bytes_max: usize,
    pub(crate) session_timeout: (Micros, Micros),
    pub(crate) locality: Locality,
    pub(crate) minority: Minority,
    pub(crate) net: NetKnobs,
    pub(crate) disk: DiskKnobs,
    /// Most by which a monotonic clock is off, in parts per million.
    pub(crate) drift_ppm: u64,
    /// Most inputs that a server takes before it ends a batch.
    pub(crate) batch_max: u64,
    /// Microseconds of computing that one input costs.
    pub(crate) input_cost: (Micros, Micros),
    /// How long faults go on.
    pub(crate) safety: Micros,
    /// Which faults strike, with their weights.
    pub(crate) faults: Vec<(Fault, u32)>,
    /// Mean time between two of them, or between two showers of them.
    pub(crate) fault_interval: Micros,
    /// How many strike at least, where any do.
    pub(crate) faults_least: u64,
    /// How many operations clients have answered at least.
    pub(crate) ops_least: u64,
    /// Mean time between two operations of a client.
    pub(crate) think: Micros,
    /// Operations a client has under way at most.
    pub(crate) depth: usize,
    pub(crate) work: WorkWeights,
    /// Whether servers answer nobody who has proven nothing.
    pub(crate) demands_proof: bool,
    /// Requests under way above which further ones wait, 0 for no limit.
    pub(crate) requests_max: usize,
    /// Sessions that may be opened at once, and again with each tick; 0 for no limit.
    pub(crate) connects_max: u64,
    /// Of a hundred faults, how many come right behind another one.
    pub(crate) together: u32,
    /// Mean time between two words of somebody who tells servers whom to follow, if there is one.
    pub(crate) adversary: Option<Micros>,
    /// Whether somebody drives the world and breaks what they like.
    pub(crate) by_hand: bool,
    /// Whether faults have no budget.
    #[serde(default)]
    pub(crate) beyond: bool,
}

/// How fast a disk is, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskKnobs {
    pub(crate) sync: (Micros, Micros),
    pub(crate) other: (Micros, Micros),
    /// Whether power loss may leave part of a sector.
    pub(crate) torn: bool,
}

/// How often clients do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkWeights {
    pub(crate) create: u32,
    pub(crate) delete: u32,
    pub(crate) set: u32,
    pub(crate) sequential: u32,
    pub(crate) ephemeral: u32,
    pub(crate) multi: u32,
    pub(crate) read: u32,
    pub(crate) watch: u32,
    pub(crate) sync: u32,
    /// Give the session up and open another.
    pub(crate) close: u32,
    /// Hot paths that all clients fight over.
    pub(crate) paths: usize,
    /// Of twenty values, how many are long.
    pub(crate) long: u64,
    pub(crate) recipes: Recipes,
}

impl Swarm {
    /// Draws the world of a seed.
    pub(crate) fn draw(seed: u64, profile: Profile) -> Self {
        let dice = &mut Dice::new(seed, Stream::Swarm, 0);
        let lite = profile == Profile::Lite;
        let servers = match (lite, dice.below(100)) {
            (true, 0..12) => 1,
            (true, 12..24) => 2,
            (true, _) | (false, 0..45) => 3,
            (false, 45..55) => 4,
            (false, 55..80) => 5,
            (false, 80..88) => 6,
            (false, _) => 7,
        };
        let tick_ms = dice.octaves(50, if lite { 2_000 } else { 10_000 });
        let tick = mishaps::longest_tick(seed).unwrap_or(tick_ms * 1_000);
        let small = dice.percent(60);
        let timeout_min = tick * dice.range(2, 4);
        let timeout_max = timeout_min.max(tick * dice.range(8, 20));
        let safety = tick * dice.range(30, 100);
        let safety = if lite {
            safety.clamp(25_000_000, 120_000_000) / 3
        } else {
            safety.clamp(240_000_000, 300_000_000)
        };
        let clients = if lite { 2 } else { dice.range(2, 6) };
        // Of all clients together.
        let ops = if lite {
            dice.range(100, 500)
        } else {
            dice.range(1_250, 2_000)
        };
        let think = safety * clients / ops;
        let faults_wanted = dice.octaves(if lite { 6 } else { 30 }, if lite { 40 } else { 90 });
        let fault_interval = (safety / faults_wanted).max(200_000);
        // An ensemble needs a few ticks to become one; faults come in showers where they would
        // otherwise never leave it so much.
        let shower = (tick * 4).min(safety / 8).div_ceil(fault_interval).min(10);
        let mut swarm = Swarm {
            servers,
            clients: usize::try_from(clients).expect("few"),
            tick,
            init_limit: u32::try_from(dice.range(5, 10)).expect("small"),
            sync_limit: u32::try_from(dice.range(2, 6)).expect("small"),
            segment_bytes: if small {
                4_096
            } else {
                dice.octaves(4_096, 262_144)
            },
            snapshot_txns: u32::try_from(dice.octaves(if small { 4 } else { 40 }, 2_000))
                .expect("small"),
            snapshot_nodes_per_txn: mishaps::snapshot_nodes_per_txn(seed),
            snapshot_log_bytes: if dice.percent(30) {
                dice.octaves(2_048, 65_536)
            } else {
                0
            },
            snapshots_kept: u32::try_from(dice.range(1, 3)).expect("small"),
            window_bytes_max: usize::try_from(dice.octaves(256, 1 << 20)).expect("small"),
            backlog_bytes_max: mishaps::backlog(seed),
            chunk_bytes: u32::try_from(dice.octaves(64, 65_536)).expect("small"),
            counter_max: if dice.percent(25) {
                u32::try_from(dice.octaves(10, 400)).expect("small")
            } else {
                u32::MAX - 65_536
            },
            outstanding_max: u32::try_from(dice.octaves(2, 1_000)).expect("small"),
            frame_bytes_max: 1_048_575,
            session_timeout: (timeout_min, timeout_max),
            locality: locality(seed, servers),
            minority: minority(seed, servers),
            net: net_knobs(dice, seed, profile, tick),
            disk: DiskKnobs {
                sync: spread(dice, 100, 8_000),
                other: spread(dice, 5, 200),
                torn: dice.percent(40),
            },
            drift_ppm: if dice.percent(50) {
                dice.octaves(10, 20_000)
            } else {
                0
            },
            batch_max: dice.octaves(1, 64),
            input_cost: spread(dice, 2, 100),
            safety,
            faults: faults(dice, profile, servers),
            fault_interval: fault_interval * shower,
            faults_least: if lite { 0 } else { 24 },
            ops_least: if lite { 0 } else { 1_000 },
            think: think.max(4_000),
            depth: usize::try_from(dice.range(1, 6)).expect("small"),
            work: work(dice, seed),
            demands_proof: dice.percent(10),
            requests_max: if dice.percent(20) {
                usize::try_from(dice.octaves(1, 50)).expect("small")
            } else {
                0
            },
            connects_max: if dice.percent(15) {
                dice.octaves(1, 16)
            } else {
                0
            },
            together: u32::try_from(dice.range(0, 40).max(100 - 100 / shower)).expect("small"),
            adversary: (profile != Profile::Quiet && dice.percent(50))
                .then(|| dice.octaves((tick / 4).max(20_000), tick * 8)),
            by_hand: false,
            beyond: profile == Profile::Beyond,
        };
        swarm.add_mishaps(seed);
        swarm.go_to_extremes(seed, profile);
        disk_faults::add(seed, servers, &mut swarm.faults);
        if swarm.beyond {
            disk_faults::add_beyond(seed, &mut swarm.faults);
        }
        if swarm.demands_proof {
            // They prove nothing, and nothing would come of their bad manners.
            swarm.faults.retain(|(fault, _)| *fault != Fault::Rudeness);
        }
        swarm
    }

    /// How many servers there are.
    pub fn servers(&self) -> usize {
        self.servers
    }

    /// Whether nothing is broken on purpose, and no limit makes a client wait.
    pub(crate) fn is_calm(&self) -> bool {
        let is_unbroken = self.faults.is_empty() && self.adversary.is_none() && !self.by_hand;
        let is_unthrottled = self.requests_max == 0 && self.connects_max == 0;
        // A full epoch ends, and the next one may come later than a short session.
        is_unbroken && is_unthrottled && self.counter_max > 1_000_000
    }

    /// The drawn world in one line.
    pub(crate) fn words(&self) -> String {
        let faults: Vec<&str> = self.faults.iter().map(|(fault, _)| fault.name()).collect();
        format!(
            "{} servers, {} clients, tick {} ms, limits {}/{}, segments {} B, snapshot every {} \
             txns or {} nodes by txn, window {} B, backlog {} B, chunk {} B, counter to {}, outstanding {}, throttles {}/{}, \
             proofs {}, sessions {} to {} ms{}{}, drift {} ppm, {}{} s of {}",
            self.servers,
            self.clients,
            self.tick / 1_000,
            self.init_limit,
            self.sync_limit,
            self.segment_bytes,
            self.snapshot_txns,
            self.snapshot_nodes_per_txn,
            self.window_bytes_max,
            self.backlog_bytes_max,
            self.chunk_bytes,
            self.counter_max,
            self.outstanding_max,
            self.requests_max,
            self.connects_max,
            if self.demands_proof {
                "demanded"
            } else {
                "welcome"
            },
            self.session_timeout.0 / 1_000,
            self.session_timeout.1 / 1_000,
            match self.locality {
                Locality::Global => "",
                Locality::Local => " and local",
                Locality::UntilEphemeral => " and local until ephemeral",
            },
            match self.minority {
                Minority::Silent => "",
                Minority::Readable => ", a readable minority",
            },
            self.drift_ppm,
            self.adversary.map_or_else(String::new, |every| format!(
                "suggestions every {} ms, ",
                every / 1_000
            )),
            self.safety / 1_000_000,
            if faults.is_empty() {
                "no faults".to_owned()
            } else {
                faults.join(", ")
            },
        )
    }
}

fn rate(dice: &mut Dice, low: u64, high: u64) -> u32 {
    u32::try_from(dice.octaves(low, high)).expect("rates are below a million")
}

/// A range around a typical value.
fn spread(dice: &mut Dice, low: u64, high: u64) -> (Micros, Micros) {
    let typical = dice.octaves(low, high);
    (typical / 2 + 1, typical * 2)
}

fn faults(dice: &mut Dice, profile: Profile, servers: usize) -> Vec<(Fault, u32)> {
    let fault_free = profile == Profile::Quiet || dice.percent(9);
    let share = u32::try_from(dice.range(10, 90)).expect("small");
    let mut chosen = Vec::new();
    for fault in Fault::ALL {
        // Drawn for every kind, so that a kind more shifts no other draw.
        let wanted = dice.percent(share);
        let always = profile == Profile::Hostile && fault == Fault::Nonsense;
        if always || (wanted && !fault_free && makes_sense(fault, servers)) {
            let weight = if always { 60 } else { fault.weight() };
            chosen.push((fault, weight));
        }
    }
    // One kind alone may be impossible most of the time, or let no ensemble last.
    if !fault_free {
        for fault in [Fault::Reset, Fault::ProcessCrash, Fault::Partition] {
            let is_chosen = chosen.iter().any(|(known, _)| *known == fault);
            if chosen.len() < KINDS_LEAST && !is_chosen && makes_sense(fault, servers) {
                chosen.push((fault, fault.weight()));
            }
        }
    }
    chosen
}

fn makes_sense(fault: Fault, servers: usize) -> bool {
    match fault {
        Fault::Partition
        | Fault::OneWay
        | Fault::IsolateLeader
        | Fault::IsolatePort
        | Fault::StallAndReset => servers > 1,
        Fault::Mishap(kind) => kind.makes_sense(servers, false),
        Fault::Wipe | Fault::Rot | Fault::PromiseLoss => servers > 2,
        Fault::ProcessCrash
        | Fault::PowerLoss
        | Fault::PowerLossOfAll
        | Fault::CrashAtEffect
        | Fault::CrashAtFile
        | Fault::CrashInRecovery
        | Fault::CrashStorm
        | Fault::Pause
        | Fault::LeaderPause
        | Fault::IsolateClients
        | Fault::Clog
        | Fault::Reset
        | Fault::Cut
        | Fault::SlowDisk
        | Fault::StalledDisk
        | Fault::DiskError
        | Fault::WallJump
        | Fault::ClientPause
        | Fault::ClientReset
        | Fault::Nonsense
        | Fault::Disk(_)
        | Fault::Rudeness => true,
    }
}

fn work(dice: &mut Dice, seed: u64) -> WorkWeights {
    let mut weight = |most: u64| u32::try_from(dice.range(0, most)).expect("small");
    WorkWeights {
        create: 1 + weight(20),
        delete: weight(15),
        set: 1 + weight(20),
        sequential: weight(10),
        ephemeral: weight(12),
        multi: weight(10),
        read: 1 + weight(20),
        watch: weight(20),
        sync: weight(6),
        close: weight(2),
        paths: 2 + usize::try_from(weight(10)).expect("small"),
        long: 1 + u64::from(weight(12).saturating_sub(6)),
        recipes: Recipes::draw(&mut Apart::Recipes.dice(seed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_seeds_know_no_faults_and_all_sizes_occur() {
        let drawn: Vec<Swarm> = (0..400)
            .map(|seed| Swarm::draw(seed, Profile::Swarm))
            .collect();
        let calm = drawn.iter().filter(|swarm| swarm.faults.is_empty()).count();
        assert!((20..100).contains(&calm), "{calm}");
        for servers in 3..=7 {
            assert!(drawn.iter().any(|swarm| swarm.servers == servers));
        }
        let lite = |seed| Swarm::draw(seed, Profile::Lite).servers;
        for servers in 1..=3 {
            assert!((0..400).any(|seed| lite(seed) == servers));
        }
        for locality in [Locality::Local, Locality::UntilEphemeral] {
            assert!(drawn.iter().any(|swarm| swarm.locality == locality));
        }
    }
}
