//! All client connections of a server, and the bytes that wait to leave to them.

use crate::api::ConnId;
use crate::connection::{Connection, Phase};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;
use zk_types::{Instant, SessionId};

/// All client connections of a server.
#[derive(Clone)]
pub(crate) struct Connections {
    by_id: BTreeMap<ConnId, Connection>,
    by_session: BTreeMap<SessionId, ConnId>,
    per_ip: BTreeMap<IpAddr, u32>,
    /// Connections that have not greeted, by when they are closed for it.
    silent: BTreeSet<(Instant, ConnId)>,
    /// Connections with bytes to send.
    unflushed: BTreeSet<ConnId>,
    /// Connections that are not read until there is room again.
    paused: BTreeSet<ConnId>,
    /// Connections whose clients do not read what they are owed.
    overrun: BTreeSet<ConnId>,
}

impl Connections {
    /// None yet.
    pub(crate) fn new() -> Self {
        Connections {
            by_id: BTreeMap::new(),
            by_session: BTreeMap::new(),
            per_ip: BTreeMap::new(),
            silent: BTreeSet::new(),
            unflushed: BTreeSet::new(),
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
        let before = self.by_id.insert(connection.id, connection);
        assert!(before.is_none(), "a connection id is given out once");
    }

    /// Drops one, wherever it is known.
    pub(crate) fn remove(&mut self, id: ConnId) -> Option<Connection> {
        let connection = self.by_id.remove(&id)?;
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
        self.unflushed.remove(&id);
        self.paused.remove(&id);
        self.overrun.remove(&id);
        Some(connection)
    }

    pub(crate) fn get(&self, id: ConnId) -> Option<&Connection> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.by_id.get_mut(&id)
    }

    /// All of them, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.by_id.values()
    }

    /// All of them, to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.by_id.values_mut()
    }

    /// The ids of all.
    pub(crate) fn ids(&self) -> Vec<ConnId> {
        self.by_id.keys().copied().collect()
    }

    /// The connection that has this session.
    pub(crate) fn of_session(&self, session: SessionId) -> Option<ConnId> {
        self.by_session.get(&session).copied()
    }

    /// Sets the phase of a connection, and what is known by it.
    pub(crate) fn set_phase(&mut self, id: ConnId, phase: Phase) {
        let connection = self
            .by_id
            .get_mut(&id)
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
        self.unflushed.insert(id);
    }

    /// The next connection with something to hand over.
    pub(crate) fn pop_unflushed(&mut self) -> Option<ConnId> {
        self.unflushed.pop_first()
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
