//! Somebody who tells servers whom to follow. An election is a hint, and nothing may depend on it
//! being a good one: whoever is suggested, discovery decides.

use crate::oracle::broken::{Broken, server_name};
use crate::world::{Event, Phase, World, around};
use zab_core::Role;

impl World {
    /// Suggests a leader to some of those that look for one.
    pub(crate) fn suggest(&mut self) -> Result<(), Broken> {
        let Some(every) = self.swarm.adversary.filter(|_| self.phase == Phase::Faults) else {
            return Ok(());
        };
        let looking: Vec<usize> = (0..self.hosts.len())
            .filter(|index| {
                let replica = self.hosts[*index].replica();
                replica.is_some_and(|replica| replica.role() == Role::Looking)
            })
            .collect();
        let dice = &mut self.adversary_dice;
        self.queue
            .after(dice.range(every / 4, every * 2), Event::Suggest);
        let among = self.hosts.len();
        let leader = if looking.is_empty() || dice.percent(30) {
            dice.index(among)
        } else {
            dice.pick(&looking)
        };
        let share = dice.pick(&[100, 100, 50, 20]);
        for index in looking {
            if self.adversary_dice.percent(share) {
                let now = self.queue.now();
                let entity = u64::try_from(index).expect("few servers");
                let words = server_name(leader);
                self.chain.push(now, 51, entity, words.as_bytes());
                self.notes.trace(now, || {
                    format!("{} is told to follow {words}", server_name(index))
                });
                let step = self.hosts[index].suggest(leader, around!(self))?;
                self.after_step(index, step)?;
            }
        }
        Ok(())
    }
}
