//! Elections, held against the notifications that reached each server: nobody ends one for a leader
//! that no quorum it heard of agrees on.

use crate::net::ConnNumber;
use crate::oracle::broken::{Broken, server_name};
use crate::oracle::peer_frames::{Notification, PeerState, Reader, Said};
use std::collections::BTreeMap;
use zab_core::{Role, Summary};

/// Epoch, zxid and server.
type Vote = (u64, u64, u64);

/// What every server has heard.
#[derive(Clone, Debug)]
pub(crate) struct Votes {
    /// By connection: on the election port only the dialler sends.
    readers: BTreeMap<ConnNumber, Reader>,
    /// By who heard it.
    ears: Vec<Ear>,
}

/// What one server has heard since it started.
#[derive(Clone, Debug, Default)]
struct Ear {
    /// By round and who said it: votes of the round that it is in, and of later ones.
    votes: BTreeMap<(u64, usize), Vec<Vote>>,
    /// By who said it: what it decided, `None` where it looks again. The latest word comes last; those
    /// before it were heard in the step under way.
    settled: BTreeMap<usize, Vec<Option<(Vote, PeerState)>>>,
    /// Somebody told it whom to follow, and no election decided that.
    was_told: bool,
}

impl Votes {
    pub(crate) fn new(servers: usize) -> Self {
        Votes {
            readers: BTreeMap::new(),
            ears: vec![Ear::default(); servers],
        }
    }

    /// A server starts, and remembers nothing that it heard.
    pub(crate) fn started(&mut self, server: usize) {
        self.ears[server] = Ear::default();
    }

    /// A server is told whom to follow.
    pub(crate) fn suggested(&mut self, server: usize) {
        self.ears[server].was_told = true;
    }

    /// Bytes of an election have reached a server. What is no frame is its own affair.
    pub(crate) fn heard(&mut self, conn: ConnNumber, (from, to): (usize, usize), bytes: &[u8]) {
        let reader = self.readers.entry(conn).or_default();
        for said in reader.push(bytes).unwrap_or_default() {
            if let Said::Notification(notification) = said {
                self.ears[to].heard(from, &notification);
            }
        }
    }

    /// A server has taken a step: if it ended an election, a quorum that it heard of agrees.
    pub(crate) fn stepped(
        &mut self,
        server: usize,
        was: Option<Role>,
        now: &Summary,
    ) -> Result<(), Broken> {
        let quorum = self.ears.len() / 2 + 1;
        let ear = &mut self.ears[server];
        let was_told = std::mem::take(&mut ear.was_told);
        ear.votes = ear.votes.split_off(&(now.round, 0));
        let has_looked = matches!(was, None | Some(Role::Looking));
        let has_decided = matches!(
            now.role,
            Role::LeadingPrepare { .. } | Role::FollowingPrepare { .. }
        );
        let decided = now.vote.filter(|_| has_looked && has_decided && !was_told);
        let judged = decided.map_or(Ok(()), |vote| {
            let vote = (u64::from(vote.epoch.0), vote.zxid.0, vote.leader.0);
            ear.is_enough(server, (now.round, vote), quorum)
        });
        ear.settle();
        judged
    }
}

impl Ear {
    fn heard(&mut self, from: usize, said: &Notification) {
        let Some(vote) = said.vote else {
            return;
        };
        let decided = (said.state != PeerState::Looking).then_some((vote, said.state));
        self.settled.entry(from).or_default().push(decided);
        let votes = self.votes.entry((said.round, from)).or_default();
        if !votes.contains(&vote) {
            votes.push(vote);
        }
    }

    /// A quorum voted for the same in this round, or follows the one who is voted for.
    fn is_enough(
        &self,
        own: usize,
        (round, vote): (u64, Vote),
        quorum: usize,
    ) -> Result<(), Broken> {
        if self.agreeing(own, round, vote) >= quorum || self.following(vote) >= quorum {
            return Ok(());
        }
        let seen = format!(
            "{} ends round {round} for {vote:x?}, having heard {:x?} and {:x?}",
            server_name(own),
            self.votes,
            self.settled
        );
        let rule = "S33 election: an election ends when a quorum agrees in its round, or follows";
        Err(Broken::safety(rule, seen).server(own))
    }

    /// How many voted for the same in this round, its own vote among them.
    fn agreeing(&self, own: usize, round: u64, vote: Vote) -> usize {
        let votes = self.votes.range((round, 0)..=(round, usize::MAX));
        let others = votes.filter(|((_, from), votes)| *from != own && votes.contains(&vote));
        1 + others.count()
    }

    /// How many follow the same leader in its epoch, that leader among them.
    fn following(&self, (epoch, _, leader): Vote) -> usize {
        let agrees = |(said, _): &(Vote, PeerState)| (said.0, said.2) == (epoch, leader);
        let leads = |server: usize, (said, state): &(Vote, PeerState)| {
            *state == PeerState::Leading
                && said.0 == epoch
                && u64::try_from(server + 1) == Ok(leader)
        };
        let mut all = self.settled.iter();
        if all.any(|(server, said)| said.iter().flatten().any(|said| leads(*server, said))) {
            let said = self.settled.values();
            said.filter(|said| said.iter().flatten().any(agrees))
                .count()
        } else {
            0
        }
    }

    /// The step is over: what was said before the last word does not matter any more.
    fn settle(&mut self) {
        for said in self.settled.values_mut() {
            said.drain(..said.len().saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::image::DurableStanding;

    const VOTE: Vote = (1, 1 << 32, 1);

    fn said(round: u64, vote: Vote, state: PeerState) -> Notification {
        Notification {
            vote: Some(vote),
            round,
            state,
            standing: DurableStanding::Member,
        }
    }

    #[test]
    fn votes_count_in_their_round_only() {
        let mut ear = Ear::default();
        ear.heard(1, &said(4, VOTE, PeerState::Looking));
        ear.heard(2, &said(5, VOTE, PeerState::Looking));
        assert_eq!(ear.agreeing(0, 5, VOTE), 2);
        ear.heard(1, &said(5, VOTE, PeerState::Looking));
        assert_eq!(ear.agreeing(0, 5, VOTE), 3);
        assert_eq!(ear.agreeing(0, 5, (1, 1 << 32, 2)), 1);
    }

    #[test]
    fn followers_count_only_beside_their_leader() {
        let mut ear = Ear::default();
        ear.heard(1, &said(4, VOTE, PeerState::Following));
        ear.heard(2, &said(9, VOTE, PeerState::Following));
        assert_eq!(ear.following(VOTE), 0);
        ear.heard(0, &said(7, (1, 9, 1), PeerState::Leading));
        assert_eq!(ear.following(VOTE), 3);
        ear.heard(2, &said(10, VOTE, PeerState::Looking));
        assert_eq!(
            ear.following(VOTE),
            3,
            "it may have looked after the election ended"
        );
        ear.settle();
        assert_eq!(ear.following(VOTE), 2);
    }
}
