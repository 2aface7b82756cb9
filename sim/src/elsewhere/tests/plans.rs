//! What of a scenario real servers are asked to do.

use crate::elsewhere::{Deed, Plan, Way};
use crate::net::{Machine, Port};
use crate::scenario::Scenario;

fn plan(lines: &str, slower: u64) -> Result<Plan, Vec<String>> {
    let text = format!("ensemble 3 servers 2 clients\n{lines}\nfaults end at 9s\n");
    Plan::of(&Scenario::read(&text).expect("a scenario"), slower)
}

fn deeds(lines: &str) -> Vec<Deed> {
    let plan = plan(lines, 1).expect("they can");
    let anchored = plan.anchored.into_iter().map(|(_, deed)| deed);
    let timed = plan.timed.into_iter().map(|(_, deed)| deed);
    timed.chain(anchored).collect()
}

fn ways(line: &str) -> Vec<(Machine, Machine, Option<Port>)> {
    let Some(Deed::Block { ways, length }) = deeds(line).pop() else {
        panic!("nothing is blocked by {line}");
    };
    assert_eq!(length, 2_000_000);
    let all = ways
        .iter()
        .map(|Way { from, to, port }| (*from, *to, *port));
    all.collect()
}

#[test]
fn a_crash_is_a_kill_and_power_that_goes_is_milder() {
    let kill = |wipes, back| Deed::Kill {
        server: 1,
        wipes,
        back,
    };
    let back = Some(300_000);
    assert_eq!(
        deeds("at 1s: crash s2 process back 300ms"),
        [kill(false, back)]
    );
    assert_eq!(
        deeds("when s2 leads: crash s2 process"),
        [kill(false, None)]
    );
    assert_eq!(deeds("at 1s: wipe s2 lost back 300ms"), [kill(true, back)]);
    let milder = |line| plan(line, 1).expect("they can").milder.len();
    assert_eq!(milder("at 1s: crash s2 process"), 0);
    assert_eq!(milder("at 1s: crash s2 torn key 7"), 1);
}

#[test]
fn a_rift_blocks_every_way_over_it_and_no_other() {
    let (server, client) = (Machine::Server, Machine::Client);
    let around = ways("at 1s: isolate s2 for 2s");
    assert_eq!(around.len(), 4);
    assert!(around.contains(&(server(1), server(0), None)));
    assert!(around.contains(&(server(2), server(1), None)));
    let one_way = ways("at 1s: mute s1 c2 for 2s");
    assert_eq!(one_way, [(server(0), client(1), None)]);
    let between = ways("at 1s: part s1 c1 for 2s");
    assert_eq!(between.len(), 10, "both ways, but not between clients");
    assert!(between.contains(&(server(0), server(1), None)));
    assert!(between.contains(&(client(1), server(0), None)));
    assert!(!between.contains(&(client(0), server(0), None)));
    let votes = r#"at 1s: do {"block":{"rift":{"at-port":{"server":0,"port":"election"}},"length":2000000}}"#;
    let election = Some(Port::Election);
    assert_eq!(ways(votes).len(), 4);
    assert!(ways(votes).contains(&(server(2), server(0), election)));
}

#[test]
fn slower_servers_have_slower_clients_and_later_faults() {
    let lines = "knob init_limit = 7\nat 1s: pause s1 for 2s\nat 3s: c1 sync /";
    let (one, three) = (plan(lines, 1), plan(lines, 3));
    let (one, three) = (one.expect("they can"), three.expect("they can"));
    assert_eq!(
        one.lines,
        "tickTime=200\npreAllocSize=64\nextendedTypesEnabled=true\ninitLimit=7\n"
    );
    assert_eq!(
        three.lines,
        "tickTime=600\npreAllocSize=64\nextendedTypesEnabled=true\ninitLimit=7\n"
    );
    assert_eq!(one.timed.len(), 2);
    let times = |plan: &Plan| plan.timed.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(times(&three), [3_000_000, 9_000_000]);
    assert_eq!((one.ends * 3, one.tick * 3), (three.ends, three.tick));
    assert_eq!(one.session_timeout * 3, three.session_timeout);
    let Deed::Pause { length, .. } = &three.timed[0].1 else {
        panic!("a pause was wanted");
    };
    assert_eq!(*length, 6_000_000);
}

#[test]
fn what_real_servers_cannot_do_is_named_line_by_line() {
    let death = r#"{"server":0,"fate":{"death":"disk","key":0,"restart_after":null}}"#;
    for (line, word) in [
        ("at 1s: suggest s1 s2", "suggest s1 s2"),
        ("knob chunk_bytes = 1", "knob chunk_bytes = 1"),
        ("expect safety \"S22 survival: none\"", "expect"),
        (&format!("at 1s: do {{\"die\":{death}}}"), "do {\"die\""),
        (
            "at 1s: do {\"stall-disk\":{\"server\":0,\"length\":5}}",
            "do {\"stall-disk\"",
        ),
    ] {
        let refused = plan(line, 1).expect_err(line);
        assert!(
            refused.len() == 1 && refused[0].starts_with(word),
            "{refused:?}"
        );
    }
    let both = "at 1s: suggest s1 s2\nwhen s1 down: suggest s1 s2";
    assert_eq!(plan(both, 1).expect_err("neither").len(), 2);
}
