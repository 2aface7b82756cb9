//! The known name that was probably meant.

/// The candidate that takes the fewest edits to reach from `name`, if that is few enough to look
/// like a slip.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 5);
    let measured = candidates.map(|candidate| (distance(name, candidate), candidate));
    measured
        .filter(|(edits, _)| *edits <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours; a wrong case costs nothing.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut edits = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before_last[j - 2] + 1);
            }
            row.push(edits);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["dataDir", "dataLogDir", "tickTime", "maxClientCnxns"];

    #[test]
    fn slips_find_what_was_meant() {
        for (slip, meant) in [
            ("datadir", "dataDir"),
            ("tickTiem", "tickTime"),
            ("maxClientConns", "maxClientCnxns"),
            ("dataLogsDir", "dataLogDir"),
        ] {
            assert_eq!(nearest(slip, KEYS.into_iter()), Some(meant));
        }
    }

    #[test]
    fn something_else_finds_nothing() {
        assert_eq!(nearest("colour", KEYS.into_iter()), None);
        assert_eq!(nearest("x", KEYS.into_iter()), None);
    }
}
