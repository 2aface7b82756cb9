//! What is left to chance, as a pure function of the seed, of whom and what it is about, and of
//! how often that entity was asked before. Each chance has a benign outcome, and rules say where
//! chance is replaced by it.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a chance is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Domain {
    /// The order of events of one instant.
    Tie,
    /// When a server starts first; by server.
    Start,
    /// How fast a monotonic clock is; by server.
    Drift,
    /// How far a wall clock is off; by server.
    Wall,
    /// A server's own randomness; by server, each start.
    Server,
    /// What computing costs; by server and start, each run.
    Cost,
    /// How long an operation of a disk takes; by server, start and lane, each operation.
    Disk,
    /// How long a step of a dial takes; by connection, each step.
    Dial,
    /// How long bytes take; by direction of a connection, each send.
    Latency,
    /// Whether they are late; as `Latency`.
    Late,
    /// By how much; as `Latency`.
    Lateness,
    /// Whether a stream is handed over in pieces; by direction of a connection, each arrival.
    Rechunk,
    /// In which pieces; as `Rechunk`.
    Chunk,
    /// Whether an end throws away what was not delivered; by direction of a connection.
    Abrupt,
    /// How much of it; as `Abrupt`.
    Tail,
    /// How soon a stream goes on after a partition; by direction of a connection, each time.
    Resume,
    /// A client's own randomness; by client, each session.
    Client,
    /// What session timeout a client asks for; by client, each session.
    Timeout,
    /// When a client opens another session; by client, each session.
    Anew,
    /// When a client goes on proving that it is served; by client, each step.
    Prove,
}

impl Domain {
    /// Every domain.
    pub const ALL: [Domain; 20] = [
        Domain::Tie,
        Domain::Start,
        Domain::Drift,
        Domain::Wall,
        Domain::Server,
        Domain::Cost,
        Domain::Disk,
        Domain::Dial,
        Domain::Latency,
        Domain::Late,
        Domain::Lateness,
        Domain::Rechunk,
        Domain::Chunk,
        Domain::Abrupt,
        Domain::Tail,
        Domain::Resume,
        Domain::Client,
        Domain::Timeout,
        Domain::Anew,
        Domain::Prove,
    ];
}

/// Which entity was asked, and how often before.
pub type Key = (u64, u64);

/// What is left to chance in a domain.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Everything.
    #[default]
    On,
    /// Nothing.
    Off,
    /// These alone.
    Only(BTreeSet<Key>),
    /// All but these.
    Except(BTreeSet<Key>),
}

impl Rule {
    fn allows(&self, key: &Key) -> bool {
        match self {
            Rule::On => true,
            Rule::Off => false,
            Rule::Only(keys) => keys.contains(key),
            Rule::Except(keys) => !keys.contains(key),
        }
    }
}

/// What is left to chance: everything, but for the domains named here.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoiseRules(pub BTreeMap<Domain, Rule>);

impl NoiseRules {
    /// Nothing is left to chance.
    pub fn silent() -> Self {
        NoiseRules(Domain::ALL.map(|domain| (domain, Rule::Off)).into())
    }
}

/// Every chance that did not have its benign outcome, in the order of asking.
pub type Tape = Vec<(Domain, Key)>;

/// What is left to chance in one world.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    seed: u64,
    rules: Arc<[Rule; Domain::ALL.len()]>,
    tape: Option<Arc<Mutex<Tape>>>,
}

impl Noise {
    pub(crate) fn new(seed: u64, rules: &NoiseRules) -> Self {
        let rules = Domain::ALL.map(|domain| rules.0.get(&domain).cloned().unwrap_or_default());
        Noise {
            seed,
            rules: Arc::new(rules),
            tape: None,
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Lets another seed decide from now on.
    pub(crate) fn turn(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// What it was made with.
    pub(crate) fn rules(&self) -> NoiseRules {
        let rules = Domain::ALL.into_iter().zip(self.rules.iter().cloned());
        NoiseRules(rules.filter(|(_, rule)| *rule != Rule::On).collect())
    }

    /// The same, and what deviates is written down.
    pub(crate) fn taped(mut self) -> Self {
        self.tape = Some(Arc::default());
        self
    }

    /// What deviated since it is written down.
    pub(crate) fn tape(&self) -> Tape {
        let tape = self.tape.as_ref().map(|tape| tape.lock());
        tape.map_or_else(Vec::new, |tape| {
            tape.expect("nobody panics with it").clone()
        })
    }

    /// 64 bits; `None` for the benign outcome.
    pub(crate) fn bits(&self, domain: Domain, entity: u64, ordinal: u64) -> Option<u64> {
        if !self.rules[domain as usize].allows(&(entity, ordinal)) {
            return None;
        }
        let mut name = [0; 24];
        name[..8].copy_from_slice(&entity.to_be_bytes());
        name[8..16].copy_from_slice(&ordinal.to_be_bytes());
        name[16] = domain as u8;
        Some(xxh3_64_with_seed(&name, self.seed))
    }

    /// A number from `low` to `high`; the benign one is `low`.
    pub(crate) fn range(&self, domain: Domain, key: Key, low: u64, high: u64) -> u64 {
        self.range_or(domain, key, low, high, low)
    }

    /// A number from `low` to `high`; the benign one is `benign`.
    pub(crate) fn range_or(
        &self,
        domain: Domain,
        key: Key,
        low: u64,
        high: u64,
        benign: u64,
    ) -> u64 {
        if low == high {
            return low;
        }
        let Some(bits) = self.bits(domain, key.0, key.1) else {
            return benign;
        };
        let wide = u128::from(bits) * u128::from(high - low + 1);
        let drawn = low + u64::try_from(wide >> 64).expect("the high half of a product");
        if drawn != benign {
            self.deviates(domain, key);
        }
        drawn
    }

    /// True this many times in a million; the benign outcome is false.
    pub(crate) fn chance(&self, domain: Domain, key: Key, per_million: u32) -> bool {
        if per_million == 0 {
            return false;
        }
        let Some(bits) = self.bits(domain, key.0, key.1) else {
            return false;
        };
        let drawn = (u128::from(bits) * 1_000_000) >> 64 < u128::from(per_million);
        if drawn {
            self.deviates(domain, key);
        }
        drawn
    }

    /// A key for a generator of its own; the benign one depends on `benign` alone.
    pub(crate) fn key(&self, domain: Domain, key: Key, benign: u64) -> [u8; 32] {
        let mut bytes = [0; 32];
        match self.bits(domain, key.0, key.1) {
            Some(bits) => {
                bytes[..8].copy_from_slice(&self.seed.to_be_bytes());
                bytes[8..16].copy_from_slice(&bits.to_be_bytes());
                self.deviates(domain, key);
            }
            None => bytes[16..24].copy_from_slice(&(benign + 1).to_be_bytes()),
        }
        bytes
    }

    fn deviates(&self, domain: Domain, key: Key) {
        // The order of one instant is reset as a whole or not at all.
        if let (Some(tape), true) = (&self.tape, domain != Domain::Tie) {
            let mut tape = tape.lock().expect("nobody panics with it");
            tape.push((domain, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(noise: &Noise) -> Vec<u64> {
        (0..100)
            .map(|ordinal| noise.range(Domain::Latency, (7, ordinal), 10, 1_000))
            .collect()
    }

    #[test]
    fn a_chance_depends_on_its_name_alone() {
        let noise = Noise::new(1, &NoiseRules::default());
        assert_eq!(draw(&noise), draw(&noise));
        let other = Noise::new(2, &NoiseRules::default());
        assert_ne!(draw(&noise), draw(&other));
        let bits = noise.bits(Domain::Disk, 7, 0);
        assert_ne!(bits, noise.bits(Domain::Latency, 7, 0));
        assert_ne!(bits, noise.bits(Domain::Disk, 8, 0));
        assert_ne!(bits, noise.bits(Domain::Disk, 7, 1));
    }

    #[test]
    fn rules_replace_chances_by_their_benign_outcome() {
        let silent = Noise::new(1, &NoiseRules::silent());
        assert_eq!(draw(&silent), vec![10; 100]);
        assert!(!silent.chance(Domain::Late, (1, 1), 1_000_000));
        let free = draw(&Noise::new(1, &NoiseRules::default()));
        let one = BTreeSet::from([(7, 40)]);
        for (rule, is_free) in [(Rule::Only(one.clone()), false), (Rule::Except(one), true)] {
            let rules = NoiseRules([(Domain::Latency, rule)].into());
            let drawn = draw(&Noise::new(1, &rules));
            for (ordinal, value) in drawn.iter().enumerate() {
                let expected = if is_free == (ordinal != 40) {
                    free[ordinal]
                } else {
                    10
                };
                assert_eq!(*value, expected);
            }
        }
    }

    #[test]
    fn the_tape_names_what_deviates() {
        let noise = Noise::new(1, &NoiseRules::default()).taped();
        let drawn = draw(&noise);
        let odd = drawn.iter().filter(|value| **value != 10).count();
        assert_eq!(noise.tape().len(), odd);
        let rules = [(
            Domain::Latency,
            Rule::Except(noise.tape().iter().map(|entry| entry.1).collect()),
        )];
        let reset = Noise::new(1, &NoiseRules(rules.into()));
        assert_eq!(draw(&reset), vec![10; 100]);
    }
}
