//! Leaving out what was done and asked for, and who was there.

use super::Shrinker;
use super::ddmin::ddmin;
use crate::nemesis::Action;
use crate::script::{Ask, Script};
use client_core::ClientRequest;
use std::collections::BTreeSet;

/// Gaps that are not worth a try, in microseconds.
const GAP_MIN: u64 = 20_000;

impl Shrinker<'_> {
    pub(super) fn shrink_strikes(&mut self) {
        let strikes = self.best.strikes.clone();
        ddmin(strikes, &mut |kept| {
            self.offer_with(|script| script.strikes = kept.to_vec())
        });
    }

    pub(super) fn shrink_ops(&mut self) {
        let clients: Vec<usize> = (0..self.best.knobs.clients).collect();
        ddmin(clients, &mut |kept| {
            self.offer_with(|script| script.ops.retain(|op| kept.contains(&op.client)))
        });
        let ops = self.best.ops.clone();
        ddmin(ops, &mut |kept| {
            self.offer_with(|script| script.ops = kept.to_vec())
        });
    }

    /// Fewer clients and servers.
    pub(super) fn shrink_ensemble(&mut self) {
        let busy: BTreeSet<usize> = self.best.ops.iter().map(|op| op.client).collect();
        if busy.len() < self.best.knobs.clients {
            self.offer_with(|script| {
                for op in &mut script.ops {
                    op.client = busy.range(..op.client).count();
                }
                script.knobs.clients = busy.len().max(1);
            });
        }
        for servers in 1..self.best.knobs.servers {
            let is_smaller = self.offer_with(|script| {
                script.knobs.servers = servers;
                script
                    .strikes
                    .retain(|strike| strike.action.servers().all(|server| server < servers));
            });
            if is_smaller {
                break;
            }
        }
    }

    /// Values and requests that say less.
    pub(super) fn simplify(&mut self) {
        for index in 0..self.best.ops.len() {
            let mut simpler = self.best.ops[index].clone();
            if simplify(&mut simpler.ask) {
                self.offer_with(|script| script.ops[index] = simpler);
            }
        }
        for index in 0..self.best.strikes.len() {
            for action in shorter(&self.best.strikes[index].action) {
                if self.offer_with(|script| script.strikes[index].action = action) {
                    break;
                }
            }
        }
    }

    /// Moves what happens closer together.
    pub(super) fn close_gaps(&mut self) {
        let mut index = 0;
        while let Some(at) = times(&self.best).get(index).copied() {
            let before = index
                .checked_sub(1)
                .map_or(0, |index| times(&self.best)[index]);
            let gap = at - before;
            let steps = [gap.saturating_sub(1_000), gap / 2, gap / 4];
            let _ = gap >= GAP_MIN
                && steps
                    .into_iter()
                    .any(|by| self.offer_with(|script| move_up(script, at, by)));
            index += 1;
        }
    }
}

fn times(script: &Script) -> Vec<u64> {
    let ops = script.ops.iter().map(|op| op.at);
    let mut times: Vec<u64> = ops
        .chain(script.strikes.iter().map(|strike| strike.at))
        .collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// Everything from `from` on happens this much earlier.
fn move_up(script: &mut Script, from: u64, by: u64) {
    let at = script.ops.iter_mut().map(|op| &mut op.at);
    let at = at.chain(script.strikes.iter_mut().map(|strike| &mut strike.at));
    for time in at.filter(|time| **time >= from) {
        *time -= by;
    }
    script.knobs.safety = script.knobs.safety.saturating_sub(by).max(1_000);
}

/// Whether there was something to make simpler.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others have nothing to lose"
)]
fn simplify(ask: &mut Ask) -> bool {
    let Ask::Request(request) = ask else {
        return false;
    };
    let short = Some(b"x".to_vec());
    match request {
        ClientRequest::Create(create) if create.data != short => create.data = short,
        ClientRequest::SetData { data, .. } if *data != short => *data = short,
        ClientRequest::Multi(parts) if parts.len() > 1 => {
            parts.pop();
        }
        _ => return false,
    }
    true
}

/// The same kind of thing that lasts less long, the shortest first.
fn shorter(action: &Action) -> Vec<Action> {
    let divided = [8, 2].into_iter().filter_map(|by| {
        let mut shorter = action.clone();
        let length = shorter.length_mut()?;
        *length /= by;
        (*length > GAP_MIN).then_some(shorter)
    });
    divided.collect()
}
