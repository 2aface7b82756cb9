//! What really happened to a server, run again from its recording.

use crate::Verdict;
use recording::{Ending, ReplayError, Replayed};
use std::fmt::Write as _;
use std::path::Path;

/// Replays every run in a directory that `vivarium serve --record` filled. Returns the verdict of
/// the first that is not repeated bit by bit, and a line for each.
pub fn replay_recording(directory: &Path) -> (Verdict, String) {
    let runs = match recording::runs(directory) {
        Ok(runs) if runs.is_empty() => {
            let text = format!("there is no recording in {}", directory.display());
            return (Verdict::Harness, text);
        }
        Ok(runs) => runs,
        Err(error) => {
            let text = format!("{} cannot be read: {error}", directory.display());
            return (Verdict::Harness, text);
        }
    };
    let mut verdict = Verdict::Pass;
    let mut text = String::new();
    for run in runs {
        let (of_run, line) = words(recording::replay(&run));
        writeln!(text, "{}: {line}", run.display()).expect("a string takes all");
        if verdict == Verdict::Pass {
            verdict = of_run;
        }
    }
    (verdict, text.trim_end().to_owned())
}

fn words(replayed: Result<Replayed, ReplayError>) -> (Verdict, String) {
    let run = match replayed {
        Ok(run) => run,
        Err(error) => return (Verdict::Harness, error.to_string()),
    };
    let ending = match run.ending {
        Ending::ServerEnded => "the server ended",
        Ending::ServerPanicked => "the server panicked",
        Ending::Full => "as much was recorded as was allowed",
        Ending::CutOff => "it was cut off",
    };
    let counts = format!(
        "{} operations of recovery, {} inputs and {} outputs in {:.3} s of the server's time, \
         hash {:016x}; then {ending}",
        run.disk_operations,
        run.inputs,
        run.outputs,
        run.lasted.as_secs_f64(),
        run.chain,
    );
    if let Some(difference) = run.difference {
        let text = format!(
            "DIFFERENT at {difference} (recorded by {}; before that: {counts})",
            run.version
        );
        return (Verdict::Nondeterminism, text);
    }
    match run.panicked {
        Some(panic) => (
            Verdict::Safety,
            format!("the same up to a panic: {panic} ({counts})"),
        ),
        None => (Verdict::Pass, format!("the same: {counts}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_a_recording_is_no_pass() {
        let (verdict, text) = replay_recording(Path::new("/nowhere"));
        assert_eq!(verdict, Verdict::Harness);
        assert!(text.contains("/nowhere"), "{text}");
    }
}
