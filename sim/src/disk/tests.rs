use super::*;
use crate::decide::Domain;

fn file(name: &str) -> File {
    File {
        directory: Directory::Log,
        name: name.to_owned(),
    }
}

fn write(disk: &mut SimDisk, name: &str, offset: u64, bytes: &[u8]) {
    disk.run(&DiskOp::Write {
        file: file(name),
        offset,
        bytes: bytes.to_vec(),
    })
    .unwrap();
}

fn read(disk: &mut SimDisk, name: &str) -> Vec<u8> {
    disk.run(&DiskOp::Read {
        file: file(name),
        offset: 0,
        bytes_max: 1 << 20,
    })
    .unwrap()
}

fn dice(seed: u64) -> Dice {
    Dice::new(seed, Domain::Crash, 0)
}

fn with_durable(name: &str, bytes: &[u8]) -> SimDisk {
    let mut disk = SimDisk::default();
    write(&mut disk, name, 0, bytes);
    disk.run(&DiskOp::Sync { file: file(name) }).unwrap();
    disk.run(&DiskOp::SyncDirectory {
        directory: Directory::Log,
    })
    .unwrap();
    disk
}

#[test]
fn unsynced_bytes_are_visible_but_a_power_loss_drops_them() {
    let mut disk = with_durable("a", b"old");
    write(&mut disk, "a", 0, b"new");
    assert_eq!(read(&mut disk, "a"), b"new");
    assert_eq!(disk.durable_file(&file("a")), Some(&b"old"[..]));
    disk.power_lost(None, Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"old");
}

#[test]
fn a_process_crash_keeps_the_page_cache() {
    let mut disk = with_durable("a", b"old");
    write(&mut disk, "a", 0, b"new");
    disk.process_died(None, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"new");
    disk.power_lost(None, Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"old");
}

#[test]
fn a_name_is_gone_unless_its_directory_was_synced() {
    let mut disk = SimDisk::default();
    write(&mut disk, "a", 0, b"x");
    disk.run(&DiskOp::Sync { file: file("a") }).unwrap();
    disk.power_lost(None, Survival::Lost, &mut dice(1));
    assert_eq!(disk.list(), Ok(Vec::new()));
}

#[test]
fn a_removed_file_comes_back_unless_its_directory_was_synced() {
    let mut disk = with_durable("a", b"x");
    disk.run(&DiskOp::Remove { file: file("a") }).unwrap();
    assert_eq!(disk.list(), Ok(Vec::new()));
    disk.power_lost(None, Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"x");
}

#[test]
fn a_rename_moves_the_contents_and_replaces_what_was_there() {
    let mut disk = with_durable("a", b"x");
    write(&mut disk, "b", 0, b"yy");
    disk.run(&DiskOp::Rename {
        from: file("b"),
        to: file("a"),
    })
    .unwrap();
    assert_eq!(read(&mut disk, "a"), b"yy");
    disk.run(&DiskOp::Sync { file: file("a") }).unwrap();
    disk.run(&DiskOp::SyncDirectory {
        directory: Directory::Log,
    })
    .unwrap();
    disk.power_lost(None, Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"yy");
    assert_eq!(disk.list().unwrap().len(), 1);
}

#[test]
fn mixed_survival_keeps_whole_sectors_at_some_version() {
    for seed in 0..50 {
        let mut disk = with_durable("a", &[0; 4 * SECTOR]);
        write(&mut disk, "a", 0, &[1; 3 * SECTOR]);
        write(&mut disk, "a", 0, &[2; SECTOR]);
        disk.power_lost(None, Survival::Mixed, &mut dice(seed));
        let bytes = read(&mut disk, "a");
        for (index, sector) in bytes.chunks(SECTOR).enumerate() {
            assert!(sector.iter().all(|byte| *byte == sector[0]));
            let max = [2, 1, 1, 0][index];
            assert!(sector[0] <= max);
        }
    }
}

#[test]
fn a_sync_covers_only_writes_from_before_it_began() {
    let mut disk = with_durable("a", b"old");
    write(&mut disk, "a", 0, b"one");
    let covered = disk.last_write();
    write(&mut disk, "a", 0, b"two");
    disk.finish(&DiskOp::Sync { file: file("a") }, covered);
    assert_eq!(disk.durable_file(&file("a")), Some(&b"one"[..]));
}
