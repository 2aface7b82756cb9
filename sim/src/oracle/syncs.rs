//! A sync is answered only after a quorum has shown that its leader still leads.

use crate::oracle::broken::Broken;
use crate::oracle::peers::Round;
use crate::oracle::wire::{FrameKind, Request, Tap};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Between the sending of a sync and its answer, some leader asked a quorum whether it is there,
/// and was answered.
pub(crate) fn judge(rounds: &[Round], taps: &[Tap], servers: usize) -> Result<(), Broken> {
    for tap in taps {
        let mut waiting = VecDeque::new();
        for frame in &tap.frames {
            match &frame.what {
                FrameKind::Request { request, .. } => waiting.push_back((request, frame.order)),
                FrameKind::Reply { error, zxid, .. } => {
                    let Some((Request::Sync, sent)) = waiting.pop_front() else {
                        continue;
                    };
                    let stated = (*error, *zxid > 0) == (0, true);
                    if stated && !is_confirmed(rounds, sent, frame.order, servers) {
                        let seen = format!(
                            "a sync was answered at {}, and no quorum was asked for it",
                            super::broken::zxid_name(zxid.cast_unsigned())
                        );
                        let rule =
                            "G5 confirmed: a sync is answered by a leader that a quorum confirms";
                        return Err(Broken::history(rule, seen)
                            .client(tap.client)
                            .server(tap.server)
                            .at(zxid.cast_unsigned()));
                    }
                }
                FrameKind::Connect { .. }
                | FrameKind::Connected { .. }
                | FrameKind::Event { .. } => {}
            }
        }
    }
    Ok(())
}

fn is_confirmed(rounds: &[Round], sent: u64, answered: u64, servers: usize) -> bool {
    let end = rounds.partition_point(|round| round.answered < answered);
    let mut confirmed: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for round in rounds[..end].iter().rev() {
        if round.answered <= sent {
            break;
        }
        if round.asked > sent {
            let learners = confirmed.entry(round.leader).or_default();
            learners.insert(round.learner);
            if learners.len() + 1 > servers / 2 {
                return true;
            }
        }
    }
    servers == 1
}
