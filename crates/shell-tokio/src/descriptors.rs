//! How many file descriptors the process has open, and may have.

use std::fs;

/// Open descriptors and their limit, `None` where the system does not say.
pub(crate) fn count() -> Option<(u64, u64)> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    Some((open()?, soft.parse().unwrap_or(u64::MAX)))
}

/// The system says it at once since Linux 6.2; before, the directory had no size, and is counted.
fn open() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64),
        open => Some(open),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_has_some_descriptors_and_may_have_more() {
        let (open, limit) = super::count().unwrap();
        assert!(open > 0 && open < limit, "{open} of {limit}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_opened_is_counted() {
        let (before, _) = super::count().unwrap();
        let opened: Vec<_> = (0..40)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let (after, _) = super::count().unwrap();
        // Tests beside this one open some, and close some.
        assert!(after + 20 > before + opened.len() as u64);
    }
}
