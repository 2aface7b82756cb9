//! What a log does, case by case.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]

mod support;

use std::collections::VecDeque;
use support::disk::{Crash, MemDisk};
use support::model::{Sink, State, body_of, member, txn};
use support::rng::Rng;
use support::world::{
    ME, World, config, recover, snapshot_file, snapshot_name, snapshot_written_over,
};
use wal::{
    Directory, Disk, DiskOp, DiskTask, File, Lane, RecoveryError, Settled, Ticket, Wal, WalConfig,
};
use zk_types::{Chain, Epoch, Promise, Record, RecordBody, ServerId, SnapshotId, Standing, Zxid};

/// An offset, and the bytes that are staged there.
type Part<'a> = (u64, &'a [u8]);

/// A log whose tasks are run by hand.
struct Bench {
    wal: Wal,
    disk: MemDisk,
    chain: Chain,
    zxid: Zxid,
    tasks: VecDeque<DiskTask>,
}

impl Bench {
    fn new() -> Self {
        let mut disk = MemDisk::default();
        let (wal, _, _) = recover(&config(), &mut disk);
        let mut bench = Bench {
            wal,
            disk,
            chain: Chain::default(),
            zxid: Zxid::ZERO,
            tasks: VecDeque::new(),
        };
        bench.run_all();
        bench
    }

    fn append(&mut self, ticket: u64, length: usize) {
        let first = self.zxid == Zxid::ZERO;
        self.zxid = if first {
            Zxid::marker(Epoch(1))
        } else {
            self.zxid.successor().unwrap()
        };
        let body = if first {
            RecordBody::Marker
        } else {
            txn(length, 7)
        };
        let record = Record::new(self.chain, self.zxid, Zxid::ZERO, body);
        self.chain = record.chain;
        self.wal.append(Ticket(ticket), &record);
    }

    fn gather(&mut self) {
        self.tasks
            .extend(std::iter::from_fn(|| self.wal.poll_task()));
    }

    fn run_one(&mut self) -> Option<DiskOp> {
        self.gather();
        let task = self.tasks.pop_front()?;
        let bytes = self.disk.run(&task.op).unwrap();
        if let Some(id) = task.id {
            self.wal.on_done(id, bytes);
        }
        Some(task.op)
    }

    fn run_all(&mut self) -> Vec<DiskOp> {
        std::iter::from_fn(|| self.run_one()).collect()
    }

    fn settled(&mut self) -> Vec<Settled> {
        std::iter::from_fn(|| self.wal.poll_settled()).collect()
    }
}

fn written(tickets: impl IntoIterator<Item = u64>) -> Vec<Settled> {
    tickets
        .into_iter()
        .map(|ticket| Settled::Written(Ticket(ticket)))
        .collect()
}

#[test]
fn a_batch_is_one_write_and_one_sync_and_settles_with_the_sync() {
    let mut bench = Bench::new();
    bench.append(1, 0);
    bench.wal.flush();
    bench.run_all();
    bench.settled();
    for ticket in 2..8 {
        bench.append(ticket, 50);
    }
    bench.gather();
    assert!(bench.tasks.is_empty(), "nothing goes out before the flush");
    bench.wal.flush();
    bench.gather();
    let ops: Vec<_> = bench
        .tasks
        .iter()
        .map(|task| (task.lane, &task.op))
        .collect();
    assert!(matches!(
        ops.as_slice(),
        [
            (Lane::Log, DiskOp::Write { .. }),
            (Lane::Log, DiskOp::Sync { .. })
        ]
    ));
    bench.run_one();
    assert_eq!(bench.settled(), [], "written is not durable");
    bench.run_one();
    assert_eq!(bench.settled(), written([7]), "the last one stands for all");
}

#[test]
fn what_comes_while_a_batch_is_in_flight_goes_out_together_when_it_is_durable() {
    let mut bench = Bench::new();
    bench.append(1, 0);
    bench.wal.flush();
    bench.run_all();
    bench.append(2, 10);
    bench.wal.flush();
    bench.gather();
    let in_flight = bench.tasks.len();
    for ticket in 3..6 {
        bench.append(ticket, 10);
        bench.wal.flush();
    }
    bench.gather();
    assert_eq!(bench.tasks.len(), in_flight, "one batch at a time");
    bench.settled();
    bench.run_one();
    bench.run_one();
    assert_eq!(bench.settled(), written([2]));
    assert_eq!(bench.run_all().len(), 2);
    assert_eq!(bench.settled(), written([5]));
}

#[test]
fn a_batch_is_bounded_and_a_long_record_is_alone() {
    let mut bench = Bench::new();
    bench.append(1, 0);
    for ticket in 2..6 {
        bench.append(ticket, 1000);
    }
    bench.wal.flush();
    let ops = bench.run_all();
    let writes = ops.iter().filter_map(|op| {
        if let DiskOp::Write { file, bytes, .. } = op
            && file.name.starts_with("log.")
        {
            return Some(bytes.len());
        }
        None
    });
    let lengths: Vec<_> = writes.filter(|length| *length > 64).collect();
    assert!(lengths.iter().all(|length| *length <= 1500), "{lengths:?}");
    assert_eq!(bench.settled().last(), written([5]).last());
}

#[test]
fn a_record_longer_than_a_segment_gets_one_of_its_own_size() {
    let mut bench = Bench::new();
    bench.wal.write_promise(Ticket(0), member(1));
    for (ticket, length) in [(1, 0), (2, 10), (3, 9000), (4, 10), (5, 20_000), (6, 10)] {
        bench.append(ticket, length);
        bench.wal.flush();
        bench.run_all();
    }
    assert_eq!(bench.settled(), written(0..7));
    let (_, recovered, _) = recover(&config(), &mut bench.disk);
    assert_eq!(recovered.records.len(), 6);
    assert_eq!(recovered.findings, []);
}

#[test]
fn an_append_waits_for_the_next_segment_rather_than_grow_this_one() {
    let mut disk = MemDisk::default();
    let (wal, _, _) = recover(&config(), &mut disk);
    let (chain, zxid, tasks) = (Chain::default(), Zxid::ZERO, VecDeque::new());
    let mut bench = Bench {
        wal,
        disk,
        chain,
        zxid,
        tasks,
    };
    bench.append(1, 0);
    assert!(!bench.wal.waits_for_background(), "nobody wants it written");
    bench.wal.flush();
    bench.gather();
    assert!(bench.tasks.iter().all(|task| task.lane == Lane::Background));
    assert!(bench.wal.waits_for_background());
    bench.run_all();
    assert_eq!(bench.settled(), written([1]));
    assert!(!bench.wal.waits_for_background());
    bench.append(2, 0);
    bench.wal.flush();
    bench.append(3, 0);
    bench.wal.flush();
    assert!(!bench.wal.waits_for_background(), "it waits for the log");
}

#[test]
fn segments_are_written_again_when_snapshots_make_them_useless() {
    let mut world = World::new(5);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    let mut generations = 0;
    for _ in 0..12 {
        for _ in 0..14 {
            world.append(Epoch(1), txn(300, 1));
        }
        world.run_all();
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
        let names = world.disk.files();
        let logs = names.iter().filter(|file| file.directory == Directory::Log);
        assert!(logs.count() <= 3 + 4 + 6, "{names:?}");
        let last = names
            .iter()
            .filter_map(|file| file.name.strip_prefix("log."));
        generations = last
            .map(|name| u64::from_str_radix(name, 16).unwrap())
            .max()
            .unwrap();
        let snapshots = names
            .iter()
            .filter(|file| file.directory == Directory::Data);
        let to_be_written_over = 1;
        assert!(snapshots.count() <= 2 + to_be_written_over);
    }
    assert!(generations > 12);
    assert!(
        world.allocations <= 10,
        "{} segments were zero-filled",
        world.allocations
    );
    world.restart(Crash::PowerLost);
}

#[test]
fn a_promise_settles_when_both_copies_are_durable() {
    let mut bench = Bench::new();
    bench.wal.write_promise(Ticket(9), member(4));
    bench.wal.flush();
    for _ in 0..4 {
        assert_eq!(bench.settled(), [], "not durable twice yet");
        let image = bench.disk.crash(Crash::Torn, &mut Rng::new(3), None);
        let (_, recovered, _) = recover(&config(), &mut image.clone());
        assert!([Epoch(0), Epoch(4)].contains(&recovered.promise.accepted));
        assert_ne!(recovered.promise.standing, Standing::Amnesiac);
        bench.run_one();
    }
    assert_eq!(bench.settled(), written([9]));
    for slot in [0, 4096] {
        let mut disk = bench.disk.clone();
        let file = File {
            directory: Directory::Log,
            name: "promise".into(),
        };
        let mut bytes = disk.contents(&file).unwrap().to_vec();
        bytes[slot + 20] ^= 1;
        disk.replace(&file, bytes);
        assert_eq!(recover(&config(), &mut disk).1.promise, member(4));
    }
}

#[test]
fn a_crash_anywhere_in_the_first_start_leaves_a_directory_that_can_be_started() {
    let mut rng = Rng::new(11);
    for ops in 0.. {
        for how in [
            Crash::PowerLost,
            Crash::ProcessKilled,
            Crash::Torn,
            Crash::Torn,
        ] {
            let mut disk = MemDisk::default();
            disk.ops_left = Some(ops);
            let done = Wal::recover(config(), &mut disk, 1, &mut Sink::default()).is_ok();
            let mut disk = disk.crash(how, &mut rng, None);
            let (_, recovered) = Wal::recover(config(), &mut disk, 2, &mut Sink::default())
                .expect("a first start can be made again");
            let fresh = Promise {
                accepted: Epoch(0),
                standing: Standing::Fresh,
            };
            assert_eq!(recovered.promise, fresh);
            assert!(!done || (recovered.identity.storage_id == 1 && !recovered.fresh));
            if done && how == Crash::Torn {
                return;
            }
        }
    }
}

#[test]
fn the_data_of_another_server_is_refused_with_a_sentence() {
    let mut bench = Bench::new();
    let other = WalConfig {
        me: ServerId(9),
        ..config()
    };
    let error = Wal::recover(other, &mut bench.disk, 1, &mut Sink::default()).unwrap_err();
    assert_eq!(
        error,
        RecoveryError::OtherServer {
            found: ME,
            me: ServerId(9)
        }
    );
    let identity = File {
        directory: Directory::Log,
        name: "identity".into(),
    };
    bench.disk.replace(&identity, vec![0; 8192]);
    let error = Wal::recover(config(), &mut bench.disk, 1, &mut Sink::default()).unwrap_err();
    assert_eq!(
        error,
        RecoveryError::IdentityDamaged {
            file: identity.clone()
        }
    );
    bench.disk.lose(&identity);
    let error = Wal::recover(config(), &mut bench.disk, 1, &mut Sink::default()).unwrap_err();
    assert!(matches!(error, RecoveryError::IdentityMissing { .. }));
}

#[test]
fn a_snapshot_that_is_not_what_was_announced_is_not_installed() {
    let leader = leader();
    let (id, meta, bytes) = snapshot_file(&leader);
    let wrong = SnapshotId {
        checksum: id.checksum ^ 1,
        ..id
    };
    let mut flipped = bytes.clone();
    flipped[100] ^= 1;
    let attempts: [(&[Part<'_>], SnapshotId); 7] = [
        (&[], id),
        (&[(0, &bytes)], wrong),
        (&[(0, &flipped)], id),
        (&[(0, &bytes[..50]), (51, &bytes[51..])], id),
        (&[(0, &bytes[..50]), (60, &bytes[50..])], id),
        (&[(0, &bytes[..50])], id),
        (&[(0, &bytes), (bytes.len() as u64, b"more")], id),
    ];
    let mut bench = Bench::new();
    bench.append(1, 0);
    for (parts, announced) in attempts {
        for (offset, part) in parts {
            bench.wal.stage(announced, *offset, part);
        }
        bench.wal.install(Ticket(2), announced, &meta);
        assert_eq!(bench.settled(), [Settled::InstallFailed(Ticket(2))]);
    }
    bench.append(3, 5);
    bench.wal.flush();
    bench.run_all();
    assert_eq!(bench.settled(), written([3]));
    let names = bench.disk.files();
    assert!(
        names.iter().all(|file| file.directory == Directory::Log),
        "{names:?}"
    );
}

#[test]
fn an_install_replaces_the_log_and_what_is_appended_meanwhile_follows_it() {
    let leader = leader();
    let (id, meta, bytes) = snapshot_file(&leader);
    let mut bench = Bench::new();
    bench.append(1, 0);
    bench.wal.write_promise(Ticket(2), member(5));
    bench.wal.stage(id, 0, &bytes[..30]);
    bench.wal.stage(id, 0, &bytes);
    bench.wal.install(Ticket(3), id, &meta);
    (bench.zxid, bench.chain) = (meta.zxid, meta.chain);
    bench.append(4, 10);
    bench.wal.flush();
    bench.run_all();
    let installed = Settled::Installed(Ticket(3));
    let expected = [
        Settled::Written(Ticket(1)),
        Settled::Written(Ticket(2)),
        installed,
    ];
    assert_eq!(bench.settled(), [&expected[..], &written([4])].concat());
    assert_eq!(bench.wal.newest_snapshot(), Some((id, &meta)));
    let (_, recovered, sink) = recover(&config(), &mut bench.disk);
    assert_eq!(recovered.base, Some((id, meta.clone())));
    assert_eq!(sink.contents(), Some(body_of(&meta)));
    assert_eq!(recovered.records.len(), 1);
    assert_eq!(recovered.promise, member(5));
}

#[test]
fn an_own_snapshot_from_before_an_install_never_counts() {
    let leader = leader();
    let (id, meta, bytes) = snapshot_file(&leader);
    let mut bench = Bench::new();
    bench.append(1, 0);
    bench.wal.write_promise(Ticket(2), member(5));
    bench.wal.flush();
    bench.run_all();
    let mut own = State::empty().base;
    own.segments.push(bench.zxid);
    (own.zxid, own.chain) = (bench.zxid, bench.chain);
    bench.wal.stage(id, 0, &bytes);
    bench.wal.install(Ticket(3), id, &meta);
    bench.wal.begin_snapshot(own);
    bench.wal.flush();
    bench.run_all();
    bench.wal.finish_snapshot();
    bench.run_all();
    assert_eq!(bench.wal.newest_snapshot(), Some((id, &meta)));
    assert!(
        !bench
            .settled()
            .iter()
            .any(|settled| matches!(settled, Settled::SnapshotTaken { .. }))
    );
    let data = bench
        .disk
        .files()
        .into_iter()
        .filter(|file| file.directory == Directory::Data);
    assert_eq!(
        data.collect::<Vec<_>>(),
        [snapshot_name(id), snapshot_written_over()]
    );
}

#[test]
fn a_snapshot_is_written_over_one_that_is_needed_no_more_and_ends_where_it_ends() {
    let mut world = World::new(3);
    world.crash_every = 3;
    world.begin_epoch();
    let (mut cut, mut grown) = (0, 0);
    for _ in 0..12 {
        for _ in 0..3 {
            world.append(Epoch(1), txn(60, 1));
        }
        world.run_all();
        let length = |world: &World, file: &File| world.disk.contents(file).map(<[u8]>::len);
        let before = length(&world, &snapshot_written_over());
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
        let (id, _) = world.wal.newest_snapshot().unwrap();
        assert_eq!(
            length(&world, &snapshot_name(id)).unwrap() as u64,
            id.bytes,
            "nothing of what it was written over is behind it"
        );
        if let Some(before) = before {
            cut += usize::from(before as u64 > id.bytes);
            grown += usize::from(id.bytes > before as u64);
        }
    }
    assert!(cut > 2 && grown > 2, "{cut} and {grown}");
    world.restart(Crash::Torn);
}

#[test]
fn a_snapshot_of_a_leader_is_written_over_what_the_next_own_one_would_be() {
    let mut world = World::new(4);
    world.crash_every = 3;
    world.begin_epoch();
    for _ in 0..4 {
        world.append(Epoch(1), txn(60, 1));
        world.run_all();
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
    }
    let is_there = |world: &World, name: &str| {
        let files = world.disk.files();
        files.iter().any(|file| file.name == name)
    };
    assert!(is_there(&world, "snapshot.tmp"));
    world.promise(5);
    world.run_all();
    world.install(&leader());
    world.wal.flush();
    let mut staged = 0;
    while world.run_one() {
        let is_staged = is_there(&world, "staged.tmp");
        assert!(!is_staged || !is_there(&world, "snapshot.tmp"));
        staged += usize::from(is_staged);
    }
    assert!(staged > 1);
    world.takes_what_it_says();
    world.restart(Crash::Torn);
}

#[test]
fn a_snapshot_that_somebody_removed_is_not_missed_when_it_is_not_needed_any_more() {
    let mut world = World::new(4);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    for round in 0..6 {
        world.append(Epoch(1), txn(60, 1));
        world.run_all();
        if round == 3 {
            let oldest = world.disk.files().into_iter().find(|file| {
                file.directory == Directory::Data && file.name.starts_with("snapshot.0")
            });
            world.disk.lose(&oldest.expect("two are kept"));
        }
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
    }
    world.restart(Crash::PowerLost);
}

#[test]
fn a_snapshot_that_is_gone_reads_as_nothing_and_the_backlog_is_told() {
    let mut world = World::new(2);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    world.run_all();
    let tail = world.model.last().tail().0;
    world.take_snapshot(tail);
    assert!(world.wal.snapshot_backlog_bytes() > 40);
    world.run_all();
    assert_eq!(world.wal.snapshot_backlog_bytes(), 0);
    assert_eq!(world.wal.log_bytes_since_snapshot(), 0);
    let (id, _) = world.wal.newest_snapshot().unwrap();
    let gone = SnapshotId { checksum: 0, ..id };
    world.wal.read_snapshot(Ticket(77), gone, 0, 100);
    let expected = Settled::Read {
        ticket: Ticket(77),
        bytes: Vec::new(),
    };
    assert_eq!(world.wal.poll_settled(), Some(expected));
    assert_eq!(world.wal.directory_bytes(), (2 * 4096 + 3 * 8192, id.bytes));
}

#[test]
fn what_a_restart_with_other_sizes_finds_is_the_same() {
    let mut world = World::new(4);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    for _ in 0..60 {
        world.append(Epoch(1), txn(200, 1));
    }
    world.run_all();
    for segment_bytes in [8192, 5000, 65_536] {
        world.config.segment_bytes = segment_bytes;
        world.restart(Crash::PowerLost);
        for _ in 0..60 {
            world.append(Epoch(1), txn(200, 1));
        }
        world.run_all();
    }
    assert_eq!(world.model.last().records.len(), 241);
    world.restart(Crash::PowerLost);
}

#[test]
fn nothing_is_written_of_a_snapshot_behind_a_flaw() {
    let (id, _, bytes) = snapshot_file(&leader());
    let mut bench = Bench::new();
    bench.wal.stage(id, 0, &bytes[..50]);
    bench.wal.stage(id, 60, &bytes[60..]);
    bench.wal.stage(id, bytes.len() as u64, b"more");
    assert_eq!(bench.wal.snapshot_backlog_bytes(), 50);
    let is_write = |op: &DiskOp| matches!(op, DiskOp::Write { .. });
    assert_eq!(bench.run_all().into_iter().filter(is_write).count(), 1);
    assert_eq!(bench.wal.snapshot_backlog_bytes(), 0);
}

/// Writes of nothing but zeros over part of a segment.
fn blanks(ops: &[DiskOp]) -> usize {
    let is_blank = |op: &&DiskOp| {
        matches!(op, DiskOp::Write { file, bytes, .. }
            if file.name.starts_with("log.") && bytes.iter().all(|byte| *byte == 0))
    };
    ops.iter().filter(is_blank).count()
}

#[test]
fn what_a_cut_left_in_a_segment_is_gone_when_the_log_leaves_it() {
    for cuts in [0, 1] {
        let mut bench = Bench::new();
        bench.append(1, 0);
        bench.append(2, 100);
        let (zxid, chain) = (bench.zxid, bench.chain);
        bench.append(3, 1000);
        bench.wal.flush();
        bench.run_all();
        if cuts > 0 {
            bench.wal.truncate(Ticket(4), zxid);
            (bench.zxid, bench.chain) = (zxid, chain);
        }
        for ticket in 5..9 {
            bench.append(ticket, 1000);
        }
        bench.wal.flush();
        assert_eq!(blanks(&bench.run_all()), cuts);
    }
}

#[test]
fn segments_that_a_cut_takes_away_are_gone_with_the_cut() {
    let mut bench = Bench::new();
    bench.append(1, 0);
    let zxid = bench.zxid;
    for ticket in 2..9 {
        bench.append(ticket, 1000);
    }
    bench.wal.flush();
    bench.run_all();
    bench.wal.truncate(Ticket(9), zxid);
    bench.wal.flush();
    let ops = bench.run_all();
    let is_retired =
        |op: &DiskOp| matches!(op, DiskOp::Rename { to, .. } if to.name.starts_with("spare"));
    let last = ops.iter().rposition(is_retired).unwrap();
    let directory = Directory::Log;
    assert_eq!(ops[last + 1], DiskOp::SyncDirectory { directory });
}

fn leader() -> State {
    let mut leader = State::empty();
    for epoch in [1, 4] {
        leader
            .records
            .push(leader.next(Epoch(epoch), RecordBody::Marker));
        leader.records.push(leader.next(Epoch(epoch), txn(20, 2)));
    }
    leader
}
