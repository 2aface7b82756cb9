//! What is drawn apart from everything else, so that it shifts no other draw.

use super::{Locality, Minority, rate};
use crate::decide::{Dice, Stream};
use crate::net::{Law, NetKnobs};
use crate::options::Profile;
use crate::queue::Micros;

/// A draw of its own; 0 is everything else.
#[derive(Clone, Copy, Debug)]
pub(super) enum Apart {
    Locality = 1,
    Minority = 2,
    DiskFaults = 3,
    Recipes = 4,
    Mishaps = 5,
    Extremes = 6,
    LongestTick = 7,
    Backlog = 8,
    Network = 9,
    Beyond = 10,
    LargeTrees = 11,
}

impl Apart {
    pub(super) fn dice(self, seed: u64) -> Dice {
        Dice::new(seed, Stream::Swarm, self as u64)
    }
}

pub(super) fn net_knobs(dice: &mut Dice, seed: u64, profile: Profile, tick: Micros) -> NetKnobs {
    let latency_min = dice.octaves(20, 500);
    let calm = profile == Profile::Quiet || dice.percent(20);
    let apart = &mut Apart::Network.dice(seed);
    NetKnobs {
        latency_min,
        latency_max: latency_min + dice.octaves(10, (tick / 40).max(20)),
        rechunk: if calm { 0 } else { rate(dice, 1_000, 500_000) },
        late: if calm { 0 } else { rate(dice, 100, 50_000) },
        late_max: tick / 2,
        socket_bytes: usize::try_from(dice.octaves(512, 262_144)).expect("small"),
        abrupt: if calm { 0 } else { rate(dice, 1_000, 500_000) },
        law: apart.pick(&Law::ALL),
        is_mixed: apart.percent(30),
        backlog: if profile != Profile::Quiet && apart.percent(40) {
            u32::try_from(apart.octaves(1, 16)).expect("small")
        } else {
            128
        },
    }
}

pub(super) fn locality(seed: u64, servers: usize) -> Locality {
    let dice = &mut Apart::Locality.dice(seed);
    match dice.below(100) {
        _ if servers == 1 => Locality::Global,
        0..8 => Locality::Local,
        8..25 => Locality::UntilEphemeral,
        _ => Locality::Global,
    }
}

pub(super) fn minority(seed: u64, servers: usize) -> Minority {
    let dice = &mut Apart::Minority.dice(seed);
    if servers > 1 && dice.percent(25) {
        Minority::Readable
    } else {
        Minority::Silent
    }
}
