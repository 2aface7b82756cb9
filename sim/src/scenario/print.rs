//! Scenarios as text.

use super::words::Time;
use super::{Expect, Scenario, What, actions, requests};
use crate::noise::{Domain, Rule};
use crate::oracle::broken::client_name;
use crate::swarm::Swarm;
use serde_json::Value;

impl Scenario {
    /// Its text, as [`Scenario::read`] reads it.
    ///
    /// # Errors
    /// What a client asks for in it has no words.
    pub fn print(&self) -> Result<String, String> {
        let mut lines: Vec<String> = self.title.iter().map(|line| format!("# {line}")).collect();
        self.print_world(&mut lines);
        let script = &self.script;
        let (mut ops, mut strikes) = (
            script.ops.iter().peekable(),
            script.strikes.iter().peekable(),
        );
        loop {
            let op_first = match (ops.peek(), strikes.peek()) {
                (Some(op), Some(strike)) => op.at <= strike.at,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            if op_first {
                let op = ops.next().expect("it was seen");
                let words = requests::print(&op.ask)?;
                lines.push(format!(
                    "at {}: {} {words}",
                    Time(op.at),
                    client_name(op.client)
                ));
            } else {
                let strike = strikes.next().expect("it was seen");
                lines.push(format!(
                    "at {}: {}",
                    Time(strike.at),
                    actions::print(&strike.action)
                ));
            }
        }
        for anchored in &self.anchored {
            let words = match &anchored.what {
                What::Ask { client, ask } => {
                    format!("{} {}", client_name(*client), requests::print(ask)?)
                }
                What::Do(action) => actions::print(action),
            };
            lines.push(format!("when {}: {words}", anchored.fact));
        }
        lines.push(format!("faults end at {}", Time(script.knobs.safety)));
        lines.push(match &self.expect {
            Expect::Pass => "expect pass".to_owned(),
            Expect::Broken { verdict, rule } => {
                let verdict = serde_json::to_value(verdict).expect("a verdict is a word");
                format!("expect {} {rule:?}", verdict.as_str().unwrap_or_default())
            }
        });
        lines.push(String::new());
        Ok(lines.join("\n"))
    }

    fn print_world(&self, lines: &mut Vec<String>) {
        let script = &self.script;
        let knobs = &script.knobs;
        let (servers, clients) = (knobs.servers, knobs.clients);
        lines.push(format!("ensemble {servers} servers {clients} clients"));
        let calm = Swarm {
            servers,
            clients,
            safety: knobs.safety,
            by_hand: true,
            ..Swarm::default()
        };
        let (Value::Object(calm), Value::Object(own)) = (as_value(&calm), as_value(knobs)) else {
            unreachable!("knobs have names");
        };
        for (name, value) in own
            .iter()
            .filter(|(name, value)| calm.get(*name) != Some(value))
        {
            lines.push(format!("knob {name} = {value}"));
        }
        let mut is_seeded = false;
        for domain in Domain::ALL {
            let rule = script.noise.0.get(&domain).unwrap_or(&Rule::On);
            if *rule != Rule::Off {
                let name = as_value(&domain);
                let name = name.as_str().expect("a domain is a word");
                lines.push(format!("noise {name} {}", as_value(rule)));
                is_seeded = true;
            }
        }
        if is_seeded || script.seed != 0 {
            lines.push(format!("seed {} {}", script.seed, script.profile));
        }
    }
}

fn as_value(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("it is plain data")
}
