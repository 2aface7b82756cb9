//! What of a scenario real servers can be asked to do, and how.

use crate::disk::Survival;
use crate::host::Death;
use crate::nemesis::{Action, Fate, Rift};
use crate::net::{Machine, Port};
use crate::oracle::broken::server_name;
use crate::queue::Micros;
use crate::scenario::{Expect, Fact, Scenario, What, action_words};
use crate::script::{Ask, Script};
use crate::swarm::Swarm;
use client_core::ClientRequest;
use core::fmt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Write as _;

/// Whose servers a scenario is played against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Ours, as processes.
    Vivarium,
    /// Apache's, to judge those who judge ours.
    Apache,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Vivarium => "vivarium",
            Target::Apache => "apache",
        })
    }
}

/// What one machine says to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Way {
    /// Who speaks.
    pub from: Machine,
    /// Who listens.
    pub to: Machine,
    /// Over connections of one kind only.
    pub port: Option<Port>,
}

/// Something that real servers and clients can be made to do. Servers and clients count from 0,
/// times are microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A client asks for something.
    Ask {
        /// Which.
        client: usize,
        /// For what.
        ask: Ask,
    },
    /// A process is killed.
    Kill {
        /// Whose.
        server: usize,
        /// Whether its data go too.
        wipes: bool,
        /// When it starts again; `None` for not before everything is healed.
        back: Option<Micros>,
    },
    /// A process stands still.
    Pause {
        /// Whose.
        server: usize,
        /// How long.
        length: Micros,
    },
    /// A client stands still.
    PauseClient {
        /// Which.
        client: usize,
        /// How long.
        length: Micros,
    },
    /// Nothing passes.
    Block {
        /// Where.
        ways: Vec<Way>,
        /// How long.
        length: Micros,
    },
}

/// A scenario as real servers can play it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many servers.
    pub servers: usize,
    /// How many clients.
    pub clients: usize,
    /// The servers' tick.
    pub tick: Micros,
    /// What clients ask for as their sessions' timeout.
    pub session_timeout: Micros,
    /// Lines of every server's `zoo.cfg`, each with its end.
    pub lines: String,
    /// What happens when, in the order of time.
    pub timed: Vec<(Micros, Deed)>,
    /// What happens once something is true, one after the other.
    pub anchored: Vec<(Fact, Deed)>,
    /// When nothing more is done, and everything is healed.
    pub ends: Micros,
    /// How long service may take to come back then.
    pub patience: Micros,
    /// What is milder here than in a simulated world.
    pub milder: Vec<String>,
}

/// Knobs that real servers and clients have too, and those that say nothing of servers.
const KNOBS: [&str; 9] = [
    "servers",
    "clients",
    "tick",
    "init_limit",
    "sync_limit",
    "session_timeout",
    "snapshot_txns",
    "safety",
    "by_hand",
];

/// The shortest tick of a run that was drawn, and how long one goes on at most.
const TICK_MIN: Micros = 400_000;
const LENGTH_MAX: Micros = 40_000_000;

impl Plan {
    /// What real servers can be asked to do, every time of it `slower` times as long.
    ///
    /// # Errors
    /// The lines that they cannot be asked to do, each with its reason.
    pub fn of(scenario: &Scenario, slower: u64) -> Result<Plan, Vec<String>> {
        let mut wanting = Wanting::of(&scenario.script.knobs, slower);
        wanting.knobs(&scenario.script.knobs);
        if scenario.expect != Expect::Pass {
            wanting.refuse(
                "expect",
                "a rule is broken by a bug, and this build has none of those",
            );
        }
        let mut timed = Vec::new();
        for op in &scenario.script.ops {
            let (client, ask) = (op.client, op.ask.clone());
            timed.push((op.at * slower, Deed::Ask { client, ask }));
        }
        for strike in &scenario.script.strikes {
            let deed = wanting.deed(&strike.action);
            timed.extend(deed.map(|deed| (strike.at * slower, deed)));
        }
        timed.sort_by_key(|(at, _)| *at);
        let mut anchored = Vec::new();
        for line in &scenario.anchored {
            let deed = match &line.what {
                What::Ask { client, ask } => Some(Deed::Ask {
                    client: *client,
                    ask: ask.clone(),
                }),
                What::Do(action) => wanting.deed(action),
            };
            anchored.extend(deed.map(|deed| (line.fact, deed)));
        }
        if !wanting.refused.is_empty() {
            return Err(wanting.refused);
        }
        let knobs = &scenario.script.knobs;
        Ok(Plan::with(knobs, slower, timed, anchored, wanting.milder))
    }
}

impl Plan {
    /// What of a run that was drawn real servers can be asked to do; the rest is left out. Its
    /// clients ask for the same at the same times. Ticks and sessions last as long as processes on
    /// a busy machine need.
    pub fn of_run(script: &Script, slower: u64) -> Plan {
        let drawn = &script.knobs;
        let tick = drawn.tick.max(TICK_MIN);
        let knobs = Swarm {
            servers: drawn.servers,
            clients: drawn.clients,
            tick,
            session_timeout: (tick * 4, tick * 10),
            safety: drawn.safety.min(LENGTH_MAX),
            ..Swarm::default()
        };
        let mut wanting = Wanting::of(&knobs, slower);
        let mut timed = Vec::new();
        for op in script.ops.iter().filter(|op| op.at < knobs.safety) {
            if is_understood(&op.ask) {
                let (client, ask) = (op.client, op.ask.clone());
                timed.push((op.at * slower, Deed::Ask { client, ask }));
            }
        }
        for strike in script
            .strikes
            .iter()
            .filter(|strike| strike.at < knobs.safety)
        {
            let deed = wanting.deed(&strike.action);
            timed.extend(deed.map(|deed| (strike.at * slower, deed)));
        }
        timed.sort_by_key(|(at, _)| *at);
        wanting.milder.sort_unstable();
        wanting.milder.dedup();
        Plan::with(&knobs, slower, timed, Vec::new(), wanting.milder)
    }

    fn with(
        knobs: &Swarm,
        slower: u64,
        timed: Vec<(Micros, Deed)>,
        anchored: Vec<(Fact, Deed)>,
        milder: Vec<String>,
    ) -> Plan {
        let limits = Micros::from(knobs.init_limit) + Micros::from(knobs.sync_limit);
        let tick = knobs.tick * slower;
        let session_timeout = knobs.session_timeout.1 * slower;
        Plan {
            servers: knobs.servers,
            clients: knobs.clients,
            tick,
            session_timeout,
            lines: lines(knobs, tick),
            timed,
            anchored,
            ends: knobs.safety * slower,
            patience: tick * (4 * limits + 40) + 30_000_000 + 4 * session_timeout,
            milder,
        }
    }
}

/// Whether Apache's servers understand what is asked for, as ours do.
fn is_understood(ask: &Ask) -> bool {
    !matches!(
        ask,
        Ask::Request(
            ClientRequest::GetChildrenPage { .. }
                | ClientRequest::ServerFeatures
                | ClientRequest::Reconfig { .. }
        )
    )
}

/// Lines of `zoo.cfg` for what differs from what servers are told anyway.
fn lines(knobs: &Swarm, tick: Micros) -> String {
    let calm = Swarm::default();
    // Small log files: they are read again and again. Apache's servers have to be told that they
    // know nodes that go by themselves.
    let mut lines = format!(
        "tickTime={}\npreAllocSize=64\nextendedTypesEnabled=true\n",
        tick.div_ceil(1_000)
    );
    let mut line = |name: &str, value: u32, usual: u32| {
        if value != usual {
            writeln!(lines, "{name}={value}").expect("a string takes all");
        }
    };
    line("initLimit", knobs.init_limit, calm.init_limit);
    line("syncLimit", knobs.sync_limit, calm.sync_limit);
    line("snapCount", knobs.snapshot_txns, calm.snapshot_txns);
    lines
}

/// What is wanted of real servers, and what of it is too much.
struct Wanting {
    slower: u64,
    servers: usize,
    clients: usize,
    refused: Vec<String>,
    milder: Vec<String>,
}

impl Wanting {
    fn of(knobs: &Swarm, slower: u64) -> Self {
        Wanting {
            slower,
            servers: knobs.servers,
            clients: knobs.clients,
            refused: Vec::new(),
            milder: Vec::new(),
        }
    }

    fn refuse(&mut self, line: impl fmt::Display, why: &str) {
        self.refused.push(format!("{line}: {why}"));
    }

    fn knobs(&mut self, knobs: &Swarm) {
        let as_value = |knobs: &Swarm| serde_json::to_value(knobs).expect("knobs are plain data");
        let (Value::Object(own), Value::Object(calm)) =
            (as_value(knobs), as_value(&Swarm::default()))
        else {
            unreachable!("knobs have names");
        };
        for (name, value) in &own {
            if calm.get(name) != Some(value) && !KNOBS.contains(&name.as_str()) {
                self.refuse(
                    format_args!("knob {name} = {value}"),
                    "only simulated worlds have this knob",
                );
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what only a simulated world can do is told by its words"
    )]
    fn deed(&mut self, action: &Action) -> Option<Deed> {
        let slower = self.slower;
        match action {
            Action::Die { server, fate } => self.kill((*server, false), fate, action),
            Action::Wipe { server, fate } => self.kill((*server, true), fate, action),
            Action::Pause { server, length } => Some(Deed::Pause {
                server: *server,
                length: length * slower,
            }),
            Action::PauseClient { client, length } => Some(Deed::PauseClient {
                client: *client,
                length: length * slower,
            }),
            Action::Block { rift, length } => Some(Deed::Block {
                ways: self.ways(rift),
                length: length * slower,
            }),
            Action::Suggest { .. } => {
                self.refuse(
                    action_words(action),
                    "real servers elect their leader themselves",
                );
                None
            }
            _ => {
                self.refuse(action_words(action), "only a simulated world can do this");
                None
            }
        }
    }

    fn kill(&mut self, (server, wipes): (usize, bool), fate: &Fate, of: &Action) -> Option<Deed> {
        match fate.death {
            Death::Process => {}
            Death::Power(Survival::Lost | Survival::Mixed | Survival::Torn) => {
                if !wipes {
                    self.milder.push(format!(
                        "the power of {} goes: its process is killed, and unsynced writes stay",
                        server_name(server)
                    ));
                }
            }
            Death::Disk | Death::Refusal => {
                self.refuse(action_words(of), "disks of real servers work");
                return None;
            }
        }
        Some(Deed::Kill {
            server,
            wipes,
            back: fate.restart_after.map(|after| after * self.slower),
        })
    }

    fn ways(&self, rift: &Rift) -> Vec<Way> {
        let servers = || (0..self.servers).map(Machine::Server);
        let clients = || (0..self.clients).map(Machine::Client);
        let both = |one: Machine, other: Machine, port: Option<Port>| {
            let way = |from, to| Way { from, to, port };
            [way(one, other), way(other, one)]
        };
        let others =
            |server: usize| servers().filter(move |other| *other != Machine::Server(server));
        match rift {
            Rift::Between(side) => {
                let outside: Vec<Machine> = servers()
                    .chain(clients())
                    .filter(|machine| !side.contains(machine))
                    .collect();
                let pairs = side
                    .iter()
                    .flat_map(|one| outside.iter().map(move |other| (*one, *other)));
                pairs
                    .filter(|(one, other)| !(is_client(one) && is_client(other)))
                    .flat_map(|(one, other)| both(one, other, None))
                    .collect()
            }
            Rift::OneWay { from, to } => vec![Way {
                from: *from,
                to: *to,
                port: None,
            }],
            Rift::Around(server) => others(*server)
                .flat_map(|other| both(Machine::Server(*server), other, None))
                .collect(),
            Rift::AtPort { server, port } => others(*server)
                .flat_map(|other| both(Machine::Server(*server), other, Some(*port)))
                .collect(),
            Rift::Clients(server) => clients()
                .flat_map(|client| both(Machine::Server(*server), client, None))
                .collect(),
            Rift::Apart(pairs) => pairs
                .iter()
                .flat_map(|(one, other)| both(Machine::Server(*one), Machine::Server(*other), None))
                .collect(),
        }
    }
}

fn is_client(machine: &Machine) -> bool {
    matches!(machine, Machine::Client(_))
}
