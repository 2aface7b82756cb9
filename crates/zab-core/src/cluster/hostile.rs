//! Peers that say anything that can be decoded, much of it nearly right. The machine under test must
//! neither panic nor break its own invariants, whatever they make it believe.

use super::chance::Chance;
use super::disk::Disk;
use super::disk::{Image, InstallEnd, LogOp};
use super::{snapshot_bytes, snapshot_id};
use crate::interface::{Config, Input, LinkId, Output, Role, SyncTag};
use crate::message::{Message, Notification, PeerState, Vote};
use crate::zab::Zab;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;
use xxhash_rust::xxh3::xxh3_64;
use zk_types::{
    Bytes, Chain, Epoch, EpochSegments, Instant, Record, RecordBody, ServerId, SnapshotId,
    SnapshotMeta, Standing, Zxid,
};

struct Victim {
    zab: Zab,
    disk: Disk,
    chance: Chance,
    now: Instant,
    links: BTreeMap<LinkId, ServerId>,
    up: BTreeSet<LinkId>,
    /// How far a link has come in what a peer would say if it were honest.
    progress: BTreeMap<LinkId, usize>,
    accepted: u64,
    role: Role,
    reached: BTreeMap<&'static str, usize>,
}

impl Victim {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let config = Config {
            me: ServerId(1),
            voters: (1..=3).map(ServerId).collect(),
            tick: Duration::from_millis(100),
            init_limit: 10,
            sync_limit: 5,
            finalize_wait: Duration::from_millis(20),
            notification_interval: (Duration::from_millis(20), Duration::from_millis(200)),
            window_bytes_max: chance.pick(&[0, 300, 1 << 20]),
            chunk_bytes: 16,
            learner_backlog_bytes_max: chance.pick(&[100, 1 << 20]),
            counter_max: chance.pick(&[2, 1000]),
        };
        let mut image = Image::empty();
        image.promise.standing = chance.pick(&[
            Standing::Fresh,
            Standing::Member,
            Standing::Damaged,
            Standing::Amnesiac,
        ]);
        let now = Instant::from_millis(1);
        let zab = Zab::new(config, image.recovered(), chance.fork(), now);
        let role = Role::Looking;
        let disk = Disk::new(image);
        let mut victim = Victim {
            zab,
            disk,
            chance,
            now,
            links: BTreeMap::new(),
            up: BTreeSet::new(),
            progress: BTreeMap::new(),
            accepted: 0,
            role,
            reached: BTreeMap::new(),
        };
        victim.drain();
        victim
    }

    fn handle(&mut self, input: Input) {
        self.zab.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.zab.poll_output() {
            match output {
                Output::Dial { link, peer } => {
                    self.links.insert(link, peer);
                }
                Output::Close { link, .. } => {
                    self.links.remove(&link);
                }
                Output::WritePromise { ticket, promise } => {
                    self.disk.promise_queue.push_back((ticket, promise));
                }
                Output::Append { ticket, record } => {
                    self.disk
                        .log_queue
                        .push_back((ticket, LogOp::Append(record)));
                }
                Output::Truncate { ticket, to } => {
                    *self.reached.entry("truncate").or_default() += 1;
                    self.disk.log_queue.push_back((ticket, LogOp::Truncate(to)));
                }
                Output::StageSnapshot { id, offset, bytes } => {
                    self.disk.stage(id, offset, &bytes);
                }
                Output::Install { ticket, id, meta } => {
                    *self.reached.entry("install").or_default() += 1;
                    self.disk.install = Some((ticket, id, meta));
                }
                Output::ReadSnapshot {
                    ticket,
                    id,
                    offset,
                    bytes_max,
                } => {
                    self.disk.reads.push_back((ticket, id, offset, bytes_max));
                }
                Output::Role(role) => {
                    self.role = role;
                    let name = match role {
                        Role::Looking => "looking",
                        Role::LeadingPrepare { .. } => "leading prepare",
                        Role::Leading { .. } => "leading",
                        Role::FollowingPrepare { .. } => "following prepare",
                        Role::Following { .. } => "following",
                    };
                    *self.reached.entry(name).or_default() += 1;
                }
                Output::Notify { .. }
                | Output::Send { .. }
                | Output::TakeSnapshot
                | Output::Deliver(_)
                | Output::SyncDone { .. }
                | Output::App { .. }
                | Output::Note(_) => {}
            }
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_micros(u64::try_from(self.chance.below(3_000)).unwrap());
        match self.chance.below(16) {
            0 => self.connect(),
            1 if self.chance.one_in(4) => {
                if let Some(link) = self.some_link() {
                    self.links.remove(&link);
                    self.handle(Input::Disconnected { link });
                }
            }
            2 => {
                let (from, notification) = (self.peer(), self.notification());
                self.handle(Input::Notification { from, notification });
            }
            3..=5 => self.write(),
            6 => self.handle(Input::Timeout),
            7 => {
                if self.zab.next_zxid().is_some() {
                    self.handle(Input::Propose {
                        payload: Bytes::from([1, 2, 3]),
                    });
                }
                self.handle(Input::Sync { tag: SyncTag(1) });
            }
            _ => {
                if let Some(link) = self.some_link() {
                    let honest = !self.chance.one_in(12);
                    let message = if honest {
                        self.expected(link)
                    } else {
                        self.message()
                    };
                    self.handle(Input::Message { link, message });
                }
            }
        }
    }

    fn connect(&mut self) {
        let dialled = self.links.iter().find(|(link, _)| link.0 < 1 << 63);
        if let Some((link, peer)) = dialled.map(|(link, peer)| (*link, *peer))
            && self.chance.one_in(2)
        {
            self.up.insert(link);
            return self.handle(Input::Connected { link, peer });
        }
        self.accepted += 1;
        let (link, peer) = (LinkId(1 << 63 | self.accepted), self.peer());
        self.links.insert(link, peer);
        self.up.insert(link);
        self.handle(Input::Connected { link, peer });
    }

    fn write(&mut self) {
        if !self.disk.promise_queue.is_empty() {
            for ticket in self.disk.complete_promise(1) {
                self.handle(Input::Persisted { ticket });
            }
        } else if !self.disk.log_queue.is_empty() {
            for ticket in self.disk.complete_log(1) {
                self.handle(Input::Persisted { ticket });
            }
        } else if let Some((ticket, end, _)) = self.disk.complete_install() {
            self.handle(match end {
                InstallEnd::Done => Input::Installed { ticket },
                InstallEnd::Failed => Input::InstallFailed { ticket },
            });
        } else if let Some((ticket, ..)) = self.disk.reads.pop_front() {
            self.handle(Input::SnapshotRead {
                ticket,
                bytes: Bytes::from([7; 9]),
            });
        }
    }

    fn some_link(&mut self) -> Option<LinkId> {
        let links: Vec<LinkId> = self
            .links
            .keys()
            .filter(|link| self.up.contains(link))
            .copied()
            .collect();
        (!links.is_empty()).then(|| self.chance.pick(&links))
    }

    fn peer(&mut self) -> ServerId {
        ServerId(self.chance.pick(&[2, 2, 3, 3, 1, 4, 999]))
    }

    fn epoch(&mut self) -> Epoch {
        let near = self.zab.summary().accepted.0;
        Epoch(
            self.chance
                .pick(&[near, near, near + 1, near + 1, near.saturating_sub(1), 0]),
        )
    }

    fn zxid(&mut self) -> Zxid {
        let summary = self.zab.summary();
        let any = Zxid::new(self.epoch(), u32::try_from(self.chance.below(3)).unwrap());
        let near = [
            summary.last,
            summary.last,
            summary.committed,
            summary.durable,
            any,
        ];
        self.chance.pick(&near)
    }

    fn standing(&mut self) -> Standing {
        let mine = self.zab.summary().standing;
        self.chance.pick(&[
            mine,
            mine,
            mine,
            Standing::Fresh,
            Standing::Member,
            Standing::Amnesiac,
        ])
    }

    fn notification(&mut self) -> Notification {
        let summary = self.zab.summary();
        let leader = self.peer();
        let any = Vote {
            epoch: self.epoch(),
            zxid: self.zxid(),
            leader,
        };
        let vote = self
            .chance
            .pick(&[summary.vote, Some(any), Some(any), None]);
        let round = self.chance.pick(&[
            summary.round,
            summary.round,
            summary.round.saturating_add(1),
            0,
            u64::MAX,
        ]);
        let round = if round == u64::MAX && !self.chance.one_in(500) {
            summary.round
        } else {
            round
        };
        let state = self.chance.pick(&[
            PeerState::Looking,
            PeerState::Looking,
            PeerState::Following,
            PeerState::Leading,
        ]);
        Notification {
            vote,
            round,
            state,
            standing: self.standing(),
        }
    }

    fn segments(&mut self) -> EpochSegments {
        let mut lasts = self.zab.cx.store.log.segments().lasts().to_vec();
        let zxid = self.zxid();
        match self.chance.below(5) {
            0 => lasts.push(zxid),
            1 => {
                lasts.pop();
            }
            2 => lasts.clear(),
            _ => {}
        }
        let words = postcard::to_allocvec(&lasts).unwrap();
        postcard::from_bytes(&words).unwrap()
    }

    fn snapshot(&mut self) -> (SnapshotId, SnapshotMeta, Vec<u8>) {
        let epoch = self.epoch();
        let zxid = Zxid::new(epoch, 5);
        let segments = EpochSegments::from_lasts(std::vec![zxid]).unwrap();
        let meta = SnapshotMeta {
            zxid,
            chain: Chain(9),
            segments,
        };
        let bytes = snapshot_bytes(meta.chain, 20);
        (snapshot_id(zxid, &bytes), meta, bytes)
    }

    /// A record that continues the log, most of the time.
    fn record(&mut self) -> Record {
        let (last, chain) = (
            self.zab.cx.store.log.last(),
            self.zab.cx.store.log.last_chain(),
        );
        let epoch = self.epoch();
        let next = self
            .chance
            .pick(&[last.successor().unwrap(), Zxid::marker(epoch)]);
        let zxid = if self.chance.one_in(8) {
            self.zxid()
        } else {
            next
        };
        let body = if zxid.is_marker() {
            RecordBody::Marker
        } else {
            RecordBody::Txn(Bytes::from([]))
        };
        let upto = self
            .chance
            .pick(&[Zxid::ZERO, Zxid::ZERO, Zxid::ZERO, zxid]);
        Record::new(chain, zxid, upto, body)
    }

    /// What comes next on this link from an honest peer, or nearly.
    fn expected(&mut self, link: LinkId) -> Message {
        let summary = self.zab.summary();
        let step = self.progress.entry(link).or_default();
        *step += 1;
        let (step, epoch) = (*step, summary.accepted);
        let number = u64::try_from(step).unwrap();
        for _ in 0..20 {
            self.write();
        }
        if link.0 < 1 << 63 {
            return self.expected_of_leader(step, link);
        }
        match step {
            1 => Message::FollowerInfo {
                accepted: epoch,
                standing: summary.standing,
            },
            2 => Message::AckEpoch {
                segments: self.zab.cx.store.log.segments().clone(),
                base: Zxid::ZERO,
                committed: Zxid::ZERO,
                counted: true,
                staged: None,
            },
            3 => Message::Ack { zxid: summary.last },
            _ => match self.chance.below(3) {
                0 => Message::Pong { round: number },
                1 => Message::Sync { serial: number },
                _ => Message::Ack { zxid: summary.last },
            },
        }
    }

    fn expected_of_leader(&mut self, step: usize, link: LinkId) -> Message {
        let summary = self.zab.summary();
        let epoch = summary.accepted;
        let (id, meta, bytes) = self.snapshot();
        let by_snapshot = link.0.is_multiple_of(2) && id.zxid > summary.last;
        match step {
            1 => {
                return Message::LeaderInfo {
                    epoch: Epoch(epoch.0 + 1),
                };
            }
            2 if by_snapshot => return Message::Snap { id, meta },
            3 if by_snapshot => {
                let checksum = xxh3_64(&bytes);
                return Message::SnapChunk {
                    id,
                    offset: 0,
                    bytes: bytes.into(),
                    checksum,
                };
            }
            _ => {}
        }
        match if by_snapshot { step - 2 } else { step } {
            2 if summary.last > summary.committed => Message::Trunc {
                to: summary.committed,
            },
            0..=2 => Message::Diff,
            3 => self.proposal(Zxid::marker(epoch)),
            4 => Message::NewLeader {
                epoch,
                target: summary.last,
            },
            5 => Message::UpToDate {
                committed: summary.last,
            },
            _ => match self.chance.below(6) {
                0 => Message::Commit {
                    zxid: summary.durable,
                },
                1 => Message::Ping {
                    round: 1,
                    committed: summary.last,
                },
                2 if summary.standing == Standing::Amnesiac => Message::Readmitted,
                _ => self.proposal(summary.last.successor().unwrap()),
            },
        }
    }

    fn proposal(&mut self, zxid: Zxid) -> Message {
        let (_, chain) = (
            self.zab.cx.store.log.last(),
            self.zab.cx.store.log.last_chain(),
        );
        let body = if zxid.is_marker() {
            RecordBody::Marker
        } else {
            RecordBody::Txn([].into())
        };
        Message::Proposal {
            record: Record::new(chain, zxid, Zxid::ZERO, body),
        }
    }

    fn message(&mut self) -> Message {
        let (zxid, epoch) = (self.zxid(), self.epoch());
        let number = u64::try_from(self.chance.below(4)).unwrap();
        let summary = self.zab.summary();
        match self.chance.below(24) {
            0 | 1 => Message::FollowerInfo {
                accepted: epoch,
                standing: self.standing(),
            },
            2 | 3 => Message::LeaderInfo { epoch },
            4 | 5 => Message::AckEpoch {
                segments: self.segments(),
                base: Zxid::ZERO,
                committed: self.chance.pick(&[Zxid::ZERO, zxid]),
                counted: self.chance.one_in(2),
                staged: None,
            },
            6 | 7 => Message::Diff,
            8 => Message::Trunc { to: zxid },
            9 => {
                let (id, meta, _) = self.snapshot();
                Message::Snap { id, meta }
            }
            10 => {
                let (id, ..) = self.snapshot();
                Message::SnapWant { id, offset: number }
            }
            11 => {
                let (id, _, bytes) = self.snapshot();
                let offset = self.chance.pick(&[0, 0, 10, 20]);
                let to = (offset + self.chance.pick(&[10, 20])).min(20);
                let bytes = Bytes::from(&bytes[offset..to]);
                let checksum = xxh3_64(&bytes);
                Message::SnapChunk {
                    id,
                    offset: u64::try_from(offset).unwrap(),
                    bytes,
                    checksum,
                }
            }
            12 => Message::SnapDone {
                segments: self.segments(),
                base: Zxid::ZERO,
                committed: Zxid::ZERO,
            },
            13 | 14 => Message::Proposal {
                record: self.record(),
            },
            15 => Message::Ack { zxid },
            16 => Message::Commit { zxid },
            17 | 18 => Message::NewLeader {
                epoch,
                target: zxid,
            },
            19 | 20 => Message::UpToDate { committed: zxid },
            21 => Message::Ping {
                round: number,
                committed: self.chance.pick(&[Zxid::ZERO, zxid]),
            },
            22 => match self.chance.below(3) {
                0 => Message::Pong { round: number },
                1 => Message::Sync { serial: number },
                _ => Message::App {
                    bytes: Bytes::from([1]),
                },
            },
            _ => {
                let acked = summary
                    .learners
                    .first()
                    .map_or(zxid, |learner| learner.sent);
                Message::Ack { zxid: acked }
            }
        }
    }
}

#[test]
fn nothing_a_peer_can_say_makes_a_machine_panic() {
    let seeds = super::runs::range("ZAB_SEEDS", 150);
    let mut reached: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in 0..seeds {
        let mut victim = Victim::new(seed);
        for _ in 0..1500 {
            victim.step();
        }
        for (name, count) in victim.reached {
            *reached.entry(name).or_default() += count;
        }
    }
    std::println!("{reached:?}");
    for name in ["leading", "following", "truncate", "install"] {
        assert!(
            reached.contains_key(name),
            "no hostile run came to {name}: {reached:?}"
        );
    }
}
