//! Walks through a recorded run, by hand or by a list of commands.

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};
use serde_json::json;
use sim::replay::{HELP, Replay};
use sim::trace::Chronicle;

/// How a walk goes.
pub(crate) struct Walk {
    /// Commands, one after another; without any, somebody types them.
    pub(crate) commands: Option<String>,
    pub(crate) is_json: bool,
}

/// Walks; whether every command was one.
pub(crate) fn walk(chronicle: Chronicle, walk: &Walk) -> Result<bool, String> {
    let header = chronicle.header.clone();
    let (events, broken) = (chronicle.end(), chronicle.broken);
    let mut replay = Replay::new(chronicle);
    if let Some(commands) = &walk.commands {
        let commands = commands.split([';', '\n']).map(str::trim);
        return Ok(commands
            .filter(|command| !command.is_empty())
            .map(|command| follow(&mut replay, command, walk.is_json))
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
                if follow(&mut replay, &line, walk.is_json) == Followed::Quit {
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
