//! Limits on nodes and bytes.
//!
//! Source: `operations.md` §3.10.

use crate::shell::answer::Answer;
use crate::shell::commands::Call;
use crate::shell::failure::Failure;
use crate::shell::walk;
use serde_json::json;
use std::fmt;
use vivarium_client::{Acl, Client, CreateMode, ErrorCode, Perms};

/// What `zookeeper_limits` holds; −1 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    count: i64,
    bytes: i64,
    count_hard: i64,
    bytes_hard: i64,
}

pub(crate) async fn set(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    if path == ROOT || path.starts_with(&format!("{ROOT}/")) {
        return Err(Failure::Sentence(format!(
            "cannot set a quota under the path: {ROOT}"
        )));
    }
    let given = FLAGS
        .iter()
        .filter_map(|flag| Some((*flag, call.option(flag)?)));
    let mut wanted = Vec::new();
    for (flag, value) in given {
        let value = value.parse::<i64>().ok().filter(|value| *value >= 0);
        wanted.push((flag, value.ok_or_else(|| call.spec.misuse())?));
    }
    if wanted.is_empty() {
        return Err(call.spec.misuse().into());
    }
    if client.exists(path).await?.is_none() {
        return Err(Failure::Sentence(format!("{path} does not exist.")));
    }
    refuse_nesting(client, path).await?;
    let node = limits_node(path);
    let before = read(client, &node).await?;
    let mut limits = before.unwrap_or(Limits::NONE);
    for (flag, value) in wanted {
        *limits.of(flag) = value;
    }
    if before.is_some() {
        client
            .set_data(&node, limits.to_string().as_bytes(), None)
            .await?;
    } else {
        create_with_parents(client, &node, &limits.to_string()).await?;
        create_with_parents(client, &stats_node(path), "count=0,bytes=0").await?;
    }
    Ok(Answer::done())
}

pub(crate) async fn list(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    let node = limits_node(path);
    let limits = text(client, &node).await?;
    let missing = || Failure::Sentence(format!("quota for {path} does not exist."));
    let limits = limits.ok_or_else(missing)?;
    let usage = text(client, &stats_node(path)).await?.unwrap_or_default();
    let remark = format!(
        "absolute path is {node}\nOutput quota for {path} {limits}\nOutput stat for {path} {usage}"
    );
    let parsed = Limits::parse(&limits);
    Ok(Answer::remark(
        remark,
        json!({
            "path": path,
            "limits": {
                "count": parsed.count,
                "bytes": parsed.bytes,
                "count_hard": parsed.count_hard,
                "bytes_hard": parsed.bytes_hard,
            },
            "usage": usage,
        }),
    ))
}

pub(crate) async fn delete(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let path = call.argument(0);
    let node = limits_node(path);
    let missing = || Failure::Sentence(format!("quota for {path} does not exist."));
    let mut limits = read(client, &node).await?.ok_or_else(missing)?;
    let chosen: Vec<&str> = FLAGS.into_iter().filter(|flag| call.has(flag)).collect();
    for flag in &chosen {
        *limits.of(flag) = -1;
    }
    if !chosen.is_empty() && limits != Limits::NONE {
        client
            .set_data(&node, limits.to_string().as_bytes(), None)
            .await?;
        return Ok(Answer::done());
    }
    for node in [node, stats_node(path)] {
        ignoring(ErrorCode::NoNode, client.delete(&node, None).await)?;
    }
    trim(client, path).await?;
    Ok(Answer::done())
}

/// One quota on each way from the root to a leaf.
async fn refuse_nesting(client: &Client, path: &str) -> Result<(), Failure> {
    let mut above = path;
    while let Some(cut) = above.rfind('/').filter(|_| above != "/") {
        above = if cut == 0 { "/" } else { &above[..cut] };
        if client.exists(&limits_node(above)).await?.is_some() {
            return Err(Failure::Sentence(format!(
                "{path} has a parent {above} which has a quota"
            )));
        }
    }
    let own = format!("{ROOT}{}", path.trim_end_matches('/'));
    let below = match walk::subtree(client, &own).await {
        Ok(below) => below,
        Err(failure) if failure.code() == Some(ErrorCode::NoNode) => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let other = |node: &&String| node.ends_with("/zookeeper_limits") && **node != limits_node(path);
    match below.iter().find(other) {
        Some(node) => {
            let child = node
                .trim_start_matches(ROOT)
                .trim_end_matches("/zookeeper_limits");
            Err(Failure::Sentence(format!(
                "{path} has a child {child} which has a quota"
            )))
        }
        None => Ok(()),
    }
}

/// Removes what was only there to hold a quota.
async fn trim(client: &Client, path: &str) -> Result<(), Failure> {
    let mut node = format!("{ROOT}{}", path.trim_end_matches('/'));
    while node != ROOT {
        match client.delete(&node, None).await {
            Ok(()) => {}
            Err(error) if error.code() == Some(ErrorCode::NoNode) => {}
            Err(error) if error.code() == Some(ErrorCode::NotEmpty) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        node.truncate(
            node.rfind('/')
                .expect("a path below the root of quotas has a parent"),
        );
    }
    Ok(())
}

async fn create_with_parents(client: &Client, node: &str, data: &str) -> Result<(), Failure> {
    let open = [Acl::world(Perms::ALL)];
    let ends = node.match_indices('/').map(|(at, _)| at).skip(1);
    for end in ends {
        let created = client
            .create(&node[..end], b"", CreateMode::Persistent, &open)
            .await;
        ignoring(ErrorCode::NodeExists, created.map(drop))?;
    }
    let created = client
        .create(node, data.as_bytes(), CreateMode::Persistent, &open)
        .await;
    ignoring(ErrorCode::NodeExists, created.map(drop))
}

fn ignoring(code: ErrorCode, outcome: Result<(), vivarium_client::Error>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.code() != Some(code) => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn text(client: &Client, node: &str) -> Result<Option<String>, Failure> {
    match client.get_data(node).await {
        Ok(node) => Ok(Some(String::from_utf8_lossy(&node.data).into_owned())),
        Err(error) if error.code() == Some(ErrorCode::NoNode) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn read(client: &Client, node: &str) -> Result<Option<Limits>, Failure> {
    Ok(text(client, node).await?.map(|text| Limits::parse(&text)))
}

fn limits_node(path: &str) -> String {
    format!("{ROOT}{}/zookeeper_limits", path.trim_end_matches('/'))
}

fn stats_node(path: &str) -> String {
    format!("{ROOT}{}/zookeeper_stats", path.trim_end_matches('/'))
}

impl Limits {
    const NONE: Limits = Limits {
        count: -1,
        bytes: -1,
        count_hard: -1,
        bytes_hard: -1,
    };

    fn parse(text: &str) -> Limits {
        let value = |name: &str| {
            let mut fields = text.split([',', ';']);
            let value = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            value
                .and_then(|value| value.trim_end_matches('=').parse().ok())
                .unwrap_or(-1)
        };
        Limits {
            count: value("count"),
            bytes: value("bytes"),
            count_hard: value("countHardLimit"),
            bytes_hard: value("byteHardLimit"),
        }
    }

    fn of(&mut self, flag: &str) -> &mut i64 {
        match flag {
            "n" => &mut self.count,
            "b" => &mut self.bytes,
            "N" => &mut self.count_hard,
            "B" => &mut self.bytes_hard,
            other => unreachable!("{other} is none of the four flags"),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count={},bytes={}", self.count, self.bytes)?;
        if self.count_hard == -1 && self.bytes_hard == -1 {
            return Ok(());
        }
        // The stray `=` keeps old readers from taking the rest for a number.
        write!(
            f,
            "=;byteHardLimit={};countHardLimit={}",
            self.bytes_hard, self.count_hard
        )
    }
}

const FLAGS: [&str; 4] = ["n", "b", "N", "B"];
const ROOT: &str = "/zookeeper/quota";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_as_apache_reads_them() {
        let soft = Limits {
            count: 5,
            ..Limits::NONE
        };
        assert_eq!(soft.to_string(), "count=5,bytes=-1");
        let hard = Limits {
            count: 5,
            bytes_hard: 7,
            ..Limits::NONE
        };
        assert_eq!(
            hard.to_string(),
            "count=5,bytes=-1=;byteHardLimit=7;countHardLimit=-1"
        );
        for limits in [soft, hard, Limits::NONE] {
            assert_eq!(Limits::parse(&limits.to_string()), limits);
        }
    }

    #[test]
    fn garbage_is_no_limit() {
        assert_eq!(Limits::parse("count=x;;=,"), Limits::NONE);
    }
}
