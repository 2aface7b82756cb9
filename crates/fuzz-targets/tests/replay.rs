//! Every target withstands what was kept, what is random, and what was valid before it was damaged.

use fuzz_targets::{TARGETS, Target};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use std::fs;
use std::path::Path;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn kept_inputs_break_nothing() {
    for target in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target.name);
        let mut kept: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        kept.sort();
        assert!(!kept.is_empty(), "{} has a corpus", target.name);
        for path in kept {
            run(
                target,
                &fs::read(&path).unwrap(),
                &path.display().to_string(),
            );
        }
    }
}

#[test]
fn seeds_break_nothing() {
    for target in TARGETS {
        run(target, &[], "the empty input");
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has seeds", target.name);
        for seed in seeds {
            run(target, &seed, &format!("{seed:?}"));
        }
    }
}

#[test]
fn random_bytes_break_nothing() {
    let byte = prop_oneof![Just(0u8), Just(0xff), 0..16u8, any::<u8>()];
    for target in TARGETS {
        TestRunner::new(config(128))
            .run(&vec(byte.clone(), 0..300), |bytes| {
                (target.run)(&bytes);
                Ok(())
            })
            .unwrap_or_else(|failure| panic!("{}: {failure}", target.name));
    }
}

#[test]
fn damaged_seeds_break_nothing() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        let input = (any::<Index>(), vec(damage(), 1..6), any::<Index>());
        TestRunner::new(config(512))
            .run(&input, |(seed, damages, other)| {
                let mut bytes = seed.get(&seeds).clone();
                for damage in &damages {
                    damage.apply(&mut bytes, other.get::<Vec<u8>>(&seeds));
                }
                (target.run)(&bytes);
                Ok(())
            })
            .unwrap_or_else(|failure| panic!("{}: {failure}", target.name));
    }
}

#[derive(Clone, Debug)]
enum Damage {
    Replace(Index, u8),
    Word(Index, i32),
    Insert(Index, u8),
    Remove(Index, usize),
    Cut(Index),
    Repeat(Index, usize),
    Splice(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let word = prop_oneof![
        -3..20i32,
        Just(i32::MAX),
        Just(i32::MIN),
        Just(1 << 20),
        Just(1 << 30),
        any::<i32>(),
    ];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, with)| Damage::Replace(at, with)),
        (any::<Index>(), word).prop_map(|(at, with)| Damage::Word(at, with)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, with)| Damage::Insert(at, with)),
        (any::<Index>(), 1..9usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), 1..17usize).prop_map(|(at, count)| Damage::Repeat(at, count)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, from)| Damage::Splice(at, from)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>, other: &[u8]) {
        let length = bytes.len();
        let place = |at: &Index| at.index(length + 1);
        match self {
            Damage::Replace(at, with) => bytes
                .splice(clamped(place(at), 1, length), [*with])
                .for_each(drop),
            Damage::Word(at, with) => {
                bytes
                    .splice(clamped(place(at), 4, length), with.to_be_bytes())
                    .for_each(drop);
            }
            Damage::Insert(at, with) => bytes.insert(place(at), *with),
            Damage::Remove(at, count) => bytes
                .drain(clamped(place(at), *count, length))
                .for_each(drop),
            Damage::Cut(at) => bytes.truncate(place(at)),
            Damage::Repeat(at, count) => {
                let range = clamped(place(at), *count, length);
                bytes.extend_from_within(range);
            }
            Damage::Splice(at, from) => {
                bytes.truncate(place(at));
                bytes.extend(&other[from.index(other.len() + 1)..]);
            }
        }
    }
}

fn clamped(start: usize, count: usize, length: usize) -> std::ops::Range<usize> {
    start..(start + count).min(length)
}

/// Runs a target so that a panic names the input.
fn run(target: &Target, bytes: &[u8], input: &str) {
    if std::panic::catch_unwind(|| (target.run)(bytes)).is_err() {
        panic!("{} breaks on {input}", target.name);
    }
}
