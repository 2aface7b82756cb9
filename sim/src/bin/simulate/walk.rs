//! Walks through a recorded run, by hand or by a list of commands.

use crate::worlds::Worlds;
use crate::{hindered, pictures};
use clap::Args;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};
use serde_json::json;
use sim::replay::{HELP, Replay};
use sim::trace::Chronicle;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// What is walked through, and how.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    worlds: Worlds,
    /// A trace that was kept, instead of running a world.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds", "profile", "mutant"])]
    trace: Option<PathBuf>,
    /// A wrong variant of the code to switch on.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    mutant: String,
    /// Commands to follow, separated by `;`, instead of what is typed.
    #[arg(long)]
    commands: Option<String>,
    /// Print an object per command.
    #[arg(long)]
    json: bool,
}

/// Walks through the first seed, or through a trace that was kept.
pub(crate) fn run(options: &Options) -> ExitCode {
    let chronicle = match &options.trace {
        Some(file) => fs::read(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))
            .and_then(|bytes| Chronicle::from_bytes(&bytes).map_err(|error| error.to_string())),
        None => pictures::record(&options.worlds.first(), &options.mutant)
            .map(|chronicle| *chronicle)
            .ok_or_else(|| "the run cannot be recorded".to_owned()),
    };
    match chronicle.and_then(|chronicle| walk(chronicle, options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => hindered(error),
    }
}

/// Walks; whether every command was one.
fn walk(chronicle: Chronicle, options: &Options) -> Result<bool, String> {
    let header = chronicle.header.clone();
    let (events, broken) = (chronicle.end(), chronicle.broken);
    let mut replay = Replay::new(chronicle);
    if let Some(commands) = &options.commands {
        let commands = commands.split([';', '\n']).map(str::trim);
        return Ok(commands
            .filter(|command| !command.is_empty())
            .map(|command| follow(&mut replay, command, options.json))
            .take_while(|followed| *followed != Followed::Quit)
            .filter(|followed| *followed == Followed::Lost)
            .count()
            == 0);
    }
    println!("seed {}, {events} events: {}", header.seed, header.verdict);
    if let (Some(rule), Some(broken)) = (&header.rule, broken) {
        println!(
            "rule: {rule}\nseen: {}\nbroken in event #{broken}",
            header.seen
        );
    }
    println!("{HELP}");
    let mut editor = Editor::<(), MemHistory>::with_history(Config::default(), MemHistory::new())
        .map_err(|error| error.to_string())?;
    loop {
        let prompt = format!("#{}> ", replay.at());
        match editor.readline(&prompt) {
            Ok(line) => {
                editor
                    .add_history_entry(&line)
                    .map_err(|error| error.to_string())?;
                if follow(&mut replay, &line, options.json) == Followed::Quit {
                    return Ok(true);
                }
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(true),
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Followed {
    Done,
    Lost,
    Quit,
}

fn follow(replay: &mut Replay, command: &str, is_json: bool) -> Followed {
    let followed = replay.follow(command);
    if is_json {
        let line = match &followed {
            Ok(answer) => json!({"command": command, "at": replay.at(), "answer": answer.value}),
            Err(confusion) => json!({"command": command, "error": confusion.to_string()}),
        };
        println!("{line}");
    }
    match followed {
        Ok(answer) => {
            if !is_json && !answer.text.is_empty() {
                println!("{}", answer.text);
            }
            if answer.is_last {
                Followed::Quit
            } else {
                Followed::Done
            }
        }
        Err(confusion) => {
            if !is_json {
                println!("{confusion}");
            }
            Followed::Lost
        }
    }
}
