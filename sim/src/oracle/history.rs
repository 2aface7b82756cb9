//! What clients saw, held against the ledger. ZooKeeper publishes its linearization: replies are
//! stamped with a zxid, transactions with the session and request they serve. So nothing has to
//! be searched, and the verdict is always yes or no.

mod answers;
mod past;
pub(crate) mod search;

pub(crate) use self::answers::names_are_right;
use self::answers::{
    Stamps, answer_matches, asks_for_features, children_are_right, features_are_right, turned_away,
};
use self::past::{Past, at_most_once, in_order};
use crate::oracle::asked::At;
use crate::oracle::broken::{Broken, zxid_name};
use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::ledger::Ledger;
use crate::oracle::model::{Ephemerals, expect};
use crate::oracle::timeline::{Telling, Timeline};
use crate::oracle::txn::Change;
use crate::oracle::wire::{Frame, FrameKind, Request, Tap, stat};
use crate::swarm::Locality;
use core::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

/// The answer of a server without a quorum to what needs one.
const NOT_READ_ONLY: i32 = -119;

/// Every write that clients put on a wire, by session and request number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes<'t> {
    sessions: BTreeMap<i64, OfSession<'t>>,
}

/// The writes of one session.
#[derive(Clone, Debug, Default)]
struct OfSession<'t> {
    /// In the order of their numbers.
    requests: Vec<(i32, &'t Request)>,
    /// Where the last one that was asked for ends: mostly the next one begins there.
    next: Cell<usize>,
}

impl<'t> Writes<'t> {
    /// Collects them from everything that travelled.
    pub(crate) fn collect(taps: &'t [Tap]) -> Self {
        let mut sessions: BTreeMap<i64, OfSession<'_>> = BTreeMap::new();
        for tap in taps {
            // A session may be granted while the grant never arrives, and requests that were
            // sent behind it count.
            let Some(session) = tap.session else { continue };
            let requests = &mut sessions.entry(session).or_default().requests;
            for frame in &tap.frames {
                if let FrameKind::Request { xid, request } = &frame.what
                    && request.is_write()
                {
                    requests.push((*xid, request));
                }
            }
        }
        for of_session in sessions.values_mut() {
            of_session.requests.sort_by_key(|(xid, _)| *xid);
        }
        Writes { sessions }
    }

    /// The writes of one name; more than one only when a client began to count anew.
    pub(crate) fn of(&self, session: i64, cxid: i32) -> &[(i32, &'t Request)] {
        let Some(OfSession { requests, next }) = self.sessions.get(&session) else {
            return &[];
        };
        let guess = next.get();
        let is_before = |index: usize| requests.get(index).is_none_or(|(xid, _)| *xid < cxid);
        let starts_there = requests.get(guess).is_some_and(|(xid, _)| *xid == cxid)
            && (guess == 0 || is_before(guess - 1));
        let start = if starts_there {
            guess
        } else {
            requests.partition_point(|(xid, _)| *xid < cxid)
        };
        let own = requests[start..].iter().take_while(|(xid, _)| *xid == cxid);
        let end = start + own.count();
        next.set(end);
        &requests[start..end]
    }
}

/// Tells what was committed, and holds every reply against it, in the order in which they came.
pub(crate) fn judge(
    ledger: &Ledger,
    taps: &[Tap],
    writes: &Writes<'_>,
    locality: Locality,
) -> Result<Timeline, Broken> {
    let mut telling = Telling::new(ledger, writes, locality);
    let replies = judge_replies(&mut telling, taps)?;
    let timeline = telling.end()?;
    at_most_once(&timeline, writes)?;
    replies.map(|()| timeline)
}

/// What is wrong with the replies; fails where something is wrong with what was committed, which
/// is told no further than replies have shown it: what is near in time is then near in memory.
fn judge_replies(telling: &mut Telling<'_>, taps: &[Tap]) -> Result<Result<(), Broken>, Broken> {
    let mut past = Past::default();
    let fresh = |tap| Replies {
        tap,
        waiting: VecDeque::new(),
        synced: 0,
    };
    let mut all: Vec<Replies<'_>> = taps.iter().map(fresh).collect();
    for (tap, place) in in_order(taps) {
        let frame = &taps[tap].frames[place];
        if let FrameKind::Reply { zxid, .. } = frame.what {
            telling.reach(zxid.max(0).cast_unsigned())?;
        }
        past.reach(frame.order);
        if let Err(broken) = all[tap].take(&telling.timeline, frame, &mut past) {
            return Ok(Err(broken));
        }
    }
    Ok(Ok(()))
}

/// A request that waits for its reply.
struct Waiting<'t> {
    xid: i32,
    request: &'t Request,
    /// The last zxid that was answered to anybody before it was sent.
    floor: u64,
}

/// Whether the transaction of a stamp is that of the request that was answered with it, and
/// changed something.
fn took_effect(timeline: &Timeline, tap: &Tap, xid: i32, stamp: i64) -> bool {
    let index = timeline.find(stamp.max(0).cast_unsigned());
    let entry = index.and_then(|index| timeline.moments[index].entry.as_ref());
    entry.is_some_and(|entry| {
        let own = Some(entry.session) == tap.session && entry.cxid == xid;
        own && !matches!(entry.change, Change::Error(_))
    })
}

/// The replies on one connection.
struct Replies<'t> {
    tap: &'t Tap,
    waiting: VecDeque<Waiting<'t>>,
    /// What a sync that was answered has to have brought.
    synced: u64,
}

impl<'t> Replies<'t> {
    /// Replies come in the order of requests, and say what is true at their stamp.
    fn take(
        &mut self,
        timeline: &Timeline,
        frame: &'t Frame,
        past: &mut Past,
    ) -> Result<(), Broken> {
        match &frame.what {
            FrameKind::Request { xid, request } => {
                self.waiting.push_back(Waiting {
                    xid: *xid,
                    request,
                    floor: past.finished_before,
                });
                Ok(())
            }
            FrameKind::Reply {
                xid,
                zxid,
                error,
                body,
            } => {
                let Some(front) = self.waiting.pop_front() else {
                    let seen = format!("a reply to request {xid}, which is none");
                    return Err(self.broken("H1 reply: every reply answers a request", seen));
                };
                if front.xid != *xid {
                    let seen = format!("request {xid} before request {}", front.xid);
                    return Err(self.broken(
                        "H3 reply order: replies come in the order of requests",
                        seen,
                    ));
                }
                self.reply(timeline, &front, *zxid, *error, body)?;
                self.real_time(timeline, &front, *zxid, *error, past)?;
                past.session_time(self.tap, front.request, *zxid)
            }
            FrameKind::Connect { .. } | FrameKind::Connected { .. } | FrameKind::Event { .. } => {
                Ok(())
            }
        }
    }

    /// Writes that do not overlap take effect in their order, and a sync sees every write that
    /// was finished before it began.
    fn real_time(
        &mut self,
        timeline: &Timeline,
        waiting: &Waiting<'_>,
        stamp: i64,
        error: i32,
        past: &mut Past,
    ) -> Result<(), Broken> {
        let zxid = stamp.max(0).cast_unsigned();
        let Waiting {
            xid,
            request,
            floor,
        } = *waiting;
        if zxid == 0 || error == NOT_READ_ONLY {
            return Ok(());
        }
        if request.is_write() {
            if !took_effect(timeline, self.tap, xid, stamp) {
                return Ok(());
            }
            past.finished = past.finished.max(zxid);
            if zxid > floor {
                return Ok(());
            }
            let seen = format!(
                "{} took effect at {}, but {} had been answered before it was sent",
                request.words(),
                zxid_name(zxid),
                zxid_name(floor)
            );
            let rule = "H2 real time: a write comes after every write finished before it";
            return Err(self.broken(rule, seen).at(zxid).at(floor));
        }
        if matches!(request, Request::Sync) {
            self.synced = self.synced.max(floor);
        }
        if zxid >= self.synced {
            return Ok(());
        }
        let seen = format!(
            "{} showed {}, but {} was finished before the sync",
            request.words(),
            zxid_name(zxid),
            zxid_name(self.synced)
        );
        let rule = "H6 sync: a read after a sync sees every write finished before it";
        Err(self.broken(rule, seen).at(zxid).at(self.synced))
    }

    fn reply(
        &self,
        timeline: &Timeline,
        waiting: &Waiting<'_>,
        stamp: i64,
        error: i32,
        body: &[u8],
    ) -> Result<(), Broken> {
        if stamp <= 0 {
            return Ok(());
        }
        let stamp = stamp.cast_unsigned();
        self.nothing_older_is_served(waiting, stamp)?;
        let Some(index) = timeline.find(stamp) else {
            let seen = format!("a reply shows {}, which is not committed", zxid_name(stamp));
            return Err(self
                .broken("H5 committed: only committed state is shown", seen)
                .at(stamp));
        };
        if waiting.request.is_write() {
            return self.write(timeline, waiting, index, error, body);
        }
        let right = self.read_is_right(timeline, waiting.request, stamp, error, body) == Ok(true);
        if right {
            return Ok(());
        }
        let seen = format!(
            "{} answered error {error}, {} bytes, at {}",
            waiting.request.words(),
            body.len(),
            zxid_name(stamp)
        );
        Err(self
            .broken("H4 read: a read shows the state of its stamp", seen)
            .at(stamp))
    }

    /// A server that is behind what the client has seen refuses it.
    fn nothing_older_is_served(&self, waiting: &Waiting<'_>, stamp: u64) -> Result<(), Broken> {
        let first = self.tap.frames.first().map(|frame| &frame.what);
        let Some(FrameKind::Connect { last_seen, .. }) = first else {
            return Ok(());
        };
        if stamp >= *last_seen {
            return Ok(());
        }
        let seen = format!(
            "{} showed {} to a client that had seen {}",
            waiting.request.words(),
            zxid_name(stamp),
            zxid_name(*last_seen)
        );
        let rule = "E8 ahead: a client is served by nobody who is behind it";
        Err(self.broken(rule, seen).at(stamp).at(*last_seen))
    }

    /// A write that was answered is in the ledger, with this answer.
    fn write(
        &self,
        timeline: &Timeline,
        waiting: &Waiting<'_>,
        index: usize,
        error: i32,
        body: &[u8],
    ) -> Result<(), Broken> {
        let moment = &timeline.moments[index];
        let session = self
            .tap
            .session
            .expect("requests are answered within a session");
        let own = moment
            .entry
            .as_ref()
            .is_some_and(|entry| entry.session == session && entry.cxid == waiting.xid);
        let closing = matches!(waiting.request, Request::CloseSession);
        let no_quorum = self.tap.read_only && error == NOT_READ_ONLY;
        if no_quorum || error == -112 || error == -118 || error == -127 || closing {
            return Ok(());
        }
        let described = || {
            format!(
                "{} (request {} of session {session:#x}) was answered error {error} at {}",
                waiting.request.words(),
                waiting.xid,
                zxid_name(moment.zxid)
            )
        };
        if !own {
            if error != 0 || matches!(waiting.request, Request::Multi(_)) {
                return self.refusal(timeline, waiting, moment.zxid, error, body);
            }
            let rule = "H1 acknowledged: an answered write is in the ledger at its stamp";
            return Err(self.broken(rule, described()).at(moment.zxid));
        }
        let expected = moment
            .answer
            .as_ref()
            .expect("an own transaction has an answer");
        if answer_matches(expected, waiting.request, error, body, Stamps::Compared) == Ok(true) {
            return Ok(());
        }
        let seen = format!("{}, and had to be answered {expected:?}", described());
        Err(self
            .broken(
                "H1 answer: a write is answered as a single server would",
                seen,
            )
            .at(moment.zxid))
    }

    /// A write that was refused without a transaction: some state between its sending and its
    /// stamp refuses it.
    fn refusal(
        &self,
        timeline: &Timeline,
        waiting: &Waiting<'_>,
        stamp: u64,
        error: i32,
        body: &[u8],
    ) -> Result<(), Broken> {
        let floor = waiting.floor;
        let between = timeline.between(floor.min(stamp), stamp);
        let states = between.iter().rev().map(|moment| moment.zxid);
        for zxid in states.chain([floor.min(stamp)]) {
            let node_at = |path: &str| timeline.node_at(path, zxid);
            let ephemerals = match timeline.locality {
                Locality::Local => Ephemerals::Denied,
                Locality::Global | Locality::UntilEphemeral => Ephemerals::Granted,
            };
            let (change, answer) = expect(&node_at, (0, ephemerals), zxid, 0, waiting.request);
            let refused = matches!(change, Change::Error(_));
            if refused
                && answer_matches(&answer, waiting.request, error, body, Stamps::Compared)
                    == Ok(true)
            {
                return Ok(());
            }
        }
        if turned_away(body) == Ok(true) {
            return Ok(());
        }
        let seen = format!(
            "{} was answered error {error} at {}, which no state since {} answers",
            waiting.request.words(),
            zxid_name(stamp),
            zxid_name(floor)
        );
        let rule = "H1 refusal: a write is refused only where a single server would refuse it";
        Err(self.broken(rule, seen).at(stamp))
    }

    fn read_is_right(
        &self,
        timeline: &Timeline,
        request: &Request,
        stamp: u64,
        error: i32,
        body: &[u8],
    ) -> Result<bool, Malformed> {
        let mut bytes = Bytes(body);
        match request {
            _ if asks_for_features(request) => features_are_right(error, body),
            Request::Exists { path, .. } => match timeline.node_at(path, stamp) {
                Some(node) => Ok(error == 0 && stat(&mut bytes)? == node.stat()),
                None => Ok(error == -101),
            },
            Request::GetData { path, .. } => match timeline.node_at(path, stamp) {
                Some(node) => {
                    let data_is_right = error == 0 && bytes.buffer()? == node.data.as_deref();
                    Ok(data_is_right && stat(&mut bytes)? == node.stat())
                }
                None => Ok(error == -101),
            },
            Request::GetChildren {
                path, with_stat, ..
            } => match timeline.node_at(path, stamp) {
                Some(node) => {
                    let at = (path.as_str(), node, stamp);
                    children_are_right(timeline, at, *with_stat, (error, &mut bytes))
                }
                None => Ok(error == -101),
            },
            Request::Asked(asked) => {
                let at = At {
                    timeline,
                    session: self.tap.session.unwrap_or_default(),
                    stamp,
                };
                asked.is_right(at, error, body)
            }
            Request::Sync
            | Request::Ping
            | Request::SetWatches(_)
            | Request::AddWatch { .. }
            | Request::Other(_) => Ok(true),
            Request::Create { .. }
            | Request::Delete { .. }
            | Request::SetData { .. }
            | Request::SetAcl { .. }
            | Request::Check { .. }
            | Request::Multi(_)
            | Request::CloseSession => unreachable!("writes are judged elsewhere"),
        }
    }

    fn broken(&self, rule: &'static str, seen: String) -> Broken {
        Broken::history(rule, seen)
            .client(self.tap.client)
            .server(self.tap.server)
    }
}
