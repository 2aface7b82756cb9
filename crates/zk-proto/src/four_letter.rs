//! Four-letter words: what monitoring sends in place of a handshake.

/// A word that a connection may begin with instead of a frame.
///
/// Source: `client-protocol.md` §12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FourLetterWord {
    /// Configuration.
    Conf,
    /// Connections in full.
    Cons,
    /// Resets the statistics of connections.
    Crst,
    /// Sizes of the data directories.
    Dirs,
    /// Sessions and ephemeral nodes.
    Dump,
    /// Environment of the process.
    Envi,
    /// Reads the trace mask.
    Gtmk,
    /// Recorded tree digests.
    Hash,
    /// Whether the server is read-only.
    Isro,
    /// Metrics.
    Mntr,
    /// Whether the process is alive.
    Ruok,
    /// Resets the server's statistics.
    Srst,
    /// The server in brief.
    Srvr,
    /// The server in brief, with its connections.
    Stat,
    /// Sets the trace mask to the eight bytes that follow the word.
    Stmk {
        /// The new mask.
        mask: i64,
    },
    /// Watches by session.
    Wchc,
    /// Watches by path.
    Wchp,
    /// Watches in brief.
    Wchs,
    /// The escape that telnet sends on an interrupt: it does nothing but end the connection.
    TelnetEscape,
}

impl FourLetterWord {
    /// The word as text; empty for the telnet escape, which has none.
    pub fn name(self) -> &'static str {
        match self {
            FourLetterWord::Conf => "conf",
            FourLetterWord::Cons => "cons",
            FourLetterWord::Crst => "crst",
            FourLetterWord::Dirs => "dirs",
            FourLetterWord::Dump => "dump",
            FourLetterWord::Envi => "envi",
            FourLetterWord::Gtmk => "gtmk",
            FourLetterWord::Hash => "hash",
            FourLetterWord::Isro => "isro",
            FourLetterWord::Mntr => "mntr",
            FourLetterWord::Ruok => "ruok",
            FourLetterWord::Srst => "srst",
            FourLetterWord::Srvr => "srvr",
            FourLetterWord::Stat => "stat",
            FourLetterWord::Stmk { mask: _ } => "stmk",
            FourLetterWord::Wchc => "wchc",
            FourLetterWord::Wchp => "wchp",
            FourLetterWord::Wchs => "wchs",
            FourLetterWord::TelnetEscape => "",
        }
    }

    /// The word that four bytes stand for; `stmk` with the mask 0, to be read after it.
    pub(crate) fn from_bytes(word: [u8; 4]) -> Option<FourLetterWord> {
        Some(match &word {
            b"conf" => FourLetterWord::Conf,
            b"cons" => FourLetterWord::Cons,
            b"crst" => FourLetterWord::Crst,
            b"dirs" => FourLetterWord::Dirs,
            b"dump" => FourLetterWord::Dump,
            b"envi" => FourLetterWord::Envi,
            b"gtmk" => FourLetterWord::Gtmk,
            b"hash" => FourLetterWord::Hash,
            b"isro" => FourLetterWord::Isro,
            b"mntr" => FourLetterWord::Mntr,
            b"ruok" => FourLetterWord::Ruok,
            b"srst" => FourLetterWord::Srst,
            b"srvr" => FourLetterWord::Srvr,
            b"stat" => FourLetterWord::Stat,
            b"stmk" => FourLetterWord::Stmk { mask: 0 },
            b"wchc" => FourLetterWord::Wchc,
            b"wchp" => FourLetterWord::Wchp,
            b"wchs" => FourLetterWord::Wchs,
            b"\xff\xf4\xff\xfd" => FourLetterWord::TelnetEscape,
            _ => return None,
        })
    }
}
