//! All client connections of a server, and the bytes that wait to leave to them.

use crate::api::ConnId;
use crate::connection::{Connection, Flushed, Phase};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;
use hashbrown::HashTable;
use zk_types::{Instant, SessionId};

/// All client connections of a server.
#[derive(Clone)]
pub(crate) struct Connections {
    /// A request looks its connection up some ten times. The shell counts the ids, so nobody else
    /// chooses where they fall.
    by_id: HashTable<Connection>,
    by_session: BTreeMap<SessionId, ConnId>,
    per_ip: BTreeMap<IpAddr, u32>,
    /// Connections that have not greeted, by when they are closed for it.
    silent: BTreeSet<(Instant, ConnId)>,
    /// Connections with bytes to send, each once, and some that are gone.
    unflushed: Vec<ConnId>,
    /// Connections that are not read until there is room again.
    paused: BTreeSet<ConnId>,
    /// Connections whose clients do not read what they are owed.
    overrun: BTreeSet<ConnId>,
}

impl Connections {
    /// None yet.
    pub(crate) fn new() -> Self {
        Connections {
            by_id: HashTable::new(),
            by_session: BTreeMap::new(),
            per_ip: BTreeMap::new(),
            silent: BTreeSet::new(),
            unflushed: Vec::new(),
            paused: BTreeSet::new(),
            overrun: BTreeSet::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// How many come from `ip`.
    pub(crate) fn count_from(&self, ip: IpAddr) -> u32 {
        self.per_ip.get(&ip).copied().unwrap_or(0)
    }

    /// Takes a new one.
    pub(crate) fn insert(&mut self, connection: Connection) {
        *self.per_ip.entry(connection.ip).or_insert(0) += 1;
        if let Phase::Greeting { until } = connection.phase {
            self.silent.insert((until, connection.id));
        }
        let id = connection.id;
        assert!(self.get(id).is_none(), "a connection id is given out once");
        self.by_id
            .insert_unique(hash(id), connection, |connection| hash(connection.id));
    }

    /// Drops one, wherever it is known.
    pub(crate) fn remove(&mut self, id: ConnId) -> Option<Connection> {
        let entry = self.by_id.find_entry(hash(id), |one| one.id == id).ok()?;
        let (connection, _) = entry.remove();
        if let Some(count) = self.per_ip.get_mut(&connection.ip) {
            *count -= 1;
            if *count == 0 {
                self.per_ip.remove(&connection.ip);
            }
        }
        if let Phase::Greeting { until } = connection.phase {
            self.silent.remove(&(until, id));
        }
        if let Some(session) = connection.session()
            && self.by_session.get(&session) == Some(&id)
        {
            self.by_session.remove(&session);
        }
        self.paused.remove(&id);
        self.overrun.remove(&id);
        Some(connection)
    }

    pub(crate) fn get(&self, id: ConnId) -> Option<&Connection> {
        self.by_id.find(hash(id), |one| one.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.by_id.find_mut(hash(id), |one| one.id == id)
    }

    /// All of them, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        let mut all: Vec<&Connection> = self.by_id.iter().collect();
        all.sort_unstable_by_key(|connection| connection.id);
        all.into_iter()
    }

    /// All of them, to change, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.by_id.iter_mut()
    }

    /// The ids of all, in the order they came.
    pub(crate) fn ids(&self) -> Vec<ConnId> {
        self.iter().map(|connection| connection.id).collect()
    }

    /// The connection that has this session.
    pub(crate) fn of_session(&self, session: SessionId) -> Option<ConnId> {
        self.by_session.get(&session).copied()
    }

    /// Sets the phase of a connection, and what is known by it.
    pub(crate) fn set_phase(&mut self, id: ConnId, phase: Phase) {
        let connection = self
            .by_id
            .find_mut(hash(id), |one| one.id == id)
            .expect("its phase is set while it exists");
        if let Phase::Greeting { until } = connection.phase {
            self.silent.remove(&(until, id));
        }
        if let Some(session) = connection.session()
            && self.by_session.get(&session) == Some(&id)
        {
            self.by_session.remove(&session);
        }
        connection.phase = phase;
        if let Phase::Open { session } = phase {
            self.by_session.insert(session, id);
        }
    }

    /// The connections that are not read.
    pub(crate) fn paused(&self) -> Vec<ConnId> {
        self.paused.iter().copied().collect()
    }

    pub(crate) fn set_paused(&mut self, id: ConnId) {
        self.paused.insert(id);
    }

    pub(crate) fn set_resumed(&mut self, id: ConnId) {
        self.paused.remove(&id);
    }

    /// Notes that a connection is owed more than its client may leave unread.
    pub(crate) fn mark_overrun(&mut self, id: ConnId) {
        self.overrun.insert(id);
    }

    /// Whether it is such a connection.
    pub(crate) fn is_overrun(&self, id: ConnId) -> bool {
        self.overrun.contains(&id)
    }

    /// The next such connection.
    pub(crate) fn pop_overrun(&mut self) -> Option<ConnId> {
        self.overrun.pop_first()
    }

    /// Notes that a connection has bytes to send.
    pub(crate) fn mark_unflushed(&mut self, id: ConnId) {
        if let Some(connection) = self.by_id.find_mut(hash(id), |one| one.id == id)
            && connection.flushed == Flushed::Yes
        {
            connection.flushed = Flushed::No;
            self.unflushed.push(id);
        }
    }

    /// The connections that may have something to hand over, in the order they came.
    pub(crate) fn take_unflushed(&mut self) -> Vec<ConnId> {
        let mut taken = core::mem::take(&mut self.unflushed);
        taken.sort_unstable();
        taken
    }

    /// When the first silent connection is to be closed.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.silent.first().map(|(until, _)| *until)
    }

    /// A connection that was silent for too long.
    pub(crate) fn pop_silent(&mut self, now: Instant) -> Option<ConnId> {
        let (until, id) = *self.silent.first()?;
        if until > now {
            return None;
        }
        self.silent.pop_first();
        Some(id)
    }
}

/// Spreads ids that are counted up over a table (Fibonacci hashing).
fn hash(id: ConnId) -> u64 {
    id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
