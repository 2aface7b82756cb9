//! The members of the ensemble.

use crate::shell::answer::{self, Answer};
use crate::shell::commands::Call;
use crate::shell::failure::Failure;
use crate::shell::run;
use serde_json::json;
use std::fs;
use vivarium_client::{Client, Node};

pub(crate) async fn config(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let Node { data, stat } = if call.has("w") {
        let (node, watch) = client.get_data_and_watch(CONFIG).await?;
        run::keep(watch);
        node
    } else {
        client.get_data(CONFIG).await?
    };
    let text = String::from_utf8_lossy(&data).into_owned();
    let text = if call.has("c") {
        connect_string(&text)
    } else {
        text
    };
    let answer = Answer::of(text.clone(), json!({ "config": text }));
    Ok(if call.has("s") {
        answer.with_stat(&stat)
    } else {
        answer
    })
}

pub(crate) async fn reconfig(client: &Client, call: &Call) -> Result<Answer, Failure> {
    let version = call
        .option("v")
        .map(|text| i64::from_str_radix(text, 16))
        .transpose();
    let version = version.map_err(|_| call.spec.misuse())?;
    let file = call.option("file").map(fs::read_to_string).transpose();
    let file = file.map_err(|error| Failure::Sentence(format!("cannot read the file: {error}")))?;
    let members = file
        .map(|text| joined(&text))
        .or_else(|| call.option("members").map(joined));
    let change = (call.option("add"), call.option("remove"));
    let Node { data, stat } = match (members, change) {
        (Some(members), (None, None)) => client.reconfig_members(&members, version).await?,
        (None, (None, None)) | (Some(_), _) => return Err(call.spec.misuse().into()),
        (None, (add, remove)) => client.reconfig(add, remove, version).await?,
    };
    let text = String::from_utf8_lossy(&data).into_owned();
    let out = format!("Committed new configuration:\n{text}");
    let answer = Answer::of(
        out,
        json!({ "config": text, "stat": answer::stat_json(&stat) }),
    );
    Ok(if call.has("s") {
        answer.with_stat(&stat)
    } else {
        answer
    })
}

/// The servers of a configuration, one behind the other.
fn joined(text: &str) -> String {
    let servers = text.split([',', '\n']).map(str::trim);
    let servers = servers.filter(|line| !line.is_empty() && !line.starts_with('#'));
    servers.collect::<Vec<_>>().join(",")
}

/// The client addresses of a configuration; where a server takes clients on all addresses, its
/// host is the one its peers know.
fn connect_string(config: &str) -> String {
    let client = |line: &str| {
        let (peer, client) = line
            .strip_prefix("server.")?
            .split_once('=')?
            .1
            .split_once(';')?;
        let client = client
            .split(';')
            .next()
            .filter(|client| !client.is_empty())?;
        let port = client.rsplit(':').next()?;
        match client.rsplit_once(':') {
            Some((host, _)) if host != "0.0.0.0" && host != "[::]" => Some(client.to_owned()),
            Some(_) | None => {
                let (host, _) = peer.split_at(
                    peer.rfind(']')
                        .map_or_else(|| peer.find(':').unwrap_or(peer.len()), |end| end + 1),
                );
                Some(format!("{host}:{port}"))
            }
        }
    };
    config
        .lines()
        .filter_map(client)
        .collect::<Vec<_>>()
        .join(",")
}

const CONFIG: &str = "/zookeeper/config";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_string_has_addresses_that_clients_can_reach() {
        let config = "server.1=a:1:2:participant;0.0.0.0:2181\n\
            server.2=b:1:2:participant;c:2182\nserver.3=d:1:2:participant\n\
            server.4=[::1]:1:2:participant;2184\nversion=0";
        assert_eq!(connect_string(config), "a:2181,c:2182,[::1]:2184");
    }

    #[test]
    fn members_may_be_lines_or_a_list() {
        assert_eq!(
            joined("# all\nserver.1=a\n\nserver.2=b,server.3=c\n"),
            "server.1=a,server.2=b,server.3=c"
        );
    }
}
