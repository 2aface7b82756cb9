//! The check of the check: whether some order of the first operations explains their answers,
//! found by searching (Wing and Gong, with Lowe's memory of where it was), without any zxid.
//!
//! Writes take effect between their sending and their answer; requests of one connection take
//! effect in their order; a write that was not answered may have taken effect at any time.

use super::answers::{Stamps, answer_matches, read_matches};
use crate::oracle::broken::Broken;
use crate::oracle::model::{Answer, Model};
use crate::oracle::timeline::Timeline;
use crate::oracle::txn::Change;
use crate::oracle::wire::{FrameKind, Request, Tap};
use std::collections::{BTreeSet, VecDeque};

/// Operations that are searched; one bit each.
const OPERATIONS_MAX: usize = 120;
/// States after which the search gives up.
const STATES_MAX: usize = 20_000;
/// Answers of whoever did nothing: closing, moved, throttled, timed out, without a quorum.
const REFUSALS: [i32; 5] = [-112, -118, -127, -12, -119];

#[derive(Clone, Copy, Debug)]
struct Operation<'t> {
    tap: usize,
    session: i64,
    request: &'t Request,
    sent: u64,
    /// When it was answered, how, and with which stamp, which orders the attempts and no more.
    answer: Option<(u64, i32, &'t [u8], i64)>,
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    AnOrder,
    None,
    /// There were too many states.
    GaveUp,
}

/// Holds the verdict of the check, which was that nothing is wrong, against the search.
///
/// The search knows what clients asked for and no more, so it says nothing of worlds in which a
/// server has deleted something by itself.
pub(crate) fn both_agree(timeline: &Timeline, taps: &[Tap]) -> Result<(), Broken> {
    let mut changes = timeline
        .moments
        .iter()
        .filter_map(|moment| moment.entry.as_ref());
    if changes.any(|entry| matches!(entry.change, Change::Reap { .. })) {
        return Ok(());
    }
    if search(timeline, taps) != Found::None {
        return Ok(());
    }
    let seen = "no order of the first operations explains their answers".to_owned();
    let rule = "H0 two checks: a search without stamps comes to the same verdict";
    Err(Broken::history(rule, seen))
}

/// Searches for an order of the first operations that explains their answers.
pub(crate) fn search(timeline: &Timeline, taps: &[Tap]) -> Found {
    let ends: Vec<Request> = vec![Request::CloseSession];
    let operations = operations(timeline, taps, &ends[0]);
    let mut start = Model::new();
    let sessions: BTreeSet<i64> = operations.iter().map(|each| each.session).collect();
    for session in sessions {
        let begins = Change::CreateSession { timeout_ms: 1 };
        start.apply(session, 0, 0, &begins).expect("it is new");
    }
    let all = operations.iter().enumerate();
    let wanted = all.fold(0_u128, |wanted, (index, each)| {
        wanted | u128::from(each.answer.is_some()) << index
    });
    let mut stack = vec![(0_u128, start)];
    let mut known = BTreeSet::new();
    while let Some((done, model)) = stack.pop() {
        if done & wanted == wanted {
            return Found::AnOrder;
        }
        if known.len() >= STATES_MAX {
            return Found::GaveUp;
        }
        let mut next: Vec<usize> = (0..operations.len())
            .filter(|index| may_be_next(&operations, *index, done))
            .collect();
        // The likeliest is tried first, which is the last on the stack.
        next.sort_by_key(|index| {
            operations[*index]
                .answer
                .map_or(i64::MAX, |answer| answer.3)
        });
        for index in next.into_iter().rev() {
            let after = done | 1 << index;
            if let Some(model) = take(&model, &operations[index], after.count_ones())
                && known.insert((after, shape(&model)))
            {
                stack.push((after, model));
            }
        }
    }
    Found::None
}

fn operations<'t>(timeline: &Timeline, taps: &'t [Tap], end: &'t Request) -> Vec<Operation<'t>> {
    let mut all = Vec::new();
    for (number, tap) in taps.iter().enumerate() {
        let Some(session) = tap.session else { continue };
        let mut waiting = VecDeque::new();
        for frame in &tap.frames {
            match &frame.what {
                FrameKind::Request { request, .. } => {
                    waiting.push_back(all.len());
                    all.push(Operation {
                        tap: number,
                        session,
                        request,
                        sent: frame.order,
                        answer: None,
                    });
                }
                FrameKind::Reply {
                    zxid, error, body, ..
                } => {
                    if let Some(index) = waiting.pop_front() {
                        all[index].answer = Some((frame.order, *error, body, *zxid));
                    }
                }
                FrameKind::Connect { .. }
                | FrameKind::Connected { .. }
                | FrameKind::Event { .. } => {}
            }
        }
    }
    all.retain(|each| {
        let refused = each
            .answer
            .is_some_and(|(_, error, ..)| REFUSALS.contains(&error));
        let is_read = matches!(
            each.request,
            Request::Exists { .. } | Request::GetData { .. } | Request::GetChildren { .. }
        );
        !refused && (each.request.is_write() || (is_read && each.answer.is_some()))
    });
    all.sort_by_key(|each| each.sent);
    all.truncate(OPERATIONS_MAX - 20);
    let last = all.last().map_or(0, |each| each.sent);
    for each in &mut all {
        each.answer = each.answer.filter(|(answered, ..)| *answered <= last);
    }
    all.retain(|each| each.request.is_write() || each.answer.is_some());
    let known: BTreeSet<i64> = all.iter().map(|each| each.session).collect();
    let ended = timeline.moments.iter().filter_map(|moment| {
        let entry = moment.entry.as_ref()?;
        let ends = matches!(entry.change, Change::CloseSession { .. });
        (ends && known.contains(&entry.session)).then_some(entry.session)
    });
    let by_server = |session| Operation {
        tap: usize::MAX,
        session,
        request: end,
        sent: 0,
        answer: None,
    };
    all.extend(ended.map(by_server).take(20));
    all
}

/// Whether nothing that is not done has to come before it.
fn may_be_next(operations: &[Operation<'_>], index: usize, done: u128) -> bool {
    let own = &operations[index];
    if done >> index & 1 == 1 {
        return false;
    }
    operations.iter().enumerate().all(|(number, other)| {
        let Some((answered, ..)) = other.answer.filter(|_| done >> number & 1 == 0) else {
            return true;
        };
        let is_before_in_order = other.tap == own.tap && other.sent < own.sent;
        let both_write = own.request.is_write() && other.request.is_write();
        number == index || !(is_before_in_order || (both_write && answered < own.sent))
    })
}

/// The state after an operation, if that explains its answer.
fn take(model: &Model, operation: &Operation<'_>, serial: u32) -> Option<Model> {
    let request = operation.request;
    if !request.is_write() {
        let (_, error, body, _) = operation.answer?;
        let (Request::Exists { path, .. }
        | Request::GetData { path, .. }
        | Request::GetChildren { path, .. }) = request
        else {
            return None;
        };
        let node = model.node(path);
        let explains = read_matches(node, request, error, body) == Ok(true);
        return explains.then(|| model.clone());
    }
    let (change, expected) = model.expect(operation.session, u64::from(serial), 0, request);
    if let Some((_, error, body, _)) = operation.answer {
        let is_end = matches!(request, Request::CloseSession);
        let explains = answer_matches(&expected, request, error, body, Stamps::Ignored);
        if explains != Ok(true) && !is_end {
            return None;
        }
    }
    let mut model = model.clone();
    let is_failed = matches!(expected, Answer::Error(_)) || matches!(change, Change::Error(_));
    if !is_failed {
        let serial = u64::from(serial);
        model.apply(operation.session, serial, 0, &change).ok()?;
    }
    Some(model)
}

/// What of a state decides what may follow.
fn shape(model: &Model) -> Vec<u8> {
    let mut shape = Vec::new();
    for (path, node) in model.nodes() {
        shape.extend_from_slice(path.as_bytes());
        shape.extend_from_slice(&node.version.to_be_bytes());
        shape.extend_from_slice(&node.creations.to_be_bytes());
        shape.extend_from_slice(node.data.as_deref().unwrap_or(b"-"));
        shape.push(0);
    }
    for session in &model.closed {
        shape.extend_from_slice(&session.to_be_bytes());
    }
    shape
}
