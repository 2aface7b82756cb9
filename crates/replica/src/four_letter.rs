//! Four-letter words: what a server says of itself to whoever connects and asks.
//! Source: `client-protocol.md` §12.

mod brief;
mod metrics;
mod sessions;
mod settings;
mod text;

use crate::api::{ConnId, FourLetterWords, Output};
use crate::connection::ConnectionFacts;
use crate::rules::ReadOnlyMode;
use crate::server::Replica;
use alloc::format;
use alloc::string::String;
use zab_core::Role;
use zk_proto::FourLetterWord;

const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

impl Replica {
    /// Answers a four-letter word and closes.
    pub(crate) fn on_word(&mut self, conn: ConnId, word: FourLetterWord) {
        self.statistics.received += 1;
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.facts.received += 1;
        }
        let answer = self.answer_word(word);
        let bytes = answer.into_bytes();
        if !bytes.is_empty() {
            self.outputs.push_back(Output::ClientSend { conn, bytes });
        }
        self.close(conn);
    }

    fn answer_word(&mut self, word: FourLetterWord) -> String {
        if word == FourLetterWord::TelnetEscape {
            return String::new();
        }
        if !self.is_allowed(word) {
            let name = word.name();
            return format!("{name} is not executed because it is not in the whitelist.\n");
        }
        let serves = self.serves() || self.serves_read_only();
        match word {
            FourLetterWord::TelnetEscape => String::new(),
            FourLetterWord::Ruok => String::from("imok"),
            FourLetterWord::Isro => String::from(match (self.serves(), serves) {
                (true, _) => "rw",
                (false, true) => "ro",
                (false, false) => "null",
            }),
            FourLetterWord::Envi => settings::environment(self),
            FourLetterWord::Gtmk => format!("{}", self.trace_mask),
            FourLetterWord::Stmk { mask } => {
                self.trace_mask = mask;
                format!("{mask}")
            }
            FourLetterWord::Hash if serves => sessions::digests(self),
            FourLetterWord::Hash => String::from(NOT_SERVING.trim_end()),
            _ if !serves => String::from(NOT_SERVING),
            FourLetterWord::Srvr => brief::server(self, brief::Clients::Omitted),
            FourLetterWord::Stat => brief::server(self, brief::Clients::Listed),
            FourLetterWord::Cons => brief::connections(self),
            FourLetterWord::Crst => {
                for connection in self.connections.iter_mut() {
                    let ConnectionFacts {
                        timeout_ms,
                        greeted,
                        ..
                    } = connection.facts;
                    connection.facts = ConnectionFacts {
                        greeted,
                        ..ConnectionFacts::new(timeout_ms)
                    };
                }
                String::from("Connection stats reset.\n")
            }
            FourLetterWord::Srst => {
                self.statistics.reset();
                String::from("Server stats reset.\n")
            }
            FourLetterWord::Conf => settings::configuration(self),
            FourLetterWord::Dirs => settings::directories(self),
            FourLetterWord::Dump => sessions::dump(self),
            FourLetterWord::Mntr => metrics::all(self),
            FourLetterWord::Wchs => sessions::watches_in_brief(self),
            FourLetterWord::Wchc => sessions::watches_by_session(self),
            FourLetterWord::Wchp => sessions::watches_by_path(self),
        }
    }

    fn is_allowed(&self, word: FourLetterWord) -> bool {
        match &self.config.four_letter_words {
            FourLetterWords::All => true,
            FourLetterWords::Only(words) => {
                let may_ask = self.config.sessions.read_only == ReadOnlyMode::On;
                word == FourLetterWord::Srvr
                    || (may_ask && word == FourLetterWord::Isro)
                    || words.iter().any(|allowed| allowed == word.name())
            }
        }
    }
}

/// What `srvr` and `mntr` call this server.
fn mode(replica: &Replica) -> &'static str {
    match replica.role() {
        _ if replica.config.members.is_empty() => "standalone",
        _ if replica.serves_read_only() => "read-only",
        Role::Leading { .. } | Role::LeadingPrepare { .. } => "leader",
        Role::Following { .. } | Role::FollowingPrepare { .. } => "follower",
        Role::Looking => "looking",
    }
}
