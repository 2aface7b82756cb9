//! How long a clone of a world takes, at a few places of a few seeds.
#![expect(clippy::print_stdout, reason = "the output of a program")]
#![expect(clippy::disallowed_methods, reason = "measures; steers nothing")]

use sim::{Options, Snapshot};
use std::hint::black_box;
use std::time::Instant;

const CLONES: u32 = 100;

fn main() {
    let mut times = Vec::new();
    for seed in 0..20 {
        let mut snapshot = Snapshot::of(&Options::seed(seed), 0);
        for events in [2_000, 8_000, 20_000, 50_000] {
            snapshot.go_to(events);
            let started = Instant::now();
            for _ in 0..CLONES {
                black_box(snapshot.clone());
            }
            times.push((started.elapsed() / CLONES, seed, events));
        }
    }
    times.sort();
    for share in [50, 90, 99] {
        let (time, seed, events) = times[times.len() * share / 100];
        println!("{share} %: {time:?} (seed {seed}, {events} events)");
    }
}
