//! What stands, or must not stand, in the sources.

use super::files::tracked;
use super::{Findings, PURE};
use crate::process::root;
use anyhow::{Context, Result};
use std::fs;

/// Unfinished or switched off. Cut in two, so that this file passes.
const FORBIDDEN: [(&str, &str); 4] = [
    (
        concat!("#[igno", "re"),
        "a test that does not run proves nothing: mend it or delete it",
    ),
    (concat!("tod", "o!("), "finish it, or return a typed error"),
    (
        concat!("unimple", "mented!("),
        "finish it, or return a typed error",
    ),
    (concat!("db", "g!("), "a trace left behind"),
];

/// Ways to wait for time instead of an event.
const SLEEPS: [&str; 2] = [concat!("thread::sl", "eep("), concat!("time::sl", "eep(")];

/// What a pure crate cannot reach at compile time, named here for a better message.
const AMBIENT: [&str; 6] = [
    concat!("std::ti", "me"),
    concat!("std::n", "et"),
    concat!("std::f", "s"),
    concat!("std::thr", "ead"),
    concat!("std::e", "nv"),
    concat!("std::collections::Ha", "sh"),
];

pub(super) fn check(findings: &mut Findings) -> Result<()> {
    for name in PURE {
        check_head(name, findings)?;
    }
    let mut sources = Vec::new();
    for name in tracked()?.into_iter().filter(|name| name.ends_with(".rs")) {
        let text = fs::read_to_string(root().join(&name)).with_context(|| name.clone())?;
        sources.push((name, text));
    }
    let test_modules: Vec<String> = sources
        .iter()
        .flat_map(|(name, text)| test_modules(name, text))
        .collect();
    for (name, text) in &sources {
        let is_test = test_modules.iter().any(|module| belongs(name, module));
        for finding in unfinished(text).chain(sleeping_tests(name, text)) {
            findings.error(format!("{name}:{finding}"));
        }
        if !is_test
            && PURE
                .iter()
                .any(|pure| name.starts_with(&format!("crates/{pure}/src/")))
        {
            for finding in ambient(text) {
                findings.error(format!("{name}:{finding}"));
            }
        }
    }
    Ok(())
}

/// The modules in files of their own that a source declares for tests only, as paths without
/// `.rs`.
fn test_modules(name: &str, text: &str) -> Vec<String> {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let folder = match stem.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        Some(_) | None => stem,
    };
    let mut modules = Vec::new();
    for (attribute, item) in text.lines().zip(text.lines().skip(1)) {
        let module = item
            .trim()
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(';'));
        if let Some(module) = module
            && attribute.trim() == "#[cfg(test)]"
        {
            modules.push(format!("{folder}/{module}"));
        }
    }
    modules
}

/// Whether a file is a module or lies below it.
fn belongs(name: &str, module: &str) -> bool {
    name.strip_prefix(module)
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Every pure crate says so at the top, in the words the compiler understands.
fn check_head(name: &str, findings: &mut Findings) -> Result<()> {
    let path = root().join("crates").join(name).join("src/lib.rs");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    for line in ["#![no_std]", "#![forbid(unsafe_code)]"] {
        if !text.lines().take(5).any(|head| head == line) {
            findings.error(format!(
                "crates/{name}/src/lib.rs does not begin with {line}"
            ));
        }
    }
    Ok(())
}

fn unfinished(text: &str) -> impl Iterator<Item = String> {
    numbered(text).flat_map(|(number, line)| {
        FORBIDDEN
            .iter()
            .filter(move |(what, _)| line.contains(what))
            .map(move |(what, why)| format!("{number}: {what}…: {why}"))
    })
}

/// Sleeps in tests: in a file of tests, or below the line that opens a module of them.
fn sleeping_tests<'a>(name: &str, text: &'a str) -> impl Iterator<Item = String> + 'a {
    let all_tests = name.contains("/tests/") || name.ends_with("/tests.rs");
    let tests_from = numbered(text)
        .find(|(_, line)| all_tests || line.trim() == "#[cfg(test)]")
        .map_or(usize::MAX, |(number, _)| number);
    numbered(text)
        .filter(move |(number, _)| *number >= tests_from)
        .filter(|(_, line)| SLEEPS.iter().any(|what| line.contains(what)))
        .map(|(number, _)| {
            format!("{number}: a test that sleeps is slow or flaky: wait for the event itself")
        })
}

/// The ambient world in a pure crate, its tests left out.
fn ambient(text: &str) -> impl Iterator<Item = String> {
    numbered(text)
        .take_while(|(_, line)| line.trim() != "mod tests {")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(number, line)| {
            AMBIENT
                .iter()
                .filter(move |what| line.contains(*what))
                .map(move |what| format!("{number}: {what} inside a pure crate"))
        })
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_switched_off_is_found_with_its_line() {
        let text = format!("#[test]\n{}]\nfn a() {{}}\n", FORBIDDEN[0].0);
        let found: Vec<String> = unfinished(&text).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("2: "), "{found:?}");
    }

    #[test]
    fn a_sleep_counts_in_tests_only() {
        let sleep = format!("std::{}x);\n", SLEEPS[0]);
        assert_eq!(sleeping_tests("crates/a/src/b.rs", &sleep).count(), 0);
        assert_eq!(sleeping_tests("crates/a/tests/b.rs", &sleep).count(), 1);
        let module = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{sleep}}}\n");
        assert_eq!(sleeping_tests("crates/a/src/b.rs", &module).count(), 1);
    }

    #[test]
    fn modules_for_tests_are_found_where_they_lie() {
        let text = "mod log;\n#[cfg(test)]\nmod cluster;\n";
        assert_eq!(
            test_modules("crates/a/src/lib.rs", text),
            ["crates/a/src/cluster"]
        );
        assert_eq!(
            test_modules("crates/a/src/b.rs", text),
            ["crates/a/src/b/cluster"]
        );
        assert!(belongs(
            "crates/a/src/cluster/world.rs",
            "crates/a/src/cluster"
        ));
        assert!(!belongs("crates/a/src/clusters.rs", "crates/a/src/cluster"));
    }

    #[test]
    fn the_clock_is_found_outside_of_tests() {
        let line = format!("use {}::Instant;\n", AMBIENT[0]);
        assert_eq!(ambient(&line).count(), 1);
        assert_eq!(ambient(&format!("mod tests {{\n{line}}}\n")).count(), 0);
    }
}
