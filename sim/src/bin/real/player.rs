//! Plays a plan: asks clients and whoever has the servers for what is due.

use super::client::{Player as Client, Tape, Told};
use super::clock::Clock;
use super::ending::{Missing, logs_of, paths};
use super::observer::{Mode, Observer};
use super::stage::{Places, Stage};
use sim::elsewhere::{Deed, Evidence, Plan, Reigned, Target, Way, durable};
use sim::{Fact, Micros};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a turn of everybody takes.
const TURN: Duration = Duration::from_millis(1);

/// Something that follows from a deed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    Start(usize),
    Continue(usize),
    Unblock(usize),
}

/// What came of a run.
pub(crate) struct Played {
    pub(crate) evidence: Evidence,
    /// Why service did not come back, if it did not.
    pub(crate) missing: Option<Missing>,
}

/// A run.
pub(crate) struct Player {
    pub(crate) plan: Plan,
    pub(crate) target: Target,
    pub(crate) stage: Stage,
    pub(crate) places: Places,
    pub(crate) clock: Clock,
    pub(crate) observer: Observer,
    pub(crate) clients: Vec<Client>,
    pub(crate) tape: Tape,
    /// Whether each server has a process.
    pub(crate) runs: Vec<bool>,
    stands_still: Vec<bool>,
    /// Servers that lost their data and did not serve since, each with when it lost them.
    lost: BTreeMap<usize, Micros>,
    blocks: Vec<Vec<Way>>,
    due: Vec<(Micros, Due)>,
    reigns: BTreeMap<u32, Reigned>,
    modes: Vec<Option<Mode>>,
    speaks: bool,
}

impl Player {
    /// Starts servers; time begins when all of them serve.
    pub(crate) fn new(
        plan: Plan,
        target: Target,
        mut stage: Stage,
        speaks: bool,
    ) -> Result<Self, String> {
        // One client more for each server looks at it when all is over.
        let places = stage.prepare(&plan, plan.clients + plan.servers)?;
        let clock = Clock::start();
        let client = |index: usize| {
            let wires = places.clients[index].iter().copied().enumerate().collect();
            Client::new(index, wires, plan.session_timeout)
        };
        Ok(Player {
            observer: Observer::start(&places.servers, clock),
            clients: (0..plan.clients).map(client).collect(),
            tape: Tape::default(),
            runs: vec![true; plan.servers],
            stands_still: vec![false; plan.servers],
            lost: BTreeMap::new(),
            blocks: Vec::new(),
            due: Vec::new(),
            reigns: BTreeMap::new(),
            modes: vec![None; plan.servers],
            plan,
            target,
            stage,
            places,
            clock,
            speaks,
        })
    }

    /// Plays to the end.
    pub(crate) fn play(mut self) -> Result<Played, String> {
        let now = self.clock.now();
        for client in &mut self.clients {
            client.start(now, &mut self.tape);
        }
        let timed = std::mem::take(&mut self.plan.timed);
        let anchored = std::mem::take(&mut self.plan.anchored);
        let deeds = timed.iter().map(|(_, deed)| deed);
        let paths = paths(deeds.chain(anchored.iter().map(|(_, deed)| deed)));
        let (mut timed, mut anchored) = (timed.into_iter().peekable(), anchored.into_iter());
        let mut next = anchored.next();
        while self.clock.now() < self.plan.ends {
            self.turn()?;
            let now = self.clock.now();
            while let Some((_, deed)) = timed.next_if(|(at, _)| *at <= now) {
                self.does(&deed)?;
            }
            while let Some((fact, deed)) = next.take() {
                if !self.is_true(&fact)? {
                    next = Some((fact, deed));
                    break;
                }
                self.does(&deed)?;
                next = anchored.next();
            }
        }
        self.heal()?;
        let mut missing = self.ending(&paths)?;
        if let (None, Some((fact, _))) = (&missing, &next) {
            missing = Some(Missing::fact(fact));
        }
        self.finish(missing)
    }

    fn finish(mut self, missing: Option<Missing>) -> Result<Played, String> {
        for client in &self.clients {
            client.close_of_play(&mut self.tape);
        }
        let ended = self.clock.now();
        let died = self.stage.look()?;
        for server in 0..self.plan.servers {
            if self.runs[server] {
                self.stage.tell("kill", server)?;
            }
        }
        let missing = died.map(Missing::server).or(missing);
        let homes = self.places.homes.iter();
        let evidence = Evidence {
            target: self.target,
            tick: self.plan.tick,
            began_ms: self.clock.began_ms(),
            ended,
            conversations: self.tape.conversations,
            logs: homes.map(|home| logs_of(home)).collect(),
            reigns: self.reigns.into_values().collect(),
        };
        Ok(Played { evidence, missing })
    }

    /// A moment passes.
    pub(crate) fn turn(&mut self) -> Result<(), String> {
        self.clock.wait(TURN);
        let now = self.clock.now();
        for client in &mut self.clients {
            client.turn(now, &mut self.tape);
        }
        self.tell_of_clients();
        self.look();
        let due = std::mem::take(&mut self.due);
        for (at, due) in due {
            if at > now {
                self.due.push((at, due));
                continue;
            }
            self.fall_due(due)?;
        }
        Ok(())
    }

    fn fall_due(&mut self, due: Due) -> Result<(), String> {
        match due {
            Due::Start(server) => {
                self.say(&format!("s{} starts", server + 1));
                self.stage.tell("start", server)?;
                self.runs[server] = true;
            }
            Due::Continue(server) => {
                if self.stands_still[server] && self.runs[server] {
                    self.stage.tell("cont", server)?;
                }
                self.stands_still[server] = false;
            }
            Due::Unblock(number) => {
                self.blocks[number].clear();
                self.stage.block(&self.blocks.concat())?;
            }
        }
        Ok(())
    }

    /// Looks at who leads.
    fn look(&mut self) {
        for server in 0..self.plan.servers {
            let view = self.observer.view(server);
            let serves = view.serves.filter(|_| self.runs[server]);
            if let Some((mode, zxid)) = serves {
                let epoch = u32::try_from(zxid >> 32).unwrap_or(u32::MAX);
                if mode != Mode::Follower && epoch > 0 {
                    self.reigns.entry(epoch).or_insert(Reigned {
                        epoch,
                        server,
                        since: self.clock.now(),
                    });
                }
                if self
                    .lost
                    .get(&server)
                    .is_some_and(|since| view.asked > *since)
                {
                    self.lost.remove(&server);
                }
            }
            let mode = serves.map(|(mode, _)| mode);
            if self.modes[server] != mode {
                self.modes[server] = mode;
                let words = match mode {
                    Some(Mode::Leader) => "leads",
                    Some(Mode::Follower) => "follows",
                    Some(Mode::Alone) => "serves alone",
                    None => "serves nobody",
                };
                self.say(&format!("s{} {words}", server + 1));
            }
        }
    }

    fn is_true(&self, fact: &Fact) -> Result<bool, String> {
        let mode = |server: usize| {
            let view = self.observer.view(server);
            let serves = view.serves.filter(|_| self.runs[server]);
            serves.map(|(mode, _)| mode)
        };
        Ok(match *fact {
            Fact::Durable { server, zxid } => {
                let files = logs_of(&self.places.homes[server]);
                durable(self.target, &files) >= zxid
            }
            Fact::Applied { server, zxid } => {
                let serves = self.observer.view(server).serves;
                serves.is_some_and(|(_, applied)| applied >= zxid.0)
            }
            Fact::Leads(server) => matches!(mode(server), Some(Mode::Leader | Mode::Alone)),
            Fact::Follows(server) => mode(server) == Some(Mode::Follower),
            Fact::Looks(server) => {
                let view = self.observer.view(server);
                self.runs[server] && view.answers && view.serves.is_none()
            }
            Fact::IsDown(server) => !self.runs[server],
            Fact::Connected(client) => self.clients[client].is_connected(),
            Fact::Answered { client, count } => self.clients[client].answered >= count,
        })
    }

    fn does(&mut self, deed: &Deed) -> Result<(), String> {
        let now = self.clock.now();
        match deed {
            Deed::Ask { client, ask } => self.clients[*client].obey(ask, now, &mut self.tape),
            Deed::Kill {
                server,
                wipes,
                back,
            } => self.kill(*server, *wipes, *back)?,
            Deed::Pause { server, length } => {
                if self.runs[*server] && !self.stands_still[*server] {
                    self.say(&format!("s{} stands still", server + 1));
                    self.stage.tell("stop", *server)?;
                    self.stands_still[*server] = true;
                    self.due.push((now + length, Due::Continue(*server)));
                }
            }
            Deed::PauseClient { client, length } => {
                self.say(&format!("c{} stands still", client + 1));
                self.clients[*client].pause_until(now + length);
            }
            Deed::Block { ways, length } => {
                self.say(&format!("{} ways are blocked", ways.len()));
                self.due
                    .push((now + length, Due::Unblock(self.blocks.len())));
                self.blocks.push(ways.clone());
                self.stage.block(&self.blocks.concat())?;
            }
        }
        Ok(())
    }

    fn kill(&mut self, server: usize, wipes: bool, back: Option<Micros>) -> Result<(), String> {
        let now = self.clock.now();
        let name = format!("s{}", server + 1);
        if wipes {
            // As in simulated worlds: at most a minority knows less than it did.
            let forgetful = self.lost.len() + usize::from(!self.lost.contains_key(&server));
            if forgetful > (self.plan.servers - 1) / 2 {
                self.say(&format!(
                    "{name} keeps its data: too many others lost theirs"
                ));
                return Ok(());
            }
        } else if !self.runs[server] {
            return Ok(());
        }
        if self.runs[server] {
            self.say(&format!("{name} is killed"));
            self.stage.tell("kill", server)?;
            self.runs[server] = false;
            self.stands_still[server] = false;
        }
        if wipes {
            self.say(&format!("{name} loses its data"));
            self.stage.tell("wipe", server)?;
            self.lost.insert(server, now);
        }
        if let Some(back) = back {
            self.due.retain(|(_, due)| *due != Due::Start(server));
            self.due.push((now + back, Due::Start(server)));
        }
        Ok(())
    }

    /// Takes back everything that was done.
    fn heal(&mut self) -> Result<(), String> {
        self.say("all healed");
        self.due.clear();
        self.blocks.clear();
        self.stage.block(&[])?;
        for server in 0..self.plan.servers {
            if !self.runs[server] {
                self.fall_due(Due::Start(server))?;
            }
            self.fall_due(Due::Continue(server))?;
        }
        for client in &mut self.clients {
            client.pause_until(0);
        }
        Ok(())
    }

    fn tell_of_clients(&mut self) {
        let mut lines = Vec::new();
        for (index, client) in self.clients.iter_mut().enumerate() {
            for told in client.told.drain(..) {
                let name = index + 1;
                lines.push(match told {
                    Told::State(state) => format!("c{name} is {state:?}"),
                    Told::Lost { server, why } => format!("c{name} lost s{}: {why}", server + 1),
                });
            }
        }
        for line in lines {
            self.say(&line);
        }
    }

    pub(crate) fn say(&self, words: &str) {
        if self.speaks {
            let now = self.clock.now();
            println!("{:4}.{:06} {words}", now / 1_000_000, now % 1_000_000);
        }
    }
}
