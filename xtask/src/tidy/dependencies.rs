//! What a pure crate may depend on: a short list of libraries, and the crates below it.

use super::{Findings, PURE};
use crate::process::{cargo, output};
use anyhow::Result;
use std::collections::BTreeSet;

/// Libraries that build without std and are worth their weight. Without std `time` is a calendar and
/// no clock.
const LIBRARIES: [&str; 16] = [
    "base64",
    "constant_time_eq",
    "crc32fast",
    "hashbrown",
    "md-5",
    "postcard",
    "rand_chacha",
    "serde",
    "sha1",
    "sha2",
    "sha3",
    "siphasher",
    "thiserror",
    "time",
    "triomphe",
    "xxhash-rust",
];

/// For each pure crate, the crates of this workspace it may know. Types, then wire beside domain,
/// then the two machines made of them; a wire crate may know a domain crate, never the reverse.
const LAYERS: [(&str, &[&str]); 12] = [
    ("zk-types", &[]),
    ("auth", &["zk-types"]),
    ("jute", &[]),
    ("zk-proto", &["jute", "zk-types"]),
    ("znode-tree", &["zk-types"]),
    ("watch", &["zk-types"]),
    ("session", &["zk-types"]),
    ("zab-core", &["zk-types"]),
    ("wal", &["zk-types"]),
    ("quorum-proto", &["zab-core", "zk-types"]),
    (
        "replica",
        &[
            "auth",
            "jute",
            "quorum-proto",
            "session",
            "wal",
            "watch",
            "zab-core",
            "zk-proto",
            "zk-types",
            "znode-tree",
        ],
    ),
    ("client-core", &["jute", "zk-proto", "zk-types"]),
];

/// Libraries one might reach for, why a pure crate cannot have them, and what it takes instead.
const INSTEAD: [(&str, &str, &str); 15] = [
    (
        "ahash",
        "its keys come from the process",
        "siphasher with a key from the seed",
    ),
    (
        "anyhow",
        "a caller cannot match on it",
        "an enum with thiserror",
    ),
    ("bincode", "it is not used elsewhere here", "postcard"),
    ("bytes", "a second kind of shared bytes", "zk_types::Bytes"),
    (
        "chrono",
        "it reads the clock",
        "zk_types::WallTime as an argument",
    ),
    (
        "futures",
        "a pure crate never waits",
        "an input and an output",
    ),
    (
        "getrandom",
        "it reads ambient randomness",
        "rand_chacha from a seed",
    ),
    (
        "indexmap",
        "its hasher is seeded by chance",
        "alloc::collections::BTreeMap",
    ),
    ("log", "it is a global", "an event among the outputs"),
    (
        "parking_lot",
        "a pure crate has no threads",
        "plain ownership",
    ),
    (
        "rand",
        "it reads ambient randomness",
        "rand_chacha from a seed",
    ),
    (
        "serde_json",
        "it is for people",
        "postcard, or text made by the shell",
    ),
    (
        "tokio",
        "a pure crate has no runtime",
        "an input and an output",
    ),
    ("tracing", "it is a global", "an event among the outputs"),
    (
        "uuid",
        "it reads ambient randomness",
        "rand_chacha from a seed",
    ),
];

pub(super) fn check(findings: &mut Findings) -> Result<()> {
    let members = members()?;
    for name in PURE {
        let allowed = LAYERS
            .iter()
            .find(|(of, _)| *of == name)
            .map_or(&[][..], |(_, all)| all);
        for dependency in direct(name)? {
            if members.contains(&dependency) {
                if !allowed.contains(&dependency.as_str()) {
                    findings.error(format!(
                        "{name} depends on {dependency}: dependencies point one way, \
                         types ← wire ← domain ← replica ← shells; {name} may know {}",
                        listed(allowed)
                    ));
                }
            } else if !LIBRARIES.contains(&dependency.as_str()) {
                findings.error(refusal(name, &dependency));
            }
        }
    }
    for name in members.iter().filter(|name| *name != "xtask") {
        let forbidden = ["sim", "xtask"];
        for dependency in direct(name)?
            .iter()
            .filter(|all| forbidden.contains(&all.as_str()))
        {
            findings.error(format!(
                "{name} depends on {dependency}, which nothing is built on"
            ));
        }
    }
    Ok(())
}

fn refusal(name: &str, dependency: &str) -> String {
    match INSTEAD
        .iter()
        .find(|(library, _, _)| *library == dependency)
    {
        Some((_, why, instead)) => {
            format!("{name} depends on {dependency}: {why}; use {instead}")
        }
        None => format!(
            "{name} depends on {dependency}, which is not among the libraries of pure crates: {}",
            listed(&LIBRARIES)
        ),
    }
}

/// The names of the packages of this workspace.
fn members() -> Result<BTreeSet<String>> {
    let printed = output(cargo().args([
        "tree",
        "--quiet",
        "--workspace",
        "--depth",
        "0",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    Ok(names(&printed))
}

/// The direct dependencies of a package, those of its tests left out.
fn direct(package: &str) -> Result<BTreeSet<String>> {
    let printed = output(cargo().args([
        "tree",
        "--quiet",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--depth",
        "1",
        "--prefix",
        "none",
        "--all-features",
        "--format",
        "{p}",
    ]))?;
    let mut all = names(&printed);
    all.remove(package);
    Ok(all)
}

fn names(printed: &str) -> BTreeSet<String> {
    printed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .filter(|name| !name.is_empty())
        .collect()
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none of them".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_reason_and_the_replacement() {
        let text = refusal("wal", "rand");
        assert!(
            text.contains("ambient randomness") && text.contains("rand_chacha"),
            "{text}"
        );
    }

    #[test]
    fn every_pure_crate_has_a_layer_and_no_layer_has_a_cycle() {
        for name in PURE {
            assert!(LAYERS.iter().any(|(of, _)| *of == name), "{name}");
        }
        for (name, below) in LAYERS {
            for other in below {
                let (_, theirs) = LAYERS
                    .iter()
                    .find(|(of, _)| of == other)
                    .expect("a layer names pure crates");
                assert!(
                    !theirs.contains(&name),
                    "{name} and {other} know each other"
                );
            }
        }
    }

    #[test]
    fn domain_crates_never_know_wire_crates() {
        for domain in ["auth", "znode-tree", "watch", "session", "zab-core", "wal"] {
            let (_, below) = LAYERS
                .iter()
                .find(|(of, _)| *of == domain)
                .expect("a domain crate is pure");
            for wire in ["jute", "zk-proto", "quorum-proto"] {
                assert!(!below.contains(&wire), "{domain} knows {wire}");
            }
        }
    }

    #[test]
    fn the_names_of_a_tree_are_its_first_words() {
        let printed = "wal v0.1.0 (/a/b)\nserde v1.0.2\n\nserde v1.0.2 (*)\n";
        assert_eq!(
            names(printed),
            BTreeSet::from(["serde".to_owned(), "wal".to_owned()])
        );
    }
}
