//! Processor time and memory of processes, as the system counts them.

use anyhow::{Context, Result};
use std::fs;

/// User and system time of a process with all its threads, in microseconds.
///
/// The system counts it in ticks of 10 ms in `/proc/PID/stat`; `/proc/PID/task/*/schedstat` counts
/// nanoseconds, but forgets threads that ended, so it is taken for those that live.
pub(crate) fn time_us(pid: u32) -> Result<u64> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = match fs::read_to_string(task?.path().join("schedstat")) {
            Ok(text) => text,
            // A thread that just ended.
            Err(_) => continue,
        };
        let on_cpu = text.split_whitespace().next().context("an empty line")?;
        total += on_cpu.parse::<u64>()?;
    }
    Ok(total / 1_000)
}

/// Resident bytes of a process.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("a process has a size")?;
    let kib = line.trim().trim_end_matches(" kB").trim();
    Ok(kib.parse::<u64>()? * 1024)
}
