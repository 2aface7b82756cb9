//! What came of a suite: counts, reasons, and failures that are known and explained.

use std::time::Duration;

/// A test that fails for a reason that is written down. The name is the beginning of the line that
/// reports it.
pub(super) type Known = (&'static str, &'static str);

/// The results of one suite.
pub(super) struct Report {
    pub(super) suite: String,
    pub(super) passed: u64,
    pub(super) failed: Vec<String>,
    /// Tests that failed as their list says.
    pub(super) known: Vec<String>,
    /// With the reason of each.
    pub(super) skipped: Vec<String>,
    pub(super) took: Duration,
    list: &'static [Known],
    seen: Vec<bool>,
}

impl Report {
    pub(super) fn new(suite: impl Into<String>) -> Report {
        Report {
            suite: suite.into(),
            passed: 0,
            failed: Vec::new(),
            known: Vec::new(),
            skipped: Vec::new(),
            took: Duration::ZERO,
            list: &[],
            seen: Vec::new(),
        }
    }

    /// From now on the tests of this list have to fail, and [`Report::finish_list`] wants all of
    /// them to have been seen.
    pub(super) fn expect(&mut self, list: &'static [Known]) {
        self.list = list;
        self.seen = vec![false; list.len()];
    }

    /// Takes a line as programs of checks print them: `ok`, `FAILED` or `skipped`, then what.
    /// False when it is none.
    pub(super) fn take(&mut self, line: &str) -> bool {
        match line.split_once(' ') {
            Some(("ok", what)) => self.ok(what.trim_start()),
            Some(("FAILED", what)) => self.failed(what.trim_start()),
            Some(("skipped", what)) => self.skipped(what.trim_start()),
            _ => return false,
        }
        true
    }

    pub(super) fn ok(&mut self, what: &str) {
        if let Some(reason) = self.find(what) {
            let said = format!("{what}: it passes, and the list says that it fails: {reason}");
            return self.note_failure(&said);
        }
        self.passed += 1;
        println!("ok      {what}");
    }

    pub(super) fn failed(&mut self, what: &str) {
        if let Some(reason) = self.find(what) {
            println!("known   {what}: {reason}");
            self.known.push(format!("{what}: {reason}"));
        } else {
            self.note_failure(what);
        }
    }

    pub(super) fn skipped(&mut self, what: &str) {
        self.find(what);
        println!("skipped {what}");
        self.skipped.push(what.to_owned());
    }

    /// A test that was listed and never reported is a failure: the list would rot.
    pub(super) fn finish_list(&mut self) {
        for (index, (name, _)) in self.list.iter().enumerate() {
            if !self.seen[index] {
                self.note_failure(&format!("{name}: it is listed, and did not run"));
            }
        }
        self.expect(&[]);
    }

    /// Whether something passed and nothing failed; a suite that could not run is no failure.
    pub(super) fn good(&self) -> bool {
        self.failed.is_empty() && (self.passed > 0 || !self.skipped.is_empty())
    }

    pub(super) fn summary(&self) -> String {
        let mut text = format!(
            "{:<18} {:>4} passed, {} failed",
            self.suite,
            self.passed,
            self.failed.len()
        );
        for (count, what) in [
            (self.known.len(), "failed as listed"),
            (self.skipped.len(), "skipped"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text.push_str(&format!(" ({} s)", self.took.as_secs()));
        text
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "suite": self.suite,
            "passed": self.passed,
            "failed": self.failed,
            "failed_as_listed": self.known,
            "skipped": self.skipped,
            "seconds": self.took.as_secs(),
        })
    }

    fn note_failure(&mut self, what: &str) {
        println!("FAILED  {what}");
        self.failed.push(what.to_owned());
    }

    /// The reason a line is listed with.
    fn find(&mut self, what: &str) -> Option<&'static str> {
        let index = self.list.iter().position(|(name, _)| names(name, what))?;
        self.seen[index] = true;
        Some(self.list[index].1)
    }
}

/// Whether a line speaks of a name, and not of a longer one.
fn names(name: &str, line: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| {
        !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_' || next == '/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[Known] = &[("a::test_x", "there is no x")];

    #[test]
    fn a_listed_failure_is_no_failure_and_a_longer_name_is_another_test() {
        let mut report = Report::new("suite");
        report.expect(LIST);
        report.take("FAILED  a::test_x: boom");
        report.take("ok a::test_xy");
        report.finish_list();
        assert!(report.good() && report.known.len() == 1 && report.passed == 1);
        report.expect(LIST);
        report.take("FAILED a::test_xy: boom");
        assert!(!report.good());
    }

    #[test]
    fn a_listed_test_that_passes_or_does_not_run_is_a_failure() {
        let mut report = Report::new("suite");
        report.expect(LIST);
        report.take("ok a::test_x");
        assert_eq!(report.failed.len(), 1);
        report.expect(LIST);
        report.finish_list();
        assert_eq!(report.failed.len(), 2);
    }
}
