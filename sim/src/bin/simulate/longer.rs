//! What takes too long to be measured with the score: the command that measures it leaves what it
//! found, and of which revision.

use crate::pictures::commit;
use crate::score::Row;
use crate::worlds::kept;
use serde::{Deserialize, Serialize};
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

/// A goal whose measure is left in a file.
struct Longer {
    /// Of its file.
    name: &'static str,
    goal: &'static str,
    wanted: &'static str,
    /// The command that measures it.
    command: &'static str,
}

const LONGER: [Longer; 4] = [
    Longer {
        name: "mutants",
        goal: "mutants killed within 1 000 swarm seeds",
        wanted: "95 % of at least 60",
        command: "mutants",
    },
    Longer {
        name: "shrunk",
        goal: "killed mutants shrunk, at the median",
        wanted: "10 ops, 15 deviations, 60 s",
        command: "mutants --shrink 60",
    },
    Longer {
        name: "coverage",
        goal: "lines of zab-core, wal, session, watch reached",
        wanted: "95 % of each",
        command: "coverage",
    },
    Longer {
        name: CLEAN,
        goal: "clean seeds in one go",
        wanted: "200000",
        command: "--seeds 0..200000",
    },
];

const CLEAN: &str = "clean";
/// Fewer worlds are not worth being remembered.
const CLEAN_MIN: u64 = 10_000;
const CLEAN_WANTED: u64 = 200_000;

/// What a command found.
#[derive(Serialize, Deserialize)]
struct Left {
    measured: String,
    ok: bool,
    commit: String,
}

/// The goals whose measures are read from files.
pub(crate) fn rows() -> Vec<Row> {
    LONGER.iter().map(row).collect()
}

fn row(longer: &Longer) -> Row {
    let left = fs::read(file(longer.name)).ok();
    let left: Option<Left> = left.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (measured, ok) = match left {
        Some(left) => (format!("{}, at {}", left.measured, left.commit), left.ok),
        None => {
            let words = format!("not yet: cargo xtask simulate {}", longer.command);
            (words, false)
        }
    };
    Row {
        goal: longer.goal,
        wanted: longer.wanted,
        measured,
        ok,
    }
}

/// Remembers that these worlds passed in one go, if they are many.
pub(crate) fn remember_clean(seeds: &Range<u64>, how: &str) -> Result<(), String> {
    let worlds = seeds.end - seeds.start;
    if worlds < CLEAN_MIN {
        return Ok(());
    }
    let left = Left {
        measured: format!("{worlds}, from {} on, {how}", seeds.start),
        ok: worlds >= CLEAN_WANTED,
        commit: commit(),
    };
    let text = serde_json::to_string(&left).expect("words are JSON");
    let file = file(CLEAN);
    let folder = file.parent().expect("it is in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}

fn file(name: &str) -> PathBuf {
    kept().join("score").join(format!("{name}.json"))
}
