//! Creations.

use super::{Place, Preparation, parent_of, valid};
use crate::node::{kind_of_owner, owner_of_kind};
use crate::pending::NodeState;
use crate::quota::Usage;
use crate::requester::EphemeralRight;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use zk_types::{
    Bytes, CreateCall, CreateOp, CreateTxn, ErrorCode, NodeKind, Perms, SessionId, TTL_MS_MAX, Txn,
};

impl Preparation<'_> {
    /// Source: `client-protocol.md` §4.1, create.
    pub(super) fn create(&mut self, op: &CreateOp<'_>) -> Result<Txn, ErrorCode> {
        if op.call == CreateCall::IfNotExists {
            return self.create_if_not_exists(op);
        }
        self.create_txn(op).map(Txn::Create)
    }

    pub(super) fn create_txn(&mut self, op: &CreateOp<'_>) -> Result<CreateTxn, ErrorCode> {
        let mode = Mode::of(op, self.place, self.requester.session)?;
        if matches!(mode.kind, NodeKind::Ttl(_)) && !self.tree.config.extended_types {
            return Err(ErrorCode::Unimplemented);
        }
        check_ttl(op, self.place)?;
        self.check_session()?;
        if mode.needs_global_session && self.requester.ephemerals == EphemeralRight::Denied {
            return Err(ErrorCode::EphemeralOnLocalSession);
        }
        let path = op.path.as_deref().ok_or(ErrorCode::MarshallingError)?;
        let parent_path = parent_of(path)?;
        let acl = self.normalise(op.acl.as_deref())?;
        let parent = self.look(parent_path).ok_or(ErrorCode::NoNode)?;
        self.check_permission(&parent.acl, Perms::CREATE)?;
        if op.call == CreateCall::IfNotExists && mode.naming == Naming::Sequential {
            return Err(ErrorCode::BadArguments);
        }
        let counter = zk_types::mutant!(
            "sequence-from-the-number-of-children",
            parent.cversion,
            parent.children.cast_signed()
        );
        let path = full_path(path, mode.naming, counter)?;
        valid(Some(&path))?;
        if self.look(&path).is_some() {
            return Err(ErrorCode::NodeExists);
        }
        if let NodeKind::Ephemeral(_) = parent.kind() {
            return Err(ErrorCode::NoChildrenForEphemerals);
        }
        let data = self.checked_data(op.data.as_deref())?;
        self.check_quota(&path, Usage::of_node(length(data.as_ref())))?;
        if kind_of_owner(owner_of_kind(mode.kind)) != mode.kind {
            return Err(ErrorCode::BadArguments);
        }
        let txn = CreateTxn {
            path: Box::from(path),
            data,
            acl,
            kind: mode.kind,
            parent_cversion: parent.cversion.saturating_add(1),
            with_stat: mode.with_stat,
        };
        self.note_creation(parent_path, parent, &txn);
        Ok(txn)
    }

    fn note_creation(&mut self, parent_path: &str, parent: NodeState, txn: &CreateTxn) {
        let parent = NodeState {
            cversion: txn.parent_cversion,
            children: zk_types::mutant!(
                "pending-child-not-counted",
                parent.children + 1,
                parent.children
            ),
            pzxid: self.zxid,
            ..parent
        };
        self.note(parent_path, Some(parent));
        let data_length = length(txn.data.as_ref());
        let state = NodeState {
            czxid: self.zxid,
            mzxid: self.zxid,
            pzxid: self.zxid,
            ctime: self.time,
            owner: owner_of_kind(txn.kind),
            version: 0,
            cversion: 0,
            aversion: 0,
            children: 0,
            mtime: self.time,
            data_length,
            acl: Arc::from(txn.acl.as_slice()),
        };
        self.note(&txn.path, Some(state));
        if let NodeKind::Ephemeral(session) = txn.kind {
            let (pending, zxid) = (&mut *self.pending, self.zxid);
            zk_types::mutant!(
                "pending-ephemeral-forgotten",
                pending.note_created(zxid, session, &txn.path),
                ()
            );
        }
        self.note_usage(&txn.path, Usage::of_node(data_length));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Verbatim,
    Sequential,
}

/// What opcode and flags ask for together.
#[derive(Clone, Copy)]
struct Mode {
    kind: NodeKind,
    naming: Naming,
    needs_global_session: bool,
    with_stat: bool,
}

impl Mode {
    /// Source: `client-protocol.md` §4.1, flags, and §9.1 for the form of a multi's result. A
    /// container asked for by flag is one whichever opcode asked (§14).
    fn of(op: &CreateOp<'_>, place: Place, session: SessionId) -> Result<Mode, ErrorCode> {
        let by_flags = match op.flags {
            0 | 2 => NodeKind::Persistent,
            1 | 3 => NodeKind::Ephemeral(zk_types::mutant!(
                "ephemeral-of-another-session",
                session,
                SessionId(session.0 + 1)
            )),
            4 => NodeKind::Container,
            5 | 6 => NodeKind::Ttl(op.ttl_ms),
            _ => return Err(ErrorCode::BadArguments),
        };
        let kind = match (op.call, by_flags) {
            (
                CreateCall::Container,
                NodeKind::Persistent | NodeKind::Ephemeral(_) | NodeKind::Container,
            ) => NodeKind::Container,
            (CreateCall::Container, NodeKind::Ttl(_))
            | (
                CreateCall::Create
                | CreateCall::Create2
                | CreateCall::Ttl
                | CreateCall::IfNotExists,
                _,
            ) => by_flags,
        };
        let has_stat_by_kind = match kind {
            NodeKind::Persistent | NodeKind::Ephemeral(_) => false,
            NodeKind::Container | NodeKind::Ttl(_) => true,
        };
        Ok(Mode {
            kind,
            naming: if matches!(op.flags, 2 | 3 | 6) {
                Naming::Sequential
            } else {
                Naming::Verbatim
            },
            needs_global_session: matches!(op.flags, 1 | 3),
            with_stat: match (op.call, place) {
                (CreateCall::Create2 | CreateCall::Container, _) => true,
                (CreateCall::Create, Place::Alone) | (CreateCall::IfNotExists, _) => false,
                (CreateCall::Create, Place::InMulti) | (CreateCall::Ttl, _) => has_stat_by_kind,
            },
        })
    }
}

/// A time to live goes with the flags for one and with no others.
fn check_ttl(op: &CreateOp<'_>, place: Place) -> Result<(), ErrorCode> {
    let fits = match (op.call, op.flags) {
        (CreateCall::Ttl, 5 | 6) => (1..=TTL_MS_MAX).contains(&op.ttl_ms),
        // Alone it would pass as a TTL node without a time; in a multi it is an ordinary creation.
        (CreateCall::Ttl, _) => place == Place::InMulti,
        (_, 5 | 6) => false,
        (
            CreateCall::Create
            | CreateCall::Create2
            | CreateCall::Container
            | CreateCall::IfNotExists,
            _,
        ) => op.ttl_ms < 0,
    };
    if fits {
        Ok(())
    } else {
        Err(ErrorCode::BadArguments)
    }
}

/// The path with the suffix of a sequential node. A counter that has run out is refused: the
/// names after it would repeat.
fn full_path(path: &str, naming: Naming, counter: i32) -> Result<Cow<'_, str>, ErrorCode> {
    match naming {
        Naming::Verbatim => Ok(Cow::Borrowed(path)),
        Naming::Sequential if counter == i32::MAX => Err(ErrorCode::BadArguments),
        Naming::Sequential => Ok(Cow::Owned(format!("{path}{counter:010}"))),
    }
}

fn length(data: Option<&Bytes>) -> usize {
    data.map_or(0, |data| data.len())
}
