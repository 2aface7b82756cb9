//! What ClickHouse Keeper adds: how its clients learn of it, and its reads.
//!
//! Source: `docs/keeper-extensions.md`.

use crate::budget::{Budget, STAT_BYTES};
use crate::reads::{Answer, Reads, required, root_for_empty};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use watch::Table;
use zk_proto::{
    ChildrenDetails, KeeperRead, KeeperResult, ListFilter, OpCode, OpResult, Xid, reply,
};
use zk_types::{CreateCall, ErrorCode, Op, RawPath, SessionId, Stat, WallTime, Zxid};

/// Bytes of an answer that lists more than names.
const LISTING_BYTES_MAX: usize = 16 << 20;

/// A node that is read where no such node exists, and that no list shows.
#[derive(Clone)]
pub(crate) struct Announcement {
    pub(crate) data: &'static [u8],
    pub(crate) children: &'static [&'static str],
}

/// What a client has asked whether this server knows it. Until it has, requests of that kind are
/// as unknown as at any other server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// What ClickHouse Keeper adds.
    pub(crate) keeper: bool,
    /// What this project adds.
    features: bool,
}

impl Asked {
    /// Notes that the client was told what is announced at this path.
    pub(crate) fn note(&mut self, path: &str) {
        self.keeper |= path.starts_with("/keeper/");
        self.features |= path.starts_with("/vivarium/");
    }

    /// Whether the client knows of the operation, or any client does.
    pub(crate) fn knows(self, op: OpCode) -> bool {
        match op.code() {
            500..=507 => self.keeper,
            2260 => self.features,
            _ => true,
        }
    }

    /// The same for all parts of a write.
    pub(crate) fn knows_parts(self, op: &Op<'_>) -> bool {
        match op {
            Op::Multi(parts) => parts.iter().all(|part| self.knows_parts(part)),
            Op::Create(create) => self.keeper || create.call != CreateCall::IfNotExists,
            Op::Keeper(_) => self.keeper,
            Op::Delete { .. }
            | Op::DeleteContainer { .. }
            | Op::SetData { .. }
            | Op::SetAcl { .. }
            | Op::Check { .. }
            | Op::CreateSession { .. }
            | Op::CloseSession => true,
        }
    }
}

/// What is said to whoever reads exactly this path.
pub(crate) fn announced(path: &str) -> Option<Announcement> {
    let (data, children): (&'static [u8], &'static [&'static str]) = match path {
        "/keeper" => (b"", &["api_version", "feature_flags"]),
        "/keeper/api_version" => (API_VERSION, &[]),
        "/keeper/feature_flags" => (&FEATURE_FLAGS, &[]),
        "/vivarium" => (b"", &["features"]),
        "/vivarium/features" => (FEATURES, &[]),
        _ => return None,
    };
    Some(Announcement { data, children })
}

/// What clients older than the flags understand: with filtered lists, reads in a multi, and checks
/// that a node does not exist.
const API_VERSION: &[u8] = b"3";

/// What this server knows that no other does, a line for each; `docs/children-pages.md`.
const FEATURES: &[u8] = b"children-pages\n";

/// A bit for each feature, the first one the highest of the first byte: filtered list, multi-read,
/// check not exists, create if not exists, remove recursive, watches in a multi-read, check stat,
/// persistent watches (not announced: Keeper's form of them is unknown here); create with stat, try
/// remove, list with stat and data.
const FEATURE_FLAGS: [u8; 2] = [0b1111_1110, 0b1110_0000];

impl Announcement {
    pub(crate) fn stat(&self) -> Stat {
        Stat {
            czxid: Zxid::ZERO,
            mzxid: Zxid::ZERO,
            ctime: WallTime(0),
            mtime: WallTime(0),
            version: 0,
            cversion: 0,
            aversion: 0,
            ephemeral_owner: SessionId::NONE,
            data_length: i32::try_from(self.data.len()).unwrap_or(i32::MAX),
            num_children: i32::try_from(self.children.len()).unwrap_or(i32::MAX),
            pzxid: Zxid::ZERO,
        }
    }
}

impl<'t> Reads<'_, 't> {
    pub(crate) fn keeper(&mut self, xid: Xid, read: &KeeperRead<'_>, out: &mut Vec<u8>) -> Answer {
        match read {
            KeeperRead::List {
                path,
                watch,
                filter,
            } => {
                let budget = &mut Budget::of_list(false);
                let details = self.list(path, *filter, (false, false), budget)?;
                self.watch_children(path, *watch);
                reply::names_stat(out, xid, self.applied, details.names, &details.stat);
            }
            KeeperRead::ListWithStatsAndData {
                path,
                watch,
                filter,
                stats,
                data,
            } => {
                let budget = &mut Budget::of_list(*stats || *data);
                let details = self.list(path, *filter, (*stats, *data), budget)?;
                self.watch_children(path, *watch);
                reply::details(out, xid, self.applied, &details);
            }
            KeeperRead::ListRecursive { path, paths_max } => {
                let paths = self.descendants(required(path)?, *paths_max)?;
                reply::names(out, xid, self.applied, paths);
            }
            KeeperRead::CheckNotExists { path, version } => {
                self.check_not_exists(required(path)?, *version)?;
                reply::void(out, xid, self.applied);
            }
            KeeperRead::CheckStat {
                path,
                version,
                stat,
            } => {
                self.check_stat(required(path)?, *version, stat)?;
                reply::void(out, xid, self.applied);
            }
        }
        Ok(())
    }

    /// A list in a `multiRead`.
    pub(crate) fn keeper_part(
        &self,
        read: &KeeperRead<'_>,
        budget: &mut Budget,
    ) -> Result<OpResult<'t>, ErrorCode> {
        match read {
            KeeperRead::List { path, filter, .. } => {
                let details = self.list(path, *filter, (false, false), budget)?;
                Ok(OpResult::GetChildren2 {
                    children: details.names,
                    stat: details.stat,
                })
            }
            KeeperRead::ListWithStatsAndData {
                path,
                filter,
                stats,
                data,
                ..
            } => {
                let details = self.list(path, *filter, (*stats, *data), budget)?;
                let result = KeeperResult::ListWithStatsAndData(details);
                Ok(OpResult::Keeper(result))
            }
            KeeperRead::ListRecursive { .. }
            | KeeperRead::CheckNotExists { .. }
            | KeeperRead::CheckStat { .. } => unreachable!("none of these is a list"),
        }
    }

    /// Whatever tells more of a child than its name takes READ on the child, and one without
    /// fails the whole.
    fn list(
        &self,
        path: &RawPath<'_>,
        filter: ListFilter,
        (with_stats, with_data): (bool, bool),
        budget: &mut Budget,
    ) -> Result<ChildrenDetails<'t>, ErrorCode> {
        let path = required(path)?;
        let (children, stat) = self.tree.children_in_full(path, self.identities)?;
        let mut reader = self.tree.reader(self.identities);
        let tells_more = with_stats || with_data || filter != ListFilter::All;
        let mut details: ChildrenDetails<'t> = ChildrenDetails {
            names: Vec::new(),
            stat,
            stats: Vec::new(),
            data: Vec::new(),
        };
        for child in children {
            budget.visit()?;
            let is_listed = match filter {
                ListFilter::All => true,
                ListFilter::Persistent => !child.is_ephemeral(),
                ListFilter::Ephemeral => child.is_ephemeral(),
            };
            if !is_listed {
                continue;
            }
            if tells_more && !reader.may_read(child) {
                return Err(ErrorCode::NoAuth);
            }
            budget.tell(child.name().len() + 4)?;
            details.names.push(Cow::Borrowed(child.name()));
            if with_stats {
                budget.tell(STAT_BYTES)?;
                details.stats.push(child.stat());
            }
            if with_data {
                budget.tell(child.data().map_or(0, |data| data.len()) + 4)?;
                let data = child.data().map(|data| Cow::Borrowed(&**data));
                details.data.push(data);
            }
        }
        Ok(details)
    }

    fn watch_children(&mut self, path: &RawPath<'_>, watch: bool) {
        if let Some(path) = path.as_deref().filter(|_| watch) {
            self.watches
                .add_standard(Table::Child, root_for_empty(path), self.conn);
        }
    }

    fn descendants(
        &self,
        path: &str,
        paths_max: u32,
    ) -> Result<Vec<alloc::string::String>, ErrorCode> {
        let paths_max = usize::try_from(paths_max).unwrap_or(usize::MAX);
        let mut paths = Vec::new();
        let mut bytes = 0;
        self.tree.descendants(path, self.identities, &mut |path| {
            if paths.len() >= paths_max || bytes > LISTING_BYTES_MAX {
                return false;
            }
            bytes += path.len() + 4;
            paths.push(path);
            true
        })?;
        if bytes > LISTING_BYTES_MAX {
            return Err(ErrorCode::MarshallingError);
        }
        Ok(paths)
    }

    fn check_not_exists(&self, path: &str, version: i32) -> Answer {
        match self.tree.exists(path, self.identities) {
            Ok(stat) if version == -1 || version == stat.version => Err(ErrorCode::NodeExists),
            Ok(_) | Err(ErrorCode::NoNode) => Ok(()),
            Err(code) => Err(code),
        }
    }

    fn check_stat(&self, path: &str, version: i32, expected: &Stat) -> Answer {
        let stat = self.tree.exists(path, self.identities)?;
        if (version == -1 || version == stat.version) && stat.is(expected) {
            Ok(())
        } else {
            Err(ErrorCode::BadVersion)
        }
    }
}
