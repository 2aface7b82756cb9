//! Which worlds somebody asks for, and how long computing took.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sim::{Options, Profile, Trace};
use std::ops::Range;
use std::path::PathBuf;
use std::{env, fs};

/// Independent worlds, each decided by its seed.
#[derive(Args, Clone)]
pub(crate) struct Worlds {
    /// One world: a number, or the name of a commit, of which 16 digits count.
    #[arg(long, value_name = "N", value_parser = seed, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// A range of worlds, B left out.
    #[arg(long, value_name = "A..B", value_parser = range)]
    seeds: Option<Range<u64>>,
    /// Which faults and how many.
    #[arg(long, default_value = "swarm", value_parser = profile())]
    pub(crate) profile: Profile,
}

impl Worlds {
    /// Their seeds; seed 0 unless something is asked for.
    pub(crate) fn seeds(&self) -> Range<u64> {
        match (self.seed, &self.seeds) {
            (Some(seed), _) => seed..seed.saturating_add(1),
            (None, Some(seeds)) => seeds.clone(),
            (None, None) => 0..1,
        }
    }

    /// The first of them.
    pub(crate) fn first(&self) -> Options {
        world(self.seeds().start, self.profile)
    }
}

/// A world that nobody records.
pub(crate) fn world(seed: u64, profile: Profile) -> Options {
    Options {
        seed,
        profile,
        trace: Trace::Off,
    }
}

/// Reads the name of a profile.
pub(crate) fn profile() -> impl TypedValueParser<Value = Profile> {
    let names = PossibleValuesParser::new(Profile::ALL.map(Profile::name));
    names.map(|name| name.parse().expect("only names of profiles are possible"))
}

/// Reads a range of seeds.
pub(crate) fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text
        .split_once("..")
        .ok_or_else(|| format!("{text} is not A..B"))?;
    Ok(seed(from)?..seed(to)?)
}

/// Reads a seed: a decimal number, or the name of a commit, of which 16 digits count.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    let head = text.get(..text.len().min(16)).unwrap_or_default();
    text.parse()
        .or_else(|_| u64::from_str_radix(head, 16))
        .map_err(|_| format!("{text} is no seed: neither a decimal number nor a commit"))
}

/// Where pictures and reports are kept unless something else is said.
pub(crate) fn kept() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let kept = root.join(target).join("simulate");
    // Without `..`, where there is such a folder.
    match root.canonicalize() {
        Ok(canonical) => canonical.join(kept.strip_prefix(&root).unwrap_or(&kept)),
        Err(_) => kept,
    }
}

/// Milliseconds of computing that this thread has had; 0 where the system does not say.
pub(crate) fn cpu_ms() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split_whitespace().next();
    let micros = nanos
        .and_then(|nanos| nanos.parse::<u64>().ok())
        .unwrap_or(0)
        / 1_000;
    micros as f64 / 1_000.0
}

#[expect(
    clippy::disallowed_methods,
    reason = "says how long the worlds took; steers nothing"
)]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_or_a_commit() {
        assert_eq!(seed("42"), Ok(42));
        let commit = "0502987a1b2c3d4e5f60718293a4b5c6d7e8f901";
        assert_eq!(seed(commit), Ok(0x0502_987a_1b2c_3d4e));
        assert_eq!(seed("ed6b583"), Ok(0xed6_b583));
        assert!(seed("seven").is_err() && seed("").is_err());
    }

    #[test]
    fn a_range_of_seeds_leaves_its_end_out() {
        assert_eq!(range("3..7"), Ok(3..7));
        assert!(range("3-7").is_err());
    }
}
