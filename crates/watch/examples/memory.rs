//! Resident bytes for each watch, on Linux: `cargo run --release -p watch --example memory [watches] [watches per
//! path]`.
#![expect(clippy::print_stdout, reason = "an example reports to whoever runs it")]

use watch::{Table, WatchTable};

const WATCHERS: usize = 1_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments
        .next()
        .map_or(1_000_000, |n| n.parse().expect("a number"));
    let per_path: usize = arguments.next().map_or(1, |n| n.parse().expect("a number"));
    let before = resident_bytes();
    let mut watches = WatchTable::new([1, 2]);
    for at in 0..count {
        watches.add_standard(Table::Data, &path(at / per_path), at * 7 % WATCHERS);
    }
    let bytes = resident_bytes() - before;
    println!(
        "{} watches on {} paths of 30 bytes by {} watchers: {} bytes each",
        watches.watches(),
        watches.paths(),
        watches.watchers(),
        bytes / watches.watches(),
    );
    for watcher in 0..WATCHERS {
        watches.drop_watcher(watcher);
    }
    assert_eq!(
        watches.watches(),
        0,
        "dropped watchers leave nothing behind"
    );
}

fn path(at: usize) -> String {
    format!("/services/app/{:08}/{:07}", at / 100, at)
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux shows its processes");
    let pages = statm
        .split(' ')
        .nth(1)
        .expect("the second field is the resident set");
    pages.parse::<usize>().expect("a number of pages") * 4_096
}
