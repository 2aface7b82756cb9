//! A rule that was broken, with what a reader needs to see why.

use crate::report::Verdict;
use zk_types::Zxid;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) verdict: Verdict,
    /// The rule, as a sentence.
    pub(crate) rule: &'static str,
    /// What was seen instead.
    pub(crate) seen: String,
    /// Whom it concerns, as the story names them: `s1`, `c2`.
    pub(crate) who: Vec<String>,
    /// Which transactions it concerns.
    pub(crate) zxids: Vec<u64>,
}

impl Broken {
    pub(crate) fn safety(rule: &'static str, seen: String) -> Self {
        Broken {
            verdict: Verdict::Safety,
            rule,
            seen,
            who: Vec::new(),
            zxids: Vec::new(),
        }
    }

    pub(crate) fn history(rule: &'static str, seen: String) -> Self {
        Broken {
            verdict: Verdict::History,
            ..Broken::safety(rule, seen)
        }
    }

    pub(crate) fn liveness(rule: &'static str, seen: String) -> Self {
        Broken {
            verdict: Verdict::Liveness,
            ..Broken::safety(rule, seen)
        }
    }

    pub(crate) fn resource(rule: &'static str, seen: String) -> Self {
        Broken {
            verdict: Verdict::Resource,
            ..Broken::safety(rule, seen)
        }
    }

    pub(crate) fn server(mut self, server: usize) -> Self {
        self.who.push(server_name(server));
        self
    }

    pub(crate) fn client(mut self, client: usize) -> Self {
        self.who.push(client_name(client));
        self
    }

    pub(crate) fn at(mut self, zxid: u64) -> Self {
        self.zxids.push(zxid);
        self
    }
}

/// A server as stories name it: by its id.
pub(crate) fn server_name(server: usize) -> String {
    format!("s{}", server + 1)
}

/// A client as stories name it.
pub(crate) fn client_name(client: usize) -> String {
    format!("c{}", client + 1)
}

/// A zxid as stories name it: epoch, dot, counter.
pub(crate) fn zxid_name(zxid: u64) -> String {
    format!("{:?}", Zxid(zxid))
}
