//! Two transcripts of one script, side by side.

use super::rules::{self, Scene};
use super::script::{Script, Step};
use super::transcript::Line;
use std::collections::BTreeMap;
use std::fmt;

/// What comparing found.
#[derive(Default)]
pub(super) struct Verdict {
    /// How often each declared difference was met.
    pub(super) declared: BTreeMap<&'static str, u64>,
    /// The first difference that is not declared.
    pub(super) difference: Option<Difference>,
}

/// A step after which two servers told different things.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) step: String,
    ours: Vec<String>,
    apache: Vec<String>,
}

impl Difference {
    /// What is likely the same for all differences with one cause.
    pub(super) fn signature(&self) -> String {
        let kind = self.step.split(' ').nth(1).unwrap_or("end").to_owned();
        let code = |lines: &[String]| {
            let line = lines.last().map_or("", String::as_str);
            let code = line.split(' ').find(|word| word.starts_with("err="));
            code.unwrap_or(line.split(' ').nth(1).unwrap_or(""))
                .to_owned()
        };
        format!("{kind} {} {}", code(&self.ours), code(&self.apache))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "after: {}", self.step)?;
        for line in &self.apache {
            let mark = if self.ours.contains(line) { ' ' } else { '-' };
            writeln!(f, "  {mark} Apache  {line}")?;
        }
        for line in &self.ours {
            let mark = if self.apache.contains(line) { ' ' } else { '+' };
            writeln!(f, "  {mark} ours    {line}")?;
        }
        Ok(())
    }
}

/// Compares what two servers told, step by step.
pub(super) fn compare(script: &Script, ours_lines: &[Line], apache_lines: &[Line]) -> Verdict {
    let mut verdict = Verdict::default();
    let all = ours_lines.iter().chain(apache_lines);
    let last = all.map(|line| line.step).max();
    // What differs at first may only be named by what came later.
    for step in (1..=last.unwrap_or(0)).chain([0]) {
        let of_step = |lines: &[Line]| -> Vec<String> {
            let lines = lines.iter().filter(|line| line.step == step);
            lines
                .map(|line| format!("{} {}", line.conn, line.text))
                .collect()
        };
        let (ours, apache) = (of_step(ours_lines), of_step(apache_lines));
        if ours == apache {
            continue;
        }
        let acted = step.checked_sub(1).and_then(|at| script.steps.get(at));
        let scene = Scene {
            script,
            at: step,
            step: acted,
            ours: &ours,
            apache: &apache,
            later: [ours_lines, apache_lines],
        };
        if let Some(rule) = rules::that_allows(&scene) {
            *verdict.declared.entry(rule).or_default() += 1;
            continue;
        }
        verdict.difference = Some(Difference {
            step: acted.map_or_else(|| "the last step".to_owned(), Step::to_string),
            ours,
            apache,
        });
        break;
    }
    verdict
}
