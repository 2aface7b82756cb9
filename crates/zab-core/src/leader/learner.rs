//! One learner as its leader sees it. All of it belongs to the link and ends with it: what a learner
//! acknowledged over an earlier link says nothing.

use crate::context::Context;
use crate::interface::LinkId;
use crate::leader::transfer::Upload;
use crate::log;
use crate::message::Message;
use crate::plan::Position;
use crate::summary::{LearnerState, LearnerSummary};
use alloc::collections::VecDeque;
use zk_types::{Epoch, Instant, ServerId, SnapshotId, Standing, Zxid, mutant};

#[derive(Clone, Debug)]
pub(crate) struct Learner {
    pub(crate) server: ServerId,
    pub(crate) link: LinkId,
    pub(crate) stage: LearnerStage,
    pub(crate) standing: Standing,
    pub(crate) heard_at: Instant,
    /// When it last came nearer to being synchronised.
    pub(crate) progress_at: Instant,
    /// The last ping round it answered.
    pub(crate) pong: u64,
    /// The snapshot it said it has part of.
    pub(crate) staged: Option<SnapshotId>,
}

#[derive(Clone, Debug)]
pub(crate) enum LearnerStage {
    /// Its link is up.
    Connected,
    /// It told its promise, and waits for the epoch.
    Informed,
    /// It was told the epoch.
    Asked,
    /// It told its history, and waits until this leader's is fixed.
    Positioned(Position),
    /// It needs a snapshot that is being taken.
    Waiting(Position),
    /// It takes a snapshot.
    Transfer(Upload),
    /// It is sent records.
    Streaming(Stream),
}

/// The records of one learner.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The last record that was sent.
    pub(crate) sent: Zxid,
    /// The last record that is durable there.
    pub(crate) matched: Zxid,
    /// Where the plan ends.
    target: Zxid,
    announcement: Announcement,
    /// The commit point it was told last.
    pub(crate) told: Zxid,
    flights: VecDeque<Flight>,
    flight_bytes: usize,
    /// A ping behind this record tells when it has arrived.
    credit: Option<(u64, Zxid)>,
    pub(crate) readmission: Readmission,
}

/// How far `NEWLEADER` and what follows it have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Announcement {
    /// The plan is being sent.
    Due,
    /// `NEWLEADER` was sent.
    Sent,
    /// `NEWLEADER` was acknowledged.
    Acked,
    /// `UPTODATE` was sent.
    Serving,
}

/// How far the readmission of an amnesiac learner has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readmission {
    /// Everybody has to answer a ping of this round or a later one first.
    After(u64),
    /// It was offered.
    Offered,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    zxid: Zxid,
    bytes: usize,
    sent_at: Instant,
}

/// What stopped records from being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pumped {
    /// It has everything, or acknowledgements are owed.
    Enough,
    /// It is owed too much, and cannot acknowledge before the plan ends.
    WantsCredit,
    /// The next record is no longer in memory.
    Fell,
}

impl Learner {
    pub(crate) fn new(server: ServerId, link: LinkId, now: Instant) -> Self {
        Learner {
            server,
            link,
            stage: LearnerStage::Connected,
            standing: Standing::Amnesiac,
            heard_at: now,
            progress_at: now,
            pong: 0,
            staged: None,
        }
    }

    /// Whether what it acknowledges counts. The fresh were let in only while the leader was fresh,
    /// and a damaged server is a member before it acknowledges anything.
    pub(crate) fn counts(&self) -> bool {
        match self.standing {
            Standing::Fresh | Standing::Member | Standing::Damaged => true,
            Standing::Amnesiac => mutant!("forgetful-disks-counted", false, true),
        }
    }

    pub(crate) fn stream(&self) -> Option<&Stream> {
        match &self.stage {
            LearnerStage::Streaming(stream) => Some(stream),
            LearnerStage::Connected
            | LearnerStage::Informed
            | LearnerStage::Asked
            | LearnerStage::Positioned(_)
            | LearnerStage::Waiting(_)
            | LearnerStage::Transfer(_) => None,
        }
    }

    pub(crate) fn stream_mut(&mut self) -> Option<&mut Stream> {
        match &mut self.stage {
            LearnerStage::Streaming(stream) => Some(stream),
            LearnerStage::Connected
            | LearnerStage::Informed
            | LearnerStage::Asked
            | LearnerStage::Positioned(_)
            | LearnerStage::Waiting(_)
            | LearnerStage::Transfer(_) => None,
        }
    }

    /// Whether it acknowledged `NEWLEADER` on this link.
    pub(crate) fn is_synced(&self) -> bool {
        self.stream()
            .is_some_and(|stream| stream.announcement >= Announcement::Acked)
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.stream()
            .is_some_and(|stream| stream.announcement == Announcement::Serving)
    }

    /// Whether it was told the epoch, and is pinged.
    pub(crate) fn is_pinged(&self) -> bool {
        !matches!(self.stage, LearnerStage::Connected | LearnerStage::Informed)
    }

    /// Starts to send records after `from`, which it has.
    pub(crate) fn begin_stream(&mut self, cx: &Context, from: Zxid) {
        self.stage = LearnerStage::Streaming(Stream {
            sent: from,
            matched: mutant!("commit-earlier-epoch-by-count", Zxid::ZERO, from),
            target: cx.store.log.last(),
            announcement: Announcement::Due,
            told: Zxid::ZERO,
            flights: VecDeque::new(),
            flight_bytes: 0,
            credit: None,
            readmission: Readmission::After(u64::MAX),
        });
    }

    /// Sends what may be sent now.
    pub(crate) fn pump(&mut self, cx: &mut Context, now: Instant, epoch: Epoch) -> Pumped {
        let link = self.link;
        let limit = cx.config.learner_backlog_bytes_max;
        let Some(stream) = self.stream_mut() else {
            return Pumped::Enough;
        };
        loop {
            stream.announce(cx, link, epoch);
            if stream.sent == cx.store.log.last() {
                return Pumped::Enough;
            }
            if stream.flight_bytes >= limit {
                let cannot_ack = stream.announcement == Announcement::Due;
                let wants = cannot_ack && stream.credit.is_none();
                return if wants {
                    Pumped::WantsCredit
                } else {
                    Pumped::Enough
                };
            }
            let Some(record) = cx.store.log.after(stream.sent).cloned() else {
                return Pumped::Fell;
            };
            let bytes = log::cost(&record);
            stream.sent = record.zxid;
            stream.flight_bytes += bytes;
            stream.flights.push_back(Flight {
                zxid: record.zxid,
                bytes,
                sent_at: now,
            });
            cx.send(link, Message::Proposal { record });
        }
    }

    /// Tells it the commit point, as far as it was sent the records.
    pub(crate) fn tell_commit(&mut self, cx: &mut Context) {
        let link = self.link;
        if let Some(stream) = self.stream_mut()
            && stream.announcement
                >= mutant!(
                    "commit-before-newleader-acked",
                    Announcement::Serving,
                    Announcement::Sent
                )
        {
            let zxid = cx.store.committed().min(stream.sent);
            if zxid > stream.told {
                stream.told = zxid;
                cx.send(link, Message::Commit { zxid });
            }
        }
    }

    /// Tells it that the epoch is established. What it applies first is durable there.
    pub(crate) fn tell_uptodate(&mut self, cx: &mut Context) {
        let link = self.link;
        if let Some(stream) = self.stream_mut()
            && stream.announcement == Announcement::Acked
        {
            stream.announcement = Announcement::Serving;
            let committed = cx.store.committed().min(stream.matched);
            stream.told = committed;
            cx.send(link, Message::UpToDate { committed });
        }
    }

    /// Asks it over its own link whether it is there.
    pub(crate) fn ping(&mut self, cx: &mut Context, round: u64) {
        if !self.is_pinged() {
            return;
        }
        let link = self.link;
        let mut committed = Zxid::ZERO;
        if let Some(stream) = self.stream_mut()
            && stream.announcement == Announcement::Serving
        {
            stream.told = stream.told.max(cx.store.committed().min(stream.sent));
            committed = stream.told;
        }
        cx.send(link, Message::Ping { round, committed });
    }

    /// Asks whether what was sent has arrived, to send more.
    pub(crate) fn ask_credit(&mut self, cx: &mut Context, round: u64) {
        let link = self.link;
        if let Some(stream) = self.stream_mut() {
            stream.credit = Some((round, stream.sent));
            cx.send(
                link,
                Message::Ping {
                    round,
                    committed: Zxid::ZERO,
                },
            );
        }
    }

    /// Notes an answered ping. Whether more may be sent now.
    pub(crate) fn on_pong(&mut self, now: Instant, round: u64) -> bool {
        self.pong = self.pong.max(round);
        if let Some(stream) = self.stream_mut()
            && let Some((_, zxid)) = stream.credit.filter(|(asked, _)| *asked <= round)
        {
            stream.credit = None;
            stream.landed(zxid);
            self.progress_at = now;
            return true;
        }
        false
    }

    /// Notes an acknowledgement; an error when it is none that this link can give.
    pub(crate) fn on_ack(&mut self, cx: &Context, zxid: Zxid) -> Result<(), ()> {
        let stream = self.stream_mut().ok_or(())?;
        match stream.announcement {
            Announcement::Due => return Err(()),
            Announcement::Sent if zxid == stream.target => {
                stream.announcement = Announcement::Acked;
            }
            Announcement::Sent => return Err(()),
            Announcement::Acked | Announcement::Serving => {
                if zxid <= stream.matched || zxid > stream.sent || !cx.store.log.holds(zxid) {
                    return Err(());
                }
            }
        }
        stream.matched = zxid;
        stream.landed(zxid);
        Ok(())
    }

    /// It was synchronised just now: before it may be readmitted, everybody has to answer a ping
    /// that was not sent yet.
    pub(crate) fn await_readmission(&mut self, ping_round: u64) {
        if let Some(stream) = self.stream_mut() {
            stream.readmission = Readmission::After(ping_round + 1);
        }
    }

    /// Since when it owes an acknowledgement that it could give.
    pub(crate) fn owes_since(&self) -> Option<Instant> {
        let stream = self
            .stream()
            .filter(|s| s.announcement >= Announcement::Acked)?;
        stream.flights.front().map(|flight| flight.sent_at)
    }

    pub(crate) fn summary(&self) -> LearnerSummary {
        let stream = self.stream();
        let state = match &self.stage {
            LearnerStage::Connected => LearnerState::Connected,
            LearnerStage::Informed | LearnerStage::Asked => LearnerState::Informed,
            LearnerStage::Positioned(_) => LearnerState::Positioned,
            LearnerStage::Waiting(_) | LearnerStage::Transfer(_) => LearnerState::Transfer,
            LearnerStage::Streaming(_) if self.is_synced() => LearnerState::Synced,
            LearnerStage::Streaming(_) => LearnerState::Synchronising,
        };
        LearnerSummary {
            server: self.server,
            link: self.link,
            state,
            sent: stream.map_or(Zxid::ZERO, |stream| stream.sent),
            acked: stream.map_or(Zxid::ZERO, |stream| stream.matched),
            counted: self.counts() && self.is_synced(),
        }
    }
}

impl Stream {
    fn announce(&mut self, cx: &mut Context, link: LinkId, epoch: Epoch) {
        if self.announcement == Announcement::Due && self.sent >= self.target {
            self.announcement = Announcement::Sent;
            self.sent = mutant!("proposals-during-sync-lost", self.sent, cx.store.log.last());
            cx.send(
                link,
                Message::NewLeader {
                    epoch,
                    target: self.target,
                },
            );
        }
    }

    fn landed(&mut self, upto: Zxid) {
        while self
            .flights
            .front()
            .is_some_and(|flight| flight.zxid <= upto)
        {
            let flight = self.flights.pop_front().expect("there is a front");
            self.flight_bytes -= flight.bytes;
        }
    }
}

#[cfg(test)]
#[path = "learner_tests.rs"]
mod tests;
