//! A seed is one run: in this build as in the one that wrote its chain down, again in one process,
//! and with other keys in the hash tables of its servers. `cargo xtask simulate golden` checks all
//! kept seeds in release; `--bless` keeps the new chains.

use sim::{Options, Profile, Trace};
use std::collections::BTreeMap;
use std::fs;

#[test]
fn kept_chains_are_the_same_in_this_build_and_with_other_hash_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden.json");
    let text = fs::read_to_string(path).expect("the file is kept");
    let kept: BTreeMap<String, BTreeMap<u64, String>> =
        serde_json::from_str(&text).expect("chains by profile and seed");
    for (seed, chain) in kept["lite"].iter().take(3) {
        for salt in [0, 0x9e37_79b9_7f4a_7c15] {
            let options = Options {
                seed: *seed,
                profile: Profile::Lite,
                trace: Trace::Off,
            };
            let report = sim::run_with_hash_salt(&options, salt);
            assert_eq!(
                format!("{:032x}", report.chain),
                *chain,
                "lite seed {seed}, salt {salt:#x}: `cargo xtask simulate golden --bless` keeps \
                 what has changed on purpose"
            );
        }
    }
}
