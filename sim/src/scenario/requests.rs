//! What clients ask for, in words.

use super::rare;
use super::words::{Clear, Quoted, Unclear, Word, Words, unclear};
use crate::script::Ask;
use client_core::{AddWatchMode, ClientRequest, Create, CreateMode, CreateReply, MultiOp, Watcher};
use zk_types::{Acl, Perms};

/// Data of a text this long or longer is written as a piece and how often it is repeated.
const REPEATED_BYTES_MIN: usize = 40;

/// Reads what a client asks for.
pub(super) fn read(words: &mut Words) -> Clear<Ask> {
    let verb = words.word("what is asked for")?;
    let request = match verb.as_str() {
        "close" => return Ok(Ask::Close),
        "create" => ClientRequest::Create(create(words)?),
        "delete" => ClientRequest::Delete {
            path: words.word("a path")?,
            version: version(words)?,
        },
        "set" => ClientRequest::SetData {
            path: words.word("a path")?,
            data: data(words)?,
            version: version(words)?,
        },
        "exists" => ClientRequest::Exists {
            path: words.word("a path")?,
            watch: watch(words),
        },
        "get" => ClientRequest::GetData {
            path: words.word("a path")?,
            watch: watch(words),
        },
        "ls" => ClientRequest::GetChildren {
            path: words.word("a path")?,
            watch: watch(words),
        },
        "sync" => ClientRequest::Sync {
            path: words.word("a path")?,
        },
        "watch" => ClientRequest::AddWatch {
            path: words.word("a path")?,
            mode: if words.takes("recursive") {
                AddWatchMode::PersistentRecursive
            } else {
                AddWatchMode::Persistent
            },
            watcher: Watcher::Own,
        },
        "getacl" => ClientRequest::GetAcl {
            path: words.word("a path")?,
        },
        "ephemerals" => ClientRequest::GetEphemerals {
            prefix: words.word("a prefix")?,
        },
        "count" => ClientRequest::GetAllChildrenNumber {
            path: words.word("a path")?,
        },
        "whoami" => ClientRequest::WhoAmI,
        "multi" => {
            let mut parts = Vec::new();
            while !words.is_at_end() {
                parts.push(part(words)?);
                if !words.takes(";") {
                    break;
                }
            }
            ClientRequest::Multi(parts)
        }
        other => match rare::read(other, words)? {
            Some(request) => request,
            None => return unclear(format_args!("no client asks for {verb:?}")),
        },
    };
    Ok(Ask::Request(request))
}

/// As [`read`] reads it; an error for what has no words.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is rare has no words")]
pub(super) fn print(ask: &Ask) -> Result<String, String> {
    let Ask::Request(request) = ask else {
        return Ok("close".to_owned());
    };
    let words = match request {
        ClientRequest::Create(create) => print_create(create)?,
        ClientRequest::Delete { path, version } => {
            format!("delete {}{}", word(path), print_version(*version))
        }
        ClientRequest::SetData {
            path,
            data,
            version,
        } => {
            let data = print_data(data.as_deref());
            format!("set {} {data}{}", word(path), print_version(*version))
        }
        ClientRequest::Exists { path, watch } => {
            format!("exists {}{}", word(path), print_watch(*watch)?)
        }
        ClientRequest::GetData { path, watch } => {
            format!("get {}{}", word(path), print_watch(*watch)?)
        }
        ClientRequest::GetChildren { path, watch } => {
            format!("ls {}{}", word(path), print_watch(*watch)?)
        }
        ClientRequest::Sync { path } => format!("sync {}", word(path)),
        ClientRequest::AddWatch {
            path,
            mode,
            watcher: Watcher::Own,
        } => {
            let mode = match mode {
                AddWatchMode::Persistent => "",
                AddWatchMode::PersistentRecursive => " recursive",
            };
            format!("watch {}{mode}", word(path))
        }
        ClientRequest::GetAcl { path } => format!("getacl {}", word(path)),
        ClientRequest::GetEphemerals { prefix } => format!("ephemerals {}", word(prefix)),
        ClientRequest::GetAllChildrenNumber { path } => format!("count {}", word(path)),
        ClientRequest::WhoAmI => "whoami".to_owned(),
        ClientRequest::Multi(parts) => {
            let parts: Result<Vec<String>, String> = parts.iter().map(print_part).collect();
            format!("multi {}", parts?.join(" ; "))
        }
        other => {
            let words = rare::print(other);
            return words.ok_or_else(|| format!("there are no words for {other:?}"));
        }
    };
    Ok(words)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a word that does not fit ends the list"
)]
fn create(words: &mut Words) -> Clear<Create> {
    let path = words.word("a path")?;
    let data = data(words)?;
    let mut mode = CreateMode::Persistent;
    let mut reply = CreateReply::Path;
    loop {
        mode = match mode {
            _ if words.takes("stat") => {
                reply = CreateReply::PathAndStat;
                mode
            }
            CreateMode::Persistent if words.takes("ephemeral") => CreateMode::Ephemeral,
            CreateMode::Persistent if words.takes("container") => CreateMode::Container,
            CreateMode::Persistent if words.takes("ttl") => {
                CreateMode::Ttl(words.number("milliseconds")?)
            }
            CreateMode::Persistent if words.takes("sequential") => CreateMode::PersistentSequential,
            CreateMode::Ephemeral if words.takes("sequential") => CreateMode::EphemeralSequential,
            CreateMode::Ttl(ms) if words.takes("sequential") => CreateMode::TtlSequential(ms),
            _ => break,
        };
    }
    Ok(Create {
        path,
        data,
        acl: vec![Acl::world(Perms::ALL)],
        mode,
        reply,
    })
}

fn print_create(create: &Create) -> Result<String, String> {
    if create.acl != [Acl::world(Perms::ALL)] {
        return Err(format!("there are no words for {:?}", create.acl));
    }
    let mode = match create.mode {
        CreateMode::Persistent => String::new(),
        CreateMode::PersistentSequential => " sequential".to_owned(),
        CreateMode::Ephemeral => " ephemeral".to_owned(),
        CreateMode::EphemeralSequential => " ephemeral sequential".to_owned(),
        CreateMode::Container => " container".to_owned(),
        CreateMode::Ttl(ms) => format!(" ttl {ms}"),
        CreateMode::TtlSequential(ms) => format!(" ttl {ms} sequential"),
    };
    let reply = match create.reply {
        CreateReply::Path => "",
        CreateReply::PathAndStat => " stat",
    };
    let data = print_data(create.data.as_deref());
    Ok(format!("create {} {data}{mode}{reply}", word(&create.path)))
}

fn part(words: &mut Words) -> Clear<MultiOp> {
    let verb = words.word("a part of a multi")?;
    Ok(match verb.as_str() {
        "create" => MultiOp::Create(create(words)?),
        "delete" => MultiOp::Delete {
            path: words.word("a path")?,
            version: version(words)?,
        },
        "set" => MultiOp::SetData {
            path: words.word("a path")?,
            data: data(words)?,
            version: version(words)?,
        },
        "check" => MultiOp::Check {
            path: words.word("a path")?,
            version: version(words)?,
        },
        _ => return unclear(format_args!("a multi has no {verb:?}")),
    })
}

fn print_part(part: &MultiOp) -> Result<String, String> {
    Ok(match part {
        MultiOp::Create(create) => print_create(create)?,
        MultiOp::Delete { path, version } => {
            format!("delete {}{}", word(path), print_version(*version))
        }
        MultiOp::SetData {
            path,
            data,
            version,
        } => {
            let data = print_data(data.as_deref());
            format!("set {} {data}{}", word(path), print_version(*version))
        }
        MultiOp::Check { path, version } => {
            format!("check {}{}", word(path), print_version(*version))
        }
    })
}

pub(super) fn version(words: &mut Words) -> Clear<Option<i32>> {
    if words.takes("version") {
        words.number("version").map(Some)
    } else {
        Ok(None)
    }
}

pub(super) fn print_version(version: Option<i32>) -> String {
    version.map_or_else(String::new, |version| format!(" version {version}"))
}

fn watch(words: &mut Words) -> Option<Watcher> {
    words.takes("watching").then_some(Watcher::Own)
}

fn print_watch(watch: Option<Watcher>) -> Result<&'static str, String> {
    match watch {
        None => Ok(""),
        Some(Watcher::Own) => Ok(" watching"),
        Some(Watcher::Session) => Err("there are no words for a session's watch".to_owned()),
    }
}

/// `null`, `"bytes"` or `"bytes" times 9`.
fn data(words: &mut Words) -> Clear<Option<Vec<u8>>> {
    match words.next() {
        Some(Word::Plain(word)) if word == "null" => Ok(None),
        Some(Word::Quoted(bytes)) => {
            let times = if words.takes("times") {
                words.number("count")?
            } else {
                1
            };
            if bytes.len().saturating_mul(times) > 1 << 20 {
                return Err(Unclear("no node holds so much".to_owned()));
            }
            Ok(Some(bytes.repeat(times)))
        }
        _ => unclear("data are null or stand in quotation marks"),
    }
}

fn print_data(data: Option<&[u8]>) -> String {
    let Some(data) = data else {
        return "null".to_owned();
    };
    let piece = (1..=16).find(|length| {
        data.len() >= REPEATED_BYTES_MIN
            && data.len() % length == 0
            && data.chunks(*length).all(|chunk| chunk == &data[..*length])
    });
    match piece {
        Some(length) => {
            let times = data.len() / length;
            format!("{} times {times}", Quoted(&data[..length]))
        }
        None => Quoted(data).to_string(),
    }
}

/// A path as one word.
pub(super) fn word(path: &str) -> String {
    let is_plain = !path.is_empty()
        && !path.starts_with('"')
        && path.chars().all(|letter| !letter.is_whitespace());
    if is_plain {
        path.to_owned()
    } else {
        Quoted(path.as_bytes()).to_string()
    }
}
