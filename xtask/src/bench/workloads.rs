//! What servers are put to, and what is asked of the outcome.

use super::Bench;
use super::cases;
use super::figures::{Figure, Figures, Goal};
use super::subject::Kind;
use Figure::{Growth, P50, P99, ServerTime, Share, Throughput};
use Goal::{AtLeast, AtMost, Better, Floor};
use anyhow::Result;

/// One row of the table.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) goals: &'static [Goal],
    pub(super) what: What,
}

/// How a row comes about.
pub(super) enum What {
    /// A load on servers that other loads are put on, too: so many servers, one for a standalone
    /// one.
    Load(usize, Load),
    /// Something that starts servers of its own.
    Measure(Measure),
}

/// Requests that are kept under way.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: usize,
    /// Requests that each connection has under way.
    pub(super) depth: usize,
    /// Kinds of requests, in percent.
    pub(super) mix: &'static str,
    /// Bytes of a value.
    pub(super) value: usize,
    /// Nodes that are read and changed.
    pub(super) nodes: u64,
    /// Requests per second; none for as many as are answered.
    pub(super) rate: Option<u64>,
}

/// Something with servers of its own.
pub(super) struct Measure {
    /// Who has turns.
    pub(super) kinds: &'static [Kind],
    /// Turns of each at most: some take minutes.
    pub(super) rounds_max: usize,
    /// A turn.
    pub(super) turn: fn(&Bench, Kind) -> Result<Figures>,
}

impl Load {
    /// Values of a hundred bytes in a thousand nodes, as fast as answers come.
    pub(super) const fn of(connections: usize, depth: usize, mix: &'static str) -> Self {
        Load {
            connections,
            depth,
            mix,
            value: 100,
            nodes: 1_000,
            rate: None,
        }
    }

    /// Whether it asks for values, and changes them, and no more.
    pub(super) fn only_reads_and_writes(&self) -> bool {
        self.mix
            .split(',')
            .all(|share| share.starts_with("get=") || share.starts_with("set="))
    }
}

pub(super) const READS: &str = "get=100";
pub(super) const WRITES: &str = "set=100";
/// The mix of the fastest published drop-in.
const MIX: &str = "create=1,set=8,get=45,list=45,delete=1";

const fn load(
    name: &'static str,
    (servers, connections, depth): (usize, usize, usize),
    mix: &'static str,
    goals: &'static [Goal],
) -> Case {
    of_bytes(100, name, (servers, connections, depth), mix, goals)
}

const fn of_bytes(
    value: usize,
    name: &'static str,
    (servers, connections, depth): (usize, usize, usize),
    mix: &'static str,
    goals: &'static [Goal],
) -> Case {
    let load = Load {
        value,
        ..Load::of(connections, depth, mix)
    };
    Case {
        name,
        goals,
        what: What::Load(servers, load),
    }
}

const fn measure(
    name: &'static str,
    kinds: &'static [Kind],
    rounds_max: usize,
    turn: fn(&Bench, Kind) -> Result<Figures>,
    goals: &'static [Goal],
) -> Case {
    Case {
        name,
        goals,
        what: What::Measure(Measure {
            kinds,
            rounds_max,
            turn,
        }),
    }
}

const BOTH: &[Kind] = &[Kind::Vivarium, Kind::Apache];
const OURS: &[Kind] = &[Kind::Vivarium];

/// Every row; loads on the same number of servers stand side by side.
pub(super) const ALL: &[Case] = &[
    load(
        "reads, 32 x 16",
        (1, 32, 16),
        READS,
        &[Better(ServerTime, 10.0), Floor(ServerTime, 2.0)],
    ),
    load(
        "reads, 32 x 1",
        (1, 32, 1),
        READS,
        &[Better(ServerTime, 3.0), Floor(ServerTime, 1.3)],
    ),
    load("reads, 1 x 1", (1, 1, 1), READS, &[]),
    load("reads, 1000 x 1", (1, 1_000, 1), READS, &[]),
    load("reads, 1000 x 16", (1, 1_000, 16), READS, &[]),
    load(
        "writes, 32 x 16",
        (1, 32, 16),
        WRITES,
        &[Better(ServerTime, 8.0), Floor(ServerTime, 3.0)],
    ),
    load("writes, 32 x 1", (1, 32, 1), WRITES, &[]),
    // The floor's answer is one sync into a zero-filled range and one round trip.
    load(
        "writes, one at a time",
        (1, 1, 1),
        WRITES,
        &[Floor(P50, 1.5)],
    ),
    load("writes, 1000 x 1", (1, 1_000, 1), WRITES, &[]),
    load("half reads, 32 x 16", (1, 32, 16), "get=50,set=50", &[]),
    load("90 % reads, 32 x 16", (1, 32, 16), "get=90,set=10", &[]),
    load("creates, 32 x 16", (1, 32, 16), "create=100", &[]),
    load(
        "creates and deletes, 32 x 16",
        (1, 32, 16),
        "create=50,delete=50",
        &[],
    ),
    load("multi of ten, 32 x 1", (1, 32, 1), "multi=100", &[]),
    of_bytes(1_024, "reads of 1 KiB, 32 x 16", (1, 32, 16), READS, &[]),
    of_bytes(65_536, "reads of 64 KiB, 32 x 1", (1, 32, 1), READS, &[]),
    of_bytes(1_024, "writes of 1 KiB, 32 x 16", (1, 32, 16), WRITES, &[]),
    of_bytes(65_536, "writes of 64 KiB, 32 x 1", (1, 32, 1), WRITES, &[]),
    load(
        "writes, three servers, 30 x 16",
        (3, 30, 16),
        WRITES,
        &[Better(ServerTime, 8.0), Better(Throughput, 5.0)],
    ),
    load(
        "writes, three servers, 30 x 1",
        (3, 30, 1),
        WRITES,
        &[Better(Throughput, 3.0), Better(P99, 2.0)],
    ),
    load("reads, three servers, 30 x 16", (3, 30, 16), READS, &[]),
    load(
        "90 % reads, three servers, 30 x 16",
        (3, 30, 16),
        "get=90,set=10",
        &[],
    ),
    load(
        "half reads, three servers, 30 x 16",
        (3, 30, 16),
        "get=50,set=50",
        &[Better(Throughput, 5.0)],
    ),
    load(
        "creates, three servers, 30 x 16",
        (3, 30, 16),
        "create=100",
        &[Better(Throughput, 5.0)],
    ),
    load(
        "mix of lists and reads, three servers, 30 x 16",
        (3, 30, 16),
        MIX,
        &[Better(Throughput, 5.0)],
    ),
    load("writes, five servers, 30 x 16", (5, 30, 16), WRITES, &[]),
    measure(
        "writes, five servers beside three, 30 x 16",
        BOTH,
        3,
        cases::scale::five_beside_three,
        &[AtLeast(Share, 0.9)],
    ),
    measure(
        "a thousand watchers of one node",
        BOTH,
        3,
        cases::many::watchers,
        &[Better(Figure::LastTold, 5.0)],
    ),
    measure(
        "3000 sessions opened, three servers",
        BOTH,
        3,
        cases::many::sessions,
        &[Better(Throughput, 5.0)],
    ),
    measure("10 000 idle connections", BOTH, 2, cases::many::idle, &[]),
    measure(
        "many znodes: memory, and restart",
        BOTH,
        2,
        cases::znodes::memory,
        &[
            AtMost(Figure::BytesEach, 300.0),
            Better(Figure::BytesEach, 3.0),
            AtMost(Figure::Start, 1_000.0),
            Better(Figure::Start, 8.0),
        ],
    ),
    measure(
        "many znodes: writes while snapshots are taken, beside none",
        BOTH,
        2,
        cases::znodes::snapshot,
        &[AtMost(Growth, 2.0)],
    ),
    measure(
        "many znodes: a follower that had nothing",
        BOTH,
        1,
        cases::znodes::catch_up,
        &[],
    ),
    measure(
        "leader killed at tick 2000",
        BOTH,
        3,
        cases::losses::leader_killed,
        &[AtMost(Figure::Gap, 200.0)],
    ),
    measure(
        "leader stopped at tick 2000",
        BOTH,
        3,
        cases::losses::leader_stopped,
        &[],
    ),
    measure(
        "follower killed at tick 2000",
        BOTH,
        3,
        cases::losses::follower_killed,
        &[],
    ),
    measure(
        "ten times the znodes, reads",
        OURS,
        3,
        cases::scale::znodes_read,
        &[AtMost(Growth, 1.2)],
    ),
    measure(
        "ten times the znodes, writes",
        OURS,
        3,
        cases::scale::znodes_written,
        &[AtMost(Growth, 1.2)],
    ),
    measure(
        "ten times the connections, reads",
        &[Kind::Vivarium, Kind::Floor],
        3,
        cases::scale::connections_reading,
        &[AtMost(Growth, 1.2)],
    ),
    measure(
        "ten times the connections, one read under way on each",
        &[Kind::Vivarium, Kind::Floor],
        3,
        cases::scale::connections_one_by_one,
        &[],
    ),
    measure(
        "ten times the connections, writes",
        OURS,
        3,
        cases::scale::connections_writing,
        &[AtMost(Growth, 1.2)],
    ),
    measure(
        "ten times the watches",
        OURS,
        1,
        cases::scale::watches,
        &[AtMost(Growth, 1.2)],
    ),
    measure(
        "idle, three servers",
        BOTH,
        2,
        cases::quiet::idle,
        &[
            AtMost(Figure::Processor, 0.2),
            AtMost(Figure::Resident, 20.0),
        ],
    ),
    measure(
        "start of an empty server",
        BOTH,
        5,
        cases::quiet::start,
        &[AtMost(Figure::Start, 50.0)],
    ),
    measure(
        "the read path alone, two threads beside one",
        OURS,
        5,
        cases::scale::threads,
        &[AtLeast(Share, 1.8)],
    ),
    measure(
        "hours of mixed load, three servers",
        OURS,
        1,
        cases::drift::hours,
        &[AtMost(Growth, 1.1), AtMost(Figure::Drift, 1.5)],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_have_names_of_their_own_and_loads_stand_by_the_number_of_servers() {
        let names: BTreeSet<_> = ALL.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), ALL.len());
        let sizes = ALL.iter().filter_map(|case| match case.what {
            What::Load(servers, _) => Some(servers),
            What::Measure(_) => None,
        });
        assert!(sizes.is_sorted());
    }
}
