//! Fast leader election, as a pure machine: votes in, a verdict out.
//!
//! What it decides is a hint. Nothing but speed depends on it: discovery decides who leads.
//! Source: `zab.md` §6.

use crate::message::{Notification, PeerState, Vote};
use crate::quorum::Quorum;
use crate::server_set::ServerSet;
use crate::standing::counts_among;
use alloc::collections::BTreeMap;
use zk_types::{ServerId, Standing, mutant};

/// One time of looking for a leader.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    me: ServerId,
    voters: ServerSet,
    standing: Standing,
    round: u64,
    /// This server's vote for itself; none from one that may not propose.
    own: Option<Vote>,
    vote: Option<Vote>,
    /// Votes of this round.
    tally: BTreeMap<ServerId, Vote>,
    /// What servers say that have decided, in any round.
    settled: BTreeMap<ServerId, Settled>,
}

#[derive(Clone, Copy, Debug)]
struct Settled {
    vote: Vote,
    round: u64,
    state: PeerState,
}

/// Who has to be told this server's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    Nobody,
    One(ServerId),
    All,
}

/// Where an election stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No quorum agrees.
    Open,
    /// A quorum agrees; a better vote may still come.
    Leaning(Vote),
    /// Decided, in this round.
    Decided {
        vote: Vote,
        round: u64,
        support: ServerSet,
    },
}

impl Election {
    pub(crate) fn new(
        me: ServerId,
        voters: ServerSet,
        standing: Standing,
        round: u64,
        own: Option<Vote>,
    ) -> Self {
        let tally = own.iter().map(|vote| (me, *vote)).collect();
        let settled = BTreeMap::new();
        Election {
            me,
            voters,
            standing,
            round,
            own,
            vote: own,
            tally,
            settled,
        }
    }

    pub(crate) fn round(&self) -> u64 {
        self.round
    }

    pub(crate) fn vote(&self) -> Option<Vote> {
        self.vote
    }

    pub(crate) fn on_notification(&mut self, from: ServerId, said: &Notification) -> Tell {
        let Some(vote) = said.vote else {
            return Tell::Nobody;
        };
        let counts = counts_among(self.standing, said.standing)
            && self.voters.contains(from)
            && self.voters.contains(vote.leader);
        if !counts || from == self.me {
            return Tell::Nobody;
        }
        match said.state {
            PeerState::Looking => self.on_looking(from, said.round, vote),
            PeerState::Following | PeerState::Leading => {
                let settled = Settled {
                    vote,
                    round: said.round,
                    state: said.state,
                };
                self.settled.insert(from, settled);
                if said.round == self.round && self.own.is_some() {
                    self.tally.insert(from, vote);
                }
                Tell::Nobody
            }
        }
    }

    fn on_looking(&mut self, from: ServerId, round: u64, vote: Vote) -> Tell {
        // Whoever looks has left its leader.
        self.settled.remove(&from);
        let (Some(own), Some(mine)) = (self.own, self.vote) else {
            return Tell::Nobody;
        };
        if round < self.round {
            return Tell::One(from);
        }
        let tell = if round > self.round {
            self.round = round;
            mutant!("votes-of-earlier-rounds-kept", self.tally.clear(), ());
            self.set_vote(if is_better(&vote, &own) { vote } else { own });
            Tell::All
        } else if is_better(&vote, &mine) {
            self.set_vote(vote);
            Tell::All
        } else if vote != mine {
            // What it was told while it still followed is lost to it.
            Tell::One(from)
        } else {
            Tell::Nobody
        };
        self.tally.insert(from, vote);
        tell
    }

    fn set_vote(&mut self, vote: Vote) {
        self.vote = Some(vote);
        self.tally.insert(self.me, vote);
    }

    /// Where the election stands when nothing can be heard from `unreachable`.
    pub(crate) fn verdict(&self, quorum: &impl Quorum, unreachable: ServerSet) -> Verdict {
        if let Some(verdict) = self.settled_verdict(quorum) {
            return verdict;
        }
        let Some(vote) = self.vote else {
            return Verdict::Open;
        };
        let support: ServerSet = self
            .tally
            .iter()
            .filter(|(_, theirs)| **theirs == vote)
            .map(|(server, _)| *server)
            .collect();
        if !quorum.is_quorum(support) {
            return Verdict::Open;
        }
        let decided = Verdict::Decided {
            vote,
            round: self.round,
            support,
        };
        let is_followed = self
            .settled
            .iter()
            .any(|(server, settled)| settled.round == self.round && support.contains(*server));
        let agrees = support.contains(vote.leader);
        if is_followed && self.is_leading(vote.leader) {
            decided
        } else if is_followed && !agrees {
            Verdict::Open
        } else if agrees
            && self
                .voters
                .iter()
                .all(|v| support.contains(v) || unreachable.contains(v))
        {
            decided
        } else {
            Verdict::Leaning(vote)
        }
    }

    /// The decision when the quiet time is over and nothing better came.
    pub(crate) fn finalize(&self, vote: Vote) -> Verdict {
        let support = self.tally.iter().filter(|(_, theirs)| **theirs == vote);
        let support = support.map(|(server, _)| *server).collect();
        Verdict::Decided {
            vote,
            round: self.round,
            support,
        }
    }

    /// A quorum that already agrees on a leader and its epoch, in whatever round, when that leader
    /// says itself that it leads; rounds and zxids of such votes differ and do not matter.
    fn settled_verdict(&self, quorum: &impl Quorum) -> Option<Verdict> {
        self.settled.iter().find_map(|(server, said)| {
            let Settled { vote, round, state } = said;
            if *state != PeerState::Leading || vote.leader != *server {
                return None;
            }
            let agreed = |other: &Vote| (other.leader, other.epoch) == (vote.leader, vote.epoch);
            let support: ServerSet = self
                .settled
                .iter()
                .filter(|(_, other)| agreed(&other.vote))
                .map(|(server, _)| *server)
                .collect();
            quorum.is_quorum(support).then_some(Verdict::Decided {
                vote: *vote,
                round: *round,
                support,
            })
        })
    }

    /// Whether a server may be followed or, being this one, lead, now that others follow it. A
    /// leader that vanished stays in the votes of its followers; it has to say itself that it leads.
    fn is_leading(&self, leader: ServerId) -> bool {
        leader == self.me
            || self
                .settled
                .get(&leader)
                .is_some_and(|said| said.state == PeerState::Leading)
    }
}

/// The order of votes: epoch, then zxid, then server.
///
/// The epoch comes first because a longer log of an older epoch may miss what a later one committed.
fn is_better(a: &Vote, b: &Vote) -> bool {
    let recent = mutant!(
        "vote-compares-zxid-before-epoch",
        (a.epoch, a.zxid, a.leader) > (b.epoch, b.zxid, b.leader),
        (a.zxid.counter(), a.zxid, a.leader) > (b.zxid.counter(), b.zxid, b.leader)
    );
    mutant!("stale-follower-elected", recent, a.leader > b.leader)
}

#[cfg(test)]
mod tests;
