//! Seeds whose chains are written down: whatever shifts one of them changed what a world does.

use crate::worlds::world;
use crate::{exit, hindered};
use clap::Args;
use serde::{Deserialize, Serialize};
use sim::{Profile, Verdict};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// What becomes of the chains that are written down.
#[derive(Args)]
pub(crate) struct Options {
    /// Write down the chains as they are now.
    #[arg(long)]
    bless: bool,
}

/// Checks the chains, or writes them down.
pub(crate) fn run(options: &Options) -> ExitCode {
    if options.bless {
        return match bless() {
            Ok(()) => {
                println!("golden seeds are kept");
                exit(Verdict::Pass)
            }
            Err(error) => hindered(error),
        };
    }
    match check() {
        Ok(shifted) if shifted.is_empty() => {
            println!("golden seeds are the same");
            exit(Verdict::Pass)
        }
        Ok(shifted) => {
            for words in shifted {
                println!("{words}");
            }
            println!("cargo xtask simulate golden --bless keeps the new ones");
            exit(Verdict::Nondeterminism)
        }
        Err(error) => hindered(error),
    }
}

/// How many seeds are kept of a profile.
const KEPT: [(Profile, u64); 2] = [(Profile::Swarm, 8), (Profile::Lite, 16)];

/// What is mixed into the keys of hash tables for a second run.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// Chains in hexadecimal, by profile and seed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Chains(BTreeMap<String, BTreeMap<u64, String>>);

fn file() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "golden.json"].iter().collect()
}

/// Runs each kept seed twice, the second time with other keys in the hash tables; gives those whose chain is not the kept one, in words.
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
            for salt in [0, SALT] {
                let chain = chain(*seed, profile, salt)?;
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
fn bless() -> Result<(), String> {
    let mut kept = Chains(BTreeMap::new());
    for (profile, seeds) in KEPT {
        let chains = (0..seeds)
            .map(|seed| Ok((seed, chain(seed, profile, 0)?)))
            .collect::<Result<_, String>>()?;
        kept.0.insert(profile.name().to_owned(), chains);
    }
    let mut text = serde_json::to_string_pretty(&kept).expect("words and numbers are JSON");
    text.push('\n');
    let path = file();
    fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn chain(seed: u64, profile: Profile, salt: u64) -> Result<String, String> {
    let report = sim::run_with_hash_salt(&world(seed, profile), salt);
    match report.rule {
        None => Ok(format!("{:032x}", report.chain)),
        Some(rule) => Err(format!("{profile} {seed} fails: {rule}")),
    }
}
