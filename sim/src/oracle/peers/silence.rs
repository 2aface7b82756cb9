//! A leader does not keep learners from whom nothing comes.

use super::{Sending, name};
use crate::oracle::broken::{Broken, server_name};
use crate::queue::Micros;

/// How long one learner has been silent, as its leader knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Silence {
    /// When the leader last read something from it.
    heard_at: Micros,
    /// When the leader had pinged it too late, and when it had done so for longer than it lets pass
    /// between two looks at its learners.
    late: (Option<Micros>, Option<Micros>),
}

impl Silence {
    /// The leader reads something.
    pub(super) fn ends(&mut self, time: Micros) {
        *self = Silence {
            heard_at: time,
            late: (None, None),
        };
    }

    /// A leader pings a learner that serves.
    ///
    /// Whoever stood still pings before it looks at its learners; then it looks, and drops those that
    /// are silent. So the third ping that is late breaks the rule, if a look lies between each two.
    pub(super) fn is_noticed(&mut self, sending: &Sending<'_>) -> Result<(), Broken> {
        let (tick, limit) = sending.patience;
        let silent = sending.time.saturating_sub(self.heard_at);
        // Clocks may be off by some hundredths.
        if silent <= limit + limit / 20 {
            return Ok(());
        }
        let pause = tick / 2 + tick / 10;
        match self.late {
            (None, _) => self.late.0 = Some(sending.time),
            (Some(first), None) if sending.time >= first + pause => {
                self.late.1 = Some(sending.time);
            }
            (Some(_), Some(second)) if sending.time >= second + pause => {
                let seen = format!(
                    "{} pings {}, of which it has heard nothing for {} ms, and lets no learner be \
                     silent for more than {} ms",
                    name(sending),
                    server_name(sending.to),
                    silent / 1_000,
                    limit / 1_000
                );
                let rule = "L6 silence: a leader drops a learner from which nothing comes";
                let broken = Broken::liveness(rule, seen);
                return Err(broken.server(sending.from).server(sending.to));
            }
            (Some(_), _) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Port, Side};

    fn ping(silence: &mut Silence, time: Micros) -> Result<(), Broken> {
        silence.is_noticed(&Sending {
            order: 1,
            time,
            conn: 1,
            port: Port::Quorum,
            side: Side::Accepter,
            from: 0,
            to: 1,
            bytes: &[],
            applied: &|| 0,
            incarnation: 1,
            patience: (1_000, 3_000),
        })
    }

    #[test]
    fn a_learner_that_is_pinged_long_after_it_fell_silent_is_noticed() {
        let mut silence = Silence::default();
        silence.ends(10_000);
        for time in [11_000, 13_100, 13_700, 14_300] {
            assert!(ping(&mut silence, time).is_ok(), "{time}");
        }
        let broken = ping(&mut silence, 14_900).unwrap_err();
        assert_eq!(broken.short(), "L6 silence");
    }

    #[test]
    fn a_leader_that_stood_still_may_ping_before_it_looks() {
        let mut silence = Silence::default();
        silence.ends(10_000);
        for time in [20_000, 20_001, 20_600] {
            assert!(ping(&mut silence, time).is_ok(), "{time}");
        }
        silence.ends(20_700);
        assert!(ping(&mut silence, 21_300).is_ok());
    }
}
