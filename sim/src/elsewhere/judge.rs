//! Judging what real servers did, by the oracles of simulated worlds.

use super::logs::committed;
use super::{Conversation, Evidence, Speaker};
use crate::oracle::broken::{Broken, client_name, server_name};
use crate::oracle::history::search::both_agree;
use crate::oracle::history::{self, Writes};
use crate::oracle::ledger::Ledger;
use crate::oracle::sessions::{self, Reign};
use crate::oracle::watches::{self, AtEnd};
use crate::oracle::wire::{FrameKind, Tap};
use crate::queue::Micros;
use crate::report::Verdict;
use crate::swarm::Locality;
use std::collections::BTreeMap;

/// A clock that shows a second in a second.
const RIGHT_RATE: u64 = 1_000_000;

/// What the judges say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The outcome.
    pub verdict: Verdict,
    /// The rule that was broken, as a sentence, and what was seen; `None` when nothing was.
    pub broken: Option<(String, String)>,
    /// Requests that were answered.
    pub answers: u64,
    /// Watch events that came.
    pub events: u64,
    /// Transactions that were committed.
    pub txns: u64,
}

/// Holds what clients saw against what the servers logged.
pub fn judge(evidence: &Evidence) -> Finding {
    let mut finding = Finding {
        verdict: Verdict::Pass,
        broken: None,
        answers: 0,
        events: 0,
        txns: 0,
    };
    if let Err(broken) = hold(evidence, &mut finding) {
        finding.verdict = broken.verdict;
        finding.broken = Some((broken.rule.to_owned(), broken.seen));
    }
    finding
}

fn hold(evidence: &Evidence, finding: &mut Finding) -> Result<(), Broken> {
    let taps: Vec<Tap> = evidence
        .conversations
        .iter()
        .map(tap)
        .collect::<Result<_, _>>()?;
    for frame in taps.iter().flat_map(|tap| &tap.frames) {
        finding.answers += u64::from(matches!(frame.what, FrameKind::Reply { .. }));
        finding.events += u64::from(matches!(frame.what, FrameKind::Event { .. }));
    }
    let ledger = Ledger::of(committed(evidence.target, &evidence.logs)?);
    finding.txns = ledger.entries().len() as u64;
    let writes = Writes::collect(&taps);
    let timeline = history::judge(&ledger, &taps, &writes, Locality::Global)?;
    both_agree(&timeline, &taps)?;
    let reigns = reigns(evidence);
    sessions::judge_expiry(&timeline, &taps, &writes, &reigns, |zxid| {
        let index = timeline.find(zxid)?;
        let entry = timeline.moments[index].entry.as_ref()?;
        // It is written down in whole milliseconds.
        let since = entry.time + 1 - evidence.began_ms;
        Some(Micros::try_from(since).unwrap_or(0) * 1_000)
    })?;
    let never = vec![0; evidence.logs.len()];
    let end = (evidence.ended, evidence.tick);
    sessions::judge_silence(&timeline, &taps, (&reigns, &never), end)?;
    for (conversation, tap) in evidence.conversations.iter().zip(&taps) {
        let at_end = if conversation.is_open {
            AtEnd::Open
        } else {
            AtEnd::Gone
        };
        watches::judge(&timeline, tap, at_end)?;
    }
    Ok(())
}

fn tap(conversation: &Conversation) -> Result<Tap, Broken> {
    let mut tap = Tap::new(conversation.client, conversation.server);
    for piece in &conversation.pieces {
        let when = (piece.order, piece.time);
        let (read, who, rule) = match piece.from {
            Speaker::Client => (
                tap.up(when, &piece.bytes.0),
                client_name(conversation.client),
                "clients send well-formed frames",
            ),
            Speaker::Server => (
                tap.down(when, &piece.bytes.0),
                server_name(conversation.server),
                "servers send well-formed frames",
            ),
        };
        if read.is_err() {
            let seen = format!("{who} sends bytes that are no frame");
            return Err(Broken::history(rule, seen)
                .client(conversation.client)
                .server(conversation.server));
        }
    }
    Ok(tap)
}

fn reigns(evidence: &Evidence) -> BTreeMap<u32, Reign> {
    let reigns = evidence.reigns.iter().map(|reigned| {
        let reign = Reign {
            server: reigned.server,
            since: reigned.since,
            clock_rate: RIGHT_RATE,
        };
        (reigned.epoch, reign)
    });
    reigns.collect()
}
