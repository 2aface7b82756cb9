//! Scenarios from text.

use super::words::{Clear, Unclear, Words, duration, numbered, unclear};
use super::{Anchored, Expect, Fact, Scenario, What, actions, requests};
use crate::nemesis::Strike;
use crate::noise::{Domain, NoiseRules, Rule};
use crate::options::Profile;
use crate::oracle::broken::{client_name, server_name};
use crate::report::Verdict;
use crate::script::{Op, Script};
use crate::swarm::Swarm;
use serde_json::Value;

/// A line of a scenario that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ReadError {
    /// Which, from 1.
    pub line: usize,
    /// Why.
    pub what: String,
}

/// Servers and clients of one scenario.
const MACHINES_MAX: usize = 64;

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first line that says nothing.
    pub fn read(text: &str) -> Result<Scenario, ReadError> {
        let mut scenario = Scenario {
            title: Vec::new(),
            script: Script {
                seed: 0,
                profile: Profile::Swarm,
                knobs: Swarm::default(),
                ops: Vec::new(),
                strikes: Vec::new(),
                noise: NoiseRules::silent(),
            },
            anchored: Vec::new(),
            expect: Expect::Pass,
        };
        scenario.script.knobs.by_hand = true;
        for (number, line) in (1..).zip(text.lines()) {
            scenario
                .read_line(line.trim())
                .map_err(|Unclear(what)| ReadError { line: number, what })?;
        }
        scenario.knows_everybody()?;
        scenario.script.ops.sort_by_key(|op| op.at);
        scenario.script.strikes.sort_by_key(|strike| strike.at);
        Ok(scenario)
    }

    /// Whoever is named is there.
    fn knows_everybody(&self) -> Result<(), ReadError> {
        let knobs = &self.script.knobs;
        let asking = self.script.ops.iter().map(|op| op.client);
        let done = self.script.strikes.iter().map(|strike| &strike.action);
        let (mut clients, mut actions) = (asking.collect::<Vec<_>>(), done.collect::<Vec<_>>());
        for anchored in &self.anchored {
            match &anchored.what {
                What::Ask { client, .. } => clients.push(*client),
                What::Do(action) => actions.push(action),
            }
        }
        let servers = actions.iter().flat_map(|action| action.servers());
        let stranger = if let Some(client) = clients.iter().find(|client| **client >= knobs.clients)
        {
            client_name(*client)
        } else if let Some(server) = servers.into_iter().find(|server| *server >= knobs.servers) {
            server_name(server)
        } else {
            return Ok(());
        };
        Err(ReadError {
            line: 0,
            what: format!("there is no {stranger}"),
        })
    }

    fn read_line(&mut self, line: &str) -> Clear<()> {
        if let Some(title) = line.strip_prefix('#') {
            self.title.push(title.trim().to_owned());
            return Ok(());
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "" => Ok(()),
            "ensemble" => self.read_ensemble(rest),
            "knob" => self.read_knob(rest),
            "noise" => self.read_noise(rest),
            "seed" => self.read_seed(rest),
            "at" | "when" => {
                let Some((moment, what)) = rest.split_once(": ") else {
                    return unclear("a colon and what happens then are missing");
                };
                if verb == "at" {
                    self.read_at(moment, what)
                } else {
                    self.read_when(moment, what)
                }
            }
            "faults" => {
                let words = &mut Words::of(rest)?;
                words.expect("end")?;
                words.expect("at")?;
                self.script.knobs.safety = words.duration("when")?;
                words.end()
            }
            "expect" => self.read_expect(rest),
            _ => unclear(format_args!("no line begins with {verb:?}")),
        }
    }

    fn read_ensemble(&mut self, rest: &str) -> Clear<()> {
        let words = &mut Words::of(rest)?;
        let servers: usize = words.number("number of servers")?;
        words.expect("servers")?;
        let clients: usize = words.number("number of clients")?;
        words.expect("clients")?;
        words.end()?;
        if servers == 0 || servers + clients > MACHINES_MAX {
            return unclear(format_args!("1 to {MACHINES_MAX} servers and clients"));
        }
        self.script.knobs.servers = servers;
        self.script.knobs.clients = clients;
        Ok(())
    }

    fn read_knob(&mut self, rest: &str) -> Clear<()> {
        let Some((name, value)) = rest.split_once(" = ") else {
            return unclear("a knob has a name, ` = ` and a value");
        };
        let value: Value = from_json(value)?;
        let knobs = serde_json::to_value(&self.script.knobs).expect("knobs are plain data");
        let Value::Object(mut knobs) = knobs else {
            unreachable!("knobs have names");
        };
        if knobs.insert(name.to_owned(), value).is_none() {
            let names: Vec<&String> = knobs.keys().filter(|known| *known != name).collect();
            return unclear(format_args!(
                "there is no knob {name:?}; there are {names:?}"
            ));
        }
        self.script.knobs = serde_json::from_value(Value::Object(knobs))
            .or_else(|error| unclear(format_args!("{name}: {error}")))?;
        Ok(())
    }

    fn read_noise(&mut self, rest: &str) -> Clear<()> {
        let (name, rule) = rest.split_once(' ').unwrap_or((rest, "\"on\""));
        let domain: Domain = from_json(&format!("{name:?}"))?;
        let rule: Rule = from_json(rule)?;
        match rule {
            Rule::On => self.script.noise.0.remove(&domain),
            Rule::Off | Rule::Only(_) | Rule::Except(_) => self.script.noise.0.insert(domain, rule),
        };
        Ok(())
    }

    fn read_seed(&mut self, rest: &str) -> Clear<()> {
        let words = &mut Words::of(rest)?;
        self.script.seed = words.number("seed")?;
        if !words.is_at_end() {
            self.script.profile = words.number("profile")?;
        }
        words.end()
    }

    fn read_at(&mut self, moment: &str, what: &str) -> Clear<()> {
        let at = duration(moment.trim())?;
        match read_what(what)? {
            What::Ask { client, ask } => self.script.ops.push(Op { at, client, ask }),
            What::Do(action) => self.script.strikes.push(Strike {
                at,
                action,
                fault: None,
            }),
        }
        Ok(())
    }

    fn read_when(&mut self, moment: &str, what: &str) -> Clear<()> {
        let words = &mut Words::of(moment)?;
        let fact = Fact::read(words)?;
        words.end()?;
        let what = read_what(what)?;
        self.anchored.push(Anchored { fact, what });
        Ok(())
    }

    fn read_expect(&mut self, rest: &str) -> Clear<()> {
        let (verdict, rule) = rest.split_once(' ').unwrap_or((rest, ""));
        let verdict: Verdict = from_json(&format!("{verdict:?}"))?;
        self.expect = match verdict {
            Verdict::Pass => Expect::Pass,
            Verdict::Safety
            | Verdict::History
            | Verdict::Liveness
            | Verdict::Resource
            | Verdict::Nondeterminism
            | Verdict::Harness => Expect::Broken {
                verdict,
                rule: from_json(rule)?,
            },
        };
        Ok(())
    }
}

fn read_what(line: &str) -> Clear<What> {
    let words = &mut Words::of(if line.starts_with("do ") { "do" } else { line })?;
    let first = line.split(' ').next().unwrap_or_default();
    if let Ok(client) = numbered(first, 'c') {
        words.next();
        let ask = requests::read(words)?;
        words.end()?;
        return Ok(What::Ask { client, ask });
    }
    actions::read(words, line).map(What::Do)
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Clear<T> {
    serde_json::from_str(text).or_else(|error| unclear(format_args!("{text}: {error}")))
}
