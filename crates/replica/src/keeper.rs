//! What ClickHouse Keeper adds: how its clients learn of it, and its reads.
//!
//! Source: `docs/keeper-extensions.md`.

use crate::reads::{Answer, Reads, required, root_for_empty};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use watch::Table;
use zk_proto::{ChildrenDetails, KeeperRead, KeeperResult, ListFilter, OpResult, Xid, reply};
use zk_types::{ErrorCode, RawPath, SessionId, Stat, WallTime, Zxid};

/// Bytes of an answer that lists more than names.
const LISTING_BYTES_MAX: usize = 16 << 20;

/// A node that is read where no such node exists, and that no list shows.
pub(crate) struct Announcement {
    pub(crate) data: &'static [u8],
    pub(crate) children: &'static [&'static str],
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
                let details = self.list(path, *watch, *filter, (false, false))?;
                reply::names_stat(out, xid, self.applied, details.names, &details.stat);
            }
            KeeperRead::ListWithStatsAndData {
                path,
                watch,
                filter,
                stats,
                data,
            } => {
                let details = self.list(path, *watch, *filter, (*stats, *data))?;
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

    /// A list alone or in a `multiRead`.
    pub(crate) fn keeper_part(&mut self, read: &KeeperRead<'_>) -> Result<OpResult<'t>, ErrorCode> {
        match read {
            KeeperRead::List {
                path,
                watch,
                filter,
            } => {
                let details = self.list(path, *watch, *filter, (false, false))?;
                Ok(OpResult::GetChildren2 {
                    children: details.names,
                    stat: details.stat,
                })
            }
            KeeperRead::ListWithStatsAndData {
                path,
                watch,
                filter,
                stats,
                data,
            } => {
                let details = self.list(path, *watch, *filter, (*stats, *data))?;
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
        &mut self,
        path: &RawPath<'_>,
        watch: bool,
        filter: ListFilter,
        (with_stats, with_data): (bool, bool),
    ) -> Result<ChildrenDetails<'t>, ErrorCode> {
        let path = required(path)?;
        let (children, stat) = self.tree.children_in_full(path, self.identities)?;
        let tells_more = with_stats || with_data || filter != ListFilter::All;
        let mut details: ChildrenDetails<'t> = ChildrenDetails {
            names: Vec::new(),
            stat,
            stats: Vec::new(),
            data: Vec::new(),
        };
        let mut bytes = 0;
        for child in children {
            let is_ephemeral = child.stat.ephemeral_owner != SessionId::NONE;
            let is_listed = match filter {
                ListFilter::All => true,
                ListFilter::Persistent => !is_ephemeral,
                ListFilter::Ephemeral => is_ephemeral,
            };
            if !is_listed {
                continue;
            }
            if tells_more && !child.is_readable {
                return Err(ErrorCode::NoAuth);
            }
            details.names.push(Cow::Borrowed(child.name));
            if with_stats {
                details.stats.push(child.stat);
            }
            if with_data {
                bytes += child.data.map_or(0, |data| data.len());
                if bytes > LISTING_BYTES_MAX {
                    return Err(ErrorCode::MarshallingError);
                }
                let data = child.data.map(|data| Cow::Borrowed(&**data));
                details.data.push(data);
            }
        }
        if watch {
            self.watches
                .add_standard(Table::Child, root_for_empty(path), self.conn);
        }
        Ok(details)
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
