//! What is counted, in which unit, and what is asked of it.

use serde::Serialize;
use std::collections::BTreeMap;

/// A figure of an outcome. Their order is that of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Figure {
    /// Operations per second.
    Throughput,
    /// Processor time of all servers for one operation, in microseconds.
    ServerTime,
    /// Latencies in microseconds.
    P50,
    P99,
    P999,
    Max,
    /// From a change until the last watcher was told of it, in milliseconds.
    LastTold,
    /// The longest time between two acknowledged writes, in milliseconds.
    Gap,
    /// From the start of a process until it answers, in milliseconds.
    Start,
    /// Until a server that had nothing has what the others have, in milliseconds.
    CatchUp,
    /// Resident bytes for each of what was made.
    BytesEach,
    /// The largest server, in MiB.
    Resident,
    /// Processor time of the busiest server, in percent of one processor.
    Processor,
    /// What it costs beside what less of it costs; 1 is no growth.
    Growth,
    /// The 99.9th percentile at the end beside that of the beginning; 1 is none.
    Drift,
    /// What is reached beside what is compared with; 1 is the same.
    Share,
}

/// Figures of one turn.
pub(super) type Figures = BTreeMap<Figure, f64>;

impl Figure {
    /// The head of its column.
    pub(super) fn head(self) -> &'static str {
        match self {
            Figure::Throughput => "per second",
            Figure::ServerTime => "server us",
            Figure::P50 => "p50 us",
            Figure::P99 => "p99 us",
            Figure::P999 => "p99.9 us",
            Figure::Max => "max us",
            Figure::LastTold => "last told ms",
            Figure::Gap => "gap ms",
            Figure::Start => "start ms",
            Figure::CatchUp => "catch up ms",
            Figure::BytesEach => "bytes each",
            Figure::Resident => "MiB",
            Figure::Processor => "processor %",
            Figure::Growth => "times as much",
            Figure::Drift => "drift of p99.9",
            Figure::Share => "share",
        }
    }

    /// What it is to be better, behind a number and "x".
    fn better(self) -> &'static str {
        match self {
            Figure::Throughput => "more per second",
            Figure::ServerTime => "less processor time",
            Figure::P50 => "less in the middle",
            Figure::P99 => "less at the 99th percentile",
            Figure::P999 => "less at 99.9 %",
            Figure::Max => "less at most",
            Figure::LastTold => "sooner the last one told",
            Figure::Gap => "shorter without an acknowledged write",
            Figure::Start => "sooner there",
            Figure::CatchUp => "sooner caught up",
            Figure::BytesEach | Figure::Resident => "less memory",
            Figure::Processor => "less of a processor",
            Figure::Growth => "less growth",
            Figure::Drift => "less drift",
            Figure::Share => "more of it",
        }
    }

    fn more_is_better(self) -> bool {
        matches!(self, Figure::Throughput | Figure::Share)
    }

    /// How many times better the first is than the second.
    pub(super) fn times_better(self, ours: f64, theirs: f64) -> f64 {
        if self.more_is_better() {
            ours / theirs
        } else {
            theirs / ours
        }
    }

    /// As people read it.
    pub(super) fn shown(self, value: f64) -> String {
        if value >= 100.0 {
            format!("{value:.0}")
        } else if value >= 10.0 {
            format!("{value:.1}")
        } else {
            format!("{value:.2}")
        }
    }
}

/// What has to be reached.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// So many times better than Apache ZooKeeper.
    Better(Figure, f64),
    /// At most so many times what the floor has.
    Floor(Figure, f64),
    /// At most this.
    AtMost(Figure, f64),
    /// At least this.
    AtLeast(Figure, f64),
}

/// Whether a goal was met, in a sentence.
pub(super) struct Verdict {
    pub(super) sentence: String,
    pub(super) is_met: bool,
}

/// The middle of several figures, and the least and most of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        Some(Self {
            median: *figures.get(figures.len() / 2)?,
            least: *figures.first()?,
            most: *figures.last()?,
        })
    }
}

impl Goal {
    /// What became of it: `ours`, and those it is compared with, turn by turn. None without them.
    pub(super) fn judge(
        self,
        ours: &[Figures],
        apache: Option<&[Figures]>,
        floor: Option<&[Figures]>,
    ) -> Option<Verdict> {
        let of = |figure| {
            Spread::of(
                ours.iter()
                    .filter_map(|all| all.get(&figure).copied())
                    .collect(),
            )
        };
        let (figure, spread, is_met, words) = match self {
            Goal::Better(figure, least) => {
                let spread = ratios(
                    ours,
                    apache?,
                    |ours, theirs| figure.times_better(ours, theirs),
                    figure,
                )?;
                let words = format!("x {} than Apache", figure.better());
                (
                    figure,
                    spread,
                    spread.median >= least,
                    (words, "least", least),
                )
            }
            Goal::Floor(figure, most) => {
                let spread = ratios(ours, floor?, |ours, theirs| ours / theirs, figure)?;
                let words = format!("x the floor's {}", figure.head());
                (figure, spread, spread.median <= most, (words, "most", most))
            }
            Goal::AtMost(figure, most) => {
                let spread = of(figure)?;
                (
                    figure,
                    spread,
                    spread.median <= most,
                    (figure.head().to_owned(), "most", most),
                )
            }
            Goal::AtLeast(figure, least) => {
                let spread = of(figure)?;
                (
                    figure,
                    spread,
                    spread.median >= least,
                    (figure.head().to_owned(), "least", least),
                )
            }
        };
        let (what, side, bound) = words;
        let [median, low, high] =
            [spread.median, spread.least, spread.most].map(|value| figure.shown(value));
        Some(Verdict {
            sentence: format!("{median} {what} ({low} to {high}), at {side} {bound}"),
            is_met,
        })
    }
}

/// One figure beside another's, turn by turn: a machine that is busy for a while is so for both.
fn ratios(
    ours: &[Figures],
    theirs: &[Figures],
    ratio: impl Fn(f64, f64) -> f64,
    figure: Figure,
) -> Option<Spread> {
    let pairs = ours.iter().zip(theirs);
    let all =
        pairs.filter_map(|(ours, theirs)| Some(ratio(*ours.get(&figure)?, *theirs.get(&figure)?)));
    Spread::of(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(figure: Figure, values: &[f64]) -> Vec<Figures> {
        values
            .iter()
            .map(|value| Figures::from([(figure, *value)]))
            .collect()
    }

    #[test]
    fn a_goal_is_met_by_the_middle_of_the_turns() {
        let theirs = turns(Figure::ServerTime, &[30.0, 60.0, 3.0]);
        let ours = turns(Figure::ServerTime, &[3.0; 3]);
        let goal = Goal::Better(Figure::ServerTime, 10.0);
        let verdict = goal
            .judge(&ours, Some(&theirs), None)
            .expect("both are there");
        assert!(verdict.is_met, "{}", verdict.sentence);
        assert!(
            verdict.sentence.starts_with("10.0 x"),
            "{}",
            verdict.sentence
        );
        assert!(
            Goal::Floor(Figure::ServerTime, 2.0)
                .judge(&ours, Some(&theirs), None)
                .is_none()
        );
    }

    #[test]
    fn more_is_better_for_what_is_done_and_less_for_what_it_takes() {
        assert!(Figure::Throughput.times_better(4.0, 2.0) > 1.0);
        assert!(Figure::Gap.times_better(4.0, 2.0) < 1.0);
    }

    #[test]
    fn a_bound_holds_for_the_figure_itself() {
        let ours = turns(Figure::Gap, &[150.0, 250.0, 120.0]);
        let is_met = |goal: Goal| goal.judge(&ours, None, None).expect("it is there").is_met;
        assert!(is_met(Goal::AtMost(Figure::Gap, 200.0)));
        assert!(!is_met(Goal::AtLeast(Figure::Gap, 200.0)));
    }
}
