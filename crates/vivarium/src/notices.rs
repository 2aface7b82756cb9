//! What servers have to say, as lines of the log.

use crate::log::{Level, Log};
use replica::{Event, Limit, Measure, PeerPort, QuotaPassed, Unproven};
use shell_std::{Notice, NoticeSink};
use std::collections::BTreeMap;
use std::io;
use wal::Finding;
use zab_core::{Note, Role};
use zk_types::{ServerId, Standing};

/// Writes the notices of one server, each line with `name` in front.
pub fn to_log(log: Log, name: String) -> NoticeSink {
    let mut said = Said::default();
    Box::new(move |notice| {
        let (level, text) = said.sentence(notice);
        log.line(level, format_args!("{name}: {text}"));
    })
}

/// What was said already, so that what repeats itself does not fill the log.
#[derive(Default)]
struct Said {
    /// What was last wrong with each peer.
    unreachable: BTreeMap<(ServerId, PeerPort), io::ErrorKind>,
    accept_failures: u64,
    disk_full: u64,
    nonsense: u64,
    quotas_passed: u64,
    unproven: u64,
}

impl Said {
    fn sentence(&mut self, notice: Notice) -> (Level, String) {
        match notice {
            Notice::Event(Event::Role(role)) => (Level::Info, role_sentence(role)),
            Notice::Event(Event::Note(note)) => note_sentence(&note),
            Notice::Event(Event::SnapshotTaken { zxid }) => {
                (Level::Info, format!("wrote a snapshot up to {zxid}"))
            }
            Notice::Event(Event::QuotaPassed(passed)) => {
                (seldom(&mut self.quotas_passed), quota_sentence(&passed))
            }
            Notice::Event(Event::ClientUnproven { ip, what }) => {
                let what = unproven_sentence(what);
                (
                    seldom(&mut self.unproven),
                    format!("closed a client at {ip}: {what}"),
                )
            }
            Notice::Event(Event::PeerSentNonsense { link, what }) => (
                seldom(&mut self.nonsense),
                format!(
                    "closed peer connection {}: it sent what is no message: {what}",
                    link.0
                ),
            ),
            Notice::DialFailed { peer, port, error } => {
                let before = self.unreachable.insert((peer, port), error.kind());
                let level = if before == Some(error.kind()) {
                    Level::Debug
                } else {
                    Level::Info
                };
                let port = match port {
                    PeerPort::Election => "election",
                    PeerPort::Quorum => "quorum",
                };
                (
                    level,
                    format!("cannot reach server {peer} on its {port} port ({error}); trying on"),
                )
            }
            Notice::Finding(finding) => (finding_level(&finding), finding.to_string()),
            Notice::AcceptFailed(_) => (seldom(&mut self.accept_failures), notice.to_string()),
            Notice::DiskFull(_) => (seldom(&mut self.disk_full), notice.to_string()),
            Notice::PeerTooSlow(_) | Notice::NotRecorded(_) => (Level::Warn, notice.to_string()),
        }
    }
}

/// A warning for the first, second, fourth, eighth… time; in between only for those who search.
fn seldom(times: &mut u64) -> Level {
    *times += 1;
    if times.is_power_of_two() {
        Level::Warn
    } else {
        Level::Debug
    }
}

fn unproven_sentence(what: Unproven) -> &'static str {
    match what {
        Unproven::Packet => "it did not prove what its auth packet claims",
        Unproven::Sasl => "it was not authenticated by SASL",
        Unproven::Ensemble => "it means another ensemble",
        Unproven::Demanded => "it asked before it proved who it is, which is demanded",
    }
}

fn role_sentence(role: Role) -> String {
    match role {
        Role::Looking => "is looking for a leader and does not serve".to_owned(),
        Role::LeadingPrepare { epoch: None } => "is elected and gathers its followers".to_owned(),
        Role::LeadingPrepare { epoch: Some(epoch) } => format!("prepares to lead epoch {epoch}"),
        Role::Leading { epoch } => format!("leads epoch {epoch} and serves"),
        Role::FollowingPrepare { leader } => format!("catches up with its leader {leader}"),
        Role::Following { leader, epoch } => {
            format!("follows {leader} in epoch {epoch} and serves")
        }
    }
}

fn quota_sentence(passed: &QuotaPassed) -> String {
    let QuotaPassed {
        path,
        measure,
        limit,
        used,
    } = passed;
    let what = match measure {
        Measure::Count => "nodes",
        Measure::Bytes => "bytes of data",
    };
    let (kind, limit) = match limit {
        Limit::Soft(limit) => ("soft", limit),
        Limit::Hard(limit) => ("hard", limit),
    };
    format!("{path} has {used} {what}, more than the {limit} of its {kind} quota")
}

fn note_sentence(note: &Note) -> (Level, String) {
    match note {
        Note::Elected { leader } => (Level::Info, format!("server {leader} was elected")),
        Note::Synchronising { learner, plan } => (
            Level::Info,
            format!("brings server {learner} up to date by {plan}"),
        ),
        Note::IllegalMessage { from, what } => (
            Level::Warn,
            format!("server {from} sent {what}, which it may not send now"),
        ),
        Note::Contradiction { with } => (
            Level::Error,
            format!(
                "its history and that of server {with} contradict each other: one of the two lost \
                 data that was acknowledged; compare their data directories before anything else"
            ),
        ),
        Note::QuorumLost => (Level::Warn, "lost its quorum and steps down".to_owned()),
        Note::Standing(standing) => standing_sentence(*standing),
        Note::LockedOut { learner } => (
            Level::Info,
            format!("starts a new epoch, because server {learner} has promised a later one"),
        ),
        Note::CounterExhausted => (
            Level::Info,
            "starts a new epoch, because this one has used up its numbers".to_owned(),
        ),
        Note::DiskStalled => (
            Level::Warn,
            "steps down, because its disk finished no write for too long".to_owned(),
        ),
    }
}

fn standing_sentence(standing: Standing) -> (Level, String) {
    match standing {
        Standing::Fresh => (Level::Info, "is new to its ensemble".to_owned()),
        Standing::Member => (Level::Info, "is a full member of its ensemble".to_owned()),
        Standing::Damaged => (
            Level::Warn,
            "part of its log is lost: its vote counts again once it has caught up".to_owned(),
        ),
        Standing::Amnesiac => (
            Level::Warn,
            "its disk was lost: its vote counts again once a leader takes it back".to_owned(),
        ),
    }
}

/// A torn tail was never acknowledged, and a stray file means nothing.
fn finding_level(finding: &Finding) -> Level {
    match finding {
        Finding::TornTail { .. } | Finding::StrayRemoved { .. } => Level::Info,
        Finding::Damage { .. }
        | Finding::DamageBelowBase { .. }
        | Finding::Missing { .. }
        | Finding::SnapshotInvalid { .. }
        | Finding::CopyRepaired { .. }
        | Finding::PromiseLost
        | Finding::ManifestLost => Level::Warn,
    }
}
