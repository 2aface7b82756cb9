use super::*;
use crate::oracle::broken::Broken;
use crate::oracle::history::search::{Found, search};
use crate::oracle::timeline::Timeline;

fn judge(history: &History) -> Result<(), Broken> {
    let writes = Writes::collect(&history.taps);
    history::judge(&history.ledger(), &history.taps, &writes, Locality::Global).map(|_| ())
}

fn timeline(history: &History) -> Timeline {
    let writes = Writes::collect(&history.taps);
    history::judge(&history.ledger(), &history.taps, &writes, Locality::Global).unwrap()
}

/// A way to make a history untrue; says whether it could.
type Damage = fn(&mut History, &mut Dice) -> bool;

/// The places of replies on a wire that `wanted` says yes to, by stamp, error and request.
fn replies(
    history: &History,
    wanted: impl Fn(u64, i32, &Request) -> bool,
) -> Vec<(usize, usize, Request)> {
    let mut found = Vec::new();
    for (number, tap) in history.taps.iter().enumerate() {
        let mut waiting = VecDeque::new();
        for (place, frame) in tap.frames.iter().enumerate() {
            if let FrameKind::Request { request, .. } = &frame.what {
                waiting.push_back(request);
            }
            if let FrameKind::Reply { zxid, error, .. } = &frame.what {
                let request = waiting.pop_front().unwrap();
                if wanted(zxid.cast_unsigned(), *error, request) {
                    found.push((number, place, request.clone()));
                }
            }
        }
    }
    found
}

fn reply_mut(
    history: &mut History,
    tap: usize,
    place: usize,
) -> (&mut i64, &mut i32, &mut Rc<[u8]>) {
    let what = &mut history.taps[tap].frames[place].what;
    let FrameKind::Reply {
        zxid, error, body, ..
    } = what
    else {
        panic!("it is no reply")
    };
    (zxid, error, body)
}

fn lose_an_acknowledged_write(history: &mut History, dice: &mut Dice) -> bool {
    let acked = replies(history, |_, error, request| {
        error == 0 && request.is_write()
    });
    let (tap, place, _) = acked[dice.index(acked.len())];
    let stamp = reply_mut(history, tap, place).0.cast_unsigned();
    history.entries.retain(|(zxid, _)| *zxid != stamp);
    true
}

fn apply_a_write_twice(history: &mut History, dice: &mut Dice) -> bool {
    let acked = replies(history, |_, error, request| {
        error == 0 && matches!(request, Request::SetData { version: -1, .. })
    });
    if acked.is_empty() {
        return false;
    }
    let (tap, place, request) = acked[dice.index(acked.len())].clone();
    let stamp = reply_mut(history, tap, place).0.cast_unsigned();
    let made = history.entries.iter().find(|(zxid, _)| *zxid == stamp);
    let mut made = made.unwrap().1.clone();
    let last = history.entries.last().unwrap().0;
    let (change, _) = timeline(history)
        .last
        .expect(made.session, last + 1, 0, &request);
    made.change = change;
    history.entries.push((last + 1, made));
    true
}

fn invent_a_write(history: &mut History, _: &mut Dice) -> bool {
    let last = history.entries.last().unwrap().0;
    let change = Change::Error(-101);
    history.entries.push((
        last + 1,
        Made {
            session: SESSION,
            cxid: 1_000_000,
            change: Change::Multi(vec![change]),
        },
    ));
    true
}

fn show_an_old_value(history: &mut History, dice: &mut Dice) -> bool {
    let reads = replies(history, |_, error, request| {
        error == 0 && matches!(request, Request::GetData { .. })
    });
    let timeline = timeline(history);
    for _ in 0..100 {
        let (tap, place, request) = &reads[dice.index(reads.len())];
        let Request::GetData { path, .. } = request else {
            unreachable!()
        };
        let (stamp, _, body) = reply_mut(history, *tap, *place);
        let node = timeline.node_at(path, stamp.cast_unsigned()).unwrap();
        if let Some(old) = timeline.node_at(path, node.mzxid - 1) {
            let mut bytes = Vec::new();
            put_buffer(&mut bytes, old.data.as_deref());
            put_stat(&mut bytes, &old.stat());
            *body = Rc::from(bytes);
            return true;
        }
    }
    false
}

/// The value and its stamp are right for each other, and older than what the session has seen.
fn go_back_in_time(history: &mut History, dice: &mut Dice) -> bool {
    let reads = replies(history, |_, error, request| {
        error == 0 && matches!(request, Request::GetData { .. })
    });
    let timeline = timeline(history);
    for _ in 0..100 {
        let (tap, place, request) = &reads[dice.index(reads.len())];
        let Request::GetData { path, .. } = request else {
            unreachable!()
        };
        let frames = history.taps[*tap].frames[..*place].iter().rev();
        let seen = frames.clone().find_map(|frame| {
            if let FrameKind::Reply { zxid, .. } = frame.what {
                Some(zxid)
            } else {
                None
            }
        });
        let Some(old) = seen.filter(|seen| *seen > 0x1_0000_0010) else {
            continue;
        };
        let earlier = old.cast_unsigned() - 1;
        let Some(node) = timeline.node_at(path, earlier) else {
            continue;
        };
        let mut bytes = Vec::new();
        put_buffer(&mut bytes, node.data.as_deref());
        put_stat(&mut bytes, &node.stat());
        let (stamp, _, body) = reply_mut(history, *tap, *place);
        *stamp = earlier.cast_signed();
        *body = Rc::from(bytes);
        return true;
    }
    false
}

fn answer_a_wrong_version(history: &mut History, dice: &mut Dice) -> bool {
    let sets = replies(history, |_, error, request| {
        error == 0 && matches!(request, Request::SetData { .. })
    });
    let (tap, place, _) = sets[dice.index(sets.len())];
    let (_, _, body) = reply_mut(history, tap, place);
    let mut bytes = body.to_vec();
    bytes[35] ^= 1;
    *body = Rc::from(bytes);
    true
}

fn fail_what_succeeded(history: &mut History, dice: &mut Dice) -> bool {
    let acked = replies(history, |_, error, request| {
        error == 0 && matches!(request, Request::SetData { .. } | Request::Delete { .. })
    });
    let (tap, place, _) = acked[dice.index(acked.len())];
    let (_, error, body) = reply_mut(history, tap, place);
    *error = -103;
    *body = Rc::from([]);
    true
}

fn acknowledge_what_failed(history: &mut History, dice: &mut Dice) -> bool {
    let failed = replies(history, |_, error, request| {
        error != 0 && matches!(request, Request::Delete { .. })
    });
    if failed.is_empty() {
        return false;
    }
    let (tap, place, _) = failed[dice.index(failed.len())];
    *reply_mut(history, tap, place).1 = 0;
    true
}

fn swap_two_replies(history: &mut History, dice: &mut Dice) -> bool {
    let all = replies(history, |_, _, _| true);
    for _ in 0..100 {
        let (tap, place, _) = all[dice.index(all.len())];
        let next = all
            .iter()
            .find(|(other, at, _)| *other == tap && *at > place);
        if let Some((_, other, _)) = next {
            let frames = &mut history.taps[tap].frames;
            let (first, second) = (frames[place].what.clone(), frames[*other].what.clone());
            frames[place].what = second;
            frames[*other].what = first;
            return true;
        }
    }
    false
}

fn show_what_is_not_committed(history: &mut History, dice: &mut Dice) -> bool {
    let all = replies(history, |_, _, request| !request.is_write());
    let (tap, place, _) = all[dice.index(all.len())];
    *reply_mut(history, tap, place).0 = 0x1_7fff_ffff;
    true
}

fn apply_half_of_a_multi(history: &mut History, _: &mut Dice) -> bool {
    for (_, made) in &mut history.entries {
        if let Change::Multi(parts) = &mut made.change {
            parts.pop();
            return true;
        }
    }
    false
}

fn answer_twice(history: &mut History, dice: &mut Dice) -> bool {
    let tap = dice.index(history.taps.len());
    let last = history.taps[tap].frames.iter().rev();
    let reply = last
        .clone()
        .find(|f| matches!(f.what, FrameKind::Reply { .. }));
    let reply = reply.unwrap().clone();
    let requests = |frame: &&Frame| matches!(frame.what, FrameKind::Request { .. });
    let frames = &mut history.taps[tap].frames;
    let count = frames.iter().filter(requests).count();
    while frames.len() <= 2 * count {
        frames.push(reply.clone());
    }
    true
}

fn hide_a_child(history: &mut History, _: &mut Dice) -> bool {
    let lists = replies(history, |_, error, request| {
        error == 0 && matches!(request, Request::GetChildren { .. })
    });
    for (tap, place, _) in lists {
        let (_, _, body) = reply_mut(history, tap, place);
        let mut bytes = body.to_vec();
        if bytes[3] > 0 {
            // The first name, two letters long, becomes one that there is not.
            bytes[8..10].copy_from_slice(b"zz");
            *body = Rc::from(bytes);
            return true;
        }
    }
    false
}

const DAMAGES: [(&str, Damage); 13] = [
    ("lost ack", lose_an_acknowledged_write),
    ("applied twice", apply_a_write_twice),
    ("invented write", invent_a_write),
    ("stale read", show_an_old_value),
    ("back in time", go_back_in_time),
    ("wrong version", answer_a_wrong_version),
    ("failed success", fail_what_succeeded),
    ("acknowledged failure", acknowledge_what_failed),
    ("swapped replies", swap_two_replies),
    ("uncommitted stamp", show_what_is_not_committed),
    ("half a multi", apply_half_of_a_multi),
    ("answered twice", answer_twice),
    ("hidden child", hide_a_child),
];

#[test]
fn true_histories_pass() {
    for seed in 0..20 {
        let made = history(seed, 600, 4);
        if let Err(broken) = judge(&made) {
            panic!("seed {seed}: {broken:?}");
        }
    }
}

#[test]
fn every_kind_of_damage_is_noticed() {
    for (name, damage) in DAMAGES {
        let mut done = 0;
        for seed in 0..8 {
            let mut made = history(seed, 2_000, 4);
            if damage(&mut made, &mut Dice::new(seed, Stream::Crash, 0)) {
                done += 1;
                assert!(judge(&made).is_err(), "{name} passed, seed {seed}");
            }
        }
        assert!(done >= 1, "{name} was possible {done} times only");
    }
}

/// Two clients who each do one thing, one after the other.
fn one_after_the_other(first: Request, second: Vec<Request>) -> (Maker, Vec<Tap>, Vec<Request>) {
    let mut maker = Maker {
        dice: Dice::new(0, Stream::Workload, 0),
        model: Model::new(),
        zxid: 0x1_0000_0000,
        order: 0,
        entries: Vec::new(),
    };
    let taps = (0..2).map(|client| {
        let mut tap = Tap::new(client, 0);
        tap.session = Some(SESSION + i64::try_from(client).unwrap());
        tap
    });
    let taps: Vec<Tap> = taps.collect();
    for tap in &taps {
        let begins = Change::CreateSession { timeout_ms: 9_000 };
        maker.commit(tap.session.unwrap(), 0, begins);
    }
    let all = std::iter::once(first).chain(second).collect();
    (maker, taps, all)
}

fn create(path: &str) -> Request {
    Request::Create {
        path: path.into(),
        data: None,
        flags: 0,
        with_stat: false,
        ttl_ms: -1,
    }
}

fn exchange(
    maker: &mut Maker,
    tap: &mut Tap,
    xid: i32,
    request: &Request,
    outcome: (u64, i32, Vec<u8>),
) {
    let asked = FrameKind::Request {
        xid,
        request: request.clone(),
    };
    tap.frames.push(maker.frame(asked));
    let answered = FrameKind::Reply {
        xid,
        zxid: outcome.0.cast_signed(),
        error: outcome.1,
        body: Rc::from(outcome.2),
    };
    tap.frames.push(maker.frame(answered));
}

#[test]
fn a_write_that_takes_effect_before_one_that_was_over_is_noticed() {
    let (mut maker, mut taps, requests) = one_after_the_other(create("/a"), vec![create("/b")]);
    // The second write takes effect first, and both answers are right for that.
    let second = maker.happen(SESSION + 1, 1, &requests[1]);
    let first = maker.happen(SESSION, 1, &requests[0]);
    exchange(&mut maker, &mut taps[0], 1, &requests[0], first);
    exchange(&mut maker, &mut taps[1], 1, &requests[1], second);
    let made = History {
        entries: maker.entries,
        taps,
    };
    assert_eq!(judge(&made).unwrap_err().short(), "H2 real time");
}

#[test]
fn a_read_after_a_sync_that_misses_a_finished_write_is_noticed() {
    let exists = Request::Exists {
        path: "/a".into(),
        watch: false,
    };
    let (mut maker, mut taps, requests) =
        one_after_the_other(create("/a"), vec![Request::Sync, exists]);
    let before = maker.happen(SESSION + 1, 2, &requests[2]);
    let write = maker.happen(SESSION, 1, &requests[0]);
    exchange(&mut maker, &mut taps[0], 1, &requests[0], write);
    let synced = maker.happen(SESSION + 1, 1, &requests[1]);
    let early = (before.0, synced.1, synced.2);
    exchange(&mut maker, &mut taps[1], 1, &requests[1], early);
    exchange(&mut maker, &mut taps[1], 2, &requests[2], before);
    let made = History {
        entries: maker.entries,
        taps,
    };
    assert_eq!(judge(&made).unwrap_err().short(), "H6 sync");
}

#[test]
fn a_search_without_stamps_agrees_on_true_histories_and_on_wrong_answers() {
    for seed in 0..6 {
        let mut made = history(seed, 150, 3);
        assert_eq!(
            search(&timeline(&made), &made.taps),
            Found::AnOrder,
            "seed {seed}"
        );
        let early = replies(&made, |_, error, request| {
            error == 0 && matches!(request, Request::SetData { .. } | Request::Create { .. })
        });
        let (tap, place, _) = early[0];
        let true_timeline = timeline(&made);
        *reply_mut(&mut made, tap, place).1 = -7;
        assert_eq!(
            search(&true_timeline, &made.taps),
            Found::None,
            "seed {seed}"
        );
        assert!(judge(&made).is_err());
    }
}
