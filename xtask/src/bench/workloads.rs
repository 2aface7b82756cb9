//! What servers are loaded with, and what is asked of the outcome.

/// A load, and how much better than the peers it has to go.
#[derive(Clone, Copy)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    /// Servers of the ensemble, one for a standalone server.
    pub(super) servers: usize,
    pub(super) connections: usize,
    /// Requests that each connection has under way.
    pub(super) depth: usize,
    /// Kinds of requests, in percent.
    pub(super) mix: &'static str,
    /// Bytes of a value.
    pub(super) value: usize,
    pub(super) goals: &'static [Goal],
}

/// A figure of the outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// Processor time of all servers for one operation.
    ServerTime,
    /// Operations per second.
    Throughput,
    /// 99th percentile of the latency.
    P99,
}

/// A ratio that has to be reached.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// So many times better than Apache ZooKeeper.
    Better(Figure, f64),
    /// At most so many times the processor time of the floor.
    Floor(f64),
}

use Figure::{P99, ServerTime, Throughput};
use Goal::{Better, Floor};

const READS: &str = "get=100";
const WRITES: &str = "set=100";

const fn load(
    name: &'static str,
    (servers, connections, depth): (usize, usize, usize),
    mix: &'static str,
    goals: &'static [Goal],
) -> Workload {
    Workload {
        name,
        servers,
        connections,
        depth,
        mix,
        value: 100,
        goals,
    }
}

const fn of_bytes(value: usize, load: Workload) -> Workload {
    Workload { value, ..load }
}

/// Every load; those on the same number of servers stand side by side.
pub(super) const ALL: &[Workload] = &[
    load(
        "reads, 32 x 16",
        (1, 32, 16),
        READS,
        &[Better(ServerTime, 10.0), Floor(2.0)],
    ),
    load(
        "reads, 32 x 1",
        (1, 32, 1),
        READS,
        &[Better(ServerTime, 3.0), Floor(1.3)],
    ),
    load("reads, 1000 x 1", (1, 1_000, 1), READS, &[]),
    load(
        "writes, 32 x 16",
        (1, 32, 16),
        WRITES,
        &[Better(ServerTime, 8.0), Floor(3.0)],
    ),
    load("writes, 32 x 1", (1, 32, 1), WRITES, &[]),
    load("writes, 1 x 1", (1, 1, 1), WRITES, &[]),
    load("half reads, 32 x 16", (1, 32, 16), "get=50,set=50", &[]),
    load("multi of ten, 32 x 1", (1, 32, 1), "multi=100", &[]),
    of_bytes(
        1_024,
        load("reads of 1 KiB, 32 x 16", (1, 32, 16), READS, &[]),
    ),
    of_bytes(
        65_536,
        load("reads of 64 KiB, 32 x 1", (1, 32, 1), READS, &[]),
    ),
    of_bytes(
        1_024,
        load("writes of 1 KiB, 32 x 16", (1, 32, 16), WRITES, &[]),
    ),
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
        "create=1,set=8,get=45,list=45,delete=1",
        &[Better(Throughput, 5.0)],
    ),
    load("writes, five servers, 30 x 16", (5, 30, 16), WRITES, &[]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn loads_have_names_of_their_own_and_stand_by_the_number_of_servers() {
        let names: BTreeSet<_> = ALL.iter().map(|load| load.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.is_sorted_by_key(|load| load.servers));
    }
}
