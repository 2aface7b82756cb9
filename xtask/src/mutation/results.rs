//! What became of mutants, as a file that an interrupted run leaves behind.

use super::trial::Outcome;
use super::weave::Mutant;
use super::{EXPLAINED, Options, folder};
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;

pub(crate) struct Results<'a> {
    mutants: &'a BTreeMap<u32, Mutant>,
    /// The page that says of every survivor why.
    explained: String,
    outcomes: BTreeMap<u32, Outcome>,
    file: File,
    json: bool,
}

impl<'a> Results<'a> {
    pub(crate) fn open(
        mutants: &'a BTreeMap<u32, Mutant>,
        explained: String,
        options: &Options,
    ) -> Result<Self> {
        fs::create_dir_all(folder())?;
        let path = folder().join("results.tsv");
        let before = fs::read_to_string(&path).unwrap_or_default();
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut results = Self {
            mutants,
            explained,
            outcomes: BTreeMap::new(),
            file,
            json: options.json,
        };
        if options.resume {
            results.resume(&before)?;
        }
        Ok(results)
    }

    fn resume(&mut self, before: &str) -> Result<()> {
        let lines = before.lines().filter_map(|line| line.split_once("\t`"));
        let known: BTreeMap<String, &str> = lines
            .map(|(outcome, mutant)| (format!("`{mutant}"), outcome))
            .collect();
        for (number, mutant) in self.mutants {
            let Some((word, by)) = known.get(&named(mutant)).and_then(|o| o.split_once('\t'))
            else {
                continue;
            };
            if let Some(outcome) = Outcome::read(word, by) {
                self.write(mutant, &outcome)?;
                self.outcomes.insert(*number, outcome);
            }
        }
        Ok(())
    }

    /// Those of which it is known already that something notices them.
    pub(crate) fn caught(&self) -> BTreeSet<u32> {
        self.outcomes.keys().copied().collect()
    }

    pub(crate) fn add(&mut self, number: u32, outcome: Outcome) -> Result<()> {
        let mutant = &self.mutants[&number];
        self.write(mutant, &outcome)?;
        let is_survivor = matches!(outcome, Outcome::Survived);
        let is_explained = self.is_explained(number);
        if self.json {
            println!("{}", as_json(mutant, &outcome, is_explained));
        } else if is_survivor && !is_explained {
            println!("nobody notices {}: {}", mutant.name, mutant.line);
        }
        self.outcomes.insert(number, outcome);
        Ok(())
    }

    /// Tells of one that the tests do not notice, before worlds are asked.
    pub(crate) fn tell_survivor(&self, number: u32) {
        let mutant = &self.mutants[&number];
        if !self.json {
            println!("no test notices {}: {}", mutant.name, mutant.line);
        }
    }

    /// How many survive that nobody has explained.
    pub(crate) fn unexplained(&self) -> usize {
        let survivors = self.outcomes.iter();
        survivors
            .filter(|(_, outcome)| matches!(outcome, Outcome::Survived))
            .filter(|(number, _)| !self.is_explained(**number))
            .count()
    }

    pub(crate) fn summary(&self) -> String {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for outcome in self.outcomes.values() {
            *counts.entry(outcome.word()).or_default() += 1;
        }
        let sentence: Vec<String> = counts.iter().map(|(w, n)| format!("{n} {w}")).collect();
        format!(
            "{} mutants: {}, {} not built; {} survivors are not explained in {EXPLAINED}",
            self.mutants.len(),
            sentence.join(", "),
            self.mutants.len() - self.outcomes.len(),
            self.unexplained(),
        )
    }

    /// Whether the page says why nothing notices it; worlds are not asked then.
    pub(crate) fn is_explained(&self, number: u32) -> bool {
        self.explained.contains(&key(&self.mutants[&number]))
    }

    fn write(&mut self, mutant: &Mutant, outcome: &Outcome) -> Result<()> {
        let (word, by, named) = (outcome.word(), outcome.by(), named(mutant));
        writeln!(self.file, "{word}\t{by}\t{named}").context("cannot write what became of a mutant")
    }
}

/// What names a mutant when lines have moved: its file, what it does, and the line it does it to.
fn key(mutant: &Mutant) -> String {
    let what = mutant.name.splitn(4, ':').nth(3).unwrap_or_default().trim();
    format!("`{}` {what}: `{}`", mutant.file, mutant.line)
}

/// The same with its place, which tells two of one line apart.
fn named(mutant: &Mutant) -> String {
    format!("`{}`\t{}", mutant.name, mutant.line)
}

fn as_json(mutant: &Mutant, outcome: &Outcome, is_explained: bool) -> serde_json::Value {
    json!({
        "mutant": mutant.name,
        "package": mutant.package,
        "line": mutant.line,
        "outcome": outcome.word(),
        "by": outcome.by(),
        "explained": is_explained && matches!(outcome, Outcome::Survived),
    })
}
