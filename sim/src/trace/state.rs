//! What a server or a client is at one moment.

use crate::oracle::broken::{server_name, zxid_name};
use serde::{Deserialize, Serialize};

/// What a lane is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// A server.
    Server(Box<ServerState>),
    /// A client.
    Client(ClientState),
}

/// What a server is at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerState {
    /// Whether a process runs.
    pub is_up: bool,
    /// Whether that process stands still.
    pub is_paused: bool,
    /// Counts its starts.
    pub process: u64,
    /// Its role in one word, empty while it is down.
    pub role: String,
    /// Whom it follows, by id.
    pub leader: Option<u64>,
    /// How far its role has come.
    pub phase: String,
    /// What its disk can be trusted to remember.
    pub standing: String,
    /// The epoch that it promised.
    pub accepted: u32,
    /// The epoch of its last record.
    pub current: u32,
    /// Its last record.
    pub logged: u64,
    /// Its last durable record, as it knows.
    pub durable: u64,
    /// The last record that its disk holds for certain.
    pub on_disk: u64,
    /// The highest commit point that it knows.
    pub committed: u64,
    /// The last record that it applied.
    pub applied: u64,
    /// The record before the first one that it keeps in memory.
    pub window_start: u64,
    /// Its vote: epoch, zxid, server.
    pub vote: Option<(u32, u64, u64)>,
    /// Its election round.
    pub round: u64,
    /// A leader's learners, each in words.
    pub learners: Vec<String>,
    /// Sessions that it knows.
    pub sessions: usize,
    /// Nodes of its tree.
    pub nodes: usize,
    /// Inputs that wait to be handled.
    pub inputs: usize,
    /// Disk operations that wait or are under way.
    pub disk_operations: usize,
}

/// What a client is at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientState {
    /// Of its connection.
    pub connection: String,
    /// The server that it talks to, counted from 0.
    pub server: Option<usize>,
    /// Its session, 0 for none.
    pub session: i64,
    /// Requests that wait for an answer.
    pub pending: usize,
    /// Whether it stands still.
    pub is_paused: bool,
}

impl State {
    /// Names and values, in the order in which people read them.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        match self {
            State::Server(server) => server.rows(),
            State::Client(client) => client.rows(),
        }
    }

    /// What differs: name, value before, value now.
    pub fn differences(&self, before: Option<&State>) -> Vec<(&'static str, String, String)> {
        let old = before.map(State::rows).unwrap_or_default();
        let value = |name: &str| {
            let found = old.iter().find(|(known, _)| *known == name);
            found.map_or_else(String::new, |(_, value)| value.clone())
        };
        self.rows()
            .into_iter()
            .map(|(name, now)| (name, value(name), now))
            .filter(|(_, before, now)| before != now)
            .collect()
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        match self {
            State::Server(server) => server.line(),
            State::Client(client) => client.line(),
        }
    }
}

impl ServerState {
    /// Whether it runs, in a word.
    pub fn status(&self) -> &'static str {
        match (self.is_up, self.is_paused) {
            (false, _) => "down",
            (true, true) => "paused",
            (true, false) => "up",
        }
    }

    /// What it is, in a few words.
    pub fn role_words(&self) -> String {
        match self.leader {
            Some(leader) => format!("{} s{leader}", self.role),
            None => self.role.clone(),
        }
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let vote = self.vote.map_or_else(String::new, |(epoch, zxid, server)| {
            format!("s{server} at {} (epoch {epoch})", zxid_name(zxid))
        });
        vec![
            ("status", self.status().to_owned()),
            ("start", self.process.to_string()),
            ("role", self.role_words()),
            ("phase", self.phase.clone()),
            ("standing", self.standing.clone()),
            ("accepted epoch", self.accepted.to_string()),
            ("current epoch", self.current.to_string()),
            ("last logged", zxid_name(self.logged)),
            ("known durable", zxid_name(self.durable)),
            ("on disk", zxid_name(self.on_disk)),
            ("last committed", zxid_name(self.committed)),
            ("last applied", zxid_name(self.applied)),
            ("log in memory after", zxid_name(self.window_start)),
            ("vote", vote),
            ("election round", self.round.to_string()),
            ("learners", self.learners.join("\n")),
            ("sessions", self.sessions.to_string()),
            ("nodes", self.nodes.to_string()),
            ("inputs waiting", self.inputs.to_string()),
            ("disk operations", self.disk_operations.to_string()),
        ]
    }

    fn line(&self) -> String {
        if !self.is_up {
            return format!("down, on disk {}", zxid_name(self.on_disk));
        }
        format!(
            "{}{} e{}/{} log {} disk {} commit {} applied {} queues {}/{}",
            if self.is_paused { "paused, " } else { "" },
            self.role_words(),
            self.accepted,
            self.current,
            zxid_name(self.logged),
            zxid_name(self.on_disk),
            zxid_name(self.committed),
            zxid_name(self.applied),
            self.inputs,
            self.disk_operations,
        )
    }
}

impl ClientState {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let server = self.server.map_or_else(String::new, server_name);
        vec![
            ("connection", self.connection.clone()),
            ("server", server),
            ("session", format!("{:#x}", self.session)),
            ("pending", self.pending.to_string()),
            (
                "paused",
                if self.is_paused { "yes" } else { "no" }.to_owned(),
            ),
        ]
    }

    fn line(&self) -> String {
        let server = self.server.map_or_else(|| "nobody".to_owned(), server_name);
        format!(
            "{} to {server}, session {:#x}, {} pending",
            self.connection, self.session, self.pending
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_was_and_what_is() {
        let before = State::Server(Box::default());
        let mut now = ServerState {
            is_up: true,
            role: "following".to_owned(),
            leader: Some(2),
            ..ServerState::default()
        };
        now.committed = 0x1_0000_0002;
        let differences = State::Server(Box::new(now)).differences(Some(&before));
        let shown: Vec<(&str, &str, &str)> = differences
            .iter()
            .map(|(name, was, is)| (*name, was.as_str(), is.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("status", "down", "up"),
                ("role", "", "following s2"),
                ("last committed", "0.0", "1.2"),
            ]
        );
    }
}
