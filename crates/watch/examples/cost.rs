//! What watches cost, on Linux: `cargo run --release -p watch --example cost <case> <watches>`.
//! `cargo xtask watches` runs all cases. Prints one line of `name=value`; costs are the median of
//! many batches, in nanoseconds.
#![expect(clippy::print_stdout, reason = "an example reports to whoever runs it")]
#![allow(
    clippy::disallowed_methods,
    reason = "an example that measures reads the clock"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};
use watch::{Table, WatchTable};

/// Connections that hold the watches where their number is not what is measured.
const WATCHERS: usize = 1_000;
const BATCHES: usize = 200;
const CHANGES_PER_BATCH: usize = 500;

type Watches = WatchTable<u64>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let case = arguments.next().unwrap_or_default();
    let count = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(1_000_000);
    match case.as_str() {
        "recursive" => recursive(count),
        "ancestors" => ancestors(count),
        "standard" => standard(count),
        "drop" => drop_one(count),
        "memory-standard" => memory(count, &|watches, path, watcher| {
            watches.add_standard(Table::Data, path, watcher);
        }),
        "memory-recursive" => memory(count, &|watches, path, watcher| {
            watches.add_recursive(path, watcher);
        }),
        "memory-shared" => memory_of_shared_paths(count),
        _ => {
            println!(
                "the cases are recursive, ancestors, standard, drop, memory-standard, \
                 memory-recursive and memory-shared"
            );
            std::process::exit(2);
        }
    }
}

/// A change to a leaf below one of `count` paths, each watched recursively by one watcher.
fn recursive(count: usize) {
    let mut watches = Watches::new([1, 2]);
    for at in 0..count {
        watches.add_recursive(&path(at), watcher(at));
    }
    let below: Vec<String> = leaves(&|at| path(at * 7_919 % count) + "/leaf");
    let beside: Vec<String> = leaves(&|at| format!("/elsewhere/app/{at:08}/0000000/leaf"));
    let one = format!("{}/leaf", path(count / 2));
    println!(
        "case=recursive watches={count} change_hot_ns={} change_ns={} change_of_none_ns={}",
        cost(&mut |_| tell(&mut watches, &one, 1)),
        cost(&mut |at| tell(&mut watches, &below[at], 1)),
        cost(&mut |at| tell(&mut watches, &beside[at], 0)),
    );
}

/// A change below a node with `count` watchers that do not watch recursively, so that one is told.
fn ancestors(count: usize) {
    let mut watches = Watches::new([1, 2]);
    for watcher in 0..count as u64 {
        watches.add_persistent("/services/app", watcher);
        watches.add_standard(Table::Child, "/services", watcher);
    }
    watches.add_recursive("/services/app", 0);
    println!(
        "case=ancestors watches={count} change_ns={}",
        cost(&mut |_| tell(&mut watches, "/services/app/one/leaf", 1)),
    );
}

/// One of `count` standard watches is set and fires.
fn standard(count: usize) {
    let mut watches = Watches::new([1, 2]);
    for at in 0..count {
        watches.add_standard(Table::Data, &path(at), watcher(at));
    }
    let paths = leaves(&|at| path(at * 7_919 % count));
    let fired = cost(&mut |at| {
        tell(&mut watches, &paths[at], 1);
        watches.add_standard(Table::Data, &paths[at], watcher(at));
    });
    println!("case=standard watches={count} change_and_rearm_ns={fired}");
}

/// Connections with `count` recursive watches each go, with a million watches in all; a million
/// others stay.
fn drop_one(count: usize) {
    let mut watches = Watches::new([1, 2]);
    for at in 0..1_000_000 {
        watches.add_recursive(&path(at), watcher(at));
    }
    let leaving = (0..1_000_000_usize.div_ceil(count)).map(|at| u64::MAX - at as u64);
    let mut numbers = 0..;
    for watcher in leaving.clone() {
        for at in numbers.by_ref().take(count) {
            watches.add_recursive(&format!("{}/leaf", path(at)), watcher);
        }
    }
    let dropped = watches.watches() - 1_000_000;
    let before = processor_time();
    for watcher in leaving {
        watches.drop_watcher(watcher);
    }
    let took = processor_time() - before;
    println!(
        "case=drop watches_each={count} per_watch_ns={}",
        took.as_nanos() / dropped as u128,
    );
}

fn memory(count: usize, add: &dyn Fn(&mut Watches, &str, u64)) {
    let before = resident_bytes();
    let mut watches = Watches::new([1, 2]);
    for at in 0..count {
        add(&mut watches, &path(at), watcher(at));
    }
    report_memory(&mut watches, "own", before);
}

/// A hundred watchers on each path.
fn memory_of_shared_paths(count: usize) {
    let before = resident_bytes();
    let mut watches = Watches::new([1, 2]);
    for at in 0..count {
        watches.add_recursive(&path(at / 100), watcher(at));
    }
    report_memory(&mut watches, "shared", before);
}

fn report_memory(watches: &mut Watches, paths: &str, before: usize) {
    let bytes = resident_bytes() - before;
    let count = watches.watches();
    let before = processor_time();
    for at in 0..WATCHERS {
        watches.drop_watcher(watcher(at));
    }
    let dropping = processor_time() - before;
    assert_eq!(watches.paths(), 0, "dropped watchers leave nothing behind");
    println!(
        "case=memory paths={paths} watches={count} path_bytes={} bytes_per_watch={} \
         drop_all_ms={}",
        path(0).len(),
        bytes / count,
        dropping.as_millis(),
    );
}

fn tell(watches: &mut Watches, path: &str, expected: usize) {
    let mut told = 0;
    watches.data_changed(black_box(path), &mut |watcher, _, _| {
        black_box(watcher);
        told += 1;
    });
    assert_eq!(told, expected, "of {path}");
}

/// The median nanoseconds of one call, each with its place in a batch.
fn cost(call: &mut dyn FnMut(usize)) -> u128 {
    let mut batches: Vec<u128> = (0..BATCHES)
        .map(|batch| {
            let started = Instant::now();
            for at in 0..CHANGES_PER_BATCH {
                call(batch * CHANGES_PER_BATCH + at);
            }
            started.elapsed().as_nanos() / CHANGES_PER_BATCH as u128
        })
        .collect();
    batches.sort_unstable();
    batches[BATCHES / 2]
}

fn leaves(path: &dyn Fn(usize) -> String) -> Vec<String> {
    (0..BATCHES * CHANGES_PER_BATCH).map(path).collect()
}

fn path(at: usize) -> String {
    format!("/services/app/{:08}/{:07}", at / 100, at)
}

fn watcher(at: usize) -> u64 {
    (at % WATCHERS) as u64
}

/// What this process, which has one thread, has spent on a processor: others may use it meanwhile.
fn processor_time() -> Duration {
    let times = std::fs::read_to_string("/proc/self/schedstat").expect("Linux shows its processes");
    let spent = times
        .split(' ')
        .next()
        .expect("the first field is the time on a processor");
    Duration::from_nanos(spent.parse().expect("a number of nanoseconds"))
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux shows its processes");
    let pages = statm
        .split(' ')
        .nth(1)
        .expect("the second field is the resident set");
    pages.parse::<usize>().expect("a number of pages") * 4_096
}
