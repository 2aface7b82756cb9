//! What was measured, as a table and as JSON.

use super::figures::{Figure, Figures, Goal, Spread, Verdict};
use super::page;
use super::subject::Kind;
use crate::process::target;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// What was put on servers, and what came of it, turn by turn.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) goals: &'static [Goal],
    pub(super) measured: BTreeMap<Kind, Vec<Figures>>,
}

impl Row {
    /// The figures that any turn has.
    pub(super) fn columns(&self) -> BTreeSet<Figure> {
        self.measured
            .values()
            .flatten()
            .flat_map(Figures::keys)
            .copied()
            .collect()
    }

    pub(super) fn spread(&self, kind: Kind, figure: Figure) -> Option<Spread> {
        let turns = self.measured.get(&kind)?;
        Spread::of(
            turns
                .iter()
                .filter_map(|turn| turn.get(&figure).copied())
                .collect(),
        )
    }

    /// The goals that can be told with the servers that were there.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let of = |kind| self.measured.get(&kind).map(Vec::as_slice);
        self.goals.iter().filter_map(move |goal| {
            goal.judge(of(Kind::Vivarium)?, of(Kind::Apache), of(Kind::Floor))
        })
    }

    fn json(&self) -> Value {
        let goals: Vec<Value> = self
            .verdicts()
            .map(|verdict| json!({"goal": verdict.sentence, "met": verdict.is_met}))
            .collect();
        let rounds: serde_json::Map<_, _> = self
            .measured
            .iter()
            .map(|(kind, turns)| (kind.to_string(), json!(turns)))
            .collect();
        json!({"name": self.name, "rounds": rounds, "goals": goals})
    }
}

/// Prints the table.
pub(super) fn print(rows: &[Row]) {
    for row in rows {
        println!("\n{}", row.name);
        let columns = row.columns();
        print!("  {:<10}", "");
        for figure in &columns {
            print!("{:>22}", figure.head());
        }
        println!();
        for kind in row.measured.keys() {
            print!("  {kind:<10}");
            for figure in &columns {
                print!("{:>22}", cell(row, *kind, *figure));
            }
            println!();
        }
        for verdict in row.verdicts() {
            let word = if verdict.is_met { "met   " } else { "MISSED" };
            println!("  {word} {}", verdict.sentence);
        }
    }
    println!();
}

/// The middle, and the span around it.
pub(super) fn cell(row: &Row, kind: Kind, figure: Figure) -> String {
    row.spread(kind, figure).map_or_else(String::new, |spread| {
        let [median, least, most] =
            [spread.median, spread.least, spread.most].map(|value| figure.shown(value));
        if least == most {
            median
        } else {
            format!("{median} ({least}..{most})")
        }
    })
}

/// All that was measured.
pub(super) fn json(rows: &[Row]) -> Result<String> {
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    Ok(serde_json::to_string_pretty(&rows)?)
}

/// Leaves the raw figures and a page; where the page is.
pub(super) fn write(rows: &[Row]) -> Result<PathBuf> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("bench.json"), json(rows)?)?;
    let page = folder.join("report.html");
    fs::write(&page, page::of(rows)).with_context(|| format!("cannot write {}", page.display()))?;
    Ok(page)
}
