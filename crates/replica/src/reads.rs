//! Requests that are answered from this server's own state, with no word to anybody else.

use crate::api::ConnId;
use crate::budget::Budget;
use crate::connection::Then;
use crate::keeper::{Asked, announced};
use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;
use watch::{RemoveKind, Table, WatchTable};
use zk_proto::{
    AddWatchMode, ChildrenPage, ClientInfo, EventKind, KeeperRead, KeeperResult, KeeperState,
    OpCode, OpResult, PageRequest, ReadOp, ReplyHeader, Request, RequestError, SetWatches,
    WatcherEvent, WatcherType, Xid, reply,
};
use zk_types::{Acl, ErrorCode, Identity, Perms, RawPath, SessionId, Stat, ZnodePath, Zxid};
use znode_tree::{Before, Tree};

/// The state that reads of one connection see, and the watches they set.
pub(crate) struct Reads<'a, 't> {
    pub(crate) tree: &'t Tree,
    pub(crate) watches: &'a mut WatchTable<ConnId>,
    /// What every answer is stamped with.
    pub(crate) applied: Zxid,
    pub(crate) conn: ConnId,
    pub(crate) session: SessionId,
    pub(crate) identities: &'a [Identity],
    pub(crate) asked: &'a mut Asked,
}

pub(crate) type Answer = Result<(), ErrorCode>;

impl<'t> Reads<'_, 't> {
    /// Appends the answer to a request that is no write.
    pub(crate) fn answer(
        &mut self,
        xid: Xid,
        request: Result<Request<'_>, RequestError>,
        out: &mut Vec<u8>,
    ) -> Then {
        let request = match request {
            Ok(request) => request,
            Err(error @ (RequestError::Marshalling(_) | RequestError::Auth(_))) => {
                let code = error.code().unwrap_or(ErrorCode::MarshallingError);
                reply::error(out, xid, self.applied, code);
                return Then::GoOn;
            }
            Err(RequestError::UnknownOpcode { .. }) => {
                reply::error(out, xid, ReplyHeader::NO_ZXID, ErrorCode::Unimplemented);
                return Then::Close;
            }
        };
        if let Err(code) = self.dispatch(xid, request, out) {
            reply::error(out, xid, self.applied, code);
        }
        Then::GoOn
    }

    fn dispatch(&mut self, xid: Xid, request: Request<'_>, out: &mut Vec<u8>) -> Answer {
        match request {
            Request::Ping => {
                reply::void(out, Xid::PING, self.applied);
                Ok(())
            }
            Request::Exists { path, watch } => self.exists(xid, &path, watch, out),
            Request::GetData { path, watch } => self.get_data(xid, &path, watch, out),
            Request::GetChildren { path, watch } => self.children(xid, &path, watch, None, out),
            Request::GetChildren2 { path, watch } => {
                self.children(xid, &path, watch, Some(()), out)
            }
            Request::GetAcl { path } => self.get_acl(xid, &path, out),
            Request::GetAllChildrenNumber { path } => {
                let count = self
                    .tree
                    .all_children_number(required(&path)?, self.identities)?;
                reply::number(
                    out,
                    xid,
                    self.applied,
                    i32::try_from(count).unwrap_or(i32::MAX),
                );
                Ok(())
            }
            Request::GetEphemerals { prefix } => {
                let prefix = prefix.as_deref().unwrap_or("");
                reply::names_with(out, xid, self.applied, |list| {
                    self.tree
                        .ephemerals_of(self.session, prefix, &mut |path| list.push(path));
                });
                Ok(())
            }
            Request::MultiRead(ops) => self.multi_read(xid, &ops, out),
            Request::WhoAmI => {
                let infos: Vec<_> = self.identities.iter().map(client_info).collect();
                reply::who_am_i(out, xid, self.applied, &infos);
                Ok(())
            }
            Request::AddWatch { path, mode } => {
                self.add_watch(&path, mode)?;
                reply::add_watch(out, xid, self.applied);
                Ok(())
            }
            Request::CheckWatches { path, kind } => {
                if !self
                    .watches
                    .contains(self.conn, required(&path)?, remove_kind(kind))
                {
                    return Err(ErrorCode::NoWatcher);
                }
                reply::void(out, xid, self.applied);
                Ok(())
            }
            Request::RemoveWatches { path, kind } => {
                if !self
                    .watches
                    .remove(self.conn, required(&path)?, remove_kind(kind))
                {
                    return Err(ErrorCode::NoWatcher);
                }
                reply::void(out, xid, self.applied);
                Ok(())
            }
            Request::SetWatches(watches) => {
                self.set_watches(&watches, out);
                reply::void(out, xid, self.applied);
                Ok(())
            }
            Request::GetChildrenPage(page) => self.page(xid, &page, out),
            Request::Keeper(read) => self.keeper(xid, &read, out),
            Request::Write(_)
            | Request::Reconfig(_)
            | Request::Sync { .. }
            | Request::Auth(_)
            | Request::Sasl { .. } => {
                unreachable!("these have ways of their own")
            }
        }
    }

    fn exists(&mut self, xid: Xid, path: &RawPath<'_>, watch: bool, out: &mut Vec<u8>) -> Answer {
        let path = required(path)?;
        let found = self.tree.exists(path, self.identities);
        if watch && matches!(found, Ok(_) | Err(ErrorCode::NoNode)) {
            self.watches
                .add_standard(Table::Data, root_for_empty(path), self.conn);
        }
        let stat = match (found, announced(path)) {
            (Err(ErrorCode::NoNode), Some(announcement)) => announcement.stat(),
            (found, _) => found?,
        };
        reply::stat(out, xid, self.applied, &stat);
        Ok(())
    }

    fn get_data(&mut self, xid: Xid, path: &RawPath<'_>, watch: bool, out: &mut Vec<u8>) -> Answer {
        let path = required(path)?;
        let announced = announced(path);
        let (data, stat) = match (self.tree.get_data(path, self.identities), &announced) {
            (Err(ErrorCode::NoNode), Some(announcement)) => {
                self.asked.note(path);
                (Some(announcement.data), announcement.stat())
            }
            (found, _) => {
                let (data, stat) = found?;
                (data.map(AsRef::as_ref), stat)
            }
        };
        if watch {
            self.watches
                .add_standard(Table::Data, root_for_empty(path), self.conn);
        }
        reply::data(out, xid, self.applied, data, &stat);
        Ok(())
    }

    fn children(
        &mut self,
        xid: Xid,
        path: &RawPath<'_>,
        watch: bool,
        with_stat: Option<()>,
        out: &mut Vec<u8>,
    ) -> Answer {
        let path = required(path)?;
        match (self.tree.children(path, self.identities), announced(path)) {
            (Err(ErrorCode::NoNode), Some(announcement)) => {
                let (names, stat) = (announcement.children, announcement.stat());
                match with_stat {
                    None => reply::names(out, xid, self.applied, names),
                    Some(()) => reply::names_stat(out, xid, self.applied, names, &stat),
                }
            }
            (found, _) => {
                let (names, stat) = found?;
                match with_stat {
                    None => reply::names(out, xid, self.applied, names),
                    Some(()) => reply::names_stat(out, xid, self.applied, names, &stat),
                }
            }
        }
        if watch {
            self.watches
                .add_standard(Table::Child, root_for_empty(path), self.conn);
        }
        Ok(())
    }

    fn page(&mut self, xid: Xid, asked: &PageRequest<'_>, out: &mut Vec<u8>) -> Answer {
        let path = required(&asked.path)?;
        let before = (asked.before != 0).then(|| Before {
            zxid: Zxid(asked.before.cast_unsigned()),
            name: asked.after.as_deref().unwrap_or(""),
        });
        let names_max = usize::try_from(asked.names_max).unwrap_or(0);
        let page = self
            .tree
            .children_page(path, self.identities, before, names_max)?;
        if asked.watch {
            self.watches
                .add_standard(Table::Child, root_for_empty(path), self.conn);
        }
        let answer = ChildrenPage {
            names: page.names.into_iter().map(Cow::Borrowed).collect(),
            stat: page.stat,
            next: page.next.map_or(0, |zxid| zxid.0.cast_signed()),
        };
        reply::page(out, xid, self.applied, &answer);
        Ok(())
    }

    fn get_acl(&self, xid: Xid, path: &RawPath<'_>, out: &mut Vec<u8>) -> Answer {
        let (list, stat) = self.tree.get_acl(required(path)?, self.identities)?;
        let list: Vec<Acl> = list
            .map(|entry| Acl {
                perms: entry.perms,
                scheme: entry.scheme.to_string(),
                id: entry.id.into_owned(),
            })
            .collect();
        reply::acl(out, xid, self.applied, &list, &stat);
        Ok(())
    }

    /// Clients of ClickHouse Keeper take the error of a read only under the read's own opcode.
    fn failed_part(&self, op: &ReadOp<'_>, code: ErrorCode) -> OpResult<'t> {
        if self.asked.keeper {
            OpResult::Keeper(KeeperResult::FailedRead(op.result_opcode(), code))
        } else {
            OpResult::Failed(code)
        }
    }

    /// All parts or, when they ask for too much, none; only clients of ClickHouse Keeper may set
    /// watches with them.
    fn multi_read(&mut self, xid: Xid, ops: &[ReadOp<'_>], out: &mut Vec<u8>) -> Answer {
        if !self.asked.keeper && !ops.iter().all(ReadOp::is_of_apache) {
            return Err(ErrorCode::MarshallingError);
        }
        let mut budget = Budget::of_multi_read();
        let mut results = Vec::new();
        let mut watches = Vec::new();
        for op in ops {
            budget.begin_part()?;
            let result = self.read_part(op, &mut budget);
            budget.checked()?;
            let waits_for_creation =
                matches!(op, ReadOp::Exists { .. }) && matches!(result, Err(ErrorCode::NoNode));
            if self.asked.keeper && (result.is_ok() || waits_for_creation) {
                watches.extend(watch_of(op));
            }
            results.push(result.unwrap_or_else(|code| self.failed_part(op, code)));
        }
        for (table, path) in watches {
            self.watches.add_standard(table, path, self.conn);
        }
        reply::multi(out, xid, self.applied, &results);
        Ok(())
    }

    fn read_part(&self, op: &ReadOp<'_>, budget: &mut Budget) -> Result<OpResult<'t>, ErrorCode> {
        match op {
            ReadOp::GetData { path, .. } => {
                let (data, stat) = self.tree.get_data(required(path)?, self.identities)?;
                let data = data.map(|bytes| Cow::Borrowed(bytes.as_ref()));
                budget.tell(data.as_ref().map_or(0, |data| data.len()))?;
                Ok(OpResult::GetData { data, stat })
            }
            ReadOp::Exists { path, .. } => {
                let stat = self.tree.exists(required(path)?, self.identities)?;
                Ok(OpResult::Exists { stat })
            }
            ReadOp::GetChildren { path, .. } => {
                let (children, _) = self.names(required(path)?, budget)?;
                Ok(OpResult::GetChildren { children })
            }
            ReadOp::GetChildren2 { path, .. } => {
                let (children, stat) = self.names(required(path)?, budget)?;
                Ok(OpResult::GetChildren2 { children, stat })
            }
            ReadOp::Keeper(read) => self.keeper_part(read, budget),
        }
    }

    fn names(
        &self,
        path: &str,
        budget: &mut Budget,
    ) -> Result<(Vec<Cow<'t, str>>, Stat), ErrorCode> {
        let (children, stat) = self.tree.children(path, self.identities)?;
        let mut names = Vec::new();
        for name in children {
            budget.visit()?;
            budget.tell(name.len() + 4)?;
            names.push(Cow::Borrowed(name));
        }
        Ok((names, stat))
    }

    fn add_watch(&mut self, path: &RawPath<'_>, mode: AddWatchMode) -> Answer {
        let path = required(path)?;
        ZnodePath::validate(path).map_err(|_| ErrorCode::BadArguments)?;
        match mode {
            AddWatchMode::Persistent => self.watches.add_persistent(path, self.conn),
            AddWatchMode::PersistentRecursive => self.watches.add_recursive(path, self.conn),
        }
        Ok(())
    }

    /// Tells of what changed since the client's last word, and arms the rest.
    /// Source: `client-protocol.md` §7.4.
    fn set_watches(&mut self, watches: &SetWatches<'_>, out: &mut Vec<u8>) {
        let since = watches.relative_zxid;
        for path in watches.data.iter().map(|path| root_for_empty(path)) {
            match self.tree.stat(path) {
                None if announced(path).is_some() => {
                    self.watches.add_standard(Table::Data, path, self.conn);
                }
                None => self.catch_up(EventKind::NodeDeleted, path, out),
                Some(stat)
                    if zk_types::mutant!(
                        "rearmed-data-watch-misses-changes",
                        stat.mzxid.0.cast_signed() > since,
                        false
                    ) =>
                {
                    self.catch_up(EventKind::NodeDataChanged, path, out);
                }
                Some(_) => self.watches.add_standard(Table::Data, path, self.conn),
            }
        }
        for path in watches.exist.iter().map(|path| root_for_empty(path)) {
            match self.tree.stat(path) {
                None => self.watches.add_standard(Table::Data, path, self.conn),
                Some(_) => self.catch_up(EventKind::NodeCreated, path, out),
            }
        }
        for path in watches.child.iter().map(|path| root_for_empty(path)) {
            match self.tree.stat(path) {
                None if announced(path).is_some() => {
                    self.watches.add_standard(Table::Child, path, self.conn);
                }
                None => self.catch_up(EventKind::NodeDeleted, path, out),
                Some(stat)
                    if zk_types::mutant!(
                        "rearmed-child-watch-misses-changes",
                        stat.pzxid.0.cast_signed() > since,
                        false
                    ) =>
                {
                    self.catch_up(EventKind::NodeChildrenChanged, path, out);
                }
                Some(_) => self.watches.add_standard(Table::Child, path, self.conn),
            }
        }
        for path in &watches.persistent {
            self.watches.add_persistent(path, self.conn);
        }
        for path in &watches.persistent_recursive {
            self.watches.add_recursive(path, self.conn);
        }
    }

    /// Tells of a change that happened while the client was away, if it may read the node.
    fn catch_up(&self, kind: EventKind, path: &str, out: &mut Vec<u8>) {
        let readable = self
            .tree
            .acl_of(path)
            .is_none_or(|acl| self.tree.permits(acl, Perms::READ, self.identities));
        if readable {
            let event = WatcherEvent {
                kind,
                state: KeeperState::SyncConnected,
                path: Cow::Borrowed(path),
            };
            event.encode(ReplyHeader::NO_ZXID, out);
        }
    }
}

/// The watch that a part of a `multiRead` asks for.
fn watch_of<'o>(op: &'o ReadOp<'_>) -> Option<(Table, &'o str)> {
    let (table, path, watch) = match op {
        ReadOp::GetData { path, watch } | ReadOp::Exists { path, watch } => {
            (Table::Data, path, *watch)
        }
        ReadOp::GetChildren { path, watch }
        | ReadOp::GetChildren2 { path, watch }
        | ReadOp::Keeper(
            KeeperRead::List { path, watch, .. }
            | KeeperRead::ListWithStatsAndData { path, watch, .. },
        ) => (Table::Child, path, *watch),
        ReadOp::Keeper(
            KeeperRead::ListRecursive { .. }
            | KeeperRead::CheckNotExists { .. }
            | KeeperRead::CheckStat { .. },
        ) => unreachable!("none of these is a list"),
    };
    let path = path.as_deref().filter(|_| watch)?;
    Some((table, root_for_empty(path)))
}

/// What `cons` calls an operation. Source: `client-protocol.md` §12.2.
pub(crate) fn operation_name(op: OpCode) -> &'static str {
    match op {
        OpCode::Create
        | OpCode::Create2
        | OpCode::CreateContainer
        | OpCode::CreateTtl
        | OpCode::CreateIfNotExists => "CREA",
        OpCode::Delete | OpCode::DeleteContainer | OpCode::DeleteRecursive | OpCode::TryDelete => {
            "DELE"
        }
        OpCode::Exists => "EXIS",
        OpCode::GetData => "GETD",
        OpCode::SetData => "SETD",
        OpCode::GetAcl => "GETA",
        OpCode::SetAcl => "SETA",
        OpCode::GetChildren
        | OpCode::GetChildren2
        | OpCode::FilteredList
        | OpCode::ListWithStatsAndData
        | OpCode::ListRecursive
        | OpCode::GetChildrenPage => "GETC",
        OpCode::Sync => "SYNC",
        OpCode::Ping => "PING",
        OpCode::Check | OpCode::CheckNotExists | OpCode::CheckStat => "CHEC",
        OpCode::Multi => "MULT",
        OpCode::MultiRead => "MLTR",
        OpCode::Reconfig => "RECO",
        OpCode::CloseSession => "CLOS",
        OpCode::CreateSession => "SESS",
        OpCode::SetWatches => "SETW",
        OpCode::SetWatches2 => "STW2",
        OpCode::AddWatch => "ADDW",
        OpCode::CheckWatches => "CHKW",
        OpCode::RemoveWatches => "REMW",
        OpCode::GetEphemerals => "GETE",
        OpCode::GetAllChildrenNumber => "GETACN",
        OpCode::WhoAmI => "HOMI",
        OpCode::Auth | OpCode::Sasl | OpCode::Error | OpCode::Notification => "NA",
    }
}

pub(crate) fn required<'p>(path: &'p RawPath<'_>) -> Result<&'p str, ErrorCode> {
    path.as_deref().ok_or(ErrorCode::MarshallingError)
}

/// The empty path reads the root, so its watch is the root's.
pub(crate) fn root_for_empty(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

fn remove_kind(kind: WatcherType) -> RemoveKind {
    RemoveKind::from_code(kind.code()).expect("both name the five kinds of the protocol")
}

fn client_info(identity: &Identity) -> ClientInfo<'_> {
    let user = match identity.scheme.as_str() {
        "digest" => identity.id.split(':').next().unwrap_or(""),
        "super" => "",
        _ => &identity.id,
    };
    ClientInfo {
        scheme: Cow::Borrowed(&identity.scheme),
        user: Cow::Borrowed(user),
    }
}
