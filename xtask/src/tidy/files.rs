//! Which files there are, how long they are, and what must not stand in any of them.

use super::Findings;
use crate::process::{output, program, root};
use anyhow::Result;
use std::fs;

const LINES_WARNED: usize = 600;
const LINES_MAX: usize = 800;

/// Texts that tie a file to one machine or to one mirror. Cut in two, so that this file passes.
const FORBIDDEN: [(&str, &str); 9] = [
    (concat!("/roo", "t/"), "a path of one machine"),
    (concat!("/hom", "e/"), "a path of one machine"),
    (concat!("/wor", "k/"), "a path of one machine"),
    (concat!("/tmp/tar", "get"), "a path of one machine"),
    (concat!("index.crat", "es.io"), "the host of a registry"),
    (concat!("static.crat", "es.io"), "the host of a registry"),
    (concat!("py", "pi.org"), "the host of a registry"),
    (concat!("repo.mav", "en."), "the host of a registry"),
    (concat!("deb.deb", "ian.org"), "the host of a registry"),
];

/// Files of this repository that git knows or would take.
pub(super) fn tracked() -> Result<Vec<String>> {
    let printed = output(program("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]))?;
    let mut names: Vec<String> = printed
        .split('\0')
        .filter(|name| !name.is_empty() && root().join(name).is_file())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

pub(super) fn check(findings: &mut Findings) -> Result<()> {
    let names = tracked()?;
    for name in &names {
        let Ok(text) = fs::read_to_string(root().join(name)) else {
            continue;
        };
        if name.ends_with(".rs") {
            check_length(name, text.lines().count(), findings);
        }
        if !name.ends_with("Cargo.lock") {
            for (what, why) in FORBIDDEN.iter().filter(|(what, _)| text.contains(what)) {
                findings.error(format!("{name} contains {what}, {why}"));
            }
        }
        if name.ends_with("clippy.toml") && name != "clippy.toml" {
            findings.error(format!(
                "{name}: clippy takes the nearest file and does not merge, so this one drops the \
                 rules of the root"
            ));
        }
    }
    for folder in names
        .iter()
        .filter_map(|name| name.strip_suffix("/Cargo.toml"))
    {
        if folder
            .strip_prefix("crates/")
            .is_some_and(|name| !name.contains('/'))
        {
            check_readme(folder, findings);
        }
    }
    Ok(())
}

fn check_length(name: &str, lines: usize, findings: &mut Findings) {
    let what = format!("{name} has {lines} lines: is it one idea?");
    if lines > LINES_MAX {
        findings.error(what);
    } else if lines > LINES_WARNED {
        findings.warning(what);
    }
}

fn check_readme(folder: &str, findings: &mut Findings) {
    if !root().join(folder).join("README.md").is_file() {
        findings.error(format!("{folder} has no README.md"));
    }
    let library = root().join(folder).join("src/lib.rs");
    if let Ok(text) = fs::read_to_string(library)
        && !text.contains("#![doc = include_str!(\"../README.md\")]")
    {
        findings.error(format!(
            "{folder}/src/lib.rs does not include its README.md"
        ));
    }
}
