//! What clients saw, held against the ledger. ZooKeeper publishes its linearization: replies are
//! stamped with a zxid, transactions with the session and request they serve. So nothing has to
//! be searched, and the verdict is always yes or no.

mod answers;
pub(crate) mod search;

pub(crate) use self::answers::names_are_right;
use self::answers::{
    Stamps, answer_matches, asks_for_features, children_are_right, features_are_right, turned_away,
};
use crate::oracle::asked::At;
use crate::oracle::broken::{Broken, zxid_name};
use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::model::{Ephemerals, expect};
use crate::oracle::timeline::Timeline;
use crate::oracle::txn::Change;
use crate::oracle::wire::{FrameKind, Request, Tap, stat};
use crate::swarm::Locality;
use std::collections::{BTreeMap, VecDeque};

/// The answer of a server without a quorum to what needs one.
const NOT_READ_ONLY: i32 = -119;

/// Every write that clients put on a wire, by session and request number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes<'t> {
    /// By session: its requests in the order of their numbers.
    sessions: BTreeMap<i64, Vec<(i32, &'t Request)>>,
}

impl<'t> Writes<'t> {
    /// Collects them from everything that travelled.
    pub(crate) fn collect(taps: &'t [Tap]) -> Self {
        let mut sessions: BTreeMap<i64, Vec<(i32, &Request)>> = BTreeMap::new();
        for tap in taps {
            // A session may be granted while the grant never arrives, and requests that were
            // sent behind it count.
            let Some(session) = tap.session else { continue };
            let requests = sessions.entry(session).or_default();
            for frame in &tap.frames {
                if let FrameKind::Request { xid, request } = &frame.what
                    && request.is_write()
                {
                    requests.push((*xid, request));
                }
            }
        }
        for requests in sessions.values_mut() {
            requests.sort_by_key(|(xid, _)| *xid);
        }
        Writes { sessions }
    }

    /// The writes of one name; more than one only when a client began to count anew.
    pub(crate) fn of(&self, session: i64, cxid: i32) -> &[(i32, &'t Request)] {
        let Some(requests) = self.sessions.get(&session) else {
            return &[];
        };
        let start = requests.partition_point(|(xid, _)| *xid < cxid);
        let own = requests[start..].iter().take_while(|(xid, _)| *xid == cxid);
        &requests[start..start + own.count()]
    }
}

/// Holds every reply against the timeline.
pub(crate) fn judge(timeline: &Timeline, taps: &[Tap], writes: &Writes<'_>) -> Result<(), Broken> {
    at_most_once(timeline, writes)?;
    let finished = finished_writes(timeline, taps);
    for tap in taps {
        Replies {
            timeline,
            tap,
            finished: &finished,
        }
        .judge()?;
    }
    real_time(timeline, taps)?;
    sessions(taps)
}

/// One submission makes at most one transaction.
fn at_most_once(timeline: &Timeline, writes: &Writes<'_>) -> Result<(), Broken> {
    let entries = timeline.moments.iter();
    let mut names: Vec<(i64, i32, u64)> = entries
        .filter_map(|moment| moment.entry.as_ref())
        .map(|entry| (entry.session, entry.cxid, entry.zxid))
        .collect();
    names.sort_unstable();
    for same in names.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let (session, cxid, _) = same[0];
        let sent = if same.len() == 1 {
            1
        } else {
            writes.of(session, cxid).len()
        };
        if sent > 0 && same.len() > sent {
            let zxid = same[sent].2;
            let seen = format!(
                "request {cxid} of session {session:#x} took effect again at {}",
                zxid_name(zxid)
            );
            let rule = "H8 once: a request takes effect at most once";
            return Err(Broken::history(rule, seen).at(zxid));
        }
    }
    Ok(())
}

/// A request that waits for its reply.
struct Waiting<'t> {
    xid: i32,
    request: &'t Request,
    /// When it was sent, in the order of all events.
    sent: u64,
}

/// Answered writes: when each was answered, and the last zxid answered by then.
fn finished_writes(timeline: &Timeline, taps: &[Tap]) -> Vec<(u64, u64)> {
    let mut finished = Vec::new();
    for tap in taps {
        let mut sent = VecDeque::new();
        for frame in &tap.frames {
            match &frame.what {
                FrameKind::Request { request, .. } => sent.push_back(request.is_write()),
                FrameKind::Reply { xid, zxid, .. } => {
                    let write = sent.pop_front() == Some(true);
                    if write && took_effect(timeline, tap, *xid, *zxid) {
                        finished.push((frame.order, zxid.cast_unsigned()));
                    }
                }
                FrameKind::Connect { .. }
                | FrameKind::Connected { .. }
                | FrameKind::Event { .. } => {}
            }
        }
    }
    finished.sort_unstable();
    let mut last = 0;
    for (_, zxid) in &mut finished {
        last = last.max(*zxid);
        *zxid = last;
    }
    finished
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

struct Replies<'t> {
    timeline: &'t Timeline,
    tap: &'t Tap,
    finished: &'t [(u64, u64)],
}

impl<'t> Replies<'t> {
    /// Replies come in the order of requests, and say what is true at their stamp.
    fn judge(&self) -> Result<(), Broken> {
        let mut waiting: VecDeque<Waiting<'_>> = VecDeque::new();
        for frame in &self.tap.frames {
            match &frame.what {
                FrameKind::Request { xid, request } => {
                    waiting.push_back(Waiting {
                        xid: *xid,
                        request,
                        sent: frame.order,
                    });
                }
                FrameKind::Reply {
                    xid,
                    zxid,
                    error,
                    body,
                } => {
                    let Some(front) = waiting.pop_front() else {
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
                    self.reply(&front, *zxid, *error, body)?;
                }
                FrameKind::Connect { .. }
                | FrameKind::Connected { .. }
                | FrameKind::Event { .. } => {}
            }
        }
        Ok(())
    }

    fn reply(
        &self,
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
        let Some(index) = self.timeline.find(stamp) else {
            let seen = format!("a reply shows {}, which is not committed", zxid_name(stamp));
            return Err(self
                .broken("H5 committed: only committed state is shown", seen)
                .at(stamp));
        };
        if waiting.request.is_write() {
            return self.write(waiting, index, error, body);
        }
        let right = self.read_is_right(waiting.request, stamp, error, body) == Ok(true);
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
        waiting: &Waiting<'_>,
        index: usize,
        error: i32,
        body: &[u8],
    ) -> Result<(), Broken> {
        let moment = &self.timeline.moments[index];
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
                return self.refusal(waiting, moment.zxid, error, body);
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
        waiting: &Waiting<'_>,
        stamp: u64,
        error: i32,
        body: &[u8],
    ) -> Result<(), Broken> {
        let before = self
            .finished
            .partition_point(|(order, _)| *order < waiting.sent);
        let floor = if before == 0 {
            0
        } else {
            self.finished[before - 1].1
        };
        let between = self.timeline.between(floor.min(stamp), stamp);
        let states = between.iter().rev().map(|moment| moment.zxid);
        for zxid in states.chain([floor.min(stamp)]) {
            let node_at = |path: &str| self.timeline.node_at(path, zxid);
            let ephemerals = match self.timeline.locality {
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
        request: &Request,
        stamp: u64,
        error: i32,
        body: &[u8],
    ) -> Result<bool, Malformed> {
        let mut bytes = Bytes(body);
        match request {
            _ if asks_for_features(request) => features_are_right(error, body),
            Request::Exists { path, .. } => match self.timeline.node_at(path, stamp) {
                Some(node) => Ok(error == 0 && stat(&mut bytes)? == node.stat()),
                None => Ok(error == -101),
            },
            Request::GetData { path, .. } => match self.timeline.node_at(path, stamp) {
                Some(node) => {
                    let data_is_right = error == 0 && bytes.buffer()? == node.data.as_deref();
                    Ok(data_is_right && stat(&mut bytes)? == node.stat())
                }
                None => Ok(error == -101),
            },
            Request::GetChildren {
                path, with_stat, ..
            } => match self.timeline.node_at(path, stamp) {
                Some(node) => {
                    let at = (path.as_str(), node, stamp);
                    children_are_right(self.timeline, at, *with_stat, (error, &mut bytes))
                }
                None => Ok(error == -101),
            },
            Request::Asked(asked) => {
                let at = At {
                    timeline: self.timeline,
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

/// What a sender knew to be finished when it sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Sent,
    Answered,
}

/// Writes that do not overlap take effect in their order, and a sync sees every write that was
/// finished before it began.
fn real_time(timeline: &Timeline, taps: &[Tap]) -> Result<(), Broken> {
    let mut steps = Vec::new();
    for (number, tap) in taps.iter().enumerate() {
        let mut sent = VecDeque::new();
        for frame in &tap.frames {
            match &frame.what {
                FrameKind::Request { request, .. } => {
                    steps.push((frame.order, Step::Sent, number, request, 0));
                    sent.push_back(request);
                }
                FrameKind::Reply {
                    xid, zxid, error, ..
                } => {
                    let Some(request) = sent.pop_front() else {
                        continue;
                    };
                    let counts = *error != NOT_READ_ONLY
                        && (!request.is_write() || took_effect(timeline, tap, *xid, *zxid));
                    let zxid = if counts {
                        (*zxid).max(0).cast_unsigned()
                    } else {
                        0
                    };
                    steps.push((frame.order, Step::Answered, number, request, zxid));
                }
                FrameKind::Connect { .. }
                | FrameKind::Connected { .. }
                | FrameKind::Event { .. } => {}
            }
        }
    }
    steps.sort_by_key(|(order, step, number, ..)| (*order, *step, *number));
    let mut finished = 0;
    let mut floors: Vec<VecDeque<u64>> = vec![VecDeque::new(); taps.len()];
    let mut synced: Vec<u64> = vec![0; taps.len()];
    for (_, step, number, request, zxid) in steps {
        let tap = &taps[number];
        match step {
            Step::Sent => floors[number].push_back(finished),
            Step::Answered => {
                let floor = floors[number]
                    .pop_front()
                    .expect("sent before it was answered");
                if zxid == 0 {
                    continue;
                }
                if request.is_write() {
                    if zxid <= floor {
                        let seen = format!(
                            "{} took effect at {}, but {} had been answered before it was sent",
                            request.words(),
                            zxid_name(zxid),
                            zxid_name(floor)
                        );
                        let rule =
                            "H2 real time: a write comes after every write finished before it";
                        return Err(Broken::history(rule, seen)
                            .client(tap.client)
                            .server(tap.server)
                            .at(zxid)
                            .at(floor));
                    }
                    finished = finished.max(zxid);
                } else {
                    if matches!(request, Request::Sync) {
                        synced[number] = synced[number].max(floor);
                    }
                    if zxid < synced[number] {
                        let seen = format!(
                            "{} showed {}, but {} was finished before the sync",
                            request.words(),
                            zxid_name(zxid),
                            zxid_name(synced[number])
                        );
                        let rule =
                            "H6 sync: a read after a sync sees every write finished before it";
                        return Err(Broken::history(rule, seen)
                            .client(tap.client)
                            .server(tap.server)
                            .at(zxid)
                            .at(synced[number]));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Within a session time never goes back, and writes keep their order, also across servers.
fn sessions(taps: &[Tap]) -> Result<(), Broken> {
    let mut replies = Vec::new();
    for tap in taps {
        let Some(session) = tap.session.filter(|_| tap.has_manners) else {
            continue;
        };
        let mut sent = VecDeque::new();
        for frame in &tap.frames {
            match &frame.what {
                FrameKind::Request { request, .. } => sent.push_back(request),
                FrameKind::Reply { zxid, .. } => {
                    let Some(request) = sent.pop_front() else {
                        continue;
                    };
                    replies.push((session, frame.order, *zxid, request, tap));
                }
                FrameKind::Connect { .. }
                | FrameKind::Connected { .. }
                | FrameKind::Event { .. } => {}
            }
        }
    }
    replies.sort_by_key(|(session, order, ..)| (*session, *order));
    let mut last = (0, 0);
    for (session, _, zxid, request, tap) in replies {
        // Clients, Apache's too, do not remember what a ping was answered with.
        if zxid <= 0 || matches!(request, Request::Ping) {
            continue;
        }
        let zxid = zxid.cast_unsigned();
        if last.0 == session && zxid < last.1 {
            let seen = format!(
                "{} of session {session:#x} showed {} after {}",
                request.words(),
                zxid_name(zxid),
                zxid_name(last.1)
            );
            let rule = "H3 session time: a session never goes back in time";
            return Err(Broken::history(rule, seen)
                .client(tap.client)
                .server(tap.server)
                .at(zxid)
                .at(last.1));
        }
        last = (session, zxid);
    }
    Ok(())
}
