//! Runs in words: a file that people write, read and review, and that cut-down failures end as.
//!
//! ```text
//! # Rule: an acknowledged write is never lost.
//! ensemble 3 servers 1 clients
//! knob tick = 130000
//! at 1ms c1 create /a "x"
//! when s2 durable 1.2: crash s2 lost back 300ms
//! faults end at 3s
//! expect pass
//! ```
//!
//! What a line does not say is as calm and regular as it can be: no chance is left but where a
//! `noise` line leaves some. Lines with `at` happen at their time; lines with `when` fire one after
//! the other, each as soon as its fact is true. A fact survives changes of the code that shift
//! times, so anchors are what permanent scenarios use.

mod actions;
mod fact;
mod print;
mod rare;
mod read;
mod requests;
mod run;
mod words;

pub use self::fact::Fact;
pub use self::read::ReadError;
pub use self::run::{Outcome, run_scenario};

use crate::nemesis::Action;
use crate::report::Verdict;
use crate::script::{Ask, Script};

/// What is done to a world, as a line of a scenario says it.
pub(crate) fn action_words(action: &Action) -> String {
    actions::print(action)
}

/// A run in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What it is about, a line each.
    pub title: Vec<String>,
    /// The world, and what happens in it at given times.
    pub script: Script,
    /// What happens once something is true, one after the other.
    pub anchored: Vec<Anchored>,
    /// How it ends.
    pub expect: Expect,
}

/// Something that happens once a fact is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// What is waited for.
    pub fact: Fact,
    /// What happens then.
    pub what: What,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A client asks for something.
    Ask {
        /// Which, from 0.
        client: usize,
        /// For what.
        ask: Ask,
    },
    /// Something is done to the world.
    Do(Action),
}

/// How a scenario ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No rule is broken.
    Pass,
    /// A rule is broken: with a bug switched on, or where more is lost than can be survived.
    Broken {
        /// What kind of rule.
        verdict: Verdict,
        /// The rule.
        rule: String,
    },
}
