//! What was measured, as a table, as JSON and as a page.

use super::subject::{Kind, Measured};
use super::workloads::{Figure, Goal, Workload};
use crate::process::target;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// A load and what came of it, turn by turn.
pub(super) struct Row {
    workload: Workload,
    measured: BTreeMap<Kind, Vec<Measured>>,
}

/// How a goal was met.
pub(super) struct Met {
    sentence: String,
    is_met: bool,
}

impl Met {
    pub(super) fn is_met(&self) -> bool {
        self.is_met
    }
}

/// The middle of several figures, and the least and most of them.
#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        Some(Self {
            median: *figures.get(figures.len() / 2)?,
            least: *figures.first()?,
            most: *figures.last()?,
        })
    }
}

impl Row {
    pub(super) fn new(workload: &Workload, measured: BTreeMap<Kind, Vec<Measured>>) -> Self {
        Self {
            workload: *workload,
            measured,
        }
    }

    fn spread(&self, kind: Kind, figure: impl Fn(&Measured) -> f64) -> Option<Spread> {
        Spread::of(self.measured.get(&kind)?.iter().map(figure).collect())
    }

    /// How many times better ours was than another, turn by turn.
    fn ratio(&self, other: Kind, figure: Figure) -> Option<Spread> {
        let ours = self.measured.get(&Kind::Vivarium)?;
        let theirs = self.measured.get(&other)?;
        let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| {
            let (ours, theirs) = (figure_of(figure, ours), figure_of(figure, theirs));
            if figure == Figure::Throughput {
                ours / theirs
            } else {
                theirs / ours
            }
        });
        Spread::of(ratios.collect())
    }

    /// The goals that can be told with the servers that were there.
    pub(super) fn goals(&self) -> impl Iterator<Item = Met> {
        self.workload.goals.iter().filter_map(|goal| {
            let (spread, least, what) = match *goal {
                Goal::Better(figure, least) => {
                    let spread = self.ratio(Kind::Apache, figure)?;
                    (spread, least, format!("{} than Apache", better(figure)))
                }
                Goal::Floor(most) => {
                    let spread = self.ratio(Kind::Floor, Figure::ServerTime)?;
                    let what = "of the floor's processor time".to_owned();
                    return Some(Met {
                        sentence: format!(
                            "{:.2} x {what} ({:.2} to {:.2}), at most {most}",
                            1.0 / spread.median,
                            1.0 / spread.most,
                            1.0 / spread.least
                        ),
                        is_met: 1.0 / spread.median <= most,
                    });
                }
            };
            Some(Met {
                sentence: format!(
                    "{:.2} x {what} ({:.2} to {:.2}), at least {least}",
                    spread.median, spread.least, spread.most
                ),
                is_met: spread.median >= least,
            })
        })
    }

    fn json(&self) -> Value {
        let goals: Vec<Value> = self
            .goals()
            .map(|goal| json!({"goal": goal.sentence, "met": goal.is_met}))
            .collect();
        json!({
            "load": self.workload.name, "servers": self.workload.servers,
            "connections": self.workload.connections, "depth": self.workload.depth,
            "mix": self.workload.mix, "value": self.workload.value,
            "rounds": self.measured.iter().map(|(kind, all)| (kind.to_string(), json!(all)))
                .collect::<serde_json::Map<_, _>>(),
            "goals": goals,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a latency is far below 2^52 us")]
fn figure_of(figure: Figure, measured: &Measured) -> f64 {
    match figure {
        Figure::ServerTime => measured.server_us,
        Figure::Throughput => measured.per_second,
        Figure::P99 => measured.p99 as f64,
    }
}

fn better(figure: Figure) -> &'static str {
    match figure {
        Figure::ServerTime => "less processor time",
        Figure::Throughput => "more per second",
        Figure::P99 => "less at the 99th percentile",
    }
}

/// The cells of a table: a line for each kind of server.
fn cells(row: &Row) -> Vec<[String; 7]> {
    let kinds = row.measured.keys();
    kinds
        .filter_map(|kind| {
            let of = |figure: fn(&Measured) -> f64| row.spread(*kind, figure);
            let throughput = of(|one| one.per_second)?;
            let time = of(|one| one.server_us)?;
            #[expect(clippy::cast_precision_loss, reason = "figures for people")]
            let [p50, p99, memory] = [
                of(|one| one.p50 as f64)?,
                of(|one| one.p99 as f64)?,
                of(|one| one.resident.iter().max().copied().unwrap_or(0) as f64)?,
            ];
            Some([
                kind.to_string(),
                format!("{:.0}", throughput.median),
                format!("{:.0}..{:.0}", throughput.least, throughput.most),
                format!("{:.2}", time.median),
                format!("{:.0}", p50.median),
                format!("{:.0}", p99.median),
                format!("{:.0}", memory.median / f64::from(1 << 20)),
            ])
        })
        .collect()
}

const HEAD: [&str; 7] = [
    "",
    "per second",
    "spread",
    "server us",
    "p50 us",
    "p99 us",
    "MiB",
];

/// Prints the table.
pub(super) fn print(rows: &[Row]) {
    for row in rows {
        println!("\n{}", row.workload.name);
        for line in std::iter::once(HEAD.map(str::to_owned)).chain(cells(row)) {
            let [name, throughput, spread, time, p50, p99, memory] = line;
            println!(
                "  {name:<10}{throughput:>11}{spread:>20}{time:>11}{p50:>9}{p99:>9}{memory:>7}"
            );
        }
        for goal in row.goals() {
            let word = if goal.is_met { "met   " } else { "missed" };
            println!("  {word} {}", goal.sentence);
        }
    }
    println!();
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
    fs::write(&page, page_of(rows)).with_context(|| format!("cannot write {}", page.display()))?;
    Ok(page)
}

/// Widths of bars, in pixels.
const BAR: f64 = 360.0;

fn page_of(rows: &[Row]) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><title>Vivarium beside its peers</title><style>\
         body{font:15px system-ui;max-width:60em;margin:2em auto}table{border-collapse:collapse}\
         td,th{padding:.2em .8em;text-align:right}td:first-child{text-align:left}\
         .bar{display:inline-block;height:.8em;background:#4a7}.apache{background:#c63}\
         .floor{background:#999}.missed{color:#b00}</style><h1>Vivarium beside its peers</h1>",
    );
    for row in rows {
        page += &section(row);
    }
    page
}

fn section(row: &Row) -> String {
    let mut text = format!("<h2>{}</h2><table><tr>", row.workload.name);
    let times: BTreeMap<Kind, f64> = row
        .measured
        .keys()
        .filter_map(|kind| Some((*kind, row.spread(*kind, |one| one.server_us)?.median)))
        .collect();
    let most = times.values().copied().fold(0.0, f64::max);
    for head in HEAD.into_iter().chain(["processor time per operation"]) {
        write!(text, "<th>{head}").expect("a string takes all");
    }
    for (line, (kind, time)) in cells(row).into_iter().zip(&times) {
        text += "<tr>";
        for cell in line {
            write!(text, "<td>{cell}").expect("a string takes all");
        }
        let width = time / most * BAR;
        write!(
            text,
            "<td style=text-align:left><i class='bar {kind}' style='width:{width:.0}px'></i>"
        )
        .expect("a string takes all");
    }
    text += "</table>";
    for goal in row.goals() {
        let class = if goal.is_met { "met" } else { "missed" };
        write!(text, "<p class={class}>{class}: {}", goal.sentence).expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workloads::ALL;

    fn measured(per_second: f64, server_us: f64) -> Measured {
        Measured {
            operations: 1,
            errors: 0,
            per_second,
            server_us,
            load_us: 1.0,
            p50: 1,
            p90: 1,
            p99: 1,
            p999: 1,
            max: 1,
            resident: vec![1 << 20],
        }
    }

    #[test]
    fn a_goal_is_met_by_the_middle_of_the_turns() {
        let theirs = vec![measured(1.0, 30.0), measured(1.0, 60.0), measured(1.0, 3.0)];
        let ours = vec![measured(1.0, 3.0); 3];
        let row = Row::new(
            &ALL[0],
            BTreeMap::from([(Kind::Vivarium, ours), (Kind::Apache, theirs)]),
        );
        let goals: Vec<Met> = row.goals().collect();
        assert_eq!(
            goals.len(),
            1,
            "without the floor there is nothing to say of it"
        );
        assert!(goals[0].is_met(), "{}", goals[0].sentence);
        assert!(
            goals[0].sentence.starts_with("10.00 x"),
            "{}",
            goals[0].sentence
        );
        assert!(section(&row).contains("class=met"));
    }
}
