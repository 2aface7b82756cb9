//! Our servers and Apache's, set up alike, and scripts played against both.

use super::compare::{Verdict, compare};
use super::play::play;
use super::profiles::Profile;
use super::script::Script;
use super::transcript::Line;
use super::warden::Warden;
use crate::apache::{self, Apache};
use crate::ensemble::Ensemble;
use crate::zk::four_letters;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const WORD_PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Pair {
    ours: Ensemble,
    apache: Apache,
    /// Where clients find them; the first leads.
    addresses: [Vec<SocketAddr>; 2],
}

/// Plays scripts one after the other.
pub(super) struct Comparer<'a> {
    addresses: &'a [Vec<SocketAddr>; 2],
    wardens: Option<[Warden; 2]>,
}

/// What both servers told.
pub(super) struct Outcome {
    pub(super) apache: Vec<Line>,
    /// Requests of the script that were sent to Apache's side.
    pub(super) sent: usize,
    pub(super) verdict: Verdict,
}

impl Pair {
    pub(super) fn start(profile: &Profile, servers: usize) -> Result<Pair> {
        let name = format!("differential-{}-{servers}", profile.name);
        let lines = profile.lines();
        let mut ours = Ensemble::prepare_in(&apache::scratch(), &name, servers, &lines)?;
        ours.start_all()?;
        let settings = apache::Settings {
            lines: &lines,
            // What is reaped in the middle of a script is not the script's doing.
            properties: &[("znode.container.checkIntervalMs", "3600000")],
        };
        let apache = Apache::start(&name, servers, settings)?;
        let addresses = [
            leader_first(ours.clients())?,
            leader_first(apache.clients())?,
        ];
        Ok(Pair {
            ours,
            apache,
            addresses,
        })
    }

    pub(super) fn comparer(&self) -> Comparer<'_> {
        Comparer {
            addresses: &self.addresses,
            wardens: None,
        }
    }

    /// Copies the logs of Apache's servers to a folder that stays.
    pub(super) fn keep_logs(&self) -> Result<PathBuf> {
        self.apache.keep_logs()
    }

    /// An error when a server ended by itself.
    pub(super) fn look_for_deaths(&mut self) -> Result<()> {
        self.ours.look_for_deaths()?;
        self.apache.look_for_deaths()
    }

    pub(super) fn end(self) {
        self.ours.discard();
    }
}

impl Comparer<'_> {
    /// Plays a script on both sides, in a subtree of this name if it is not alone there.
    pub(super) fn run(&mut self, script: &Script, name: &str) -> Result<Outcome> {
        let prefix = if script.alone {
            String::new()
        } else {
            format!("/{name}")
        };
        if self.wardens.is_none() {
            let [ours, apache] = self.addresses;
            self.wardens = Some([Warden::new(ours[0])?, Warden::new(apache[0])?]);
        }
        let wardens = self.wardens.as_mut().expect("they were just made");
        let mut transcripts = Vec::new();
        let mut sent = 0;
        for (side, warden) in wardens.iter_mut().enumerate() {
            let played = play(script, &self.addresses[side], &prefix, warden);
            match played.with_context(|| format!("on {}", ["our side", "Apache's side"][side])) {
                Ok(recording) => {
                    sent = recording.sent;
                    transcripts.push(recording.lines());
                }
                Err(error) => {
                    self.wardens = None;
                    return Err(error);
                }
            }
        }
        let verdict = compare(script, &transcripts[0], &transcripts[1]);
        Ok(Outcome {
            apache: transcripts.remove(1),
            sent,
            verdict,
        })
    }
}

/// What our servers tell after a script.
#[cfg(test)]
pub(super) fn play_on_ours(binary: PathBuf, script: &Script) -> Result<Vec<Line>> {
    let profile = Profile::named(&script.profile).context("there is no such profile")?;
    let (name, lines) = (format!("kept-{}", profile.name), profile.lines());
    let mut ours = Ensemble::prepare_of(binary, &apache::scratch(), &name, script.servers, &lines)?;
    ours.start_all()?;
    let addresses = leader_first(ours.clients())?;
    let mut warden = Warden::new(addresses[0])?;
    let recording = play(script, &addresses, "/kept", &mut warden)?;
    ours.discard();
    Ok(recording.lines())
}

fn leader_first(mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>> {
    let mut leader = 0;
    for (index, address) in addresses.iter().enumerate() {
        let answer = four_letters(*address, "srvr", WORD_PATIENCE)?;
        if answer.contains("Mode: leader") {
            leader = index;
        }
    }
    addresses.swap(0, leader);
    Ok(addresses)
}
