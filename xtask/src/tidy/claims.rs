//! Every test that the documentation names exists, and so does every rule of the simulator.

use super::Findings;
use super::files::tracked;
use crate::process::root;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;

const DOCUMENT: &str = "docs/compatibility.md";
/// Names the rules of the simulator and the functions that check them.
const RULES: &str = "docs/oracles.md";

/// Every function that is named as the one that checks a rule exists, and every rule that the
/// simulator knows is named.
pub(super) fn check_rules(findings: &mut Findings) -> Result<()> {
    let mut functions = BTreeSet::new();
    let mut rules = BTreeSet::new();
    let is_source = |name: &String| name.starts_with("sim/src/") && name.ends_with(".rs");
    for name in tracked()?.into_iter().filter(is_source) {
        let text = fs::read_to_string(root().join(&name)).with_context(|| name.clone())?;
        functions.extend(functions_in(&text).map(|function| format!("sim::{function}")));
        rules.extend(rules_in(&text).map(str::to_owned));
    }
    let document = fs::read_to_string(root().join(RULES)).context(RULES)?;
    for (line, claim) in claims(&document) {
        if !functions.contains(claim) {
            findings.error(format!("{RULES}:{line}: there is no function {claim}"));
        }
    }
    let mut named = BTreeSet::new();
    for (line, row) in rows(&document) {
        let rule = row.split('|').nth(1).unwrap_or_default().trim();
        let is_header = rule == "rule" || rule.starts_with("---");
        if !is_header && !row.contains("sim::") && !row.contains("not checked: ") {
            findings.error(format!(
                "{RULES}:{line}: {rule} names no function, and not why"
            ));
        }
        named.insert(rule.to_owned());
    }
    for rule in rules.difference(&named) {
        findings.error(format!(
            "{RULES}: rule {rule} of the simulator is not there"
        ));
    }
    Ok(())
}

/// The names of all functions.
fn functions_in(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter_map(|line| line.split_once("fn "));
    lines.filter_map(|(_, rest)| rest.split(['(', '<']).next())
}

/// The numbers that rules begin with: a capital letter, digits, a short name and a colon.
fn rules_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).filter_map(|quoted| {
        let (short, _) = quoted.split_once(": ")?;
        let (number, name) = short.split_once(' ')?;
        let digits = number.strip_prefix(|letter: char| "SLGHWED".contains(letter))?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b' ');
        (is_number && is_name && !name.is_empty()).then_some(number)
    })
}

pub(super) fn check(findings: &mut Findings) -> Result<()> {
    let mut tests = BTreeSet::new();
    for name in tracked()?.into_iter().filter(|name| name.ends_with(".rs")) {
        let text = fs::read_to_string(root().join(&name)).with_context(|| name.clone())?;
        let package = package_of(&name);
        tests.extend(tests_in(&text).map(|test| format!("{package}::{test}")));
    }
    let document = fs::read_to_string(root().join(DOCUMENT)).context(DOCUMENT)?;
    for (line, claim) in claims(&document) {
        if !tests.contains(claim) {
            findings.error(format!("{DOCUMENT}:{line}: there is no test {claim}"));
        }
    }
    for line in rows_without_proof(&document) {
        findings.error(format!("{DOCUMENT}:{line}: a row names no test"));
    }
    Ok(())
}

/// The package that a file belongs to, by its folder.
fn package_of(name: &str) -> &str {
    let path = name.strip_prefix("crates/").unwrap_or(name);
    path.split('/').next().unwrap_or(path)
}

/// The names of functions that are marked as tests.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    let mut is_marked = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_marked = true;
            return None;
        }
        let (_, rest) = line.split_once("fn ").filter(|_| is_marked)?;
        is_marked = false;
        rest.split('(').next()
    })
}

/// What stands in tables as `package::test`, with its line.
fn claims(document: &str) -> impl Iterator<Item = (usize, &str)> {
    rows(document).flat_map(|(line, row)| {
        row.split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| word.contains("::"))
            .map(move |word| (line, word))
    })
}

/// Rows of tables with a column of proofs that have none.
fn rows_without_proof(document: &str) -> impl Iterator<Item = usize> {
    let mut has_proofs = false;
    rows(document).filter_map(move |(line, row)| {
        if row.contains("| proved by") {
            has_proofs = true;
        } else if !row.starts_with("| ---") && has_proofs && !row.contains("::") {
            return Some(line);
        }
        None
    })
}

fn rows(document: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = document.lines().enumerate();
    numbered
        .filter(|(_, line)| line.starts_with('|'))
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str =
        "#[test]\nfn one() {}\n\nfn helper() {}\n\n    #[test]\n    #[should_panic]\n    fn two(\n";

    #[test]
    fn only_marked_functions_are_tests() {
        let found: Vec<&str> = tests_in(SOURCE).collect();
        assert_eq!(found, ["one", "two"]);
    }

    #[test]
    fn rules_and_functions_are_read_off_the_sources() {
        let source = "fn one<'a>(x: u8) {\n  let rule = \"S22 survival: all\";\n}\n\
                      pub(crate) fn two() { say(\"E: not a rule\", \"S1: nor this\") }\n";
        assert_eq!(functions_in(source).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(rules_in(source).collect::<Vec<_>>(), ["S22"]);
    }

    #[test]
    fn a_package_is_named_by_its_folder() {
        assert_eq!(package_of("crates/wal/tests/rot.rs"), "wal");
        assert_eq!(package_of("sim/src/net.rs"), "sim");
    }

    #[test]
    fn claims_are_what_tables_quote_with_a_package() {
        let document = "`wal::not_in_a_table`\n| § | proved by |\n| --- | --- |\n\
                        | `mntr` | `wal::one` `sim::two` |\n| nothing | |\n";
        let found: Vec<_> = claims(document).collect();
        assert_eq!(found, [(4, "wal::one"), (4, "sim::two")]);
        assert_eq!(rows_without_proof(document).collect::<Vec<_>>(), [5]);
    }
}
