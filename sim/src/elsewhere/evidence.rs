//! What is left of a run when all processes are gone.

use super::Target;
use crate::queue::Micros;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is left of a run: what travelled between clients and servers, and the servers' logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Whose servers they were.
    pub target: Target,
    /// The servers' tick.
    pub tick: Micros,
    /// The wall clock at time 0, in milliseconds since 1970.
    pub began_ms: i64,
    /// When the run ended.
    pub ended: Micros,
    /// Every connection of a client that came about.
    pub conversations: Vec<Conversation>,
    /// The log files of each server.
    pub logs: Vec<Vec<LogFile>>,
    /// Who led which epoch.
    pub reigns: Vec<Reigned>,
}

/// All that travelled on one connection of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Which client, from 0.
    pub client: usize,
    /// Which server, from 0.
    pub server: usize,
    /// Whether it was served to the end, and everything had reached it.
    pub is_open: bool,
    /// In the order in which the client sent and received them.
    pub pieces: Vec<Piece>,
}

/// Bytes as the client sent or received them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Place in the order of all pieces of a run: before it was sent, or after it was received.
    pub order: u64,
    /// When.
    pub time: Micros,
    /// Who said it.
    pub from: Speaker,
    /// The bytes.
    pub bytes: Blob,
}

/// An end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The one who dialled.
    Client,
    /// The one who was dialled.
    Server,
}

/// A file of a server's log directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    /// Its name, without folders.
    pub name: String,
    /// What is in it; zeros at the end may be left out.
    pub bytes: Blob,
}

/// Who led an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reigned {
    /// The epoch.
    pub epoch: u32,
    /// The server, from 0.
    pub server: usize,
    /// When it was first seen to lead; it may have led for a while.
    pub since: Micros,
}

/// Bytes, written down as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.iter().map(|byte| format!("{byte:02x}"));
        serializer.serialize_str(&digits.collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let pair = core::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16)
                .ok()
                .filter(|_| pair.len() == 2)
        };
        pairs
            .map(|pair| byte(pair).ok_or_else(|| de::Error::custom("digits come in pairs")))
            .collect::<Result<_, _>>()
            .map(Blob)
    }
}
