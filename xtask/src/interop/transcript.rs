//! One script typed into the same shell twice, once before Apache's servers and once before ours:
//! what is printed must be the same, line by line.

use super::conversation::Conversation;
use super::report::Report;
use crate::process::target;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

/// How a shell is talked to.
pub(super) struct Dialect {
    pub(super) name: &'static str,
    /// What is typed after each line of the script, so that the end of its answer can be seen. It
    /// is given the number of the line.
    pub(super) end_marker: fn(usize) -> String,
    /// Whether a text holds the whole answer to a line of that number.
    pub(super) is_whole: fn(&str, &Line, usize) -> bool,
    /// The lines of an answer that are compared, in an order and a form that do not depend on
    /// chance.
    pub(super) plain: fn(&str) -> Vec<String>,
}

/// A line of a script.
pub(super) struct Line {
    pub(super) typed: String,
    /// How many watch events are waited for beside the answer.
    pub(super) events: usize,
}

/// What was typed, and what came back.
pub(super) struct Exchange {
    pub(super) typed: String,
    pub(super) answer: Vec<String>,
}

/// A difference that is declared: how the answers to a line are equal nevertheless.
pub(super) struct Difference {
    pub(super) typed: &'static str,
    /// Its entry in `docs/compatibility.md`.
    pub(super) rule: &'static str,
    /// A line of the answer without what differs.
    pub(super) normal: fn(&str) -> String,
}

/// Reads a script: one line to type per line; `#` begins a remark, and `@2 ` says that two events
/// are awaited.
pub(super) fn parse(script: &str) -> Vec<Line> {
    let worth = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let lines = script.lines().filter(worth).map(|line| {
        let counted = line.strip_prefix('@').and_then(|rest| {
            let (count, typed) = rest.split_once(' ')?;
            Some((count.parse().ok()?, typed))
        });
        let (events, typed) = counted.unwrap_or((0, line));
        Line {
            typed: typed.to_owned(),
            events,
        }
    });
    lines.collect()
}

/// Types a script into a shell. The words `{server}` in it become the address. What is compared is
/// also written to a file, named after the side.
pub(super) fn record(
    dialect: &Dialect,
    side: &str,
    command: &mut Command,
    script: &[Line],
    server: &str,
) -> Result<Vec<Exchange>> {
    let folder = target().join("interop").join("transcripts");
    fs::create_dir_all(&folder)?;
    let mut file = File::create(folder.join(format!("{}-{side}.txt", dialect.name)))?;
    let mut shell = Conversation::start(command)?;
    let mut names = Names::default();
    let mut exchanges = Vec::new();
    // What is printed at the start belongs to no line that is typed.
    let opening = Line {
        typed: String::new(),
        events: 0,
    };
    for (number, line) in std::iter::once(&opening).chain(script).enumerate() {
        if !line.typed.is_empty() {
            shell.say(&line.typed.replace("{server}", server))?;
        }
        shell.say(&(dialect.end_marker)(number))?;
        let text = shell
            .hear(|text| (dialect.is_whole)(text, line, number))
            .with_context(|| format!("after {:?}", line.typed))?;
        let answer = names.plain(dialect, &text);
        writeln!(file, "> {}\n{}", line.typed, answer.join("\n"))?;
        exchanges.push(Exchange {
            typed: line.typed.clone(),
            answer,
        });
    }
    shell.say("quit")?;
    let (text, status) = shell.end()?;
    let mut answer = names.plain(dialect, &text);
    answer.push(format!("{status}"));
    exchanges.push(Exchange {
        typed: "quit".to_owned(),
        answer,
    });
    Ok(exchanges)
}

/// Reports each line that is typed: the same answer, the same but for what is declared, or another.
pub(super) fn compare(
    dialect: &Dialect,
    apache: &[Exchange],
    ours: &[Exchange],
    differences: &[Difference],
    report: &mut Report,
) {
    let name = dialect.name;
    if apache.len() != ours.len() {
        report.failed(&format!("{name}: the transcripts differ in length"));
    }
    for (theirs, ours) in apache.iter().zip(ours) {
        let what = format!("{name}: {}", theirs.typed);
        let listed = differences
            .iter()
            .position(|declared| declared.typed == theirs.typed);
        let Some(text) = difference(&theirs.answer, &ours.answer) else {
            report.ok(&what);
            continue;
        };
        let is_declared = listed.is_some_and(|index| {
            let normal = |lines: &[String]| -> Vec<String> {
                lines
                    .iter()
                    .map(|line| (differences[index].normal)(line))
                    .collect()
            };
            normal(&theirs.answer) == normal(&ours.answer)
        });
        if let (true, Some(index)) = (is_declared, listed) {
            report.ok(&format!("{what} (declared: {})", differences[index].rule));
        } else {
            report.failed(&format!("{what}: {text}"));
        }
    }
    for declared in differences {
        let typed = declared.typed;
        if !apache.iter().any(|exchange| exchange.typed == typed) {
            report.failed(&format!(
                "{name}: {typed}: it is listed, and nobody types it"
            ));
        }
    }
}

/// The first line in which two answers differ.
fn difference(theirs: &[String], ours: &[String]) -> Option<String> {
    let count = theirs.len().max(ours.len());
    (0..count).find_map(|index| {
        let (theirs, ours) = (theirs.get(index), ours.get(index));
        let shown = |line: Option<&String>| match line {
            Some(line) => format!("{line:?}"),
            None => "nothing more".to_owned(),
        };
        (theirs != ours).then(|| format!("Apache: {}; ours: {}", shown(theirs), shown(ours)))
    })
}

/// Names for what is another in each run: zxids, sessions and ports, numbered as they appear.
#[derive(Default)]
pub(super) struct Names {
    numbers: BTreeMap<u64, usize>,
    ports: BTreeMap<String, usize>,
}

impl Names {
    fn plain(&mut self, dialect: &Dialect, text: &str) -> Vec<String> {
        let lines = (dialect.plain)(text);
        lines.iter().map(|line| self.rename(line)).collect()
    }

    fn rename(&mut self, line: &str) -> String {
        let mut renamed = String::new();
        let mut rest = line;
        while let Some(next) = rest.chars().next() {
            if let Some((value, after)) = number_after(rest, "0x", 16) {
                renamed.push_str(&self.number(value));
                rest = after;
            } else if let Some((value, after)) = number_after(rest, "zxid: ", 10) {
                renamed.push_str("zxid: ");
                renamed.push_str(&self.number(value));
                rest = after;
            } else if let Some((port, after)) = port_after(rest) {
                let count = self.ports.len();
                let index = *self.ports.entry(port.to_owned()).or_insert(count);
                renamed.push_str(&format!(":<port {index}>"));
                rest = after;
            } else {
                renamed.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        renamed
    }

    fn number(&mut self, value: u64) -> String {
        if value == 0 {
            return "0x0".to_owned();
        }
        let count = self.numbers.len();
        format!("<{}>", *self.numbers.entry(value).or_insert(count))
    }
}

fn number_after<'a>(text: &'a str, prefix: &str, radix: u32) -> Option<(u64, &'a str)> {
    let rest = text.strip_prefix(prefix)?;
    let end = rest
        .find(|digit: char| !digit.is_digit(radix))
        .unwrap_or(rest.len());
    let value = u64::from_str_radix(&rest[..end], radix).ok()?;
    Some((value, &rest[end..]))
}

/// A colon and at least four digits.
fn port_after(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(':')?;
    let end = rest
        .find(|digit: char| !digit.is_ascii_digit())
        .unwrap_or(rest.len());
    (end >= 4).then(|| rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_chance_gets_a_name_by_its_first_appearance() {
        let mut names = Names::default();
        let first = names.rename("cZxid = 0x1f mZxid = 0x1f at 127.0.0.1:14000 owner = 0x0");
        assert_eq!(
            first,
            "cZxid = <0> mZxid = <0> at 127.0.0.1:<port 0> owner = 0x0"
        );
        assert_eq!(names.rename("zxid: 32 :15000"), "zxid: <1> :<port 1>");
    }

    #[test]
    fn a_script_has_remarks_and_counts_events() {
        let lines = parse("# a remark\n\n@2 set /a b\nget /a\n");
        let read: Vec<(&str, usize)> = lines
            .iter()
            .map(|line| (line.typed.as_str(), line.events))
            .collect();
        assert_eq!(read, [("set /a b", 2), ("get /a", 0)]);
    }

    #[test]
    fn the_first_difference_is_told() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(difference(&lines("a\nb"), &lines("a\nb")).is_none());
        let told = difference(&lines("a\nb"), &lines("a")).expect("one is longer");
        assert_eq!(told, "Apache: \"b\"; ours: nothing more");
    }
}
