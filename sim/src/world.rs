//! Everything there is: servers, clients, the network between them, and what is due when.

use crate::chain::Chain;
use crate::client::{Aim, ClientEvent, SimClient};
use crate::decide::{Dice, Domain};
use crate::host::{Death, Host, HostEvent, Step};
use crate::hostile::Hostile;
use crate::judges::Judges;
use crate::nemesis::Nemesis;
use crate::net::{ConnNumber, Net, NetEvent, Told, What};
use crate::notes::Notes;
use crate::options::{Options, Trace};
use crate::oracle::broken::{Broken, server_name};
use crate::oracle::wire::Tap;
use crate::queue::{Micros, Queue};
use crate::rude::Rude;
use crate::swarm::Swarm;
use zab_core::Role;

/// Events after which a world that does not come to its end is given up.
const EVENTS_MAX: u64 = 20_000_000;

/// Something that is due.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Of the network.
    Net(NetEvent),
    /// Of a server, if it is still in that start.
    Host(usize, u64, HostEvent),
    /// Of a client.
    Client(usize, ClientEvent),
    /// Of a client without manners.
    Rude(ConnNumber),
    /// The nemesis strikes.
    Strike,
    /// Servers that look for a leader are told whom to follow.
    Suggest,
    /// The nemesis takes something back.
    Relent(usize),
    /// The director looks whether the world has come far enough.
    Look,
}

/// How far a world has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Faults strike; only safety is asked for.
    Faults,
    /// Everything is whole again: service must come back.
    Healed {
        /// By when.
        until: Micros,
    },
    /// Nobody asks for anything more; everything in flight arrives.
    Quiet {
        /// Until when.
        until: Micros,
    },
    /// The end.
    Over,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) swarm: Swarm,
    pub(crate) queue: Queue<Event>,
    pub(crate) net: Net,
    pub(crate) hosts: Vec<Host>,
    pub(crate) clients: Vec<SimClient>,
    pub(crate) hostile: Hostile,
    pub(crate) rude: Rude,
    pub(crate) taps: Vec<Tap>,
    pub(crate) chain: Chain,
    pub(crate) notes: Notes,
    pub(crate) judges: Judges,
    pub(crate) nemesis: Nemesis,
    pub(crate) phase: Phase,
    /// When everything had healed, for the bounds.
    healed_at: Micros,
    /// How long after healing the first leader served, and when all was well.
    pub(crate) recovery: Option<Micros>,
    start_dice: Dice,
    pub(crate) adversary_dice: Dice,
}

/// Lends a host or a client what it touches of the world.
macro_rules! around {
    ($world:expr) => {
        &mut $crate::host::Around {
            queue: &mut $world.queue,
            net: &mut $world.net,
            chain: &mut $world.chain,
            notes: &mut $world.notes,
            judges: &mut $world.judges,
            swarm: &$world.swarm,
        }
    };
}
pub(crate) use around;

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        let swarm = Swarm::draw(options.seed, options.profile);
        World::with(options.seed, swarm, options.trace)
    }

    /// A world of given sizes.
    pub(crate) fn with(seed: u64, swarm: Swarm, trace: Trace) -> Self {
        let nodes = swarm.servers + swarm.clients + 2;
        let mut world = World {
            seed,
            queue: Queue::new(seed),
            net: Net::new(seed, nodes, swarm.net.clone()),
            hosts: (0..swarm.servers)
                .map(|index| Host::new(seed, index, &swarm))
                .collect(),
            clients: Vec::new(),
            hostile: Hostile::new(seed, nodes - 2, swarm.servers),
            rude: Rude::new(seed, nodes - 1, &swarm),
            taps: Vec::new(),
            chain: Chain::default(),
            notes: Notes::new(trace),
            judges: Judges::new(swarm.servers, swarm.locality),
            nemesis: Nemesis::new(seed, &swarm),
            phase: Phase::Faults,
            healed_at: 0,
            recovery: None,
            start_dice: Dice::new(seed, Domain::Nemesis, 1),
            adversary_dice: Dice::new(seed, Domain::Nemesis, 2),
            swarm,
        };
        for node in world.swarm.servers..nodes {
            world.net.up(node, 1);
        }
        for index in 0..world.swarm.clients {
            let client = SimClient::new(seed, index, &world.swarm);
            world.clients.push(client);
        }
        world
    }

    /// Runs from the first event to the verdict.
    pub(crate) fn run(&mut self) -> Result<(), Broken> {
        self.begin()?;
        while self.phase != Phase::Over {
            self.step()?;
        }
        self.verdict()
    }

    /// Ends the time of faults now, and runs to the verdict.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        self.look()?;
        while self.phase != Phase::Over {
            self.step()?;
        }
        self.verdict()
    }

    fn verdict(&self) -> Result<(), Broken> {
        let end = (self.queue.now(), self.swarm.tick);
        let moves = &self.rude.moves;
        self.judges
            .verdict(&self.taps, &self.clients, moves, &self.hosts, end)
    }

    /// Starts everything.
    pub(crate) fn begin(&mut self) -> Result<(), Broken> {
        for index in 0..self.hosts.len() {
            let delay = self.start_dice.range(0, self.swarm.tick);
            self.queue
                .at(delay, Event::Host(index, 0, HostEvent::Start));
        }
        for index in 0..self.clients.len() {
            self.clients[index].start(&mut self.taps, around!(self))?;
        }
        let first = self.nemesis.first(&self.swarm);
        self.queue.at(first, Event::Strike);
        if let Some(every) = self.swarm.adversary {
            self.queue.at(every, Event::Suggest);
        }
        self.queue.at(self.swarm.safety, Event::Look);
        self.flush()
    }

    /// Lets the next event happen.
    pub(crate) fn step(&mut self) -> Result<(), Broken> {
        let event = self
            .queue
            .pop()
            .expect("somebody always waits for something");
        let now = self.queue.now();
        self.net.set_now(now);
        match event {
            Event::Net(event) => self.net.handle(event),
            Event::Host(index, process, event) => self.host_event(index, process, event)?,
            Event::Client(index, event) => {
                self.clients[index].event(event, &mut self.taps, around!(self))?;
            }
            Event::Rude(conn) => {
                let when = (self.chain.events(), now);
                self.rude.due(conn, when, &mut self.taps, &mut self.net);
            }
            Event::Strike => self.strike()?,
            Event::Suggest => self.suggest()?,
            Event::Relent(number) => self.relent(number)?,
            Event::Look => self.look()?,
        }
        self.flush()?;
        if self.chain.events() > EVENTS_MAX {
            let seen = format!("{EVENTS_MAX} events in {} s", now / 1_000_000);
            return Err(Broken::resource("a world comes to its end", seen));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Broken> {
        loop {
            for (time, event) in self.net.due.drain(..) {
                self.queue.at(time, Event::Net(event));
            }
            for (delay, conn) in self.rude.later.drain(..) {
                self.queue.after(delay, Event::Rude(conn));
            }
            let Some(told) = self.net.told.pop_front() else {
                return Ok(());
            };
            self.told(told)?;
        }
    }

    fn told(&mut self, told: Told) -> Result<(), Broken> {
        let now = self.queue.now();
        let node = u64::try_from(told.node).expect("few machines");
        let conn = told.conn.to_be_bytes();
        let (kind, bytes): (u8, &[u8]) = match &told.what {
            What::Bytes(bytes) => (10, bytes),
            What::Accepted(_) => (11, &conn),
            What::Connected => (12, &conn),
            What::Sent(_) => (13, &conn),
            What::Closed => (14, &conn),
        };
        self.chain.push(now, kind, node, bytes);
        let servers = self.hosts.len();
        let nonsense = servers + self.clients.len();
        if let Some(host) = self.hosts.get_mut(told.node) {
            host.told(told, around!(self));
            return Ok(());
        }
        match self.clients.get_mut(told.node - servers) {
            Some(client) => client.told(told, &mut self.taps, around!(self)),
            None if told.node == nonsense => {
                self.hostile.told(&told, &mut self.net);
                Ok(())
            }
            None => {
                let when = (self.chain.events(), now);
                self.rude.told(told, when, &mut self.taps, &mut self.net)
            }
        }
    }

    // Servers.

    fn host_event(&mut self, index: usize, process: u64, event: HostEvent) -> Result<(), Broken> {
        if event == HostEvent::Start {
            return self.start(index);
        }
        let now = self.queue.now();
        let host = &mut self.hosts[index];
        if host.process != process || host.replica().is_none() {
            return Ok(());
        }
        let step = match event {
            HostEvent::Run => host.run(around!(self))?,
            HostEvent::Timer if host.is_timer_current(now) => host.timer(around!(self))?,
            HostEvent::Timer | HostEvent::Start => Step::Alive,
            HostEvent::Disk(lane) => host.disk_done(lane, around!(self))?,
            HostEvent::Resume => {
                host.resume(around!(self));
                Step::Alive
            }
        };
        self.after_step(index, step)
    }

    pub(crate) fn after_step(&mut self, index: usize, step: Step) -> Result<(), Broken> {
        let now = self.queue.now();
        self.judges
            .look_at(index, now, &mut self.hosts, &mut self.notes)?;
        match step {
            Step::Alive => Ok(()),
            Step::Dies(death) => {
                self.kill(index, death);
                self.nemesis.down_by_plan(index);
                let again = self.hosts[index].will_die_again();
                let delay = self.nemesis.restart_delay(&self.swarm, again);
                self.start_after(index, delay);
                Ok(())
            }
        }
    }

    /// Ends a server's process, and what the world knows of it.
    pub(crate) fn kill(&mut self, index: usize, death: Death) {
        self.hosts[index].die(death, around!(self));
    }

    /// A server will start after a while.
    pub(crate) fn start_after(&mut self, index: usize, delay: Micros) {
        let process = self.hosts[index].process;
        self.queue
            .after(delay, Event::Host(index, process, HostEvent::Start));
    }

    fn start(&mut self, index: usize) -> Result<(), Broken> {
        if self.hosts[index].replica().is_some() {
            return Ok(());
        }
        self.net.power_on(index);
        let seed = self.seed;
        let now = self.queue.now();
        self.judges.before_start(index, now, &self.hosts[index])?;
        let step = self.hosts[index].start(seed, around!(self))?;
        if self.hosts[index].replica().is_some() {
            self.judges.started(index, &self.hosts[index])?;
        }
        self.after_step(index, step)
    }

    // The end.

    /// Whether the world has come far enough for what follows.
    fn look(&mut self) -> Result<(), Broken> {
        let now = self.queue.now();
        match self.phase {
            Phase::Faults => {
                self.heal()?;
                self.healed_at = now;
                let until = now + self.bound();
                self.phase = Phase::Healed { until };
                for client in &mut self.clients {
                    client.aim = Aim::Proof;
                }
                self.notes.add(now, "all".to_owned(), "healed".to_owned());
            }
            Phase::Healed { until } => match self.what_is_missing() {
                None => {
                    self.recovery = Some(now - self.healed_at);
                    let quiet = self.swarm.tick + 20 * self.swarm.net.latency_max + 500_000;
                    self.phase = Phase::Quiet { until: now + quiet };
                    for client in &mut self.clients {
                        client.aim = Aim::Rest;
                    }
                }
                Some(missing) if now > until => {
                    let ms = (now - self.healed_at) / 1_000;
                    let rule = "service comes back when faults have ended";
                    return Err(Broken::liveness(rule, format!("{missing}, {ms} ms later")));
                }
                Some(_) => {}
            },
            Phase::Quiet { until } => {
                let missing = self.what_is_missing();
                if now > until && missing.is_none() {
                    self.phase = Phase::Over;
                } else if now > until + self.bound() {
                    let rule = "servers agree when nobody writes";
                    let seen = missing.unwrap_or_default();
                    return Err(Broken::liveness(rule, seen));
                }
            }
            Phase::Over => {}
        }
        self.queue.after(self.swarm.tick / 2, Event::Look);
        Ok(())
    }

    /// How long service may take to come back.
    fn bound(&self) -> Micros {
        let limits = u64::from(self.swarm.init_limit + self.swarm.sync_limit);
        let ensemble = self.swarm.tick * (4 * limits + 40) + 30_000_000;
        ensemble + 4 * self.swarm.session_timeout.1
    }

    fn what_is_missing(&self) -> Option<String> {
        let leads = |host: &Host| {
            host.replica()
                .is_some_and(|replica| matches!(replica.role(), Role::Leading { .. }))
        };
        let leaders = self.hosts.iter().filter(|host| leads(host)).count();
        if leaders != 1 {
            return Some(format!("{leaders} servers lead"));
        }
        for (index, host) in self.hosts.iter().enumerate() {
            let serves = host.replica().is_some_and(|replica| {
                matches!(
                    replica.role(),
                    Role::Leading { .. } | Role::Following { .. }
                )
            });
            if !serves {
                return Some(format!("{} does not serve", server_name(index)));
            }
        }
        if let Some(client) = self.clients.iter().find(|client| !client.is_satisfied()) {
            let rounds = client.proofs;
            return Some(format!(
                "c{} was served {rounds} rounds only",
                client.index + 1
            ));
        }
        if self.clients.iter().any(|client| !client.is_idle()) {
            return Some("a request was not answered".to_owned());
        }
        self.judges.disagreement(&self.hosts)
    }
}
