//! Committed transactions take effect: the tree changes, watchers are told, and whoever asked is
//! answered, in this order.

use crate::api::{ConnId, Event, Output};
use crate::between::RequestTag;
use crate::connection::UNREAD_BYTES_MAX;
use crate::connections::Connections;
use crate::envelope::{self, Origin};
use crate::leader::Proposed;
use crate::server::Replica;
use crate::statistics::whole_ms;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use watch::WatchTable;
use zab_core::Role;
use zk_proto::{EventKind, KeeperResult, KeeperState, OpCode, OpResult, WatcherEvent, Xid, reply};
use zk_types::{
    Bytes, CreateTxn, ErrorCode, KeeperTxn, Perms, SessionId, Txn, TxnHeader, Zxid, mutant,
};
use znode_tree::{Applied, Change, ChangeKind, TreeConfig, permits};

/// Digests that `hash` shows, and how many transactions lie between two.
const DIGESTS_MAX: usize = 1_024;
const DIGEST_INTERVAL: u64 = 128;

impl Replica {
    /// Applies one committed transaction and answers who asked for it.
    pub(crate) fn apply(&mut self, payload: &Bytes) {
        let (origin, header, txn) = self.opened(payload);
        assert_eq!(
            header.zxid, self.state.applied,
            "a transaction states its own place"
        );
        self.statistics.commit_count += 1;
        if matches!(self.role(), Role::Following { .. }) {
            self.statistics.commits_received += 1;
        }
        let events_first = mutant!("watch-after-reply", true, false);
        let mut late = Vec::new();
        let applied = {
            let Replica {
                state,
                watches,
                connections,
                storage,
                statistics,
                ..
            } = self;
            state.tree.apply(&header, &txn, &mut |change| {
                let told = tell(
                    watches,
                    connections,
                    header.zxid,
                    &change,
                    &storage.tree_config,
                );
                if !told.conns.is_empty() {
                    statistics.fired.record(change.kind, told.conns.len());
                }
                if events_first {
                    send(connections, &told);
                } else {
                    late.push(told);
                }
            })
        };
        for passed in self.state.tree.take_quotas_passed() {
            if self.leader.is_some() {
                let event = Event::QuotaPassed(passed);
                self.outputs.push_back(Output::Event(event));
            }
        }
        self.change_sessions(&header, &txn);
        if header.zxid.0 % DIGEST_INTERVAL == 0 {
            self.digests
                .push_back((header.zxid, self.state.tree.digest()));
            if self.digests.len() > DIGESTS_MAX {
                self.digests.pop_front();
            }
        }
        self.answer_due_refusals();
        if origin.server == self.config.me {
            self.answer_applied(origin.tag, header.zxid, &txn, &applied);
        }
        for mut told in late {
            told.conns
                .retain(|conn| self.connections.get(*conn).is_some());
            send(&mut self.connections, &told);
        }
        while let Some(conn) = self.connections.pop_overrun() {
            self.cut(conn);
        }
        if let Txn::CloseSession { .. } = txn
            && let Some(conn) = self.connections.of_session(header.session)
        {
            self.close(conn);
        }
    }

    /// What a record holds. Whoever made it has not forgotten.
    fn opened(&mut self, payload: &Bytes) -> (Origin, TxnHeader, Txn) {
        let leader = self.leader.as_mut();
        let Some(proposed) = leader.and_then(|leader| leader.take_proposed(self.state.applied))
        else {
            return envelope::open(payload)
                .expect("a committed record was encoded by this version");
        };
        let Proposed {
            origin,
            header,
            txn,
            at,
        } = proposed;
        debug_assert_eq!(
            envelope::seal(origin, &header, &txn, &mut Vec::new()),
            *payload,
            "what was proposed is what the record says"
        );
        let took = whole_ms(self.now.since(at));
        self.statistics.times.proposals.record(took);
        (origin, header, txn)
    }

    fn change_sessions(&mut self, header: &TxnHeader, txn: &Txn) {
        match txn {
            Txn::CreateSession { timeout_ms } => {
                self.state.sessions.open(header.session, *timeout_ms);
                self.locals.remove(header.session);
            }
            Txn::CloseSession { .. } => {
                self.state.sessions.close(header.session);
                self.locals.remove(header.session);
                self.touches.forget(header.session);
            }
            Txn::Create(_)
            | Txn::Delete { .. }
            | Txn::DeleteContainer { .. }
            | Txn::SetData { .. }
            | Txn::SetAcl { .. }
            | Txn::Check { .. }
            | Txn::Multi(_)
            | Txn::Error(_)
            | Txn::Keeper(_) => {}
        }
        if let Some(leader) = &mut self.leader {
            leader.on_applied(header, txn);
        }
    }

    fn answer_applied(&mut self, tag: RequestTag, zxid: Zxid, txn: &Txn, applied: &Applied<'_>) {
        if let Some(conn) = self.outcomes.conn_of(tag)
            && let Some(opening) = self.opening_of(conn)
        {
            self.outcomes.settle(tag);
            return self.welcome(conn, opening);
        }
        self.answer_write(tag, |xid, op, out| {
            encode_outcome(xid, op, zxid, txn, applied, out);
        });
    }
}

/// An event as a frame, and who is told of it.
struct Told {
    frame: Vec<u8>,
    conns: Vec<ConnId>,
}

/// Whom a change concerns of those who may read the node. The frame is made once for all of them,
/// and a list that lets everybody read is looked at once.
fn tell(
    watches: &mut WatchTable<ConnId>,
    connections: &Connections,
    zxid: Zxid,
    change: &Change<'_>,
    config: &TreeConfig,
) -> Told {
    let for_everybody = permits(config, change.acl, Perms::READ, &[]);
    let mut told = Told {
        frame: Vec::new(),
        conns: Vec::new(),
    };
    trigger(watches, change, &mut |conn, kind, path| {
        let connection = connections.get(conn).expect("watches go with connections");
        if for_everybody || permits(config, change.acl, Perms::READ, &connection.identities) {
            if told.frame.is_empty() {
                event(kind, path).encode(zxid, &mut told.frame);
            }
            told.conns.push(conn);
        }
    });
    told
}

fn send(connections: &mut Connections, told: &Told) {
    for &conn in &told.conns {
        if connections.is_overrun(conn) {
            continue;
        }
        let connection = connections
            .get_mut(conn)
            .expect("watches go with connections");
        connection.out.extend_from_slice(&told.frame);
        if connection.unread_bytes() > UNREAD_BYTES_MAX {
            connections.mark_overrun(conn);
        }
        connections.mark_unflushed(conn);
    }
}

fn trigger(
    watches: &mut WatchTable<ConnId>,
    change: &Change<'_>,
    out: &mut dyn FnMut(ConnId, watch::EventKind, &str),
) {
    match change.kind {
        ChangeKind::Created => watches.created(change.path, out),
        ChangeKind::Deleted => watches.deleted(change.path, out),
        ChangeKind::DataChanged => watches.data_changed(change.path, out),
        ChangeKind::ChildrenChanged => watches.children_changed(change.path, out),
    }
}

fn event(kind: watch::EventKind, path: &str) -> WatcherEvent<'_> {
    let kind = EventKind::from_code(kind.code()).expect("both name the events of the protocol");
    WatcherEvent {
        kind,
        state: KeeperState::SyncConnected,
        path: Cow::Borrowed(path),
    }
}

/// Appends the answer to a write that was applied.
fn encode_outcome(
    xid: Xid,
    op: OpCode,
    zxid: Zxid,
    txn: &Txn,
    applied: &Applied<'_>,
    out: &mut Vec<u8>,
) {
    match applied {
        Applied::Done => {
            if let Txn::Keeper(KeeperTxn::Exists { path }) = txn {
                reply::path(out, xid, zxid, path);
            } else {
                reply::void(out, xid, zxid);
            }
        }
        Applied::Created { path, .. }
            if matches!(op, OpCode::Create | OpCode::CreateIfNotExists) =>
        {
            reply::path(out, xid, zxid, path);
        }
        Applied::Created { path, stat, .. } => reply::path_stat(out, xid, zxid, path, stat),
        Applied::DataSet(stat) | Applied::AclSet(stat) => reply::stat(out, xid, zxid, stat),
        Applied::Multi(parts) => {
            let Txn::Multi(txns) = txn else {
                unreachable!("results in parts are those of a multi");
            };
            let results: Vec<_> = txns.iter().zip(parts).map(part).collect();
            reply::multi(out, xid, zxid, &results);
        }
        Applied::Error(code) => reply::error(out, xid, zxid, *code),
    }
}

fn part<'a>((txn, applied): (&Txn, &'a Applied<'_>)) -> OpResult<'a> {
    if let Txn::Keeper(txn) = txn {
        return OpResult::Keeper(keeper_part(txn));
    }
    match applied {
        Applied::Created {
            path,
            stat,
            with_stat: true,
        } => OpResult::Create2 {
            path: Cow::Borrowed(path),
            stat: *stat,
        },
        Applied::Created {
            path,
            with_stat: false,
            ..
        } => OpResult::Create {
            path: Cow::Borrowed(path),
        },
        Applied::DataSet(stat) => OpResult::SetData { stat: *stat },
        Applied::Done if matches!(txn, Txn::Check { .. }) => OpResult::Check,
        Applied::Done => OpResult::Delete,
        Applied::Error(code) => OpResult::Failed(*code),
        Applied::AclSet(_) | Applied::Multi(_) => {
            unreachable!("these never stand in a multi")
        }
    }
}

fn keeper_part(txn: &KeeperTxn) -> KeeperResult<'static> {
    match txn {
        KeeperTxn::CheckNotExists { .. } => KeeperResult::CheckNotExists,
        KeeperTxn::CheckStat { .. } => KeeperResult::CheckStat,
        KeeperTxn::Create(CreateTxn { path, .. }) | KeeperTxn::Exists { path } => {
            KeeperResult::CreateIfNotExists {
                path: Cow::Owned(String::from(&**path)),
            }
        }
        KeeperTxn::TryDelete { .. } => KeeperResult::TryDelete,
        KeeperTxn::DeleteRecursive { .. } => KeeperResult::DeleteRecursive,
    }
}

/// The result of one part of a multi that was refused.
pub(crate) fn refused_part(code: &Option<ErrorCode>) -> OpResult<'static> {
    match code {
        None => OpResult::RolledBack,
        Some(code) => OpResult::Failed(*code),
    }
}

/// The session that a transaction without a client is made for.
pub(crate) const NOBODY: SessionId = SessionId::NONE;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use core::net::{IpAddr, Ipv4Addr};
    use zk_types::{Instant, WallTime};

    #[test]
    fn a_client_that_has_left_too_much_unread_is_sent_no_more() {
        let mut connections = Connections::new();
        let id = ConnId(1);
        let from = (IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
        let connection = Connection::new(id, from, WallTime(0), 1 << 20, Instant::ZERO);
        connections.insert(connection);
        let told = Told {
            frame: Vec::from([0; 1 << 20]),
            conns: Vec::from([id; 100]),
        };
        send(&mut connections, &told);
        let owed = connections.get(id).map(Connection::unread_bytes);
        assert_eq!(owed, Some(UNREAD_BYTES_MAX + (1 << 20)));
        assert_eq!(connections.pop_overrun(), Some(id));
    }
}
