//! Failing runs are cut down to what makes them fail.

use sim::{NoiseRules, Scenario, Script, Trace, Verdict};
use std::fmt::Write as _;

/// A run that says that nothing is broken on purpose, in which a client stands still for so long
/// that its session ends: judges of a calm world do not let that pass.
fn not_as_calm_as_it_says() -> Script {
    let mut text = String::from("ensemble 1 servers 2 clients\nknob by_hand = false\n");
    for number in 0..40 {
        let (client, at) = (number % 2 + 1, 2_000 + number * 50);
        writeln!(text, "at {at}ms: c{client} create /n{number} \"x\"").expect("a string takes all");
    }
    for at in [150, 2_900, 3_700] {
        let jump = "{\"wall-jump\":{\"server\":0,\"by_ms\":5}}";
        writeln!(text, "at {at}ms: do {jump}").expect("a string takes all");
    }
    text.push_str("at 3s: pause c1 for 60s\nfaults end at 70s\n");
    let mut script = Scenario::read(&text)
        .expect("lines that say something")
        .script;
    script.noise = NoiseRules::default();
    script
}

#[test]
fn what_is_left_of_a_failing_run_breaks_the_same_rule_and_is_all_it_takes() {
    let script = not_as_calm_as_it_says();
    let whole = sim::run_script(&script, Trace::Off);
    assert_ne!(whole.verdict, Verdict::Pass);
    let shrunk = sim::shrink(script, &mut || true, &mut |_| true).expect("it fails");
    assert_eq!(
        (shrunk.report.verdict, &shrunk.report.rule),
        (whole.verdict, &whole.rule)
    );
    assert!(shrunk.before.ops > 20);
    assert_eq!((shrunk.after.ops, shrunk.after.deviations), (0, 1));
    assert_eq!(shrunk.script.noise, NoiseRules::silent());
    let again = sim::run_script(&shrunk.script, Trace::Off);
    assert_eq!(again, shrunk.report);
}
