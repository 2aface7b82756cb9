//! The one who has the servers and the wires, as this program speaks to it: a line of JSON for what
//! is wanted, a line for what came of it.

use serde_json::{Value, json};
use sim::elsewhere::{Plan, Way};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

/// A connection to whoever has the servers.
pub(crate) struct Stage {
    lines: BufReader<TcpStream>,
}

/// Where everything is.
#[derive(serde::Deserialize)]
pub(crate) struct Places {
    /// Of each server: where it takes clients, without a wire in between.
    pub(crate) servers: Vec<SocketAddr>,
    /// Of each client and each server: the wire between them.
    pub(crate) clients: Vec<Vec<SocketAddr>>,
    /// Of each server: the folder of its data.
    pub(crate) homes: Vec<PathBuf>,
}

impl Stage {
    pub(crate) fn connect(address: &str) -> Result<Self, String> {
        let socket = TcpStream::connect(address);
        let socket = socket.map_err(|error| format!("nobody has servers at {address}: {error}"))?;
        Ok(Stage {
            lines: BufReader::new(socket),
        })
    }

    /// Starts servers, and waits until all of them serve.
    pub(crate) fn prepare(&mut self, plan: &Plan, clients: usize) -> Result<Places, String> {
        let wanted = json!({
            "servers": plan.servers,
            "clients": clients,
            "lines": plan.lines,
        });
        let places = self.ask(&json!({ "prepare": wanted }))?;
        serde_json::from_value(places).map_err(|error| error.to_string())
    }

    /// Does something to a server: `kill`, `start`, `wipe`, `stop`, `cont`.
    pub(crate) fn tell(&mut self, what: &str, server: usize) -> Result<(), String> {
        self.ask(&json!({ what: server })).map(drop)
    }

    /// Nothing passes there, and everything everywhere else.
    pub(crate) fn block(&mut self, ways: &[Way]) -> Result<(), String> {
        self.ask(&json!({ "block": ways })).map(drop)
    }

    /// Which servers ended by themselves.
    pub(crate) fn look(&mut self) -> Result<Option<String>, String> {
        let died = self.ask(&json!({ "look": null }))?;
        Ok(died.as_str().map(str::to_owned))
    }

    fn ask(&mut self, what: &Value) -> Result<Value, String> {
        let gone = |error: std::io::Error| format!("whoever had the servers is gone: {error}");
        let line = format!("{what}\n");
        self.lines
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(gone)?;
        let mut line = String::new();
        self.lines.read_line(&mut line).map_err(gone)?;
        let mut answer: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        match answer.get("failed").and_then(Value::as_str) {
            Some(why) => Err(why.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }
}
