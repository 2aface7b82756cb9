//! What servers say to each other, held against the disk of the one who says it: nothing is
//! promised, acknowledged or claimed that the sender's disk would not remember.

use crate::net::{ConnNumber, Side};
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::image::{DurableStanding, Image};
use crate::oracle::peer_frames::{Notification, Reader, Said};
use crate::queue::Micros;
use std::collections::{BTreeMap, VecDeque};

/// Bytes that one server is about to send to another.
pub(crate) struct Sending<'b> {
    /// Its place in the order of all events.
    pub(crate) order: u64,
    pub(crate) time: Micros,
    pub(crate) conn: ConnNumber,
    /// The end that sends.
    pub(crate) side: Side,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: &'b [u8],
}

/// The sender's disk.
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
}

/// What was first proposed with a zxid.
#[derive(Clone, Copy, Debug)]
struct Proposed {
    chain: u64,
    by: usize,
    time: Micros,
}

/// All links, and what may be said once only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    links: BTreeMap<ConnNumber, Link>,
    /// By storage: the last epoch that it promised to somebody who may count it.
    counted: BTreeMap<u64, u32>,
    /// By zxid.
    proposed: BTreeMap<u64, Proposed>,
    /// In the order of their answers.
    pub(crate) rounds: Vec<Round>,
}

impl Peers {
    /// Judges what is about to be sent.
    pub(crate) fn sent(
        &mut self,
        sending: &Sending<'_>,
        holding: &Holding<'_>,
    ) -> Result<(), Broken> {
        let link = self.links.entry(sending.conn).or_default();
        let Ok(frames) = link.readers[sending.side.index()].push(sending.bytes) else {
            let seen = format!(
                "{} sends bytes that are no frame",
                server_name(sending.from)
            );
            let rule = "servers send each other well-formed frames";
            return Err(Broken::safety(rule, seen).server(sending.from));
        };
        frames
            .into_iter()
            .try_for_each(|said| self.judge(said, sending, holding))
    }

    fn judge(
        &mut self,
        said: Said,
        sending: &Sending<'_>,
        holding: &Holding<'_>,
    ) -> Result<(), Broken> {
        let link = self.links.get_mut(&sending.conn).expect("it sends");
        match said {
            Said::LeaderInfo { epoch } => {
                link.epoch = Some(epoch);
                promised(epoch, sending, holding)
            }
            Said::AckEpoch { last, counted } => {
                link.sent = last;
                let Some(epoch) = link.epoch else {
                    let seen = format!("{} promises what nobody asked for", name(sending));
                    return Err(broken("a promise answers a leader", seen, sending));
                };
                promised(epoch, sending, holding)?;
                if counted {
                    self.promised_once(epoch, sending, holding)?;
                }
                Ok(())
            }
            Said::Trunc { to: last } | Said::Snap { zxid: last } | Said::SnapDone { last } => {
                link.sent = last;
                Ok(())
            }
            Said::Proposal { zxid, chain } => {
                if !follows(link.sent, zxid) {
                    let seen = format!(
                        "{} sends {} after {}",
                        name(sending),
                        zxid_name(zxid),
                        zxid_name(link.sent)
                    );
                    let rule = "a leader sends its log in order, without holes";
                    return Err(broken(rule, seen, sending).at(zxid));
                }
                link.sent = zxid;
                self.proposed_once(zxid, chain, sending)
            }
            Said::NewLeader { epoch, target } => {
                link.target = Some(target);
                if link.epoch == Some(epoch) && target == link.sent {
                    return Ok(());
                }
                let seen = format!("{} announces epoch {epoch} too early", name(sending));
                let rule = "a leader announces itself when all of its plan was sent";
                Err(broken(rule, seen, sending).at(target))
            }
            Said::Ack { zxid } => acknowledged(link, zxid, sending, holding),
            Said::UpToDate { committed } => {
                link.is_serving = true;
                told(link, committed, sending)
            }
            Said::Commit { zxid } => told(link, zxid, sending),
            Said::Ping { round, committed } => {
                link.pings.push_back((round, sending.order));
                told(link, committed, sending)
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
            Said::Notification(notification) => voted(&notification, sending, holding),
            Said::Other => Ok(()),
        }
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
            let rule = "whoever forgot something promises nothing that counts";
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
                    "an epoch is promised to one leader, once",
                    seen,
                    sending,
                ))
            }
            None => Ok(()),
        }
    }

    /// When somebody was first told of a proposal.
    pub(crate) fn proposed_at(&self, zxid: u64) -> Option<Micros> {
        self.proposed.get(&zxid).map(|proposed| proposed.time)
    }

    /// A zxid stands for one proposal, committed or not.
    fn proposed_once(
        &mut self,
        zxid: u64,
        chain: u64,
        sending: &Sending<'_>,
    ) -> Result<(), Broken> {
        let first = *self.proposed.entry(zxid).or_insert(Proposed {
            chain,
            by: sending.from,
            time: sending.time,
        });
        if first.chain == chain {
            return Ok(());
        }
        let seen = format!(
            "{} proposes another {} than {} did",
            name(sending),
            zxid_name(zxid),
            server_name(first.by)
        );
        let rule = "a zxid is proposed for one transaction only";
        Err(broken(rule, seen, sending).server(first.by).at(zxid))
    }
}

fn name(sending: &Sending<'_>) -> String {
    server_name(sending.from)
}

fn broken(rule: &'static str, seen: String, sending: &Sending<'_>) -> Broken {
    Broken::safety(rule, seen).server(sending.from)
}

/// Whether a record may follow another one: the next of its epoch, or the first of a later one.
fn follows(last: u64, next: u64) -> bool {
    next == last + 1 || (next >> 32 > last >> 32 && next.trailing_zeros() >= 32)
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
    let rule = "an epoch is spoken for only when its promise is durable";
    Err(broken(rule, seen, sending))
}

/// What is acknowledged is durable; the first acknowledgement of a link is of its whole plan.
fn acknowledged(
    link: &mut Link,
    zxid: u64,
    sending: &Sending<'_>,
    holding: &Holding<'_>,
) -> Result<(), Broken> {
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
        let rule = "acknowledgements begin with the plan and rise";
        return Err(broken(rule, seen, sending).at(zxid));
    }
    let image = holding.image;
    if !image.has(zxid) && !holding.is_rotten {
        let seen = format!(
            "{} acknowledges {}, and its disk ends at {}",
            name(sending),
            zxid_name(zxid),
            zxid_name(image.last())
        );
        let rule = "what is acknowledged is durable";
        return Err(broken(rule, seen, sending).at(zxid));
    }
    let is_fresh = image
        .promise
        .is_some_and(|promise| promise.standing == DurableStanding::Fresh);
    if is_fresh && zxid.trailing_zeros() < 32 {
        let seen = format!(
            "{} acknowledges {}, being fresh",
            name(sending),
            zxid_name(zxid)
        );
        let rule = "a transaction is acknowledged by members only";
        return Err(broken(rule, seen, sending).at(zxid));
    }
    Ok(())
}

/// A learner is told to commit only what it was sent.
fn told(link: &Link, committed: u64, sending: &Sending<'_>) -> Result<(), Broken> {
    if committed > 0 && !link.is_serving {
        let seen = format!(
            "{} tells {} to commit {}, which serves nobody yet",
            name(sending),
            server_name(sending.to),
            zxid_name(committed)
        );
        let rule = "a learner is told to commit when it serves, not before";
        return Err(broken(rule, seen, sending).at(committed));
    }
    if committed <= link.sent {
        return Ok(());
    }
    let seen = format!(
        "{} tells {} to commit {}, having sent it {}",
        name(sending),
        server_name(sending.to),
        zxid_name(committed),
        zxid_name(link.sent)
    );
    let rule = "a learner is told to commit only what it was sent";
    Err(broken(rule, seen, sending).at(committed))
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
    if forgot && notification.is_looking && notification.vote.is_some() {
        let seen = format!("{} votes, being {:?}", name(sending), notification.standing);
        let rule = "whoever forgot something proposes nobody";
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
        let rule = "whoever votes stands where its disk says";
        return Err(broken(rule, seen, sending));
    }
    Ok(())
}
