//! Everything there is: servers, clients, the network between them, and what is due when.

mod ending;

use crate::chain::Chain;
use crate::client::{ClientEvent, SimClient};
use crate::director::Director;
use crate::host::{Death, Host, HostEvent, Step};
use crate::hostile::Hostile;
use crate::judges::Judges;
use crate::log::Log;
use crate::nemesis::{Fate, Nemesis, Strike};
use crate::net::{ConnNumber, Machine, Net, NetEvent, Told, What};
use crate::noise::{Domain, Noise, NoiseRules};
use crate::notes::Notes;
use crate::options::{Options, Profile, Trace};
use crate::oracle::broken::{Broken, server_name};
use crate::oracle::liveness::{Activity, Recovery};
use crate::oracle::wire::Tap;
use crate::queue::{Micros, Named, Queue};
use crate::rude::Rude;
use crate::script::{Op, Script};
use crate::swarm::Swarm;
use std::sync::Arc;

/// Events after which a world that does not come to its end is given up.
const EVENTS_MAX: u64 = 20_000_000;

/// Something that is due.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Of the network, with the name of whom it concerns.
    Net(NetEvent, u64),
    /// Of a server, if it is still in that start.
    Host(usize, u64, HostEvent),
    /// Of a client.
    Client(usize, ClientEvent),
    /// Of a client without manners.
    Rude(ConnNumber),
    /// A client thinks of something to ask for.
    Think(usize),
    /// What the script asks for next.
    ScriptedOp,
    /// What the script does next.
    ScriptedStrike,
    /// The nemesis strikes.
    Strike,
    /// Servers that look for a leader are told whom to follow.
    Suggest,
    /// The nemesis takes something back.
    Relent(usize),
    /// The director looks whether the world has come far enough.
    Look,
}

impl Named for Event {
    /// What is drawn or written down comes first, in one order whichever of the two it is.
    fn name(&self) -> u64 {
        let number = |index: &usize| u64::try_from(*index).expect("few of them");
        match self {
            Event::Strike | Event::Suggest | Event::ScriptedStrike => 0,
            Event::Think(_) | Event::ScriptedOp => 1,
            Event::Relent(_) => 2,
            Event::Look => 3,
            Event::Host(index, _, event) => {
                let event = match event {
                    HostEvent::Run => 0,
                    HostEvent::Timer => 1,
                    HostEvent::Start => 2,
                    HostEvent::Resume => 3,
                    HostEvent::Disk(lane) => 4 + number(lane),
                };
                1 << 60 | number(index) << 8 | event
            }
            Event::Client(index, event) => {
                let event = match event {
                    ClientEvent::Timer => 0,
                    ClientEvent::Prove => 1,
                    ClientEvent::Anew => 2,
                    ClientEvent::Resume => 3,
                };
                2 << 60 | number(index) << 8 | event
            }
            Event::Rude(conn) => 3 << 60 | number(conn),
            Event::Net(_, name) => 4 << 60 | name,
        }
    }
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
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) profile: Profile,
    pub(crate) director: Director,
    pub(crate) noise: Noise,
    /// What clients asked for, and what was done to the world.
    pub(crate) ops: Log<Op>,
    pub(crate) strikes: Log<Strike>,
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
    /// How often the time of faults was made longer.
    pub(crate) prolonged: u32,
    /// How long after healing the first leader served, and when all was well.
    pub(crate) recovery: Option<Micros>,
    pub(crate) stages: Recovery,
    /// How many transactions were committed when faults ended.
    to_catch_up: usize,
    /// What had happened when all was well, and when nobody had asked for anything for a while.
    well: Option<Activity>,
    idle: Option<(Micros, Activity)>,
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
            noise: &$world.noise,
        }
    };
}
pub(crate) use around;

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        let swarm = Swarm::draw(options.seed, options.profile);
        let noise = Noise::new(options.seed, &NoiseRules::default());
        World::build(noise, options.profile, swarm, options.trace)
    }

    /// A world of given sizes, driven by hand.
    pub(crate) fn with(seed: u64, swarm: Swarm, trace: Trace) -> Self {
        let noise = Noise::new(seed, &NoiseRules::default());
        World::build(noise, Profile::Quiet, swarm, trace)
    }

    /// A world in which happens what a script says.
    pub(crate) fn play(script: Arc<Script>, noise: Noise, trace: Trace) -> Self {
        let knobs = script.knobs.clone();
        let mut world = World::build(noise, script.profile, knobs, trace);
        world.director = Director::of(script);
        world
    }

    fn build(noise: Noise, profile: Profile, swarm: Swarm, trace: Trace) -> Self {
        let seed = noise.seed();
        let mut machines: Vec<Machine> = (0..swarm.servers).map(Machine::Server).collect();
        machines.extend((0..swarm.clients).map(Machine::Client));
        machines.extend([Machine::Hostile, Machine::Rude]);
        let nodes = machines.len();
        let mut world = World {
            profile,
            director: Director::Seed,
            queue: Queue::new(noise.clone()),
            net: Net::new(noise.clone(), machines, swarm.net.clone()),
            hosts: (0..swarm.servers)
                .map(|index| Host::new(&noise, index, &swarm))
                .collect(),
            clients: Vec::new(),
            ops: Log::default(),
            strikes: Log::default(),
            hostile: Hostile::new(nodes - 2, swarm.servers),
            rude: Rude::new(nodes - 1, &swarm),
            noise,
            taps: Vec::new(),
            chain: Chain::default(),
            notes: Notes::new(trace, swarm.servers, swarm.clients),
            judges: Judges::new(swarm.servers, swarm.locality),
            nemesis: Nemesis::new(seed),
            phase: Phase::Faults,
            healed_at: 0,
            prolonged: 0,
            recovery: None,
            stages: Recovery::default(),
            to_catch_up: 0,
            well: None,
            idle: None,
            swarm,
        };
        for node in world.swarm.servers..nodes {
            world.net.up(node, 1);
        }
        for index in 0..world.swarm.clients {
            let client = SimClient::new(seed, &world.noise, index, &world.swarm);
            world.clients.push(client);
        }
        world
    }

    /// Runs from the first event to the verdict.
    pub(crate) fn run(&mut self) -> Result<(), Broken> {
        self.begin()?;
        self.finish()
    }

    /// Runs on to the verdict.
    pub(crate) fn finish(&mut self) -> Result<(), Broken> {
        while self.phase != Phase::Over {
            self.step()?;
        }
        self.verdict()
    }

    /// Ends the time of faults now, and runs to the verdict.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        self.look()?;
        self.finish()
    }

    pub(crate) fn verdict(&self) -> Result<(), Broken> {
        let end = (self.queue.now(), self.swarm.tick);
        let moves = &self.rude.moves;
        let is_well = self.recovery.is_some() || !self.swarm.beyond;
        let held = (0..self.hosts.len()).map(|server| self.net.held(server));
        self.judges.verdict(
            (&self.taps, &held.collect::<Vec<usize>>()),
            &self.clients,
            moves,
            &self.hosts,
            (end, is_well),
        )
    }

    /// Starts everything.
    pub(crate) fn begin(&mut self) -> Result<(), Broken> {
        for index in 0..self.hosts.len() {
            let key = (u64::try_from(index).expect("few servers"), 0);
            let delay = self.noise.range(Domain::Start, key, 0, self.swarm.tick);
            self.queue
                .at(delay, Event::Host(index, 0, HostEvent::Start));
        }
        for index in 0..self.clients.len() {
            self.clients[index].start(&mut self.taps, around!(self))?;
        }
        self.direct();
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
        self.notes.record(|recorder| recorder.step(now));
        let ordinary = matches!(
            event,
            Event::Net(..) | Event::Host(..) | Event::Client(..) | Event::Think(_)
        );
        let done = self.happen(&event, now);
        self.show(!ordinary);
        done
    }

    fn happen(&mut self, event: &Event, now: Micros) -> Result<(), Broken> {
        self.net.set_now(now);
        match *event {
            Event::Net(event, _) => self.net.handle(event),
            Event::Host(index, process, event) => self.host_event(index, process, event)?,
            Event::Client(index, event) => {
                self.clients[index].event(event, &mut self.taps, around!(self))?;
            }
            Event::Rude(conn) => {
                let when = (self.chain.events(), now);
                self.rude.due(conn, when, &mut self.taps, &mut self.net);
            }
            Event::Think(index) => self.think(index)?,
            Event::ScriptedOp => self.scripted_op()?,
            Event::ScriptedStrike => self.scripted_strike()?,
            Event::Strike => self.strike()?,
            Event::Suggest => self.suggest()?,
            Event::Relent(number) => self.relent(number),
            Event::Look => self.look()?,
        }
        self.judges.look_at_disks(&self.hosts)?;
        self.flush()?;
        if self.chain.events() > EVENTS_MAX {
            let seen = format!("{EVENTS_MAX} events in {} s", now / 1_000_000);
            return Err(Broken::resource("S40 end: a world comes to its end", seen));
        }
        Ok(())
    }

    /// Hands on what the network has to say.
    pub(crate) fn flush(&mut self) -> Result<(), Broken> {
        loop {
            for (time, name, event) in self.net.due.drain(..) {
                self.queue.at(time, Event::Net(event, name));
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
        if let What::Bytes(bytes) = &told.what {
            self.notes
                .record(|r| r.arrived(told.conn, told.side.other(), bytes.len()));
        }
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
            Step::Dies(fate) => {
                self.kill(index, fate);
                self.nemesis.count("deaths at an effect");
                if let Some(delay) = fate.restart_after {
                    self.start_after(index, delay);
                }
                Ok(())
            }
        }
    }

    /// Ends a server's process, and what the world knows of it.
    pub(crate) fn kill(&mut self, index: usize, fate: Fate) {
        self.hosts[index].die(fate, around!(self));
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
        self.unveil(index)?;
        let now = self.queue.now();
        self.judges.before_start(index, now, &self.hosts[index])?;
        let step = self.hosts[index].start(around!(self))?;
        if let Some(replica) = self.hosts[index].replica() {
            for finding in replica.findings() {
                self.notes.add(now, server_name(index), finding.to_string());
            }
            self.judges.started(index, &self.hosts[index])?;
        }
        if let Step::Dies(Fate {
            death: Death::Refusal,
            ..
        }) = step
        {
            self.refused(index)?;
        }
        self.after_step(index, step)
    }
}
