//! A run as data: what kind of world it is, what clients ask for, what is done to the world, and
//! which of the remaining chances are left to the seed.

use crate::nemesis::Strike;
use crate::noise::NoiseRules;
use crate::options::Profile;
use crate::queue::Micros;
use crate::swarm::Swarm;
use client_core::ClientRequest;

/// A run as data. A run from a seed records one; run again, it is the same run, event by event.
///
/// Every chance that is left is decided by the seed and by names of who and what it is about, so
/// leaving out an operation or a strike changes no other operation, strike or chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Decides what is left to chance.
    pub seed: u64,
    /// From which kind of worlds the seed was drawn.
    pub profile: Profile,
    /// What kind of world it is.
    pub knobs: Swarm,
    /// What clients ask for, in the order of time.
    pub ops: Vec<Op>,
    /// What is done to the world, in the order of time.
    pub strikes: Vec<Strike>,
    /// What is left to chance.
    pub noise: NoiseRules,
}

/// One thing that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// When.
    pub at: Micros,
    /// Which client, from 0.
    pub client: usize,
    /// What.
    pub ask: Ask,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Something of a server.
    Request(ClientRequest),
    /// That its session be closed; it opens another after a while.
    Close,
}
