//! `vivarium status`: what each server says of itself.

use crate::cli::StatusArguments;
use crate::four_letter;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Prints the status of every server that was asked for.
pub fn status(arguments: &StatusArguments) -> ExitCode {
    let patience = Duration::from_millis(u64::from(arguments.timeout.max(1)));
    let ask = |server: String| {
        thread::spawn(move || {
            let answer = four_letter::ask(&server, "srvr", patience);
            let status = answer
                .map_err(|error| error.to_string())
                .and_then(|answer| read(&answer));
            (server, status)
        })
    };
    let asked: Vec<_> = four_letter::servers(&arguments.server)
        .into_iter()
        .map(ask)
        .collect();
    let answers: Vec<Answer> = asked
        .into_iter()
        .map(|thread| thread.join().expect("asking does not panic"))
        .collect();
    let text = if arguments.json {
        as_json(&answers)
    } else {
        as_table(&answers)
    };
    // There is nobody to tell when standard output is gone.
    let _ = writeln!(io::stdout(), "{text}");
    if !answers.is_empty() && answers.iter().all(|(_, status)| status.is_ok()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

type Answer = (String, Result<Status, String>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Status {
    role: String,
    zxid: u64,
    latency: String,
    connections: String,
    outstanding: String,
    nodes: String,
    version: String,
}

/// Reads the answer to `srvr`.
fn read(answer: &str) -> Result<Status, String> {
    let field = |name: &str| {
        let mut lines = answer.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .map(|value| value.trim().to_owned())
    };
    let Some(role) = field("Mode:") else {
        return Err(answer
            .lines()
            .next()
            .unwrap_or("it said nothing")
            .trim()
            .to_owned());
    };
    let zxid = field("Zxid:").unwrap_or_default();
    let zxid = u64::from_str_radix(zxid.trim_start_matches("0x"), 16);
    Ok(Status {
        role,
        zxid: zxid.map_err(|_| "it gave no zxid".to_owned())?,
        latency: field("Latency min/avg/max:").unwrap_or_default(),
        connections: field("Connections:").unwrap_or_default(),
        outstanding: field("Outstanding:").unwrap_or_default(),
        nodes: field("Node count:").unwrap_or_default(),
        version: field("Zookeeper version:").unwrap_or_default(),
    })
}

fn as_table(answers: &[Answer]) -> String {
    let header = [
        "SERVER",
        "ROLE",
        "EPOCH",
        "ZXID",
        "LATENCY MIN/AVG/MAX MS",
        "CONNECTIONS",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    for (server, status) in answers {
        let empty = String::new;
        rows.push(match status {
            Ok(status) => [
                server.clone(),
                status.role.clone(),
                (status.zxid >> 32).to_string(),
                format!("{:#x}", status.zxid),
                status.latency.clone(),
                status.connections.clone(),
            ],
            Err(why) => [
                server.clone(),
                format!("DOWN: {why}"),
                empty(),
                empty(),
                empty(),
                empty(),
            ],
        });
    }
    // A reason is as long as it is; it does not widen its column.
    let counts = |row: &&[String; 6]| !row[1].starts_with("DOWN");
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column == 0 || counts(row));
        cells.map(|row| row[column].len()).max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4, 5].map(width);
    let line = |row: &[String; 6]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn as_json(answers: &[Answer]) -> String {
    let values = answers.iter().map(|(server, status)| match status {
        Ok(status) => json!({
            "server": server,
            "serving": true,
            "role": status.role,
            "epoch": status.zxid >> 32,
            "zxid": format!("{:#x}", status.zxid),
            "latency_ms": latency(&status.latency),
            "connections": number(&status.connections),
            "outstanding": number(&status.outstanding),
            "nodes": number(&status.nodes),
            "version": status.version,
        }),
        Err(why) => json!({ "server": server, "serving": false, "error": why }),
    });
    Value::Array(values.collect()).to_string()
}

fn latency(text: &str) -> Value {
    let mut parts = text.split('/').map(|part| part.parse::<f64>().ok());
    let mut next = || parts.next().flatten();
    json!({ "min": next(), "avg": next(), "max": next() })
}

fn number(text: &str) -> Value {
    text.parse::<u64>().map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SRVR: &str = "Zookeeper version: 3.9.5-x, built on 11/22/2026 04:26 UTC\n\
        Latency min/avg/max: 0/0.5/3\nReceived: 4\nSent: 3\nConnections: 1\nOutstanding: 0\n\
        Zxid: 0x200000007\nMode: follower\nNode count: 5\n";

    #[test]
    fn an_answer_becomes_a_row_and_silence_becomes_one_too() {
        let answers = [
            ("a:2181".to_owned(), read(SRVR)),
            ("b:2181".to_owned(), Err("refused".to_owned())),
        ];
        assert_eq!(
            as_table(&answers),
            "SERVER  ROLE      EPOCH  ZXID         LATENCY MIN/AVG/MAX MS  CONNECTIONS\n\
             a:2181  follower  2      0x200000007  0/0.5/3                 1\n\
             b:2181  DOWN: refused"
        );
    }

    #[test]
    fn json_has_numbers_where_there_are_numbers() {
        let value: Value =
            serde_json::from_str(&as_json(&[("a:2181".to_owned(), read(SRVR))])).unwrap();
        assert_eq!(value[0]["epoch"], 2);
        assert_eq!(value[0]["latency_ms"]["avg"], 0.5);
        assert_eq!(value[0]["connections"], 1);
    }

    #[test]
    fn a_server_that_does_not_serve_says_why() {
        let answer = "This ZooKeeper instance is not currently serving requests\n";
        assert_eq!(read(answer).unwrap_err(), answer.trim());
    }
}
