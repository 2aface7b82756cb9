//! The link to the leader: dialled at once, dialled again in growing pauses, given up soon. An
//! election costs less than waiting for a server that is gone.

use crate::context::{Context, Next};
use crate::follower::{Follower, Stage};
use crate::interface::{LinkId, Output};
use crate::timers::Timer;
use core::time::Duration;
use zk_types::{Instant, mutant};

/// First and longest pause before a leader that refuses the link is dialled again.
pub(super) const REDIAL: (Duration, Duration) =
    (Duration::from_millis(20), Duration::from_millis(200));

/// A leader that cannot be reached is dialled for a tick, and no less than this.
const PATIENCE_MIN: Duration = Duration::from_secs(1);

/// How often a leader may fail this server in a row before dialling it is put off.
const FAILURES_FREE: u32 = 2;

/// The longest time dialling is put off, and no more than a part of what a leader waits for followers:
/// one that waits longer is never found ready.
const PUT_OFF_MAX: Duration = Duration::from_secs(1);

impl Follower {
    pub(super) fn begin_dialling(&mut self, cx: &mut Context, now: Instant) {
        let (failed, count) = cx.failures;
        if failed == Some(self.vote.leader) && count > FAILURES_FREE {
            let doublings = (count - FAILURES_FREE - 1).min(6);
            let longest = PUT_OFF_MAX.min(cx.ticks(cx.config.init_limit) / 4);
            let pause = (REDIAL.0 * (1 << doublings)).min(longest);
            let pause = cx.jittered(pause);
            cx.set_timer(Timer::Dial, now + pause);
        } else {
            self.dial(cx, now);
        }
    }

    pub(super) fn dial(&mut self, cx: &mut Context, now: Instant) {
        if !cx.timers.is_set(Timer::Connect) {
            let patience = cx.config.tick.max(PATIENCE_MIN);
            let patience = patience.min(cx.ticks(cx.config.init_limit));
            cx.set_timer(Timer::Connect, now + patience);
        }
        self.link = cx.next_link();
        cx.outbox.push_back(Output::Dial {
            link: self.link,
            peer: self.vote.leader,
        });
    }

    pub(crate) fn on_connected(&mut self, cx: &mut Context, now: Instant, link: LinkId) {
        if link != self.link || !matches!(self.stage, Stage::Dialling) {
            return;
        }
        cx.timers.clear(Timer::Connect);
        cx.timers.clear(Timer::Dial);
        self.stage = Stage::Informing;
        self.arm_silence(cx, now);
        self.inform(cx);
    }

    pub(crate) fn on_disconnected(&mut self, cx: &mut Context, now: Instant, link: LinkId) -> Next {
        if link != self.link {
            return Next::Stay;
        }
        self.link = LinkId(0);
        if !matches!(self.stage, Stage::Dialling) {
            return self.give_up();
        }
        cx.set_timer(Timer::Dial, now + self.redial_after);
        self.redial_after = (self.redial_after * 2).min(REDIAL.1);
        Next::Stay
    }

    /// The leader was heard.
    pub(super) fn arm_silence(&mut self, cx: &mut Context, now: Instant) {
        let ticks = match self.stage {
            Stage::Dialling
            | Stage::Informing
            | Stage::Informed
            | Stage::Promising { .. }
            | Stage::Planned
            | Stage::Loading(_)
            | Stage::Installing
            | Stage::Synchronising { .. } => cx.config.init_limit,
            Stage::Acknowledged | Stage::Broadcasting => cx.config.sync_limit,
        };
        mutant!(
            "silence-timer-not-armed",
            cx.set_timer(Timer::Silence, now + cx.ticks(ticks)),
            ()
        );
    }
}
