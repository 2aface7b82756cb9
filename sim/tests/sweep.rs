//! A crash at any step of a fixed run breaks no rule. Here at a few of them; `cargo xtask simulate
//! sweep` crashes at all.

use sim::Sweep;

/// Boundaries of which one is crashed at.
const EVERY: u64 = 211;

#[test]
fn a_crash_anywhere_in_election_sync_broadcast_snapshot_and_log_roll_breaks_no_rule() {
    let mut failures = Vec::new();
    let chosen = |number: u64| number.is_multiple_of(EVERY);
    let counts = Sweep::default().run(&chosen, &mut |crash| {
        if !crash.report.passed() {
            failures.push((crash.command(), crash.report.story));
        }
        true
    });
    let counts = counts.expect("the base run has what it is there for");
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(counts.effects > 500 && counts.disk > 300, "{counts:?}");
    assert!(
        counts.sections.iter().all(|(_, count)| *count > 20),
        "{counts:?}"
    );
    let chosen = counts.boundaries.div_ceil(EVERY);
    assert_eq!(counts.runs, chosen * 3 * 2);
}

#[test]
fn a_crash_is_the_same_run_every_time() {
    let again = || {
        let mut chains = Vec::new();
        let swept = Sweep::default().run(&|number| number == 700, &mut |crash| {
            chains.push(crash.report.chain);
            chains.len() < 6
        });
        swept.expect("the base run has what it is there for");
        chains
    };
    let chains = again();
    assert_eq!(chains.len(), 6);
    assert_eq!(chains, again());
    assert!(chains.windows(2).all(|pair| pair[0] != pair[1]));
}
