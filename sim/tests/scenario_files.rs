//! Every scenario ends as it says, and what happened in it is what was reviewed.

use sim::{Expect, Options, Profile, Scenario, Trace};
use std::fs;
use std::path::{Path, PathBuf};

fn scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "zks") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_scenario_ends_as_it_says_and_as_it_was_reviewed() {
    let bless = std::env::var_os("BLESS").is_some();
    let files = scenarios();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).expect("a scenario");
        let scenario = Scenario::read(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let outcome = sim::run_scenario(&scenario);
        assert_eq!(
            outcome.surprise, None,
            "{file:?}: {:#?}",
            outcome.report.story
        );
        let transcript = outcome.transcript.join("\n") + "\n";
        let kept = file.with_extension("txt");
        if bless {
            fs::write(&kept, &transcript).expect("a transcript is written");
        }
        let reviewed = fs::read_to_string(&kept).unwrap_or_default();
        assert_eq!(
            transcript, reviewed,
            "{file:?} went another way; review it, and keep it with BLESS=1"
        );
    }
}

#[test]
fn a_scenario_is_read_as_it_is_printed() {
    for file in scenarios() {
        let text = fs::read_to_string(&file).expect("a scenario");
        let scenario = Scenario::read(&text).expect("it is read");
        let printed = scenario.print().expect("it has words");
        assert_eq!(Scenario::read(&printed), Ok(scenario), "{printed}");
    }
}

#[test]
fn a_recorded_run_has_words_that_are_the_same_run() {
    let mut worded = 0;
    for seed in 0..6 {
        let (report, script) = sim::record(&Options {
            seed,
            profile: Profile::Lite,
            trace: Trace::Off,
        });
        let mut scenario = Scenario {
            title: vec!["A run.".to_owned()],
            script,
            anchored: Vec::new(),
            expect: Expect::Pass,
        };
        // The kind of a fault is for counting alone, and has no words.
        for strike in &mut scenario.script.strikes {
            strike.fault = None;
        }
        let Ok(text) = scenario.print() else {
            continue;
        };
        worded += 1;
        let read = Scenario::read(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(read == scenario, "{text}");
        assert_eq!(sim::run_scenario(&read).report.chain, report.chain);
    }
    assert!(worded > 0);
}

#[test]
fn a_partition_with_nobody_on_one_side_is_read_as_it_is_printed() {
    let line = "do {\"block\":{\"rift\":{\"between\":[]},\"length\":40000}}";
    let text = format!("ensemble 3 servers 1 clients\nat 5ms: {line}\n");
    let scenario = Scenario::read(&text).expect("it is read");
    let printed = scenario.print().expect("it has words");
    assert_eq!(Scenario::read(&printed), Ok(scenario), "{printed}");
}

#[test]
fn a_line_that_says_nothing_is_named() {
    for (text, line) in [
        ("ensemble 3 servers 1 clients\nfly", 2),
        ("at 5: c1 sync /", 1),
        ("at 5ms: c0 sync /", 1),
        ("at 5ms: c1 create /a", 1),
        ("at 5ms: c1 create /a \"x", 1),
        ("at 5ms crash s1", 1),
        ("when s1 flies: crash s1", 1),
        ("knob wings = 2", 1),
        ("knob tick = \"long\"", 1),
        ("noise latency \"loud\"", 1),
        ("ensemble 0 servers 1 clients", 1),
        ("ensemble 1 servers 99999999 clients", 1),
        ("at 5ms: crash s9", 0),
        ("at 5ms: do {\"die\":{}}", 1),
        ("expect victory", 1),
    ] {
        let error = Scenario::read(text).expect_err(text);
        assert_eq!(error.line, line, "{text}: {error}");
    }
}
