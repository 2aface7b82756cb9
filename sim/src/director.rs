//! Who says what clients ask for and what is done to a world: its seed, or a script.

use crate::oracle::broken::Broken;
use crate::queue::Micros;
use crate::script::{Op, Script};
use crate::world::{Event, Phase, World, around};
use std::sync::Arc;

/// Who says what clients ask for and what is done to the world.
#[derive(Clone, Debug)]
pub(crate) enum Director {
    /// The seed.
    Seed,
    /// A script, played so far.
    Script {
        script: Arc<Script>,
        ops: usize,
        strikes: usize,
    },
}

/// How much longer faults go on where too little has happened, and how often at most.
const PROLONGED_BY: Micros = 30_000_000;
const PROLONGED_MAX: u32 = 12;

impl Director {
    pub(crate) fn of(script: Arc<Script>) -> Self {
        Director::Script {
            script,
            ops: 0,
            strikes: 0,
        }
    }
}

impl World {
    /// Makes due what is drawn or written down first.
    pub(crate) fn direct(&mut self) {
        match &self.director {
            Director::Seed => {
                for index in 0..self.clients.len() {
                    let pause = self.clients[index].draw_pause(0, self.swarm.think);
                    self.queue.after(pause, Event::Think(index));
                }
                let first = self.nemesis.first(&self.swarm);
                self.queue.at(first, Event::Strike);
                if let Some(every) = self.swarm.adversary {
                    self.queue.at(every, Event::Suggest);
                }
            }
            Director::Script { .. } => {
                self.await_op();
                self.await_strike();
            }
        }
    }

    /// From now on another seed decides what is left to chance, what clients ask for and what
    /// strikes; sizes stay.
    pub(crate) fn turn(&mut self, seed: u64) {
        self.noise.turn(seed);
        self.queue.turn(seed);
        self.net.turn(seed);
        self.nemesis.turn(seed);
        for client in &mut self.clients {
            client.turn(seed);
        }
        self.chain
            .push(self.queue.now(), 51, 0, &seed.to_be_bytes());
    }

    /// Lets faults go on for a while where too little was asked for or broken so far. In a script
    /// it is written down how long they go on.
    pub(crate) fn prolong(&mut self) -> bool {
        let is_drawn = matches!(self.director, Director::Seed) && !self.swarm.by_hand;
        let answered: u64 = self.clients.iter().map(|client| client.answered).sum();
        let is_enough = answered >= self.swarm.ops_least && !self.nemesis.owes_faults(&self.swarm);
        if !is_drawn || is_enough || self.prolonged == PROLONGED_MAX {
            return false;
        }
        self.prolonged += 1;
        self.swarm.safety += PROLONGED_BY;
        self.queue.at(self.swarm.safety, Event::Look);
        true
    }

    /// Whether things may be broken, and clients work.
    pub(crate) fn is_breakable(&self) -> bool {
        self.phase == Phase::Faults
    }

    /// A client thinks of something to ask for.
    pub(crate) fn think(&mut self, index: usize) -> Result<(), Broken> {
        if !self.is_breakable() {
            return Ok(());
        }
        let now = self.queue.now();
        let client = &mut self.clients[index];
        let pause = client.draw_pause(now, self.swarm.think);
        self.queue.after(pause, Event::Think(index));
        for ask in client.draw(now, &self.swarm) {
            self.obey(Op {
                at: self.queue.now(),
                client: index,
                ask,
            })?;
        }
        Ok(())
    }

    /// Lets a client ask for something, unless it cannot.
    pub(crate) fn obey(&mut self, op: Op) -> Result<(), Broken> {
        let client = self.clients.get_mut(op.client);
        let Some(client) = client.filter(|client| client.can_ask()) else {
            return Ok(());
        };
        client.obey(&op.ask, &mut self.taps, around!(self))?;
        self.ops.push(op);
        self.flush()
    }

    fn await_op(&mut self) {
        if let Director::Script { script, ops, .. } = &self.director
            && let Some(op) = script.ops.get(*ops)
        {
            self.queue.at(op.at, Event::ScriptedOp);
        }
    }

    fn await_strike(&mut self) {
        if let Director::Script {
            script, strikes, ..
        } = &self.director
            && let Some(strike) = script.strikes.get(*strikes)
        {
            self.queue.at(strike.at, Event::ScriptedStrike);
        }
    }

    /// What the script asks for next.
    pub(crate) fn scripted_op(&mut self) -> Result<(), Broken> {
        let breakable = self.is_breakable();
        let Director::Script { script, ops, .. } = &mut self.director else {
            return Ok(());
        };
        let op = script.ops[*ops].clone();
        *ops += 1;
        self.await_op();
        if breakable { self.obey(op) } else { Ok(()) }
    }

    /// What the script does next.
    pub(crate) fn scripted_strike(&mut self) -> Result<(), Broken> {
        let breakable = self.is_breakable();
        let Director::Script {
            script, strikes, ..
        } = &mut self.director
        else {
            return Ok(());
        };
        let strike = script.strikes[*strikes].clone();
        *strikes += 1;
        self.await_strike();
        if breakable {
            self.inflict(strike)?;
        }
        Ok(())
    }

    /// What happened so far, to be played again.
    pub(crate) fn script(&self) -> Script {
        Script {
            seed: self.noise.seed(),
            profile: self.profile,
            knobs: self.swarm.clone(),
            ops: self.ops.iter().cloned().collect(),
            strikes: self.strikes.iter().cloned().collect(),
            noise: self.noise.rules(),
        }
    }
}
