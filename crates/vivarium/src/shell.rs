//! `vivarium shell`: the commands of zkCli, once or interactively.

pub mod acl;
pub mod answer;
pub mod commands;
mod completion;
mod ensemble;
pub mod failure;
mod interactive;
mod quota;
mod run;
mod session;
mod walk;
pub mod words;

use crate::cli::ShellArguments;
use crate::version;
use answer::Answer;
use commands::{COMMANDS, Call, Verb, find};
use failure::Failure;
use serde_json::{Value, json};
use session::Sessions;
use std::cell::RefCell;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

/// Runs one command, or commands until the user has enough.
pub fn shell(arguments: &ShellArguments) -> ExitCode {
    let printer = Printer {
        style: if arguments.json {
            Style::Json
        } else {
            Style::Text
        },
    };
    let sessions = match Sessions::new(arguments) {
        Ok(sessions) => Rc::new(RefCell::new(sessions)),
        Err(error) => {
            printer.failure(&Failure::Sentence(error.to_string()));
            return ExitCode::FAILURE;
        }
    };
    let code = if arguments.command.is_empty() {
        interactive::run(&sessions, printer)
    } else {
        once(&mut sessions.borrow_mut(), printer, &arguments.command)
    };
    sessions.borrow_mut().close();
    ExitCode::from(code)
}

fn once(sessions: &mut Sessions, printer: Printer, words: &[String]) -> u8 {
    // A command that came as one word was quoted as a whole.
    let split = match words {
        [one] => words::split(one),
        several => several.to_vec(),
    };
    let outcome = Call::parse(&split)
        .map_err(Failure::from)
        .and_then(|call| match call {
            None => Ok(Answer::default()),
            Some(call) => match without_session(&call) {
                Some(answer) => Ok(answer),
                None => {
                    sessions.connect()?;
                    sessions.run(&call)
                }
            },
        });
    match outcome {
        Ok(answer) => {
            printer.answer(&answer);
            0
        }
        Err(failure) => {
            printer.failure(&failure);
            failure.exit_code()
        }
    }
}

/// What can be answered without any server.
fn without_session(call: &Call) -> Option<Answer> {
    match call.spec.verb {
        Verb::Help => Some(help(call.argument(0))),
        Verb::Version => {
            let text = format!("ZooKeeper CLI version: {}", version::apache_form());
            Some(Answer::of(
                text,
                json!({ "version": version::apache_form() }),
            ))
        }
        Verb::AddWatch
        | Verb::AddAuth
        | Verb::Close
        | Verb::Config
        | Verb::Connect
        | Verb::Create
        | Verb::Delete
        | Verb::DeleteAll
        | Verb::DelQuota
        | Verb::Get
        | Verb::GetAcl
        | Verb::GetAllChildrenNumber
        | Verb::GetEphemerals
        | Verb::History
        | Verb::ListQuota
        | Verb::Ls
        | Verb::PrintWatches
        | Verb::Quit
        | Verb::Reconfig
        | Verb::Redo
        | Verb::RemoveWatches
        | Verb::Set
        | Verb::SetAcl
        | Verb::SetQuota
        | Verb::Stat
        | Verb::Sync
        | Verb::WhoAmI => None,
    }
}

fn help(about: &str) -> Answer {
    let line = |spec: &commands::Spec| {
        let usage = format!("{} {}", spec.name, spec.usage);
        format!("\t{}\n\t\t{}", usage.trim_end(), spec.about)
    };
    let text = match find(about) {
        Some(spec) => line(spec),
        None => COMMANDS.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    let commands = COMMANDS
        .iter()
        .map(|spec| json!({ "name": spec.name, "usage": spec.usage, "about": spec.about }));
    Answer::of(text, Value::Array(commands.collect()))
}

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Text,
    Json,
}

/// Shows results and failures.
#[derive(Clone, Copy, Debug)]
struct Printer {
    style: Style,
}

impl Printer {
    fn answer(self, answer: &Answer) {
        match self.style {
            Style::Json => out(&answer.json.to_string()),
            Style::Text => {
                if !answer.remark.is_empty() {
                    err(&answer.remark);
                }
                if !answer.out.is_empty() {
                    out(answer.out.strip_suffix('\n').unwrap_or(&answer.out));
                }
            }
        }
    }

    fn failure(self, failure: &Failure) {
        match self.style {
            Style::Json => err(&failure.json().to_string()),
            Style::Text => err(&failure.to_string()),
        }
    }
}

/// There is nobody to tell when standard output or standard error is gone.
fn out(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

fn err(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
