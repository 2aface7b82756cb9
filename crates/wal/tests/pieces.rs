//! A log is read in pieces: how large they are makes no difference.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]

mod support;

use support::disk::{Crash, MemDisk};
use support::model::Sink;
use support::world::{World, outline};
use wal::{Directory, File, Wal, WalConfig};

/// A disk after a life, with a few bytes of a segment changed.
fn damaged(seed: u64) -> (WalConfig, MemDisk) {
    let mut world = World::new(seed);
    world.crash_every = usize::MAX / 8;
    for _ in 0..30 + world.rng.below(60) {
        world.act();
        for _ in 0..world.rng.below(12) {
            world.run_one();
        }
    }
    let how = [Crash::PowerLost, Crash::ProcessKilled, Crash::Torn][world.rng.below(3)];
    let mut disk = world.disk.crash(how, &mut world.rng, None);
    let logs: Vec<File> = disk
        .files()
        .into_iter()
        .filter(|file| file.directory == Directory::Log && file.name.starts_with("log."))
        .collect();
    if !logs.is_empty() && !world.rng.chance(4) {
        let file = &logs[world.rng.below(logs.len())];
        let mut bytes = disk.contents(file).unwrap().to_vec();
        for _ in 0..1 + world.rng.below(3) {
            let place = world.rng.below(bytes.len());
            bytes[place] = world.rng.next() as u8;
        }
        if world.rng.chance(5) {
            bytes.truncate(world.rng.below(bytes.len()));
        }
        disk.replace(file, bytes);
    }
    (world.config, disk)
}

/// What a start finds when it reads so many bytes at once, and what it leaves on the disk.
fn start(config: &WalConfig, disk: &MemDisk, read_bytes: u32) -> String {
    let (mut disk, mut sink) = (disk.clone(), Sink::default());
    let config = WalConfig {
        read_bytes,
        ..config.clone()
    };
    let found = match Wal::recover(config, &mut disk, 0x5eed, &mut sink) {
        Ok((_, recovered)) => {
            let bodies: Vec<_> = recovered.records.iter().map(|it| &it.body).collect();
            let findings = &recovered.findings;
            format!("{} {findings:?} {bodies:?}", outline(&recovered))
        }
        Err(error) => format!("{error:?}"),
    };
    let files = disk.files();
    let left: Vec<_> = files
        .iter()
        .map(|file| (file, disk.contents(file)))
        .collect();
    format!("{found} {:?} {left:?}", sink.contents())
}

#[test]
fn a_start_finds_the_same_however_much_it_reads_at_once() {
    for seed in 0..200 {
        let (config, disk) = damaged(seed);
        let at_once = start(&config, &disk, 1 << 20);
        for read_bytes in [WalConfig::READ_BYTES_MIN, 777, 4_096] {
            assert!(
                start(&config, &disk, read_bytes) == at_once,
                "seed {seed}, {read_bytes} at once"
            );
        }
    }
}
