//! What is wrong with a request to change the ensemble's members.
//!
//! The members do not change while servers run, so a request without any fault is refused too; but
//! every fault is named first, in the order of Apache. There is one step more: whoever may neither
//! read nor write `/zookeeper/config` learns nothing else. Source: `client-protocol.md` §4.1 and
//! §14; Apache `PrepRequestProcessor.java`.

use crate::rules::ReconfigRules;
use crate::server_line::{PeerRole, ServerLine};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use zab_core::{LearnerState, LearnerSummary};
use zk_proto::Reconfig;
use zk_types::{ErrorCode, Identity, Perms, ServerId};
use znode_tree::{Pending, Tree};

/// Where the members are shown, and whose access list decides who may change them.
const CONFIG_PATH: &str = "/zookeeper/config";

/// The version of the members that the configuration file lists.
const CONFIG_VERSION: i64 = 0;

/// What a leader knows when it is asked to change the members.
pub(crate) struct Ensemble<'l> {
    /// Every voter with its text; empty for a server that stands alone.
    pub(crate) members: &'l [(ServerId, String)],
    /// The server that is asked.
    pub(crate) me: ServerId,
    /// Those that follow it.
    pub(crate) learners: &'l [LearnerSummary],
}

/// Who asks, as the tree will know it.
pub(crate) struct Asker<'l> {
    pub(crate) tree: &'l Tree,
    pub(crate) pending: &'l Pending,
    pub(crate) identities: &'l [Identity],
    pub(crate) session_check: Result<(), ErrorCode>,
}

/// Why a request is refused; there is always a reason.
pub(crate) fn refusal(
    rules: ReconfigRules,
    ensemble: &Ensemble<'_>,
    asker: &Asker<'_>,
    request: &Reconfig<'_>,
) -> ErrorCode {
    match check(rules, ensemble, asker, request) {
        Ok(()) => ErrorCode::Unimplemented,
        Err(code) => code,
    }
}

fn check(
    rules: ReconfigRules,
    ensemble: &Ensemble<'_>,
    asker: &Asker<'_>,
    request: &Reconfig<'_>,
) -> Result<(), ErrorCode> {
    let ReconfigRules::Checked { voters_min } = rules else {
        return Err(ErrorCode::ReconfigDisabled);
    };
    asker.session_check?;
    if ensemble.members.is_empty() {
        return Err(ErrorCode::Unimplemented);
    }
    let permit = |perms| {
        asker
            .tree
            .check_permission(asker.pending, CONFIG_PATH, perms, asker.identities)
    };
    permit(Perms::READ | Perms::WRITE)?;
    if !matches!(request.config_version, -1 | CONFIG_VERSION) {
        return Err(ErrorCode::BadVersion);
    }
    let next = next_members(ensemble.members, request)?;
    let is_voter = |line: &&ServerLine| line.role == PeerRole::Participant;
    let voters: BTreeSet<i64> = next
        .iter()
        .filter_map(|(id, line)| is_voter(&line).then_some(*id))
        .collect();
    if voters.len() < voters_min {
        return Err(ErrorCode::BadArguments);
    }
    let synced = ensemble
        .learners
        .iter()
        .filter(|learner| learner.state == LearnerState::Synced)
        .map(|learner| learner.server)
        .chain([ensemble.me])
        .filter(|server| voters.contains(&server.0.cast_signed()))
        .count();
    if synced <= voters.len() / 2 {
        return Err(ErrorCode::NewConfigNoQuorum);
    }
    permit(Perms::WRITE)
}

/// The members as they are asked for. Numbers are read as widely as Java does.
fn next_members(
    current: &[(ServerId, String)],
    request: &Reconfig<'_>,
) -> Result<BTreeMap<i64, ServerLine>, ErrorCode> {
    if let Some(members) = &request.members {
        return all_members(members);
    }
    let mut next = BTreeMap::new();
    for (id, text) in current {
        let line = ServerLine::of(*id, text).expect("the members in force are valid");
        next.insert(id.0.cast_signed(), line);
    }
    for leaving in parts_of(request.leaving.as_deref(), ',') {
        next.remove(&number(leaving)?);
    }
    for joining in parts_of(request.joining.as_deref(), ',') {
        let mut parts = parts_of(Some(joining), '=');
        let (Some(name), Some(text), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ErrorCode::BadArguments);
        };
        let (_, id) = name.rsplit_once('.').unwrap_or(("", name));
        add(&mut next, number(id)?, text, ClientPort::Required)?;
    }
    Ok(next)
}

/// A list that replaces all members: lines `server.N=…`, cut by commas or line ends.
fn all_members(list: &str) -> Result<BTreeMap<i64, ServerLine>, ErrorCode> {
    let mut latest = BTreeMap::new();
    for part in parts_of(Some(list), ',').flat_map(|part| parts_of(Some(part), '\n')) {
        let line = part.split_once('=').ok_or(ErrorCode::BadArguments)?;
        let id = line
            .0
            .trim()
            .strip_prefix("server.")
            .ok_or(ErrorCode::BadArguments)?;
        let id = number(id).map_err(|_| ErrorCode::BadArguments)?;
        latest.insert(id, line.1.trim());
    }
    let mut members = BTreeMap::new();
    for (id, text) in latest {
        add(&mut members, id, text, ClientPort::Optional)?;
    }
    Ok(members)
}

/// Whether a line must say where clients are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientPort {
    Required,
    Optional,
}

fn add(
    members: &mut BTreeMap<i64, ServerLine>,
    id: i64,
    text: &str,
    client_port: ClientPort,
) -> Result<(), ErrorCode> {
    let line =
        ServerLine::of(ServerId(id.cast_unsigned()), text).map_err(|_| ErrorCode::BadArguments)?;
    let shares_an_address = |other: &ServerLine| {
        other.id != line.id
            && other.host == line.host
            && ports(other).iter().any(|port| ports(&line).contains(port))
    };
    let lacks_a_port = client_port == ClientPort::Required && line.client.is_none();
    if lacks_a_port || members.values().any(shares_an_address) {
        return Err(ErrorCode::BadArguments);
    }
    members.insert(id, line);
    Ok(())
}

fn ports(line: &ServerLine) -> [u16; 2] {
    [line.quorum_port, line.election_port]
}

/// The parts of a list, without blanks around them and without empty ones.
fn parts_of(list: Option<&str>, separator: char) -> impl Iterator<Item = &str> {
    list.unwrap_or("")
        .split(separator)
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// What Java's parser does not read as a number stops it where only bad bytes should: −5.
fn number(text: &str) -> Result<i64, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::MarshallingError)
}

#[cfg(test)]
mod tests;
