use super::*;
use crate::decide::Stream;
use wal::Directory;

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
    Dice::new(seed, Stream::Crash, 0)
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
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"old");
}

#[test]
fn a_process_crash_keeps_the_page_cache() {
    let mut disk = with_durable("a", b"old");
    write(&mut disk, "a", 0, b"new");
    disk.process_died(&[], &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"new");
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"old");
}

#[test]
fn a_name_is_gone_unless_its_directory_was_synced() {
    let mut disk = SimDisk::default();
    write(&mut disk, "a", 0, b"x");
    disk.run(&DiskOp::Sync { file: file("a") }).unwrap();
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
    assert_eq!(disk.list(), Ok(Vec::new()));
}

#[test]
fn a_removed_file_comes_back_unless_its_directory_was_synced() {
    let mut disk = with_durable("a", b"x");
    disk.run(&DiskOp::Remove { file: file("a") }).unwrap();
    assert_eq!(disk.list(), Ok(Vec::new()));
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
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
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"yy");
    assert_eq!(disk.list().unwrap().len(), 1);
}

#[test]
fn mixed_survival_keeps_whole_sectors_at_some_version() {
    for seed in 0..50 {
        let mut disk = with_durable("a", &[0; 4 * SECTOR]);
        write(&mut disk, "a", 0, &[1; 3 * SECTOR]);
        write(&mut disk, "a", 0, &[2; SECTOR]);
        disk.power_lost(&[], Survival::Mixed, &mut dice(seed));
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

fn sync(disk: &mut SimDisk, name: &str) -> Result<(), Failure> {
    disk.run(&DiskOp::Sync { file: file(name) }).map(drop)
}

#[test]
fn after_a_failed_sync_a_later_one_succeeds_and_a_power_loss_shows_that_nothing_was_written() {
    let mut disk = with_durable("a", b"old");
    disk.set_trouble(Some(Trouble::SyncError));
    write(&mut disk, "a", 0, b"new");
    assert_eq!(sync(&mut disk, "a"), Err(Failure::Device));
    assert_eq!(sync(&mut disk, "a"), Ok(()));
    assert_eq!(read(&mut disk, "a"), b"new");
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
    assert_eq!(read(&mut disk, "a"), b"old");
    assert_eq!(disk.tally().of("failed sync"), 1);
}

#[test]
fn what_a_failed_sync_gave_up_is_durable_once_it_was_written_and_synced_again() {
    let mut disk = with_durable("a", &[1; 2 * SECTOR]);
    disk.set_trouble(Some(Trouble::SyncError));
    write(&mut disk, "a", 0, &[2; 2 * SECTOR]);
    assert_eq!(sync(&mut disk, "a"), Err(Failure::Device));
    write(&mut disk, "a", 10, &[2; 4]);
    assert_eq!(sync(&mut disk, "a"), Ok(()));
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
    let bytes = read(&mut disk, "a");
    assert!(bytes[..SECTOR].iter().all(|byte| *byte == 2));
    assert!(bytes[SECTOR..].iter().all(|byte| *byte == 1));
}

#[test]
fn sectors_that_a_failed_sync_gave_up_may_be_read_from_the_platter_again() {
    let shown = |seed| {
        let mut disk = with_durable("a", &[1; SECTOR]);
        disk.set_trouble(Some(Trouble::SyncError));
        write(&mut disk, "a", 0, &[2; SECTOR]);
        assert_eq!(sync(&mut disk, "a"), Err(Failure::Device));
        disk.process_died(&[], &mut dice(seed));
        read(&mut disk, "a")[0]
    };
    let shown: BTreeSet<u8> = (0..50).map(shown).collect();
    assert_eq!(shown, BTreeSet::from([1, 2]));
}

#[test]
fn a_short_write_leaves_its_beginning_in_the_cache() {
    let mut disk = with_durable("a", b"old!");
    disk.set_trouble(Some(Trouble::ShortWrite));
    let op = DiskOp::Write {
        file: file("a"),
        offset: 0,
        bytes: b"new?".to_vec(),
    };
    assert_eq!(disk.run(&op), Err(Failure::Device));
    assert_eq!(read(&mut disk, "a"), b"ned!");
}

#[test]
fn a_full_disk_takes_what_needs_no_space_and_nothing_else() {
    let mut disk = with_durable("a", b"old");
    disk.set_trouble(Some(Trouble::Full));
    write(&mut disk, "a", 0, b"new");
    assert_eq!(sync(&mut disk, "a"), Ok(()));
    let longer = DiskOp::Write {
        file: file("a"),
        offset: 0,
        bytes: b"longer".to_vec(),
    };
    assert_eq!(disk.run(&longer), Err(Failure::Full));
    let allocate = DiskOp::Allocate {
        file: file("b"),
        bytes: 10,
    };
    assert_eq!(disk.run(&allocate), Err(Failure::Full));
    disk.set_trouble(None);
    assert_eq!(disk.run(&longer), Ok(Vec::new()));
}

#[test]
fn space_may_be_found_missing_only_by_a_sync() {
    let mut disk = with_durable("a", b"old");
    disk.set_trouble(Some(Trouble::FullAtSync));
    write(&mut disk, "a", 0, b"new");
    assert_eq!(sync(&mut disk, "a"), Ok(()));
    write(&mut disk, "a", 0, b"longer");
    assert_eq!(sync(&mut disk, "a"), Err(Failure::Full));
}

#[test]
fn a_read_only_disk_is_read_and_one_that_is_gone_is_not() {
    let read_it = DiskOp::Read {
        file: file("a"),
        offset: 0,
        bytes_max: 10,
    };
    let mut disk = with_durable("a", b"old");
    disk.set_trouble(Some(Trouble::ReadOnly));
    assert_eq!(disk.run(&read_it), Ok(b"old".to_vec()));
    assert_eq!(sync(&mut disk, "a"), Err(Failure::ReadOnly));
    disk.set_trouble(Some(Trouble::LogGone));
    assert_eq!(disk.run(&read_it), Err(Failure::Device));
    disk.set_trouble(Some(Trouble::SnapshotsGone));
    assert_eq!(sync(&mut disk, "a"), Ok(()));
}

#[test]
fn a_file_may_be_long_before_it_holds_anything() {
    let lengths = |seed| {
        let mut disk = with_durable("a", b"");
        write(&mut disk, "a", 0, &[7; 4 * SECTOR]);
        disk.power_lost(&[], Survival::Mixed, &mut dice(seed));
        let bytes = read(&mut disk, "a");
        !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0)
    };
    assert!((0..200).any(lengths));
}

#[test]
fn a_later_name_may_survive_an_earlier_one() {
    let names = |seed| {
        let mut disk = SimDisk::default();
        write(&mut disk, "a", 0, b"x");
        write(&mut disk, "b", 0, b"y");
        disk.power_lost(&[], Survival::Mixed, &mut dice(seed));
        let files = disk.list().unwrap();
        files.into_iter().map(|(file, _)| file.name).collect()
    };
    let found: BTreeSet<Vec<String>> = (0..100).map(names).collect();
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_renamed_file_may_have_its_name_before_its_contents() {
    let contents = |seed| {
        let mut disk = with_durable("a", b"");
        write(&mut disk, "a", 0, b"new");
        disk.run(&DiskOp::Rename {
            from: file("a"),
            to: file("b"),
        })
        .unwrap();
        disk.power_lost(&[], Survival::Mixed, &mut dice(seed));
        disk.durable_file(&file("b")).map(<[u8]>::to_vec)
    };
    let found: BTreeSet<Option<Vec<u8>>> = (0..100).map(contents).collect();
    assert!(found.contains(&None));
    assert!(found.contains(&Some(Vec::new())));
    assert!(found.contains(&Some(b"new".to_vec())));
}

#[test]
fn a_sector_that_cannot_be_read_is_readable_once_it_was_written_again() {
    let mut disk = with_durable("a", &[1; 3 * SECTOR]);
    disk.make_unreadable(&file("a"), SECTOR + 7);
    let read_it = DiskOp::Read {
        file: file("a"),
        offset: 0,
        bytes_max: 3 * 512,
    };
    assert_eq!(disk.run(&read_it), Err(Failure::Device));
    write(&mut disk, "a", 512, &[2; SECTOR]);
    assert!(disk.run(&read_it).is_ok());
}

#[test]
fn a_misdirected_read_shows_another_sector_once() {
    let mut bytes = vec![1; SECTOR];
    bytes.extend([2; SECTOR]);
    let mut disk = with_durable("a", &bytes);
    disk.misread(&file("a"), 0, 1);
    assert_eq!(read(&mut disk, "a"), [2; 2 * SECTOR]);
    assert_eq!(read(&mut disk, "a"), bytes);
}

#[test]
fn a_lying_disk_shows_the_truth_only_after_a_power_loss() {
    for kind in [
        LieKind::StaleImage,
        LieKind::LyingSync,
        LieKind::PhantomWrite,
    ] {
        let mut disk = with_durable("log.1", &[1; SECTOR]);
        disk.lie(kind, 0);
        write(&mut disk, "log.1", 0, &[2; SECTOR]);
        assert_eq!(sync(&mut disk, "log.1"), Ok(()));
        assert!(disk.unveil().is_none());
        disk.power_lost(&[], Survival::Lost, &mut dice(1));
        assert_eq!(disk.durable_file(&file("log.1")), Some(&[2; SECTOR][..]));
        let mut truths = BTreeSet::new();
        for seed in 0..20 {
            let mut disk = disk.clone();
            disk.lie.as_mut().unwrap().key = seed;
            let (truth, told) = disk.unveil().unwrap();
            assert_eq!(told, kind);
            truths.insert(truth.durable_file(&file("log.1")).unwrap()[0]);
        }
        assert!(truths.contains(&1), "{kind:?}");
    }
}

#[test]
fn a_phantom_write_that_is_written_over_is_none() {
    let mut disk = with_durable("log.1", &[1; SECTOR]);
    disk.lie(LieKind::PhantomWrite, 0);
    write(&mut disk, "log.1", 0, &[2; SECTOR]);
    write(&mut disk, "log.1", 0, &[3; SECTOR]);
    sync(&mut disk, "log.1").unwrap();
    disk.power_lost(&[], Survival::Lost, &mut dice(1));
    assert!(disk.unveil().is_none());
}

#[test]
fn a_promise_counts_once_there_is_an_identity() {
    let mut disk = with_durable("promise", b"first");
    assert!(!disk.has_promise());
    write(&mut disk, "identity", 0, b"server");
    sync(&mut disk, "identity").unwrap();
    assert!(!disk.has_promise());
    disk.run(&DiskOp::SyncDirectory {
        directory: Directory::Log,
    })
    .unwrap();
    assert!(disk.has_promise());
}
