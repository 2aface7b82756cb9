//! How latency is spread: the shape that turns one draw into a delay.

use crate::queue::Micros;
use serde::{Deserialize, Serialize};

/// How latency is spread between the shortest and the longest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Law {
    /// Always in the middle.
    Constant,
    /// Every delay alike.
    #[default]
    Uniform,
    /// Most near the shortest, and each further step half as likely as the one before.
    Exponential,
    /// Most near the shortest, one in sixteen up to four times the longest.
    Bimodal,
}

/// Draws are below this.
pub(super) const DRAWS: u64 = 1 << 20;

impl Law {
    /// Every law.
    pub(crate) const ALL: [Law; 4] = [Law::Constant, Law::Uniform, Law::Exponential, Law::Bimodal];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Law::Constant => "latency, constant",
            Law::Uniform => "latency, uniform",
            Law::Exponential => "latency, exponential",
            Law::Bimodal => "latency, bimodal",
        }
    }

    /// The delay of a draw below `DRAWS`; a lower draw is never a longer delay.
    pub(super) fn delay(self, drawn: u64, low: Micros, high: Micros) -> Micros {
        let span = high - low;
        let share = |of: Micros, drawn: u64, draws: u64| {
            let wide = u128::from(of) * u128::from(drawn) / u128::from(draws);
            u64::try_from(wide).expect("a share of 64 bits")
        };
        match self {
            Law::Constant => low + span / 2,
            Law::Uniform => low + share(span + 1, drawn, DRAWS),
            Law::Exponential => {
                // The base-two logarithm of what is left above the draw, a straight line within
                // each octave.
                let left = DRAWS - drawn;
                let octave = left.ilog2();
                let within = (left << 20 >> octave) - DRAWS;
                let steps = (u64::from(20 - octave) << 20) - within;
                low + share(span / 6 + 1, steps, DRAWS)
            }
            Law::Bimodal => {
                let near = DRAWS / 16 * 15;
                if drawn < near {
                    low + share(span / 8 + 1, drawn, near)
                } else {
                    low + span / 8 + share(high * 4, drawn - near, DRAWS - near)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(law: Law) -> Vec<Micros> {
        let draws = (0..DRAWS).step_by(64);
        draws.map(|drawn| law.delay(drawn, 100, 1_100)).collect()
    }

    #[test]
    fn no_delay_is_below_the_shortest_and_a_higher_draw_is_never_shorter() {
        for law in Law::ALL {
            let delays = delays(law);
            assert!(delays.iter().all(|delay| *delay >= 100), "{law:?}");
            assert!(delays.windows(2).all(|two| two[0] <= two[1]), "{law:?}");
        }
    }

    #[test]
    fn each_law_has_its_own_middle_and_its_own_tail() {
        let middle = |law| delays(law)[delays(law).len() / 2];
        let longest = |law| *delays(law).last().expect("there are some");
        assert_eq!((middle(Law::Constant), longest(Law::Constant)), (600, 600));
        assert_eq!((middle(Law::Uniform), longest(Law::Uniform)), (600, 1_100));
        assert!(middle(Law::Exponential) < 300 && longest(Law::Exponential) > 1_100);
        assert!(middle(Law::Bimodal) < 200 && longest(Law::Bimodal) > 4_000);
    }
}
