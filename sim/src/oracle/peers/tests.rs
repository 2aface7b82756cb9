use super::*;
use crate::oracle::image::DurablePromise;

const E1: u64 = 1 << 32;
const E2: u64 = 2 << 32;

/// A message that is about to leave.
fn say(
    peers: &mut Peers,
    disks: &mut Durability,
    (conn, from, to): (ConnNumber, usize, usize),
    said: Said,
) -> Result<(), Broken> {
    let sending = Sending {
        order: 1,
        time: 0,
        conn,
        port: Port::Quorum,
        side: Side::Dialler,
        from,
        to,
        bytes: &[],
        applied: &|| E1 + 5,
        incarnation: 1,
        patience: (1_000, 5_000),
    };
    peers.links.entry(conn).or_default();
    peers.judge(said, &sending, disks)
}

fn short(outcome: Result<(), Broken>) -> &'static str {
    outcome.unwrap_err().short()
}

/// Three members that promised epoch 1 and hold its marker; the first leads it, and the second is
/// synchronised with it over connection 7.
fn a_follower_is_synchronised() -> (Peers, Durability) {
    let mut peers = Peers::default();
    let mut disks = Durability::new(3);
    for server in 0..3 {
        let image = disks.image_mut(server);
        image.promise = Some(DurablePromise {
            accepted: 1,
            standing: DurableStanding::Member,
        });
        image.storage_id = Some(u64::try_from(server).unwrap());
        image.records.push((E1, 3));
    }
    let (up, down) = ((7, 1, 0), (7, 0, 1));
    let segments = vec![E1];
    say(&mut peers, &mut disks, down, Said::LeaderInfo { epoch: 1 }).unwrap();
    let counted = true;
    say(
        &mut peers,
        &mut disks,
        up,
        Said::AckEpoch { segments, counted },
    )
    .unwrap();
    let announced = Said::NewLeader {
        epoch: 1,
        target: E1,
    };
    say(&mut peers, &mut disks, down, announced).unwrap();
    say(&mut peers, &mut disks, up, Said::Ack { zxid: E1 }).unwrap();
    (peers, disks)
}

#[test]
fn an_acknowledgement_of_what_is_not_durable_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    let proposal = Said::Proposal {
        zxid: E1 + 1,
        chain: 4,
    };
    say(&mut peers, &mut disks, (7, 0, 1), proposal).unwrap();
    let early = say(
        &mut peers,
        &mut disks,
        (7, 1, 0),
        Said::Ack { zxid: E1 + 1 },
    );
    assert_eq!(short(early), "S18 honest ack");
}

#[test]
fn a_synchronised_log_with_more_than_was_sent_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    for zxid in [E1 + 1, E1 + 2] {
        let proposal = Said::Proposal { zxid, chain: zxid };
        disks.image_mut(1).records.push((zxid, zxid));
        if zxid == E1 + 1 {
            say(&mut peers, &mut disks, (7, 0, 1), proposal).unwrap();
        }
    }
    let wrong = say(
        &mut peers,
        &mut disks,
        (7, 1, 0),
        Said::Ack { zxid: E1 + 1 },
    );
    assert_eq!(short(wrong), "S14 prefix");
}

#[test]
fn a_position_that_the_disk_does_not_have_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    say(
        &mut peers,
        &mut disks,
        (8, 0, 2),
        Said::LeaderInfo { epoch: 1 },
    )
    .unwrap();
    let stated = Said::AckEpoch {
        segments: vec![E1 + 9],
        counted: false,
    };
    let wrong = say(&mut peers, &mut disks, (8, 2, 0), stated);
    assert_eq!(short(wrong), "S20 honest position");
}

#[test]
fn a_leader_without_promises_and_a_second_leader_are_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    let announced = Said::NewLeader {
        epoch: 1,
        target: E1,
    };
    peers.links.entry(9).or_default().epoch = Some(1);
    peers.links.entry(9).or_default().sent = E1;
    let second = say(&mut peers, &mut disks, (9, 2, 1), announced);
    assert_eq!(short(second), "S4 one leader");

    disks.image_mut(2).promise = Some(DurablePromise {
        accepted: 2,
        standing: DurableStanding::Member,
    });
    peers.links.entry(9).or_default().epoch = Some(2);
    let announced = Said::NewLeader {
        epoch: 2,
        target: E1,
    };
    let alone = say(&mut peers, &mut disks, (9, 2, 1), announced);
    assert_eq!(short(alone), "S5 promises");
}

#[test]
fn a_promise_that_counts_twice_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    say(
        &mut peers,
        &mut disks,
        (8, 2, 1),
        Said::LeaderInfo { epoch: 1 },
    )
    .unwrap();
    let again = Said::AckEpoch {
        segments: vec![E1],
        counted: true,
    };
    let twice = say(&mut peers, &mut disks, (8, 1, 2), again);
    assert_eq!(short(twice), "S3 one promise");
}

#[test]
fn a_proposal_before_its_epoch_is_established_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    disks.image_mut(2).promise = Some(DurablePromise {
        accepted: 2,
        standing: DurableStanding::Member,
    });
    disks.image_mut(2).records.push((E2, 6));
    let link = peers.links.entry(9).or_default();
    (link.epoch, link.sent) = (Some(2), E2);
    let proposal = Said::Proposal {
        zxid: E2 + 1,
        chain: 8,
    };
    let early = say(&mut peers, &mut disks, (9, 2, 1), proposal);
    assert_eq!(short(early), "S7 early proposal");
}

#[test]
fn a_proposal_before_earlier_epochs_are_applied_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    disks.image_mut(0).records.push((E2, 6));
    for follower in [1, 2] {
        peers.leaders.acknowledged(0, Some(2), follower);
    }
    let link = peers.links.entry(9).or_default();
    (link.epoch, link.sent) = (Some(2), E2);
    let proposal = Said::Proposal {
        zxid: E2 + 1,
        chain: 8,
    };
    let early = say(&mut peers, &mut disks, (9, 0, 1), proposal);
    assert_eq!(short(early), "S29 primary integrity");
}

#[test]
fn a_gap_and_a_second_meaning_of_a_zxid_are_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    let gap = Said::Proposal {
        zxid: E1 + 2,
        chain: 4,
    };
    let gap = say(&mut peers, &mut disks, (7, 0, 1), gap);
    assert_eq!(short(gap), "S8 stream");
    let (mut peers, mut disks) = a_follower_is_synchronised();
    disks.chains.histories_match(2, E1 + 1, 99).unwrap();
    let other = Said::Proposal {
        zxid: E1 + 1,
        chain: 4,
    };
    let other = say(&mut peers, &mut disks, (7, 0, 1), other);
    assert_eq!(short(other), "S11 log matching");
}

#[test]
fn cutting_what_the_leader_holds_itself_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    let cut = say(&mut peers, &mut disks, (7, 0, 1), Said::Trunc { to: 0 });
    assert_eq!(short(cut), "S16 truncation");
}

#[test]
fn a_learner_that_is_told_more_than_it_was_sent_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    let told = say(
        &mut peers,
        &mut disks,
        (7, 0, 1),
        Said::Commit { zxid: E1 + 1 },
    );
    assert_eq!(short(told), "S30 told");
}

#[test]
fn a_learner_that_is_told_to_commit_before_it_serves_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    let early = Said::Commit { zxid: E1 };
    let told = say(&mut peers, &mut disks, (7, 0, 1), early);
    assert_eq!(short(told), "S10 serving");
}

#[test]
fn a_vote_with_an_epoch_of_which_there_is_no_history_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    let mut vote = |epoch| {
        let said = Said::Notification(Notification {
            vote: Some((epoch, E1 + 1, 2)),
            round: 1,
            state: PeerState::Looking,
            standing: DurableStanding::Member,
        });
        say(&mut peers, &mut disks, (9, 1, 0), said)
    };
    assert!(vote(1).is_ok());
    assert_eq!(short(vote(2)), "S20 vote's epoch");
}

#[test]
fn an_ensemble_that_is_founded_without_all_is_noticed() {
    let (mut peers, mut disks) = a_follower_is_synchronised();
    for server in 0..3 {
        let promise = disks.image_mut(server).promise.as_mut();
        promise.expect("it promised").standing = DurableStanding::Fresh;
    }
    let announced = Said::NewLeader {
        epoch: 1,
        target: E1,
    };
    let early = say(&mut peers, &mut disks, (7, 0, 1), announced);
    assert_eq!(short(early), "S5 founding");
}
