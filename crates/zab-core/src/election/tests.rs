use super::*;
use crate::quorum::Majority;
use std::vec::Vec;
use zk_types::{Epoch, Zxid};

fn voters(count: u64) -> ServerSet {
    (1..=count).map(ServerId).collect()
}

fn vote(epoch: u32, counter: u32, leader: u64) -> Vote {
    Vote {
        epoch: Epoch(epoch),
        zxid: Zxid::new(Epoch(epoch), counter),
        leader: ServerId(leader),
    }
}

fn says(state: PeerState, round: u64, vote: Vote) -> Notification {
    Notification {
        vote: Some(vote),
        round,
        state,
        standing: Standing::Member,
    }
}

fn election(me: u64, count: u64, own: Vote) -> Election {
    Election::new(ServerId(me), voters(count), Standing::Member, 1, Some(own))
}

fn verdict(election: &Election, count: u64) -> Verdict {
    election.verdict(&Majority::new(voters(count)), ServerSet::EMPTY)
}

/// The example of `zab.md` §6: a longer log of an older epoch must lose.
#[test]
fn a_later_epoch_beats_a_larger_counter() {
    assert!(is_better(&vote(2, 1, 2), &vote(1, 2, 1)));
    assert!(is_better(&vote(2, 2, 1), &vote(2, 1, 2)));
    assert!(is_better(&vote(2, 1, 2), &vote(2, 1, 1)));
}

#[test]
fn the_order_of_votes_is_total() {
    let all: Vec<Vote> = (0..3)
        .flat_map(|e| (0..3).flat_map(move |c| (1..3).map(move |l| vote(e, c, l))))
        .collect();
    for a in &all {
        for b in &all {
            assert_eq!(
                u8::from(is_better(a, b)) + u8::from(is_better(b, a)),
                u8::from(a != b)
            );
            for c in &all {
                assert!(!(is_better(a, b) && is_better(b, c)) || is_better(a, c));
            }
        }
    }
}

/// Votes spread in whatever order: everybody ends with the best one.
#[test]
fn any_order_of_messages_ends_with_the_best_vote() {
    for order in 0..6_usize {
        let owns = [vote(1, 4, 1), vote(2, 0, 2), vote(1, 9, 3)];
        let mut all: Vec<Election> = (1..=3)
            .map(|me| election(me, 3, owns[usize::try_from(me - 1).unwrap()]))
            .collect();
        let mut queue: Vec<(u64, u64)> =
            (1..=3).flat_map(|a| (1..=3).map(move |b| (a, b))).collect();
        queue.rotate_left(order);
        while let Some((from, to)) = queue.pop() {
            let sender = &all[usize::try_from(from - 1).unwrap()];
            let said = says(PeerState::Looking, sender.round(), sender.vote().unwrap());
            let tell = all[usize::try_from(to - 1).unwrap()].on_notification(ServerId(from), &said);
            match tell {
                Tell::Nobody => {}
                Tell::One(one) => queue.push((to, one.0)),
                Tell::All => queue.extend((1..=3).map(|other| (to, other))),
            }
        }
        for one in &all {
            assert_eq!(one.vote(), Some(owns[1]));
            assert!(matches!(verdict(one, 3), Verdict::Decided { vote, .. } if vote == owns[1]));
        }
    }
}

#[test]
fn a_quorum_without_everybody_leans_until_the_rest_is_known_to_be_gone() {
    let best = vote(1, 1, 3);
    let mut one = election(2, 3, vote(1, 1, 2));
    one.on_notification(ServerId(3), &says(PeerState::Looking, 1, best));
    assert_eq!(verdict(&one, 3), Verdict::Leaning(best));
    let gone = [ServerId(1)].into_iter().collect();
    assert!(matches!(
        one.verdict(&Majority::new(voters(3)), gone),
        Verdict::Decided { vote, .. } if vote == best
    ));
}

#[test]
fn a_leader_that_vanished_is_not_elected_by_what_its_followers_say() {
    let gone = vote(4, 7, 3);
    let mut one = election(1, 5, vote(4, 7, 1));
    for from in [2, 4, 5] {
        one.on_notification(ServerId(from), &says(PeerState::Following, 9, gone));
    }
    assert_eq!(verdict(&one, 5), Verdict::Open);
    one.on_notification(ServerId(3), &says(PeerState::Leading, 9, gone));
    assert!(matches!(
        verdict(&one, 5),
        Verdict::Decided { vote, round: 9, .. } if vote == gone
    ));
}

#[test]
fn a_follower_that_looks_again_no_longer_speaks_for_its_leader() {
    let old = vote(4, 7, 3);
    let mut one = election(1, 3, vote(4, 7, 1));
    one.on_notification(ServerId(3), &says(PeerState::Leading, 9, old));
    one.on_notification(ServerId(3), &says(PeerState::Looking, 0, vote(4, 7, 3)));
    one.on_notification(ServerId(2), &says(PeerState::Following, 9, old));
    assert_eq!(verdict(&one, 3), Verdict::Open);
}

/// It was told the better vote while it followed, and that one is not repeated soon.
#[test]
fn a_worse_vote_of_the_same_round_is_answered_and_an_equal_one_is_not() {
    let mut third = election(3, 3, vote(1, 5, 3));
    let worse = says(PeerState::Looking, 1, vote(1, 5, 2));
    assert_eq!(
        third.on_notification(ServerId(2), &worse),
        Tell::One(ServerId(2))
    );
    assert_eq!(third.vote(), Some(vote(1, 5, 3)));
    let equal = says(PeerState::Looking, 1, vote(1, 5, 3));
    assert_eq!(third.on_notification(ServerId(2), &equal), Tell::Nobody);
}

#[test]
fn others_that_follow_me_count_in_my_round_only() {
    let own = vote(1, 1, 3);
    let mut me = election(3, 3, own);
    me.on_notification(ServerId(1), &says(PeerState::Following, 2, own));
    assert_eq!(verdict(&me, 3), Verdict::Open);
    me.on_notification(ServerId(1), &says(PeerState::Following, 1, own));
    assert!(matches!(verdict(&me, 3), Verdict::Decided { vote, .. } if vote == own));
}

#[test]
fn one_that_may_not_propose_follows_what_is_settled() {
    let leader = vote(3, 0, 2);
    let mut one = Election::new(ServerId(1), voters(3), Standing::Amnesiac, 5, None);
    one.on_notification(ServerId(2), &says(PeerState::Looking, 8, leader));
    one.on_notification(ServerId(3), &says(PeerState::Looking, 8, leader));
    assert_eq!(verdict(&one, 3), Verdict::Open);
    one.on_notification(ServerId(2), &says(PeerState::Leading, 8, leader));
    one.on_notification(ServerId(3), &says(PeerState::Following, 8, leader));
    assert!(matches!(verdict(&one, 3), Verdict::Decided { vote, .. } if vote == leader));
}

#[test]
fn strangers_and_votes_for_strangers_are_passed_over() {
    let mut one = election(1, 3, vote(1, 1, 1));
    assert_eq!(
        one.on_notification(ServerId(9), &says(PeerState::Looking, 8, vote(9, 9, 2))),
        Tell::Nobody
    );
    assert_eq!(
        one.on_notification(ServerId(2), &says(PeerState::Looking, 8, vote(9, 9, 700))),
        Tell::Nobody
    );
    assert_eq!((one.round(), one.vote()), (1, Some(vote(1, 1, 1))));
}

#[test]
fn the_fresh_do_not_count_among_members() {
    let mut one = election(1, 3, vote(1, 1, 1));
    let fresh = Notification {
        standing: Standing::Fresh,
        ..says(PeerState::Looking, 1, vote(7, 0, 3))
    };
    assert_eq!(one.on_notification(ServerId(3), &fresh), Tell::Nobody);
    assert_eq!(one.vote(), Some(vote(1, 1, 1)));
}

#[test]
fn whoever_would_lead_waits_for_better_votes_as_well() {
    let own = vote(1, 1, 3);
    let mut me = election(3, 5, own);
    for from in [1, 2] {
        me.on_notification(ServerId(from), &says(PeerState::Looking, 1, own));
    }
    assert_eq!(verdict(&me, 5), Verdict::Leaning(own));
}

/// Server 1 of five and those who look vote for server 3, which others may follow already.
fn for_the_third(looking: &[u64], following: &[u64]) -> (Election, Vote) {
    let best = vote(1, 1, 3);
    let mut one = election(1, 5, vote(1, 1, 1));
    for from in looking {
        one.on_notification(ServerId(*from), &says(PeerState::Looking, 1, best));
    }
    for from in following {
        one.on_notification(ServerId(*from), &says(PeerState::Following, 1, best));
    }
    (one, best)
}

#[test]
fn a_leader_that_only_others_speak_for_is_waited_for() {
    let (one, best) = for_the_third(&[2, 4], &[]);
    assert_eq!(verdict(&one, 5), Verdict::Leaning(best));
    let (mut one, best) = for_the_third(&[2], &[4]);
    assert_eq!(verdict(&one, 5), Verdict::Open, "it may have vanished");
    one.on_notification(ServerId(3), &says(PeerState::Looking, 1, best));
    assert_eq!(verdict(&one, 5), Verdict::Leaning(best));
    one.on_notification(ServerId(3), &says(PeerState::Leading, 1, best));
    assert!(matches!(verdict(&one, 5), Verdict::Decided { vote, .. } if vote == best));
}

#[test]
fn a_leader_has_to_say_itself_that_it_leads() {
    let (mut one, best) = for_the_third(&[2], &[4]);
    one.on_notification(ServerId(3), &says(PeerState::Following, 1, best));
    assert_eq!(verdict(&one, 5), Verdict::Leaning(best));
    let mut late = election(1, 5, vote(1, 1, 1));
    for from in [2, 3, 4] {
        late.on_notification(ServerId(from), &says(PeerState::Following, 9, best));
    }
    assert_eq!(verdict(&late, 5), Verdict::Open);
}

#[test]
fn who_looked_in_this_round_and_follows_since_another_shows_no_follower() {
    let (mut one, best) = for_the_third(&[2, 3, 4], &[]);
    one.on_notification(ServerId(4), &says(PeerState::Following, 7, best));
    one.on_notification(ServerId(3), &says(PeerState::Leading, 7, best));
    assert_eq!(verdict(&one, 5), Verdict::Leaning(best));
}

#[test]
fn what_is_decided_in_the_end_has_the_support_of_those_who_voted_for_it() {
    let (mut one, best) = for_the_third(&[2, 3], &[]);
    let worse = vote(1, 0, 5);
    one.on_notification(ServerId(5), &says(PeerState::Looking, 1, worse));
    let support = [1, 2, 3].map(ServerId).into_iter().collect();
    let decided = Verdict::Decided {
        vote: best,
        round: 1,
        support,
    };
    assert_eq!(one.finalize(best), decided);
}
