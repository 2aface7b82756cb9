//! Somebody who tells servers whom to follow. An election is a hint, and nothing may depend on it
//! being a good one: whoever is suggested, discovery decides.

use super::{Action, Strike};
use crate::oracle::broken::Broken;
use crate::world::{Event, World};

impl World {
    /// Suggests a leader to some of those that look for one.
    pub(crate) fn suggest(&mut self) -> Result<(), Broken> {
        let Some(every) = self.swarm.adversary.filter(|_| self.is_breakable()) else {
            return Ok(());
        };
        let servers = 0..self.hosts.len();
        let looking: Vec<usize> = servers.filter(|index| self.is_looking(*index)).collect();
        let dice = &mut self.nemesis.suggest_dice;
        self.queue
            .after(dice.range(every / 4, every * 2), Event::Suggest);
        let leader = if looking.is_empty() || dice.percent(30) {
            dice.index(self.hosts.len())
        } else {
            dice.pick(&looking)
        };
        let share = dice.pick(&[100, 100, 50, 20]);
        let told: Vec<usize> = looking
            .into_iter()
            .filter(|_| dice.percent(share))
            .collect();
        for server in told {
            self.inflict(Strike {
                at: self.queue.now(),
                action: Action::Suggest { server, leader },
                fault: None,
            })?;
        }
        Ok(())
    }
}
