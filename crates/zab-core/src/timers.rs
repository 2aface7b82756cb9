//! All deadlines of a machine, each with a name. Source: `zab.md` §10.

use zk_types::Instant;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Looking: say the vote again.
    Resend,
    /// Looking: no better vote came.
    Finalize,
    /// Follower: dial the leader (again).
    Dial,
    /// Follower: the leader could not be reached.
    Connect,
    /// Follower: nothing was heard of the leader.
    Silence,
    /// Leader: discovery or synchronisation takes too long.
    Prepare,
    /// Leader: ping, and look after quorum and learners.
    Pulse,
    /// Leader: a new epoch is planned for a voter that is locked out of this one.
    Renew,
}

const ALL: [Timer; 8] = [
    Timer::Resend,
    Timer::Finalize,
    Timer::Dial,
    Timer::Connect,
    Timer::Silence,
    Timer::Prepare,
    Timer::Pulse,
    Timer::Renew,
];

/// The table of deadlines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    due: [Option<Instant>; ALL.len()],
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.due[timer as usize] = Some(at);
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.due[timer as usize] = None;
    }

    pub(crate) fn clear_all(&mut self) {
        self.due = Default::default();
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.due[timer as usize].is_some()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.iter().flatten().min().copied()
    }

    /// Takes one timer that is due at `now` off the table.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let timer = ALL
            .into_iter()
            .find(|timer| self.due[*timer as usize].is_some_and(|at| at <= now))?;
        self.clear(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_timer_is_taken_once_and_a_later_one_stays() {
        let mut timers = Timers::default();
        timers.set(Timer::Pulse, Instant::from_millis(5));
        timers.set(Timer::Resend, Instant::from_millis(9));
        assert_eq!(timers.next(), Some(Instant::from_millis(5)));
        assert_eq!(timers.take_due(Instant::from_millis(6)), Some(Timer::Pulse));
        assert_eq!(timers.take_due(Instant::from_millis(6)), None);
        assert!(timers.is_set(Timer::Resend) && !timers.is_set(Timer::Pulse));
    }
}
