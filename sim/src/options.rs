//! What to run.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// One run of the simulator, completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides everything.
    pub seed: u64,
    /// Which kind of world the seed is drawn from.
    pub profile: Profile,
    /// Whether every event is recorded.
    pub trace: Trace,
}

impl Options {
    /// The run of `seed` in the default profile, without a trace.
    pub fn seed(seed: u64) -> Self {
        Options {
            seed,
            profile: Profile::Swarm,
            trace: Trace::Off,
        }
    }
}

/// Which kind of world a seed is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Everything within the fault budget, each seed with its own subset; the default.
    Swarm,
    /// No faults at all.
    Quiet,
    /// Shorter, with few clients: many seeds in little time.
    Lite,
    /// As `Swarm`, and nonsense on every port all the time.
    Hostile,
    /// As `Swarm`, and no budget: any number of disks may be damaged, wiped, or lie.
    Beyond,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 5] = [
        Profile::Swarm,
        Profile::Quiet,
        Profile::Lite,
        Profile::Hostile,
        Profile::Beyond,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Swarm => "swarm",
            Profile::Quiet => "quiet",
            Profile::Lite => "lite",
            Profile::Hostile => "hostile",
            Profile::Beyond => "beyond",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile {0:?}; there are swarm, quiet, lite, hostile and beyond")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

/// Whether every event is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// No: only the chain and the story.
    Off,
    /// Yes, with its causes, in [`crate::Report::chronicle`].
    Full,
}
