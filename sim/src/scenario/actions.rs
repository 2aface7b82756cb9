//! What is done to a world, in words; what is rare is written as JSON.

use super::words::{Clear, Time, Words, unclear};
use crate::disk::Survival;
use crate::host::Death;
use crate::nemesis::{Action, Fate, Rift};
use crate::net::Machine;
use crate::oracle::broken::{client_name, server_name};
use crate::queue::Micros;

/// Reads what is done; `line` is all of it, for JSON.
pub(super) fn read(words: &mut Words, line: &str) -> Clear<Action> {
    let verb = words.word("what is done")?;
    let action = match verb.as_str() {
        "crash" => {
            let server = words.server()?;
            Action::Die {
                server,
                fate: fate(words)?,
            }
        }
        "wipe" => {
            let server = words.server()?;
            Action::Wipe {
                server,
                fate: fate(words)?,
            }
        }
        "pause" => {
            let name = words.word("who")?;
            let index =
                super::words::numbered(&name, if name.starts_with('c') { 'c' } else { 's' })?;
            let length = lasting(words)?;
            if name.starts_with('c') {
                Action::PauseClient {
                    client: index,
                    length,
                }
            } else {
                Action::Pause {
                    server: index,
                    length,
                }
            }
        }
        "isolate" => Action::Block {
            rift: Rift::Around(words.server()?),
            length: lasting(words)?,
        },
        "mute" => Action::Block {
            rift: Rift::OneWay {
                from: machine(words)?,
                to: machine(words)?,
            },
            length: lasting(words)?,
        },
        "part" => {
            let mut side = Vec::new();
            loop {
                side.push(machine(words)?);
                if words.takes("for") {
                    break;
                }
            }
            Action::Block {
                rift: Rift::Between(side),
                length: words.duration("how long")?,
            }
        }
        "suggest" => Action::Suggest {
            server: words.server()?,
            leader: words.server()?,
        },
        "do" => {
            let json = line.find(" {").and_then(|start| line.get(start + 1..));
            let json = json.unwrap_or_default();
            return serde_json::from_str(json)
                .or_else(|error| unclear(format_args!("{json:?} is no action: {error}")));
        }
        _ => return unclear(format_args!("nobody can {verb:?}")),
    };
    words.end()?;
    Ok(action)
}

/// As [`read`] reads it.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is rare has no words")]
pub(super) fn print(action: &Action) -> String {
    match action {
        Action::Die { server, fate } if has_words(fate) => {
            format!("crash {}{}", server_name(*server), print_fate(fate))
        }
        Action::Wipe { server, fate } if has_words(fate) => {
            format!("wipe {}{}", server_name(*server), print_fate(fate))
        }
        Action::Pause { server, length } => {
            format!("pause {} for {}", server_name(*server), Time(*length))
        }
        Action::PauseClient { client, length } => {
            format!("pause {} for {}", client_name(*client), Time(*length))
        }
        Action::Suggest { server, leader } => {
            format!("suggest {} {}", server_name(*server), server_name(*leader))
        }
        Action::Block { rift, length } => match print_rift(rift) {
            Some(words) => format!("{words} for {}", Time(*length)),
            None => as_json(action),
        },
        other => as_json(other),
    }
}

fn as_json(action: &Action) -> String {
    let json = serde_json::to_string(action).expect("an action is plain data");
    format!("do {json}")
}

fn print_rift(rift: &Rift) -> Option<String> {
    match rift {
        Rift::Around(server) => Some(format!("isolate {}", server_name(*server))),
        Rift::OneWay { from, to } => Some(format!(
            "mute {} {}",
            print_machine(from)?,
            print_machine(to)?
        )),
        // With nobody on one side nothing is parted, and there is nothing to name.
        Rift::Between(side) if side.is_empty() => None,
        Rift::Between(side) => {
            let names: Option<Vec<String>> = side.iter().map(print_machine).collect();
            Some(format!("part {}", names?.join(" ")))
        }
        Rift::Apart(_) | Rift::AtPort { .. } | Rift::Clients(_) => None,
    }
}

fn lasting(words: &mut Words) -> Clear<Micros> {
    words.expect("for")?;
    words.duration("how long")
}

fn machine(words: &mut Words) -> Clear<Machine> {
    let name = words.word("a server or a client")?;
    if name.starts_with('c') {
        super::words::numbered(&name, 'c').map(Machine::Client)
    } else {
        super::words::numbered(&name, 's').map(Machine::Server)
    }
}

fn print_machine(machine: &Machine) -> Option<String> {
    match machine {
        Machine::Server(server) => Some(server_name(*server)),
        Machine::Client(client) => Some(client_name(*client)),
        Machine::Hostile | Machine::Rude => None,
    }
}

fn has_words(fate: &Fate) -> bool {
    matches!(fate.death, Death::Process | Death::Power(_))
}

/// `process`, or what becomes of unsynced writes when the power goes; then when it is back.
fn fate(words: &mut Words) -> Clear<Fate> {
    let death = if words.takes("process") {
        Death::Process
    } else if words.takes("mixed") {
        Death::Power(Survival::Mixed)
    } else if words.takes("torn") {
        Death::Power(Survival::Torn)
    } else {
        words.takes("lost");
        Death::Power(Survival::Lost)
    };
    let key = if words.takes("key") {
        words.number("key")?
    } else {
        0
    };
    let restart_after = if words.takes("back") {
        Some(words.duration("when")?)
    } else {
        None
    };
    Ok(Fate {
        death,
        key,
        restart_after,
    })
}

fn print_fate(fate: &Fate) -> String {
    let mut words = match fate.death {
        Death::Process => " process",
        Death::Power(Survival::Mixed) => " mixed",
        Death::Power(Survival::Torn) => " torn",
        Death::Power(Survival::Lost) | Death::Disk | Death::Refusal => " lost",
    }
    .to_owned();
    if fate.key != 0 {
        words.push_str(&format!(" key {}", fate.key));
    }
    if let Some(after) = fate.restart_after {
        words.push_str(&format!(" back {}", Time(after)));
    }
    words
}
