//! Seeds whose chains are written down: whatever shifts one of them changed what a world does.

use serde::{Deserialize, Serialize};
use sim::{Options, Profile, Trace};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

/// How many seeds are kept of a profile.
const KEPT: [(Profile, u64); 2] = [(Profile::Swarm, 8), (Profile::Lite, 16)];

/// Chains in hexadecimal, by profile and seed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Chains(BTreeMap<String, BTreeMap<u64, String>>);

fn file() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "golden.json"].iter().collect()
}

/// Runs each kept seed twice; gives those whose chain is not the kept one, in words.
pub(crate) fn check() -> Result<Vec<String>, String> {
    let path = file();
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let kept: Chains = serde_json::from_str(&text)
        .map_err(|error| format!("{} holds no chains: {error}", path.display()))?;
    let mut shifted = Vec::new();
    for (profile, chains) in &kept.0 {
        let profile: Profile = profile.parse().map_err(|unknown| format!("{unknown}"))?;
        for (seed, kept) in chains {
            for _ in 0..2 {
                let chain = chain(*seed, profile)?;
                if chain != *kept {
                    let words = format!("{profile} {seed}: {chain}, and {kept} is kept");
                    shifted.push(words);
                    break;
                }
            }
        }
    }
    Ok(shifted)
}

/// Writes down the chains as they are now.
pub(crate) fn bless() -> Result<(), String> {
    let mut kept = Chains(BTreeMap::new());
    for (profile, seeds) in KEPT {
        let chains = (0..seeds)
            .map(|seed| Ok((seed, chain(seed, profile)?)))
            .collect::<Result<_, String>>()?;
        kept.0.insert(profile.name().to_owned(), chains);
    }
    let mut text = serde_json::to_string_pretty(&kept).expect("words and numbers are JSON");
    text.push('\n');
    let path = file();
    fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn chain(seed: u64, profile: Profile) -> Result<String, String> {
    let report = sim::run(&Options {
        seed,
        profile,
        trace: Trace::Off,
    });
    match report.rule {
        None => Ok(format!("{:032x}", report.chain)),
        Some(rule) => Err(format!("{profile} {seed} fails: {rule}")),
    }
}
