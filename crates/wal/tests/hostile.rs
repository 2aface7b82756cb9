//! Any bytes as any file: a result or an error, never a panic, never a wrong record.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]

mod support;

use proptest::prelude::*;
use support::disk::MemDisk;
use support::model::{Sink, txn};
use support::world::{World, config};
use wal::{Directory, File, Wal};
use zk_types::Epoch;

fn some_log() -> World {
    let mut world = World::new(1);
    world.crash_every = usize::MAX / 8;
    for epoch in 1..3 {
        world.begin_epoch();
        for at in 0..10 {
            world.append(Epoch(epoch), txn(at * 31 % 300, 3));
            world.run_all();
        }
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
    }
    world.append(Epoch(2), txn(10, 3));
    world.run_all();
    world
}

/// What is done to a file.
#[derive(Clone, Debug)]
enum Harm {
    Replaced(Vec<u8>),
    Overwritten(usize, Vec<u8>),
    Swapped(usize),
    CutTo(usize),
    Lost,
}

fn harm() -> impl Strategy<Value = Harm> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        bytes().prop_map(Harm::Replaced),
        (0usize..9000, bytes()).prop_map(|(at, bytes)| Harm::Overwritten(at, bytes)),
        (0usize..16).prop_map(Harm::Swapped),
        (0usize..9000).prop_map(Harm::CutTo),
        Just(Harm::Lost),
    ]
}

fn inflict(disk: &mut MemDisk, at: usize, harm: &Harm) {
    let files = disk.files();
    let file = &files[at % files.len()];
    let mut bytes = disk.contents(file).unwrap().to_vec();
    match harm {
        Harm::Replaced(other) => bytes = other.clone(),
        Harm::Overwritten(at, other) => {
            let at = at % bytes.len().max(1);
            let end = (at + other.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&other[..end - at]);
        }
        Harm::Swapped(other) => {
            bytes = disk.contents(&files[other % files.len()]).unwrap().to_vec();
        }
        Harm::CutTo(length) => bytes.truncate(*length),
        Harm::Lost => {
            disk.lose(file);
            return;
        }
    }
    disk.replace(file, bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_in_the_files_no_wrong_record_comes_out(
        harms in proptest::collection::vec((0usize..16, harm()), 1..4),
    ) {
        let world = some_log();
        let mut disk = world.disk.clone();
        for (at, harm) in &harms {
            inflict(&mut disk, *at, harm);
        }
        for _ in 0..2 {
            let mut sink = Sink::default();
            let result = Wal::recover(config(), &mut disk, 1, &mut sink);
            if let Ok((_, recovered)) = result {
                let base = recovered.base.as_ref().map_or(zk_types::Zxid::ZERO, |(id, _)| id.zxid);
                let last = recovered.records.last().map_or(base, |record| record.zxid);
                let mut truth = world.model.last().clone();
                truth.truncate(last);
                prop_assert!(recovered.fresh || truth.is(&recovered));
                if last < world.model.last().records.iter().rev().nth(1).unwrap().zxid {
                    let standing = recovered.promise.standing;
                    prop_assert!(standing != zk_types::Standing::Member, "{:?}", recovered.findings);
                }
            }
        }
    }

    #[test]
    fn any_bytes_as_a_segment_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut disk = MemDisk::default();
        Wal::recover(config(), &mut disk, 1, &mut Sink::default()).expect("an empty disk is fine");
        let name = "log.0000000000000001".to_string();
        disk.replace(&File { directory: Directory::Log, name }, bytes);
        let (_, recovered) = Wal::recover(config(), &mut disk, 1, &mut Sink::default()).unwrap();
        prop_assert!(recovered.records.is_empty());
    }
}
