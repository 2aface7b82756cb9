//! How many file descriptors the process has open, and may have.

use std::fs;

/// Open descriptors and their limit, `None` where the system does not say.
pub(crate) fn count() -> Option<(u64, u64)> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    Some((open, soft.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_has_some_descriptors_and_may_have_more() {
        let (open, limit) = super::count().unwrap();
        assert!(open > 0 && open < limit, "{open} of {limit}");
    }
}
