//! Requests that few scenarios make, in words.

use super::requests::{print_version, version, word};
use super::words::{Clear, Quoted, Words, unclear};
use client_core::{ClientRequest, MultiReadOp, PageEnd};
use zk_proto::WatcherType;
use zk_types::{Acl, Perms};

const KINDS: [(&str, WatcherType); 5] = [
    ("children", WatcherType::Children),
    ("data", WatcherType::Data),
    ("any", WatcherType::Any),
    ("persistent", WatcherType::Persistent),
    ("recursive", WatcherType::PersistentRecursive),
];

const PERMS: [(char, Perms); 5] = [
    ('c', Perms::CREATE),
    ('d', Perms::DELETE),
    ('r', Perms::READ),
    ('w', Perms::WRITE),
    ('a', Perms::ADMIN),
];

/// Reads what is asked for; `None` when the verb is another one.
pub(super) fn read(verb: &str, words: &mut Words) -> Clear<Option<ClientRequest>> {
    Ok(Some(match verb {
        "watches" => ClientRequest::CheckWatches {
            path: words.word("a path")?,
            kind: kind(words)?,
        },
        "unwatch" => ClientRequest::RemoveWatches {
            path: words.word("a path")?,
            kind: kind(words)?,
        },
        "setacl" => ClientRequest::SetAcl {
            path: words.word("a path")?,
            acl: vec![Acl::world(perms(words)?)],
            version: version(words)?,
        },
        "page" => ClientRequest::GetChildrenPage {
            path: words.word("a path")?,
            names_max: words.number("names")?,
            after: after(words)?,
        },
        "reads" => {
            let mut parts = Vec::new();
            while !words.is_at_end() {
                parts.push(part(words)?);
                if !words.takes(";") {
                    break;
                }
            }
            ClientRequest::MultiRead(parts)
        }
        _ => return Ok(None),
    }))
}

/// As [`read`] reads it; `None` for what has other words, or none.
#[expect(clippy::wildcard_enum_match_arm, reason = "others have other words")]
pub(super) fn print(request: &ClientRequest) -> Option<String> {
    Some(match request {
        ClientRequest::CheckWatches { path, kind } => {
            format!("watches {} {}", word(path), print_kind(*kind)?)
        }
        ClientRequest::RemoveWatches { path, kind } => {
            format!("unwatch {} {}", word(path), print_kind(*kind)?)
        }
        ClientRequest::SetAcl { path, acl, version } => {
            let perms = print_perms(acl)?;
            format!("setacl {} {perms}{}", word(path), print_version(*version))
        }
        ClientRequest::GetChildrenPage {
            path,
            names_max,
            after,
        } => {
            let after = after.as_ref().map_or_else(String::new, |end| {
                format!(" after {} at {}", Quoted(end.name.as_bytes()), end.zxid)
            });
            format!("page {} {names_max}{after}", word(path))
        }
        ClientRequest::MultiRead(parts) => {
            let parts: Vec<String> = parts.iter().map(print_part).collect();
            format!("reads {}", parts.join(" ; "))
        }
        _ => return None,
    })
}

fn kind(words: &mut Words) -> Clear<WatcherType> {
    let name = words.word("a kind of watch")?;
    match KINDS.into_iter().find(|(word, _)| *word == name) {
        Some((_, kind)) => Ok(kind),
        None => unclear(format_args!("no watch is of kind {name:?}")),
    }
}

fn print_kind(kind: WatcherType) -> Option<&'static str> {
    let known = KINDS.into_iter().find(|(_, known)| *known == kind)?;
    Some(known.0)
}

/// What everybody may do, by its letters.
fn perms(words: &mut Words) -> Clear<Perms> {
    let mut perms = Perms(0);
    for letter in words.word("rights")?.chars() {
        match PERMS.into_iter().find(|(known, _)| *known == letter) {
            Some((_, right)) => perms = perms | right,
            None => return unclear(format_args!("{letter:?} is no right")),
        }
    }
    Ok(perms)
}

fn print_perms(acl: &[Acl]) -> Option<String> {
    let letters = |all: Perms| -> String {
        let granted = PERMS
            .into_iter()
            .filter(|(_, right)| all.intersects(*right));
        granted.map(|(letter, _)| letter).collect()
    };
    let [entry] = acl else {
        return None;
    };
    (*entry == Acl::world(entry.perms)).then(|| letters(entry.perms))
}

fn after(words: &mut Words) -> Clear<Option<PageEnd>> {
    if !words.takes("after") {
        return Ok(None);
    }
    let name = words.word("a name")?;
    words.expect("at")?;
    let zxid = words.number("a zxid")?;
    Ok(Some(PageEnd { zxid, name }))
}

fn part(words: &mut Words) -> Clear<MultiReadOp> {
    let verb = words.word("a part of reads")?;
    let path = words.word("a path")?;
    match verb.as_str() {
        "get" => Ok(MultiReadOp::GetData { path }),
        "ls" => Ok(MultiReadOp::GetChildren { path }),
        _ => unclear(format_args!("reads have no {verb:?}")),
    }
}

fn print_part(part: &MultiReadOp) -> String {
    match part {
        MultiReadOp::GetData { path } => format!("get {}", word(path)),
        MultiReadOp::GetChildren { path } => format!("ls {}", word(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_requests_are_read_as_they_are_printed() {
        let path = || "/a b".to_owned();
        let kinds = KINDS.into_iter().flat_map(|(_, kind)| {
            let check = ClientRequest::CheckWatches { path: path(), kind };
            [check, ClientRequest::RemoveWatches { path: path(), kind }]
        });
        let others = [
            ClientRequest::SetAcl {
                path: path(),
                acl: vec![Acl::world(Perms::READ | Perms::ADMIN)],
                version: Some(3),
            },
            ClientRequest::GetChildrenPage {
                path: path(),
                names_max: 7,
                after: Some(PageEnd {
                    zxid: -9,
                    name: "x y".to_owned(),
                }),
            },
            ClientRequest::MultiRead(vec![
                MultiReadOp::GetData { path: path() },
                MultiReadOp::GetChildren { path: path() },
            ]),
        ];
        for request in kinds.chain(others) {
            let line = print(&request).expect("it has words");
            let read = Words::of(&line).and_then(|mut words| {
                let verb = words.word("a verb")?;
                read(&verb, &mut words)
            });
            assert_eq!(read.ok().flatten(), Some(request), "{line}");
        }
    }
}
