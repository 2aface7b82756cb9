use crate::entry::Entry;
use crate::files::{HEAD_BYTES, Head, part_name};
use crate::{Ending, Recorded, Recorder, ReplayError, Replayed, replay};
use replica::{Config, ConnId, Facts, FourLetterWords, Input, Output};
use replica::{ReaperRules, ReconfigRules, SessionRules};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use wal::{Disk, DiskOp, DiskTask, File};
use zk_types::{Instant, ServerId, WallTime};

#[test]
fn what_was_recorded_replays_without_a_difference() {
    let replayed = replay_of(&recorded_run()).unwrap();
    assert_eq!(replayed.difference, None);
    assert_eq!(replayed.ending, Ending::ServerEnded);
    assert!(
        replayed.inputs > 20 && replayed.outputs > 10,
        "{replayed:?}"
    );
    assert_eq!(replayed.version, "a version");
}

#[test]
fn the_first_output_that_differs_is_named_with_its_input() {
    let mut entries = recorded_run();
    let mut changed = None;
    let mut input = 0;
    let mut output = 0;
    edit(&mut entries, |entry| match entry {
        Entry::Input { .. } => {
            input += 1;
            output = 0;
        }
        Entry::Output(seen) => {
            output += 1;
            if input > 10 && changed.is_none() {
                seen.hash ^= 1;
                changed = Some((input, output));
            }
        }
        Entry::Begin { .. }
        | Entry::Listed { .. }
        | Entry::Ran { .. }
        | Entry::DiskFailed { .. }
        | Entry::Chain(_)
        | Entry::End(_) => {}
    });
    let difference = replay_of(&entries).unwrap().difference.unwrap();
    assert_eq!((difference.input, difference.output), changed.unwrap());
    assert!(!difference.told.is_empty());
}

#[test]
fn a_server_that_behaves_otherwise_than_the_recorded_one_is_noticed() {
    let mut entries = recorded_run();
    let mut conf_asked = Vec::new();
    let mut input = 0;
    edit(&mut entries, |entry| {
        if let Entry::Begin { config, .. } = entry {
            // Such a server answers `conf` otherwise once it serves, and all else alike.
            config.connections_per_ip_max = 1_000;
        } else if let Entry::Input { told, .. } = entry {
            input += 1;
            let asks = matches!(told.input(), Input::ClientBytes { bytes, .. } if bytes == b"conf");
            if asks {
                conf_asked.push(input);
            }
        }
    });
    let difference = replay_of(&entries).unwrap().difference.unwrap();
    assert!(conf_asked.contains(&difference.input), "{difference:?}");
    assert_ne!(difference.recorded, difference.replayed);
}

#[test]
fn an_output_more_or_fewer_than_recorded_is_a_difference() {
    for drops in [true, false] {
        let entries = recorded_run();
        let mut kept = Vec::new();
        let mut outputs = 0;
        for_each(&entries, |entry, bytes| {
            let is_output = matches!(entry, Entry::Output(_));
            outputs += u32::from(is_output);
            let times = match (is_output && outputs == 5, drops) {
                (true, true) => 0,
                (true, false) => 2,
                (false, _) => 1,
            };
            (0..times).for_each(|_| kept.extend_from_slice(bytes));
        });
        assert!(replay_of(&kept).unwrap().difference.is_some());
    }
}

#[test]
fn a_recovery_that_asks_the_disk_for_something_else_is_a_difference() {
    let mut entries = recorded_run();
    edit(&mut entries, |entry| {
        if let Entry::Ran { op, .. } = entry {
            *op ^= 1;
        }
    });
    let difference = replay_of(&entries).unwrap().difference.unwrap();
    assert_eq!(difference.input, 0);
}

#[test]
fn a_frame_cut_off_at_the_end_is_what_a_killed_server_leaves() {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run-000001");
    fs::create_dir(&run).unwrap();
    let entries = recorded_run();
    let mut bytes = frame(0, &entries);
    let whole = bytes.len();
    bytes.extend(frame(1, &entries));
    for length in [whole, whole + 1, whole + HEAD_BYTES, bytes.len() - 1] {
        fs::write(run.join(part_name(1)), &bytes[..length]).unwrap();
        let replayed = replay(&run).unwrap();
        assert_eq!(replayed.difference, None, "{length}");
    }
    fs::write(run.join(part_name(1)), &bytes[..whole - 1]).unwrap();
    assert!(matches!(replay(&run), Err(ReplayError::NoBeginning)));
}

/// The entries of a server that is asked words and restarts nothing.
fn recorded_run() -> Vec<u8> {
    let (recorder, pending) = Recorder::new();
    let mut disk = Memory::default();
    let (now, wall) = times(0);
    let mut replica = Recorded::start(config(), &mut disk, now, wall, Some(recorder)).unwrap();
    let mut done = VecDeque::new();
    obey(&mut replica, &mut disk, &mut done);
    for step in 1..40 {
        let (now, wall) = times(step);
        let conn = ConnId(step);
        let words: &[u8] = if step % 2 == 0 { b"ruok" } else { b"conf" };
        let inputs = [
            Input::ClientConnected {
                conn,
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                port: 1,
            },
            Input::ClientBytes { conn, bytes: words },
            Input::Timeout,
            Input::BatchEnd,
        ];
        for input in inputs {
            replica.handle(now, wall, input);
            obey(&mut replica, &mut disk, &mut done);
        }
        while let Some((id, bytes)) = done.pop_front() {
            replica.handle(now, wall, Input::DiskDone { id, bytes });
            obey(&mut replica, &mut disk, &mut done);
        }
    }
    // What is handed over when it ends waits for nobody here.
    let taken = std::thread::spawn(move || pending.take_all());
    drop(replica);
    taken.join().unwrap()
}

fn obey(replica: &mut Recorded, disk: &mut Memory, done: &mut VecDeque<(wal::TaskId, Vec<u8>)>) {
    while let Some(output) = replica.poll_output() {
        if let Output::Disk(DiskTask { op, id, .. }) = output {
            let Ok(bytes) = disk.run(&op);
            done.extend(id.map(|id| (id, bytes)));
        }
    }
}

fn times(step: u64) -> (Instant, WallTime) {
    let wall = i64::try_from(step).unwrap() * 40;
    (Instant::from_micros(step * 50_000), WallTime(wall))
}

/// Writes entries as a run and replays it.
fn replay_of(entries: &[u8]) -> Result<Replayed, ReplayError> {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(part_name(1)), frame(0, entries)).unwrap();
    replay(home.path())
}

fn frame(number: u64, entries: &[u8]) -> Vec<u8> {
    let head = Head {
        number,
        bytes: entries.len() as u64,
        checksum: crc32fast::hash(entries),
    };
    [&head.encode()[..], entries].concat()
}

fn for_each<'a>(mut entries: &'a [u8], mut see: impl FnMut(Entry<'a>, &'a [u8])) {
    while !entries.is_empty() {
        let (entry, rest) = postcard::take_from_bytes(entries).unwrap();
        see(entry, &entries[..entries.len() - rest.len()]);
        entries = rest;
    }
}

fn edit(entries: &mut Vec<u8>, mut change: impl FnMut(&mut Entry<'_>)) {
    let mut edited = Vec::new();
    for_each(entries, |mut entry, _| {
        change(&mut entry);
        edited.extend(postcard::to_allocvec(&entry).unwrap());
    });
    *entries = edited;
}

/// A disk of which nothing is ever lost.
#[derive(Default)]
struct Memory(BTreeMap<File, Vec<u8>>);

impl Disk for Memory {
    type Error = Infallible;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Infallible> {
        let files = self.0.iter();
        Ok(files
            .map(|(file, bytes)| (file.clone(), bytes.len() as u64))
            .collect())
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Infallible> {
        match op {
            DiskOp::Allocate { file, bytes } => {
                let zeros = vec![0; usize::try_from(*bytes).unwrap()];
                self.0.insert(file.clone(), zeros);
            }
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => {
                let old = self.0.entry(file.clone()).or_default();
                let from = usize::try_from(*offset).unwrap();
                let length = old.len().max(from + bytes.len());
                old.resize(length, 0);
                old[from..from + bytes.len()].copy_from_slice(bytes);
            }
            DiskOp::Truncate { file, bytes } => {
                let length = usize::try_from(*bytes).unwrap();
                self.0.get_mut(file).unwrap().truncate(length);
            }
            DiskOp::Rename { from, to } | DiskOp::Recycle { from, to } => {
                if let Some(bytes) = self.0.remove(from) {
                    self.0.insert(to.clone(), bytes);
                }
            }
            DiskOp::Remove { file } => drop(self.0.remove(file)),
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                let bytes = self.0.get(file).map_or(&[][..], Vec::as_slice);
                let from = usize::try_from(*offset).unwrap().min(bytes.len());
                let most = usize::try_from(*bytes_max).unwrap();
                let rest = &bytes[from..];
                return Ok(rest[..most.min(rest.len())].to_vec());
            }
            DiskOp::Sync { .. } | DiskOp::SyncDirectory { .. } => {}
        }
        Ok(Vec::new())
    }
}

fn config() -> Config {
    Config {
        me: ServerId(1),
        members: Vec::new(),
        tick: Duration::from_millis(500),
        init_limit: 10,
        sync_limit: 5,
        session_timeout_min: Duration::from_secs(1),
        session_timeout_max: Duration::from_secs(30),
        connections_per_ip_max: 0,
        connections_max: 0,
        outstanding_max: 1_000,
        frame_bytes_max: 0xf_ffff,
        snapshot_txns: 100_000,
        snapshot_nodes_per_txn: 0,
        fetch_nodes_min: 0,
        snapshot_log_bytes: 64 << 20,
        snapshots_kept: 3,
        segment_bytes: 1 << 20,
        window_bytes_max: 16 << 20,
        backlog_bytes_max: 16 << 20,
        chunk_bytes: 256 << 10,
        counter_max: u32::MAX - 65_536,
        four_letter_words: FourLetterWords::All,
        extended_types: false,
        enforce_quota: false,
        skip_acl: false,
        sessions: SessionRules::default(),
        reaper: ReaperRules::default(),
        reconfig: ReconfigRules::default(),
        auth: replica::auth::AuthRules::default(),
        limits: replica::Limits::default(),
        facts: Facts {
            version: "a version".to_owned(),
            ..Facts::default()
        },
        seed: [3; 32],
        hash_salt: 0,
    }
}
