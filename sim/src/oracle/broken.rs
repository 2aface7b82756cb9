//! A rule that was broken, with what a reader needs to see why.

use crate::report::Verdict;
use std::cmp::Ordering;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) verdict: Verdict,
    /// The rule, as a sentence; before a colon its short name, which begins with its number in
    /// `docs/oracles.md`.
    pub(crate) rule: &'static str,
    /// What was seen instead.
    pub(crate) seen: String,
    /// Whom it concerns, as the story names them: `s1`, `c2`.
    pub(crate) who: Vec<String>,
    /// What those did in the protocol then, as far as it is known.
    pub(crate) roles: Vec<&'static str>,
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
            roles: Vec::new(),
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

    /// The short name of the rule; the whole sentence where it has none.
    pub(crate) fn short(&self) -> &'static str {
        self.rule.split(':').next().unwrap_or(self.rule)
    }

    /// What failures of one cause have in common, whatever their seed: the rule, the roles of those
    /// it concerns, and how the transactions that it concerns lie to each other.
    pub(crate) fn signature(&self) -> String {
        let mut roles: Vec<&str> = if self.roles.is_empty() {
            let kind = |who: &String| {
                if who.starts_with('c') {
                    "client"
                } else {
                    "server"
                }
            };
            self.who.iter().map(kind).collect()
        } else {
            self.roles.clone()
        };
        roles.sort_unstable();
        let relations: Vec<&str> = self.zxids.windows(2).map(relation).collect();
        format!(
            "{} / {} / {}",
            self.short(),
            roles.join(" "),
            relations.join(" ")
        )
    }
}

/// How two zxids lie to each other.
fn relation(pair: &[u64]) -> &'static str {
    let (first, second) = (pair[0], pair[1]);
    match (first >> 32).cmp(&(second >> 32)) {
        Ordering::Less => "earlier epoch",
        Ordering::Greater => "later epoch",
        Ordering::Equal => match first.cmp(&second) {
            Ordering::Less => "before",
            Ordering::Equal => "same",
            Ordering::Greater => "after",
        },
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
    format!("{}.{}", zxid >> 32, zxid & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_one_cause_share_a_signature_whoever_they_hit() {
        let broken = |server, zxid| {
            Broken::safety("S22 survival: nothing is lost", "seen".to_owned())
                .server(server)
                .at(zxid)
                .at(zxid + 1)
        };
        let signature = broken(0, 0x1_0000_0002).signature();
        assert_eq!(signature, "S22 survival / server / before");
        assert_eq!(broken(2, 0x7_0000_0009).signature(), signature);
        assert_ne!(broken(0, 0x1_ffff_ffff).signature(), signature);
    }

    #[test]
    fn zxids_are_named_by_epoch_and_counter() {
        assert_eq!(zxid_name(0x2_0000_0005), "2.5");
    }
}
