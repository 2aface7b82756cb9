//! How many file descriptors the process has open, and may have.

use std::fs;

/// Open descriptors and their limit, `None` where the system does not say.
pub(crate) async fn count() -> Option<(u64, u64)> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    Some((open().await?, soft.parse().unwrap_or(u64::MAX)))
}

/// The system says it at once since Linux 6.2. Before, the directory had no size, and is counted on
/// a thread aside: there may be many. That thread would keep two megabytes of every server.
async fn open() -> Option<u64> {
    let open = fs::metadata(DESCRIPTORS).ok()?.len();
    if open > 0 {
        return Some(open);
    }
    let counted = || Some(fs::read_dir(DESCRIPTORS).ok()?.count() as u64);
    tokio::task::spawn_blocking(counted).await.ok()?
}

const DESCRIPTORS: &str = "/proc/self/fd";

#[cfg(test)]
mod tests {
    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn the_process_has_some_descriptors_and_may_have_more() {
        let (open, limit) = super::count().await.unwrap();
        assert!(open > 0 && open < limit, "{open} of {limit}");
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn what_is_opened_is_counted() {
        let (before, _) = super::count().await.unwrap();
        let opened: Vec<_> = (0..40)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let (after, _) = super::count().await.unwrap();
        // Tests beside this one open some, and close some.
        assert!(after + 20 > before + opened.len() as u64);
    }
}
