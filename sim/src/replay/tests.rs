use super::*;
use crate::trace::Kind;
use crate::{Options, Profile, Trace};

fn replay() -> Replay {
    let options = Options {
        seed: 1,
        profile: Profile::Lite,
        trace: Trace::Full,
    };
    Replay::new(*crate::run(&options).chronicle.expect("it was asked for"))
}

#[test]
fn one_walks_forwards_and_back_and_to_a_time() {
    let mut replay = replay();
    replay.follow("goto 100").expect("there are more events");
    replay.follow("step 5").expect("there are more events");
    replay.follow("back").expect("there are earlier events");
    assert_eq!(replay.at(), 104);
    replay.follow("goto 1.5s").expect("it lasts longer");
    let event = replay
        .chronicle
        .event(replay.at())
        .expect("it stands on one");
    assert!(event.time >= 1_500_000);
    replay
        .follow("back 1000000")
        .expect("it stops at the first");
    assert_eq!(replay.at(), 0);
}

#[test]
fn a_run_stops_at_an_anchor() {
    let mut replay = replay();
    let first = replay
        .chronicle
        .numbered()
        .find(|(_, event)| event.kind == Kind::Became && event.words.starts_with("is leading"));
    let (id, event) = first.expect("somebody leads");
    let name = replay.chronicle.name(event.lane).to_owned();
    let anchor = format!("break on became {name} leading");
    replay.follow(&anchor).expect("it is an anchor");
    replay.follow("run").expect("it is there");
    assert_eq!(replay.at(), id);
    replay.follow("clear").expect("it is a command");
    replay
        .follow("break on durable 1.1")
        .expect("it is an anchor");
    replay.follow("goto 0").expect("it is there");
    replay.follow("run").expect("it is there");
    let event = replay
        .chronicle
        .event(replay.at())
        .expect("it stands on one");
    assert!(event.kind == Kind::Durable && event.concerns(0x1_0000_0001));
}

#[test]
fn the_way_of_a_transaction_is_told_from_its_proposal_to_its_application() {
    let mut replay = replay();
    replay.follow("goto end").expect("there is an end");
    let told = replay
        .follow("why zxid 1.1")
        .expect("it was committed")
        .text;
    let places: Vec<usize> = [
        "proposes it",
        "on disk for certain",
        "acknowledgement",
        "applies it",
    ]
    .iter()
    .map(|stage| {
        told.find(stage)
            .unwrap_or_else(|| panic!("no {stage} in {told}"))
    })
    .collect();
    assert!(places.is_sorted_by_key(|place| *place), "{told}");
    assert!(told.contains("it is on the disks of s"), "{told}");
}

#[test]
fn a_state_is_shown_and_compared() {
    let mut replay = replay();
    replay.follow("goto end").expect("there is an end");
    let shown = replay.follow("show s1").expect("there is one");
    assert!(shown.text.contains("last applied"), "{}", shown.text);
    assert_eq!(shown.value["lane"], "s1");
    let end = replay.at();
    let diff = replay
        .follow(&format!("diff 0 {end} s1"))
        .expect("both are there");
    assert!(diff.text.contains("last committed"), "{}", diff.text);
}

#[test]
fn what_is_no_command_is_said_to_be_none() {
    let mut replay = replay();
    for command in [
        "dance",
        "goto nowhere",
        "show s99",
        "break on luck",
        "why zxid 1",
    ] {
        assert!(replay.follow(command).is_err(), "{command}");
    }
    assert!(replay.follow("quit").expect("it is a command").is_last);
}
