//! What servers say to each other, held against the disk of the one who says it: nothing is
//! promised, acknowledged or claimed that the sender's disk would not remember.

use crate::net::{ConnNumber, Port, Side};
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::chains::{follows, is_marker};
use crate::oracle::durability::{Commit, Durability};
use crate::oracle::image::{DurableStanding, Image};
use crate::oracle::peer_frames::{Notification, PeerState, Reader, Said};
use crate::queue::Micros;
use std::collections::{BTreeMap, VecDeque};
use zk_types::ServerId;

mod leaders;
mod outside;
mod silence;

use self::leaders::Leaders;
use self::outside::Outside;
use self::silence::Silence;

/// Bytes that one server is about to send to another.
pub(crate) struct Sending<'b> {
    /// Its place in the order of all events.
    pub(crate) order: u64,
    pub(crate) time: Micros,
    pub(crate) conn: ConnNumber,
    pub(crate) port: Port,
    /// The end that sends.
    pub(crate) side: Side,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: &'b [u8],
    /// The last record that the sender has applied.
    pub(crate) applied: &'b dyn Fn() -> u64,
    /// Which start of the sender this is.
    pub(crate) incarnation: usize,
    /// The sender's tick, and how long it lets a peer be silent.
    pub(crate) patience: (Micros, Micros),
}

/// A server's disk.
pub(crate) struct Holding<'i> {
    pub(crate) image: &'i Image,
    /// Whether rot may hide what it holds.
    pub(crate) is_rotten: bool,
}

/// A ping that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) leader: usize,
    pub(crate) learner: usize,
    /// When the ping was sent, in the order of all events.
    pub(crate) asked: u64,
    /// When its answer was sent.
    pub(crate) answered: u64,
}

/// One link between two servers; the learner dials.
#[derive(Clone, Debug, Default)]
struct Link {
    /// Who dialled an election port.
    voter: Option<usize>,
    readers: [Reader; 2],
    /// The epoch that the leader told.
    epoch: Option<u32>,
    /// The last record that the learner has or was sent.
    sent: u64,
    /// Where the plan ends, once it was told.
    target: Option<u64>,
    /// The last record that the learner acknowledged.
    acked: Option<u64>,
    /// Whether the learner was told that it is up to date.
    is_serving: bool,
    /// Rounds that were not answered, with when each was asked.
    pings: VecDeque<(u64, u64)>,
    silence: Silence,
}

/// All links, and what may be said once only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    links: BTreeMap<ConnNumber, Link>,
    /// By storage: the last epoch that it promised to somebody who may count it.
    counted: BTreeMap<u64, u32>,
    /// By zxid: when its leader first had it in its log, or told somebody.
    proposed: BTreeMap<u64, Micros>,
    leaders: Leaders,
    outside: Outside,
    /// How many messages there were.
    pub(crate) messages: u64,
    /// In the order of their answers.
    pub(crate) rounds: Vec<Round>,
}

impl Peers {
    /// Judges what is about to be sent.
    pub(crate) fn sent(
        &mut self,
        sending: &Sending<'_>,
        disks: &mut Durability,
    ) -> Result<(), Broken> {
        let link = self.links.entry(sending.conn).or_default();
        link.voter = (sending.port == Port::Election).then_some(sending.from);
        let Ok(frames) = link.readers[sending.side.index()].push(sending.bytes) else {
            let seen = format!(
                "{} sends bytes that are no frame",
                server_name(sending.from)
            );
            let rule = "S10 frames: servers send each other well-formed frames";
            return Err(Broken::safety(rule, seen).server(sending.from));
        };
        self.messages += u64::try_from(frames.len()).expect("few frames");
        frames
            .into_iter()
            .try_for_each(|said| self.judge(said, sending, disks))
    }

    fn judge(
        &mut self,
        said: Said,
        sending: &Sending<'_>,
        disks: &mut Durability,
    ) -> Result<(), Broken> {
        let link = self.links.get_mut(&sending.conn).expect("it sends");
        let holding = disks.holding(sending.from);
        match said {
            Said::LeaderInfo { epoch } => {
                link.epoch = Some(epoch);
                promised(epoch, sending, &holding)
            }
            Said::AckEpoch { segments, counted } => {
                link.sent = segments.last().copied().unwrap_or_default();
                let Some(epoch) = link.epoch else {
                    let seen = format!("{} promises what nobody asked for", name(sending));
                    let rule = "S10 promise: a promise answers a leader";
                    return Err(broken(rule, seen, sending));
                };
                promised(epoch, sending, &holding)?;
                histories_are_stated_as_they_are(&segments, sending, &holding)?;
                if counted {
                    self.leaders.supported(sending.to, epoch, sending.from);
                    self.promised_once(epoch, sending, &disks.holding(sending.from))?;
                }
                Ok(())
            }
            Said::Trunc { to: last } => {
                link.sent = last;
                shared_records_stay(last, sending, disks)?;
                disks.ordered_to_keep(sending.to, last);
                Ok(())
            }
            Said::Snap { zxid: last } => {
                link.sent = last;
                disks.ordered_to_keep(sending.to, 0);
                Ok(())
            }
            Said::SnapDone { last } => {
                link.sent = last;
                Ok(())
            }
            Said::Proposal { zxid, chain } => {
                let before = std::mem::replace(&mut link.sent, zxid);
                let epoch = link.epoch;
                streamed_in_order(before, zxid, epoch, sending)?;
                disks.sent_to(sending.to, zxid);
                self.proposed.entry(zxid).or_insert(sending.time);
                disks.chains.histories_match(sending.from, zxid, chain)?;
                match epoch.filter(|epoch| u64::from(*epoch) == zxid >> 32) {
                    Some(epoch) if !is_marker(zxid) => {
                        self.leaders.proposes(epoch, zxid, sending, disks)
                    }
                    Some(_) | None => Ok(()),
                }
            }
            Said::NewLeader { epoch, target } => {
                link.target = Some(target);
                if link.epoch != Some(epoch) || target != link.sent {
                    let seen = format!("{} announces epoch {epoch} too early", name(sending));
                    let rule = "S10 announcement: a leader announces itself when all of its plan \
                                was sent";
                    return Err(broken(rule, seen, sending).at(target));
                }
                promised(epoch, sending, &holding)?;
                disks.leads(sending.from, true);
                self.leaders.announces(epoch, sending, disks)
            }
            Said::Ack { zxid } => {
                let is_first = acknowledged(link, zxid, sending, &holding)?;
                self.leaders
                    .acknowledged(sending.to, link.epoch, sending.from);
                if is_first {
                    self.outside.follows(sending.to, sending.from);
                    disks.synchronised(sending.from);
                }
                Ok(())
            }
            Said::UpToDate { committed } => {
                link.is_serving = true;
                told(link, committed, sending, disks)
            }
            Said::Commit { zxid } => told(link, zxid, sending, disks),
            Said::Ping { round, committed } => {
                link.pings.push_back((round, sending.order));
                if let Some(epoch) = link.epoch.filter(|_| link.is_serving) {
                    link.silence.is_noticed(sending)?;
                    self.outside.is_noticed(epoch, sending)?;
                }
                told(link, committed, sending, disks)
            }
            Said::Pong { round } => {
                while let Some((asked, order)) = link.pings.pop_front_if(|(at, _)| *at <= round) {
                    if asked == round {
                        self.rounds.push(Round {
                            leader: sending.to,
                            learner: sending.from,
                            asked: order,
                            answered: sending.order,
                        });
                    }
                }
                Ok(())
            }
            Said::Notification(notification) => voted(&notification, sending, &holding),
            Said::Other => Ok(()),
        }
    }

    /// A server has read something; says who voted in it, if it came to its election port.
    pub(crate) fn heard(
        &mut self,
        (conn, side): (ConnNumber, Side),
        time: Micros,
    ) -> Option<usize> {
        let link = self.links.get_mut(&conn)?;
        if side == Side::Dialler {
            link.silence.ends(time);
        }
        link.voter
    }

    /// A leader says that it turned away a server that has promised a later epoch.
    pub(crate) fn turned_away(
        &mut self,
        leader: usize,
        (learner, epoch): (ServerId, u32),
        time: Micros,
    ) {
        self.outside.turned_away(leader, (learner, epoch), time);
    }

    /// A promise that counts is given once.
    fn promised_once(
        &mut self,
        epoch: u32,
        sending: &Sending<'_>,
        holding: &Holding<'_>,
    ) -> Result<(), Broken> {
        let standing = holding.image.promise.map(|promise| promise.standing);
        if !matches!(
            standing,
            Some(DurableStanding::Fresh | DurableStanding::Member)
        ) {
            let seen = format!(
                "{} promises epoch {epoch}, being {standing:?}",
                name(sending)
            );
            let rule = "S33 promise: whoever forgot something promises nothing that counts";
            return Err(broken(rule, seen, sending));
        }
        let storage = holding.image.storage_id.unwrap_or_default();
        let before = self.counted.insert(storage, epoch);
        match before.filter(|before| *before >= epoch) {
            Some(before) => {
                let seen = format!(
                    "{} promises epoch {epoch} and had promised {before}",
                    name(sending)
                );
                Err(broken(
                    "S3 one promise: an epoch is promised to one leader, once",
                    seen,
                    sending,
                ))
            }
            None => Ok(()),
        }
    }

    /// A leader of an epoch has a log up to `last`. It may tell others later: they are sent only so
    /// much ahead of what they acknowledge.
    pub(crate) fn leads_with(&mut self, epoch: u32, last: u64, time: Micros) {
        let marker = u64::from(epoch) << 32;
        if last <= marker {
            return;
        }
        let known = self.proposed.range(marker..=last).next_back();
        let first = known.map_or(marker, |(zxid, _)| *zxid) + 1;
        for zxid in first..=last {
            self.proposed.insert(zxid, time);
        }
    }

    /// When a leader first had a proposal.
    pub(crate) fn proposed_at(&self, zxid: u64) -> Option<Micros> {
        self.proposed.get(&zxid).copied()
    }
}

fn name(sending: &Sending<'_>) -> String {
    server_name(sending.from)
}

fn broken(rule: &'static str, seen: String, sending: &Sending<'_>) -> Broken {
    Broken::safety(rule, seen).server(sending.from)
}

/// A leader sends its log in order, without holes, and nothing of an epoch after its own.
fn streamed_in_order(
    before: u64,
    zxid: u64,
    epoch: Option<u32>,
    sending: &Sending<'_>,
) -> Result<(), Broken> {
    let is_later = epoch.is_none_or(|epoch| zxid >> 32 > u64::from(epoch));
    if follows(before, zxid) && !is_later {
        return Ok(());
    }
    let seen = format!(
        "{} sends {} after {} in epoch {epoch:?}",
        name(sending),
        zxid_name(zxid),
        zxid_name(before)
    );
    let rule = "S8 stream: a leader sends its log in order, without holes";
    Err(broken(rule, seen, sending).at(zxid).at(before))
}

/// What a learner says of its history is what its disk holds.
fn histories_are_stated_as_they_are(
    segments: &[u64],
    sending: &Sending<'_>,
    holding: &Holding<'_>,
) -> Result<(), Broken> {
    let base = holding.image.base.0;
    let stated: Vec<u64> = segments
        .iter()
        .copied()
        .filter(|last| *last > base)
        .collect();
    let held = holding.image.outline();
    if stated == held || holding.is_rotten {
        return Ok(());
    }
    let words = |outline: &[u64]| {
        let names: Vec<String> = outline.iter().map(|last| zxid_name(*last)).collect();
        names.join(" ")
    };
    let seen = format!(
        "{} says that its history ends epochs with [{}], and its disk has [{}]",
        name(sending),
        words(&stated),
        words(&held)
    );
    let rule = "S20 honest position: what a learner says of its history is on its disk";
    Err(broken(rule, seen, sending))
}

/// No leader has a record cut that it holds itself.
fn shared_records_stay(last: u64, sending: &Sending<'_>, disks: &Durability) -> Result<(), Broken> {
    let (leader, learner) = (disks.holding(sending.from), disks.holding(sending.to));
    if leader.is_rotten || learner.is_rotten {
        return Ok(());
    }
    let next = learner.image.records.partition_point(|mark| mark.0 <= last);
    let shared = learner.image.records.get(next);
    let shared = shared.filter(|mark| leader.image.records.binary_search(mark).is_ok());
    let Some((zxid, _)) = shared else {
        return Ok(());
    };
    let seen = format!(
        "{} has {} cut everything after {}, and both hold {}",
        name(sending),
        server_name(sending.to),
        zxid_name(last),
        zxid_name(*zxid)
    );
    let rule = "S16 truncation: no leader has a record cut that it holds itself";
    Err(broken(rule, seen, sending).server(sending.to).at(*zxid))
}

/// Whoever speaks for an epoch has promised it durably.
fn promised(epoch: u32, sending: &Sending<'_>, holding: &Holding<'_>) -> Result<(), Broken> {
    let accepted = holding.image.promise.map_or(0, |promise| promise.accepted);
    if accepted >= epoch {
        return Ok(());
    }
    let seen = format!(
        "{} speaks for epoch {epoch} to {}, and its disk promised {accepted}",
        name(sending),
        server_name(sending.to)
    );
    let rule = "S20 promise: an epoch is spoken for only when its promise is durable";
    Err(broken(rule, seen, sending))
}

/// What is acknowledged is durable, and the log holds nothing but what this leader sent; the first
/// acknowledgement of a link is of its whole plan. Says whether this is it.
fn acknowledged(
    link: &mut Link,
    zxid: u64,
    sending: &Sending<'_>,
    holding: &Holding<'_>,
) -> Result<bool, Broken> {
    let before = link.acked.replace(zxid);
    let is_in_order = match before {
        None => link.target == Some(zxid),
        Some(before) => zxid > before && zxid <= link.sent,
    };
    if !is_in_order {
        let seen = format!(
            "{} acknowledges {} after {}",
            name(sending),
            zxid_name(zxid),
            before.map_or_else(|| "nothing".to_owned(), zxid_name)
        );
        let rule = "S10 acknowledgement: acknowledgements begin with the plan and rise";
        return Err(broken(rule, seen, sending).at(zxid));
    }
    let image = holding.image;
    let ends = |rule, end: u64| {
        let seen = format!(
            "{} acknowledges {}, was sent {}, and its disk ends at {}",
            name(sending),
            zxid_name(zxid),
            zxid_name(link.sent),
            zxid_name(end)
        );
        Err(broken(rule, seen, sending).at(zxid).at(end))
    };
    if !image.has(zxid) && !holding.is_rotten {
        let rule = "S18 honest ack: what is acknowledged is durable";
        return ends(rule, image.last());
    }
    if image.last() > link.sent && !holding.is_rotten {
        let rule = "S14 prefix: a synchronised log is a prefix of its leader's";
        return ends(rule, image.last());
    }
    let is_fresh = image
        .promise
        .is_some_and(|promise| promise.standing == DurableStanding::Fresh);
    if is_fresh && !is_marker(zxid) {
        let seen = format!(
            "{} acknowledges {}, being fresh",
            name(sending),
            zxid_name(zxid)
        );
        let rule = "S33 member: a transaction is acknowledged by members only";
        return Err(broken(rule, seen, sending).at(zxid));
    }
    Ok(before.is_none())
}

/// A learner is told to commit only what it was sent.
fn told(
    link: &Link,
    committed: u64,
    sending: &Sending<'_>,
    disks: &mut Durability,
) -> Result<(), Broken> {
    if committed > link.sent {
        let seen = format!(
            "{} tells {} to commit {}, having sent it {}",
            name(sending),
            server_name(sending.to),
            zxid_name(committed),
            zxid_name(link.sent)
        );
        let rule = "S30 told: a learner is told to commit only what it was sent";
        return Err(broken(rule, seen, sending).at(committed));
    }
    if committed > 0 && !link.is_serving {
        let seen = format!(
            "{} tells {} to commit {}, which serves nobody yet",
            name(sending),
            server_name(sending.to),
            zxid_name(committed)
        );
        let rule = "S10 serving: a learner is told to commit when it serves, not before";
        return Err(broken(rule, seen, sending).at(committed));
    }
    let Some(epoch) = link.epoch else {
        return Ok(());
    };
    disks.committed(Commit {
        zxid: committed,
        epoch,
        server: sending.from,
    })
}

/// Whoever looks for a leader says where its disk stands, and proposes nobody if that forgot.
fn voted(
    notification: &Notification,
    sending: &Sending<'_>,
    holding: &Holding<'_>,
) -> Result<(), Broken> {
    let forgot = matches!(
        notification.standing,
        DurableStanding::Damaged | DurableStanding::Amnesiac
    );
    let is_looking = notification.state == PeerState::Looking;
    if forgot && is_looking && notification.vote.is_some() {
        let seen = format!("{} votes, being {:?}", name(sending), notification.standing);
        let rule = "S33 vote: whoever forgot something proposes nobody";
        return Err(broken(rule, seen, sending));
    }
    let durable = holding.image.promise.map(|promise| promise.standing);
    let is_entitled = match durable {
        Some(DurableStanding::Member) => true,
        Some(DurableStanding::Fresh) => notification.standing == DurableStanding::Fresh,
        Some(DurableStanding::Damaged | DurableStanding::Amnesiac) | None => false,
    };
    if notification.vote.is_some() && !is_entitled {
        let seen = format!(
            "{} votes as {:?}, and its disk says {durable:?}",
            name(sending),
            notification.standing
        );
        let rule = "S20 vote: whoever votes stands where its disk says";
        return Err(broken(rule, seen, sending));
    }
    if let Some((epoch, zxid, _)) = notification.vote.filter(|_| is_looking)
        && epoch != zxid >> 32
    {
        let seen = format!(
            "{} votes with epoch {epoch} for a history that ends at {}",
            name(sending),
            zxid_name(zxid)
        );
        let rule = "S20 vote's epoch: a vote shows the epoch of its history, not one that was \
                    promised";
        return Err(broken(rule, seen, sending).at(zxid));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
