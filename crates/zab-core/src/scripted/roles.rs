//! How roles begin and end: whom a server dials and leaves, whose support it counts on, and that no
//! link outlives its role.

use super::at_leader::{choosing, connect, inform, leading, link, synchronise};
use super::*;
use crate::interface::{Note, Role};
use crate::message::{Notification, PeerState, Vote};

fn votes(state: PeerState, round: u64, leader: u64) -> Notification {
    Notification {
        vote: Some(Vote {
            epoch: Epoch(1),
            zxid: z(1, 1),
            leader: ServerId(leader),
        }),
        round,
        state,
        standing: Standing::Member,
    }
}

impl Machine {
    fn hear(&mut self, from: u64, notification: Notification) {
        let from = ServerId(from);
        self.give(Input::Notification { from, notification });
    }

    fn role(&self) -> Role {
        self.zab.summary().role
    }

    fn dials(&mut self) -> Vec<ServerId> {
        let dialled = self.take().into_iter().filter_map(|output| {
            if let Output::Dial { peer, .. } = output {
                Some(peer)
            } else {
                None
            }
        });
        dialled.collect()
    }

    fn due(&self) -> Duration {
        let due = self.zab.next_deadline().expect("something is waited for");
        due.since(self.now)
    }
}

fn looking() -> Machine {
    let member = promise(1, Standing::Member);
    let mut machine = Machine::new(config(2, 3), recovered(&[z(1, 0), z(1, 1)], member));
    machine.take();
    machine
}

/// Follows server 1, over the link that it dialled first.
fn following() -> (Machine, LinkId) {
    let mut machine = looking();
    machine.suggest(1);
    let (link, peer) = (LinkId(1), ServerId(1));
    machine.give(Input::Connected { link, peer });
    machine.take();
    (machine, link)
}

#[test]
fn who_waits_for_a_leader_leaves_it_when_it_says_that_it_does_not_lead() {
    let (machine, link) = following();
    let round = machine.zab.summary().round;
    for (from, said, leaves) in [
        (1, votes(PeerState::Looking, round + 1, 1), true),
        (1, votes(PeerState::Following, round, 3), true),
        (1, votes(PeerState::Looking, round, 1), false),
        (1, votes(PeerState::Leading, round + 1, 1), false),
        (3, votes(PeerState::Looking, round + 1, 3), false),
        (3, votes(PeerState::Following, round + 1, 1), false),
    ] {
        let mut machine = machine.clone();
        machine.hear(from, said);
        assert_eq!(machine.role() == Role::Looking, leaves, "{from}: {said:?}");
        let closed = std::vec![(link, CloseReason::RoleEnded)];
        assert_eq!(machine.closed() == closed, leaves);
    }
    let mut planned = machine;
    planned.say(link, Message::LeaderInfo { epoch: Epoch(2) });
    planned.hear(1, votes(PeerState::Looking, round + 1, 1));
    assert_ne!(planned.role(), Role::Looking, "its link tells");
}

#[test]
fn only_the_link_that_was_dialled_leads_to_the_leader() {
    let (mut machine, link) = following();
    machine.say(LinkId(77), Message::Diff);
    let peer = ServerId(3);
    machine.give(Input::Connected {
        link: LinkId(77),
        peer,
    });
    let closed = [(LinkId(77), CloseReason::RoleEnded)];
    assert_eq!(machine.closed(), closed);
    let mut dialling = looking();
    dialling.suggest(1);
    dialling.take();
    dialling.say(link, Message::Diff);
    assert_eq!(dialling.closed(), []);
}

#[test]
fn a_leader_that_falls_silent_is_left_with_its_link() {
    let (mut machine, link) = following();
    machine.wait(TICK * 10 - Duration::from_millis(1));
    machine.give(Input::Timeout);
    assert_ne!(machine.role(), Role::Looking);
    machine.wait(Duration::from_millis(1));
    machine.give(Input::Timeout);
    assert_eq!(machine.role(), Role::Looking);
    assert_eq!(machine.closed()[0], (link, CloseReason::Silence));
}

#[test]
fn a_leader_that_refuses_is_dialled_in_growing_pauses_and_given_up() {
    let mut machine = looking();
    let start = machine.now;
    machine.suggest(1);
    let mut dialled = Vec::new();
    while machine.role() != Role::Looking {
        for _ in machine.dials() {
            dialled.push(machine.now.since(start).as_millis());
            let link = LinkId(dialled.len() as u64);
            machine.give(Input::Disconnected { link });
        }
        machine.now += machine.due();
        machine.give(Input::Timeout);
    }
    assert_eq!(dialled, [0, 20, 60, 140, 300, 500, 700, 900]);
    assert_eq!(machine.now.since(start), TICK * 10);
}

#[test]
fn a_leader_that_failed_often_is_put_off_for_longer_each_time_and_another_is_not() {
    let mut machine = looking();
    let mut links = 0;
    let mut fail = |machine: &mut Machine, leader: u64| {
        machine.take();
        machine.suggest(leader);
        let mut pause = Duration::ZERO;
        if machine.dials().is_empty() {
            pause = machine.due();
            machine.wait(pause);
            machine.give(Input::Timeout);
        }
        links += 1;
        let (link, peer) = (LinkId(links), ServerId(leader));
        machine.give(Input::Connected { link, peer });
        machine.give(Input::Disconnected { link });
        assert_eq!(machine.role(), Role::Looking);
        pause.as_micros()
    };
    let pauses: Vec<u128> = (0..9).map(|_| fail(&mut machine, 1)).collect();
    assert_eq!(pauses[..3], [0, 0, 0]);
    let least = [20, 40, 80, 160, 250, 250].map(|millis| millis * 1000);
    for (pause, least) in pauses[3..].iter().zip(least) {
        assert!((least..=least * 5 / 4).contains(pause), "{pauses:?}");
    }
    assert_ne!(pauses[3..], least, "servers do not keep in step");
    assert_eq!(fail(&mut machine, 3), 0);
    assert_eq!(fail(&mut machine, 1), 0, "others failed since");
}

#[test]
fn support_that_is_gone_ends_a_reign_that_has_not_begun() {
    for (said, ends) in [
        ((PeerState::Following, 0, 4), true),
        ((PeerState::Leading, 0, 4), true),
        ((PeerState::Looking, 1, 4), true),
        ((PeerState::Looking, 0, 1), false),
        ((PeerState::Following, 0, 1), false),
    ] {
        let mut machine = choosing(5);
        let round = machine.zab.summary().round;
        let said = votes(said.0, round + said.1, said.2);
        for from in [3, 4] {
            machine.hear(from, said);
            assert_ne!(machine.role(), Role::Looking, "there is a quorum left");
        }
        let mut linked = machine.clone();
        connect(&mut linked, 5);
        linked.hear(5, said);
        assert_ne!(linked.role(), Role::Looking, "it is here");
        machine.take();
        machine.hear(5, said);
        assert_eq!(machine.role() == Role::Looking, ends, "{said:?}");
        let note = Output::Note(Note::QuorumLost);
        let notes = std::format!("{:?}", machine.take());
        assert!(!notes.contains(&std::format!("{note:?}")));
    }
}

#[test]
fn a_leader_that_served_says_that_it_lost_its_quorum() {
    let mut machine = leading();
    machine.give(Input::Disconnected { link: link(2) });
    assert_eq!(machine.role(), Role::Looking);
    let is_note = |output: &Output| matches!(output, Output::Note(Note::QuorumLost));
    assert!(machine.take().iter().any(is_note));
}

#[test]
fn who_came_before_the_election_was_over_is_closed_or_led() {
    let mut machine = looking();
    for peer in [1, 3] {
        connect(&mut machine, peer);
    }
    machine.give(Input::Disconnected { link: link(3) });
    let mut leads = machine.clone();
    leads.suggest(2);
    let learners = leads.zab.summary().learners;
    let servers: Vec<ServerId> = learners.iter().map(|learner| learner.server).collect();
    assert_eq!(servers, [ServerId(1)]);
    machine.suggest(3);
    assert_eq!(machine.closed(), [(link(1), CloseReason::RoleEnded)]);
}

#[test]
fn who_asked_for_a_leader_is_told_when_there_is_one_unless_it_came_meanwhile() {
    for comes in [false, true] {
        let mut machine = choosing(3);
        let round = machine.zab.summary().round;
        machine.take();
        machine.hear(3, votes(PeerState::Looking, round, 3));
        let told = |machine: &mut Machine| {
            let told = |output: &Output| {
                matches!(
                    output,
                    Output::Notify {
                        to: ServerId(3),
                        ..
                    }
                )
            };
            machine.take().into_iter().filter(told).count()
        };
        assert_eq!(told(&mut machine), 1);
        if comes {
            inform(&mut machine, 3, promise(1, Standing::Member));
        }
        inform(&mut machine, 2, promise(1, Standing::Member));
        synchronise(&mut machine, 2);
        machine.say(link(2), Message::Ack { zxid: z(2, 0) });
        assert!(matches!(machine.role(), Role::Leading { .. }));
        assert_eq!(told(&mut machine), usize::from(!comes));
    }
}

#[test]
fn while_it_looks_a_server_votes_for_itself() {
    let vote = looking().zab.summary().vote.expect("it may vote");
    assert_eq!((vote.leader, vote.zxid), (ServerId(2), z(1, 1)));
}
