//! Runs a seed again and records it: its trace, its ladder, a drawing and a page.

use clap::Args;
use sim::trace::{Chronicle, EventId, Kind};
use sim::view::{Ladder, Paint, drawing, ladder, page};
use sim::{Options, Trace};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// Events of a page; of more the last.
const PAGE_EVENTS: usize = 60_000;
const DRAWING_ROWS: usize = 64;
const LADDER_LINES: usize = 400;

/// What to see of the first world that fails, or of the first one.
#[derive(Args, Clone, Default)]
pub(crate) struct Wanted {
    /// Write every event with its causes; as text when the name ends with `.txt`.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a page for browsers that needs no network and no other file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a drawing of the events that matter.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print the transitions, one column per server.
    #[arg(long)]
    ladder: bool,
    /// Print what everybody was at an event.
    #[arg(long, value_name = "EVENT", value_parser = event)]
    until: Option<EventId>,
}

fn event(text: &str) -> Result<EventId, String> {
    let number = text.trim_start_matches('#').parse();
    number.map_err(|error| format!("{text} is no event: {error}"))
}

impl Wanted {
    pub(crate) fn is_nothing(&self) -> bool {
        let files = [&self.trace, &self.html, &self.svg];
        files.iter().all(|file| file.is_none()) && !self.ladder && self.until.is_none()
    }
}

/// Runs a world and records it; the mutant, if any, is switched on meanwhile.
pub(crate) fn record(options: &Options, mutant: &str) -> Option<Box<Chronicle>> {
    sim::activate(mutant);
    let report = sim::run(&Options {
        trace: Trace::Full,
        ..*options
    });
    sim::activate("");
    let mut chronicle = report.chronicle?;
    chronicle.header.commit = commit();
    if !mutant.is_empty() {
        let command = &mut chronicle.header.command;
        command.push_str(" --mutant ");
        command.push_str(mutant);
    }
    Some(chronicle)
}

/// Writes and prints what is wanted of a run.
pub(crate) fn show(chronicle: &Chronicle, wanted: &Wanted) -> io::Result<()> {
    if let Some(file) = &wanted.trace {
        let is_text = file.extension().is_some_and(|extension| extension == "txt");
        let bytes = if is_text {
            chronicle.text().into_bytes()
        } else {
            chronicle.to_bytes()
        };
        put(file, &bytes)?;
    }
    if let Some(file) = &wanted.html {
        put(file, page(&chronicle.excerpt(PAGE_EVENTS)).as_bytes())?;
    }
    if let Some(file) = &wanted.svg {
        put(file, drawing(chronicle, DRAWING_ROWS).as_bytes())?;
    }
    if wanted.ladder {
        let is_terminal = io::stdout().is_terminal();
        let width = terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0));
        print!("{}", climb(chronicle, width, is_terminal));
    }
    if let Some(event) = wanted.until {
        print_until(chronicle, event);
    }
    Ok(())
}

/// Writes everything there is to see of a failure into a folder of its own; gives the files.
pub(crate) fn keep(chronicle: &Chronicle, folder: &Path) -> io::Result<Vec<PathBuf>> {
    keep_in(chronicle, &folder.join(chronicle.header.seed.to_string()))
}

/// As [`keep`], into this folder.
pub(crate) fn keep_in(chronicle: &Chronicle, folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let files =
        ["page.html", "drawing.svg", "ladder.txt", "trace.bin"].map(|name| folder.join(name));
    let [html, svg, ladder, trace] = &files;
    let wanted = Wanted {
        trace: Some(trace.clone()),
        html: Some(html.clone()),
        svg: Some(svg.clone()),
        ..Wanted::default()
    };
    show(chronicle, &wanted)?;
    put(ladder, climb(chronicle, 160, false).as_bytes())?;
    Ok(files.to_vec())
}

fn climb(chronicle: &Chronicle, width: usize, is_terminal: bool) -> String {
    let wish = Ladder {
        width,
        lines: LADDER_LINES,
        only_causes: false,
        paint: if is_terminal {
            Paint::Colours
        } else {
            Paint::Plain
        },
    };
    ladder(chronicle, &wish)
}

fn print_until(chronicle: &Chronicle, event: EventId) {
    println!("{}", chronicle.line(event));
    for (lane, named) in (0u16..).zip(&chronicle.lanes) {
        if let Some((since, state)) = chronicle.state_at(lane, event) {
            println!("{:<4} since #{since:<6} {}", named.name, state.line());
        }
    }
    let mut faults = chronicle.numbered().filter(|(id, _)| *id <= event);
    let last = faults.rfind(|(_, event)| event.kind == Kind::Fault);
    if let Some((id, _)) = last {
        println!("last fault: {}", chronicle.line(id));
    }
}

fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(file, bytes).map_err(|error| {
        let what = format!("cannot write {}: {error}", file.display());
        io::Error::new(error.kind(), what)
    })
}

/// The revision of the sources, and whether they were changed since; empty outside a repository.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(revision) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return String::new();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    match changed {
        Some(changes) if !changes.is_empty() => format!("{revision}, changed"),
        _ => revision,
    }
}
