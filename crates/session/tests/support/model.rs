//! Deadlines and owners against a plain map, written from the rules alone.

use core::time::Duration;
use session::{Expiry, Liveness, Owners, Refusal, Sessions};
use std::collections::BTreeMap;
use zk_types::{Instant, ServerId, SessionId};

const TICK: Duration = Duration::from_millis(200);

/// What is done next, to one of a few sessions.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Advance(u64),
    Track(i64, i32),
    Touch(i64),
    Close(i64),
    Forget(i64),
    Expire,
    Check(i64, u64),
    Reopen(i64, u64),
    NewLeader,
}

#[derive(Clone, Debug)]
struct Session {
    timeout: Duration,
    timeout_ms: i32,
    touched: Instant,
    closing: bool,
    owner: Option<ServerId>,
}

struct World {
    now: Instant,
    expiry: Expiry,
    owners: Owners,
    model: BTreeMap<SessionId, Session>,
}

/// Runs the steps and names the first difference.
pub(crate) fn run(steps: &[Step]) -> Result<(), String> {
    let now = Instant::from_millis(1_234_567);
    let mut world = World {
        now,
        expiry: Expiry::new(TICK, now),
        owners: Owners::new(),
        model: BTreeMap::new(),
    };
    for step in steps {
        world
            .take(step)
            .map_err(|what| format!("{step:?}: {what}"))?;
        world
            .check()
            .map_err(|what| format!("after {step:?}: {what}"))?;
    }
    Ok(())
}

impl World {
    fn take(&mut self, step: &Step) -> Result<(), String> {
        if let Step::Advance(ms) = step {
            self.now += Duration::from_millis(*ms);
        }
        let World {
            now,
            expiry,
            owners,
            model,
        } = self;
        let now = *now;
        match *step {
            Step::Advance(_) => Ok(()),
            Step::Track(id, timeout_ms) => {
                let id = SessionId(id);
                expiry.track(id, timeout_ms, now);
                let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
                let session = model.entry(id).or_insert(Session {
                    timeout,
                    timeout_ms,
                    touched: now,
                    closing: false,
                    owner: None,
                });
                (session.timeout, session.timeout_ms, session.touched) = (timeout, timeout_ms, now);
                Ok(())
            }
            Step::Touch(id) => {
                let id = SessionId(id);
                let live = match model.get_mut(&id) {
                    Some(session) if !session.closing => {
                        session.touched = now;
                        true
                    }
                    _ => false,
                };
                same("touch", expiry.touch(id, now), live)
            }
            Step::Close(id) => {
                let id = SessionId(id);
                let live = model
                    .get_mut(&id)
                    .is_some_and(|session| !std::mem::replace(&mut session.closing, true));
                same("mark_closing", expiry.mark_closing(id), live)
            }
            Step::Forget(id) => {
                let id = SessionId(id);
                expiry.forget(id);
                owners.forget(id);
                model.remove(&id);
                Ok(())
            }
            Step::Expire => self.expire(),
            Step::Check(id, server) => {
                let (id, server) = (SessionId(id), ServerId(server));
                let expected = match model.get_mut(&id) {
                    None => Err(Refusal::Expired),
                    Some(session) if session.closing => Err(Refusal::Closing),
                    Some(session) => {
                        let owner = *session.owner.get_or_insert(server);
                        if owner == server {
                            Ok(())
                        } else {
                            Err(Refusal::Moved { owner })
                        }
                    }
                };
                same("check", owners.check(expiry, id, server), expected)
            }
            Step::Reopen(id, server) => {
                let id = SessionId(id);
                if let Some(session) = model.get_mut(&id) {
                    session.owner = Some(ServerId(server));
                    owners.set(id, ServerId(server));
                }
                Ok(())
            }
            Step::NewLeader => {
                let table = model.iter().map(|(&id, session)| (id, session.timeout_ms));
                expiry.restart_all(&Sessions::from_entries(table), now);
                *owners = Owners::new();
                for session in model.values_mut() {
                    (session.touched, session.closing, session.owner) = (now, false, None);
                }
                Ok(())
            }
        }
    }

    fn expire(&mut self) -> Result<(), String> {
        let due: Vec<SessionId> = self
            .expiry
            .buckets()
            .filter(|bucket| bucket.at <= self.now)
            .flat_map(|bucket| bucket.sessions)
            .collect();
        same("expire", self.expiry.expire(self.now), due.clone())?;
        for id in due {
            let session = self
                .model
                .get_mut(&id)
                .ok_or("an unknown session expired")?;
            session.closing = true;
            if self.now <= session.touched + session.timeout {
                return Err(format!("{id} expired early"));
            }
        }
        match self.model.values().find(|session| {
            !session.closing && self.now >= session.touched + session.timeout + TICK
        }) {
            Some(late) => Err(format!("{late:?} should have expired")),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<(), String> {
        let mut waiting = BTreeMap::new();
        let mut last = Instant::ZERO;
        for bucket in self.expiry.buckets() {
            if bucket.at <= last || bucket.sessions.is_empty() || !bucket.sessions.is_sorted() {
                return Err(format!("{bucket:?} is out of order or empty"));
            }
            last = bucket.at;
            for id in bucket.sessions {
                if waiting.insert(id, bucket.at).is_some() {
                    return Err(format!("{id} waits twice"));
                }
            }
        }
        same(
            "next_deadline",
            self.expiry.next_deadline(),
            waiting.values().min().copied(),
        )?;
        for id in (1..7).map(SessionId) {
            let (expected, session) = match self.model.get(&id) {
                None => (Liveness::Unknown, None),
                Some(session) if session.closing => (Liveness::Closing, None),
                Some(session) => (Liveness::Live, Some(session)),
            };
            same("liveness", self.expiry.liveness(id), expected)?;
            same("waits", waiting.contains_key(&id), session.is_some())?;
            if let Some(session) = session {
                let earliest = session.touched + session.timeout;
                if waiting[&id] <= earliest || waiting[&id] > earliest + TICK {
                    return Err(format!(
                        "{id} is due at {:?}, not after {earliest:?}",
                        waiting[&id]
                    ));
                }
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "callers compare values they just made"
)]
fn same<T: PartialEq + core::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, not {expected:?}"))
    }
}
