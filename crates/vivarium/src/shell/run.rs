//! Runs commands on a session.

use crate::shell::acl;
use crate::shell::answer::{self, Answer};
use crate::shell::commands::{Call, Verb};
use crate::shell::failure::Failure;
use crate::shell::{ensemble, quota, walk};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use serde_json::{Value, json};
use vivarium_client::{
    Acl, AddWatchMode, Client, CreateMode, Node, Perms, Stat, Watch, WatcherType,
};

/// Runs a command that needs a session.
///
/// # Errors
/// When the server refuses it, or it was not entered as it must be.
pub(crate) async fn run(client: &Client, call: &Call) -> Result<Answer, Failure> {
    match call.spec.verb {
        Verb::Create => create(client, call).await,
        Verb::Get => get(client, call).await,
        Verb::Set => set(client, call).await,
        Verb::Stat => stat(client, call).await,
        Verb::Ls => ls(client, call).await,
        Verb::Delete => delete(client, call).await,
        Verb::DeleteAll => walk::delete_all(client, call).await,
        Verb::GetAcl => get_acl(client, call).await,
        Verb::SetAcl => set_acl(client, call).await,
        Verb::AddAuth => add_auth(client, call).await,
        Verb::WhoAmI => who_am_i(client).await,
        Verb::SetQuota => quota::set(client, call).await,
        Verb::ListQuota => quota::list(client, call).await,
        Verb::DelQuota => quota::delete(client, call).await,
        Verb::Config => ensemble::config(client, call).await,
        Verb::Reconfig => ensemble::reconfig(client, call).await,
        Verb::Sync => sync(client, call).await,
        Verb::AddWatch => add_watch(client, call).await,
        Verb::RemoveWatches => remove_watches(client, call).await,
        Verb::GetEphemerals => get_ephemerals(client, call).await,
        Verb::GetAllChildrenNumber => get_all_children_number(client, call).await,
        Verb::Close
        | Verb::Connect
        | Verb::Help
        | Verb::History
        | Verb::PrintWatches
        | Verb::Quit
        | Verb::Redo
        | Verb::Version => Err(Failure::Sentence(format!(
            "{} is of use only interactively",
            call.spec.name
        ))),
    }
}

/// A version given with `-v`.
pub(crate) fn version(call: &Call) -> Result<Option<i32>, Failure> {
    let Some(text) = call.option("v") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(-1) => Ok(None),
        Ok(version) => Ok(Some(version)),
        Err(_) => Err(call.spec.misuse().into()),
    }
}

/// Lets a watch live as long as the session; its events are seen with all others.
pub(crate) fn keep(mut watch: Watch) {
    tokio::spawn(async move { while watch.next().await.is_some() {} });
}

async fn create(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let ttl = call.option("t").map(str::parse::<i64>).transpose();
    let ttl = ttl.map_err(|_| call.spec.misuse())?;
    let mode = match (ttl, call.has("c"), call.has("e"), call.has("s")) {
        (None, false, false, false) => CreateMode::Persistent,
        (None, false, false, true) => CreateMode::PersistentSequential,
        (None, false, true, false) => CreateMode::Ephemeral,
        (None, false, true, true) => CreateMode::EphemeralSequential,
        (None, true, false, false) => CreateMode::Container,
        (Some(ttl), false, false, false) => CreateMode::Ttl(ttl),
        (Some(ttl), false, false, true) => CreateMode::TtlSequential(ttl),
        (None, true, _, _) => {
            return Err(Failure::Sentence(
                "-c cannot be combined with -s or -e. Containers cannot be ephemeral or \
                 sequential."
                    .to_owned(),
            ));
        }
        (Some(_), _, _, _) => {
            return Err(Failure::Sentence(
                "TTLs cannot be used with Ephemeral or Container znodes".to_owned(),
            ));
        }
    };
    let list = match call.arguments.get(2) {
        Some(text) => acl::parse(text)?,
        None => vec![Acl::world(Perms::ALL)],
    };
    let data = call.argument(1).as_bytes();
    let created = client.create(call.argument(0), data, mode, &list).await?;
    Ok(Answer::remark(
        format!("Created {}", created.path),
        json!({ "created": created.path }),
    ))
}

async fn get(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    let Node { data, stat } = if call.has("w") {
        let (node, watch) = client.get_data_and_watch(path).await?;
        keep(watch);
        node
    } else {
        client.get_data(path).await?
    };
    let (out, json) = if call.has("b") {
        let text = STANDARD.encode(&data);
        let json = json!({ "path": path, "data_base64": text });
        (text, json)
    } else if call.has("x") {
        (answer::hex_dump(&data), answer::data_json(path, &data))
    } else {
        (
            String::from_utf8_lossy(&data).into_owned(),
            answer::data_json(path, &data),
        )
    };
    let mut answer = Answer::of(out, json);
    if call.has("s") {
        if answer.out.is_empty() {
            answer.out.push('\n');
        }
        return Ok(with_stat_behind_data(answer, &stat));
    }
    // Even empty data has its line.
    if answer.out.is_empty() {
        answer.out.push('\n');
    }
    Ok(answer)
}

/// The line of empty data is there already.
fn with_stat_behind_data(mut answer: Answer, stat: &Stat) -> Answer {
    if answer.out == "\n" {
        answer.out.push_str(&answer::stat_text(stat));
        answer.json["stat"] = answer::stat_json(stat);
        return answer;
    }
    answer.with_stat(stat)
}

async fn set(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let (path, text) = (call.argument(0), call.argument(1));
    let data = if call.has("b") {
        let decoded = STANDARD.decode(text);
        decoded.map_err(|_| Failure::Sentence("the data is not base64".to_owned()))?
    } else {
        text.as_bytes().to_vec()
    };
    let stat = client.set_data(path, &data, version(call)?).await?;
    Ok(with_stat_if_asked(call, &stat))
}

fn with_stat_if_asked(call: &Call, stat: &Stat) -> Answer {
    let done = Answer::done();
    if call.has("s") {
        done.with_stat(stat)
    } else {
        let json = json!({ "ok": true, "stat": answer::stat_json(stat) });
        Answer { json, ..done }
    }
}

async fn stat(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    let stat = if call.has("w") {
        let (stat, watch) = client.exists_and_watch(path).await?;
        keep(watch);
        stat
    } else {
        client.exists(path).await?
    };
    let stat = stat.ok_or_else(|| Failure::Sentence(format!("Node does not exist: {path}")))?;
    Ok(Answer::of("", json!({ "path": path })).with_stat(&stat))
}

async fn ls(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    if call.has("R") {
        let paths = walk::subtree(client, path).await?;
        return Ok(Answer::of(
            paths.join("\n"),
            json!({ "path": path, "paths": paths }),
        ));
    }
    let children = if call.has("w") {
        let (children, watch) = client.get_children_and_watch(path).await?;
        keep(watch);
        children
    } else {
        client.get_many_children(path).await?
    };
    let mut names = children.names;
    names.sort();
    let answer = Answer::of(
        answer::list_text(&names),
        json!({ "path": path, "children": names }),
    );
    Ok(if call.has("s") {
        answer.with_stat(&children.stat)
    } else {
        answer
    })
}

async fn delete(client: &Client, call: &Call) -> Result<Answer, Failure> {
    client.delete(call.argument(0), version(call)?).await?;
    Ok(Answer::done())
}

async fn get_acl(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    let (list, stat) = client.get_acl(path).await?;
    let lines: Vec<String> = list.iter().map(acl::show).collect();
    let answer = Answer::of(lines.join("\n"), answer::acl_json(path, &list));
    Ok(if call.has("s") {
        answer.with_stat(&stat)
    } else {
        answer
    })
}

async fn set_acl(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    let list = acl::parse(call.argument(1))?;
    let version = version(call)?;
    if !call.has("R") {
        let stat = client.set_acl(path, &list, version).await?;
        return Ok(with_stat_if_asked(call, &stat));
    }
    let mut answer = Answer::done();
    for path in walk::subtree(client, path).await? {
        let stat = client.set_acl(&path, &list, version).await?;
        if call.has("s") {
            answer = answer.with_stat(&stat);
        }
    }
    Ok(answer)
}

async fn add_auth(client: &Client, call: &Call) -> Result<Answer, Failure> {
    client
        .add_auth(call.argument(0), call.argument(1).as_bytes())
        .await;
    // A refusal ends the session, which the answer to any request tells.
    client.who_am_i().await?;
    Ok(Answer::done())
}

async fn who_am_i(client: &Client) -> Result<Answer, Failure> {
    let identities = client.who_am_i().await?;
    let mut lines = vec!["Auth scheme: User".to_owned()];
    lines.extend(
        identities
            .iter()
            .map(|who| format!("{}: {}", who.scheme, who.id)),
    );
    let list: Vec<Value> = identities
        .iter()
        .map(|who| json!({ "scheme": who.scheme, "id": who.id }))
        .collect();
    Ok(Answer::of(lines.join("\n"), json!({ "identities": list })))
}

async fn sync(client: &Client, call: &Call) -> Result<Answer, Failure> {
    match client.sync(call.argument(0)).await {
        Ok(()) => Ok(Answer::of("Sync is OK", json!({ "ok": true }))),
        Err(error) => match error.code() {
            Some(code) => Err(Failure::Sentence(format!(
                "Sync has failed. rc={}",
                code.code()
            ))),
            None => Err(error.into()),
        },
    }
}

async fn add_watch(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let mode = match call.option("m") {
        None | Some("PERSISTENT_RECURSIVE") => AddWatchMode::PersistentRecursive,
        Some("PERSISTENT") => AddWatchMode::Persistent,
        Some(_) => return Err(call.spec.misuse().into()),
    };
    keep(client.add_watch(call.argument(0), mode).await?);
    Ok(Answer::done())
}

async fn remove_watches(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let kinds = [
        ("c", WatcherType::Children),
        ("d", WatcherType::Data),
        ("p", WatcherType::Persistent),
        ("r", WatcherType::PersistentRecursive),
    ];
    let chosen = kinds.iter().find(|(flag, _)| call.has(flag));
    let kind = chosen.map_or(WatcherType::Any, |(_, kind)| *kind);
    client.remove_watches(call.argument(0), kind).await?;
    Ok(Answer::done())
}

async fn get_ephemerals(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let prefix = if call.arguments.is_empty() {
        "/"
    } else {
        call.argument(0)
    };
    let mut paths = client.get_ephemerals(prefix).await?;
    paths.sort();
    Ok(Answer::of(
        answer::list_text(&paths),
        json!({ "ephemerals": paths }),
    ))
}

async fn get_all_children_number(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let number = client.get_all_children_number(call.argument(0)).await?;
    Ok(Answer::of(number.to_string(), json!({ "number": number })))
}
