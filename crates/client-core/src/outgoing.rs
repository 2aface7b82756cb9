//! From a request of the caller to a frame.

use crate::chroot::Chroot;
use crate::flight::{Effect, Purpose, Queued};
use crate::request::{
    ClientRequest, Create, CreateMode, CreateReply, MultiOp, MultiReadOp, Watcher,
};
use crate::watches::{Listener, Table, Wish};
use crate::{ClientError, Ticket};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use zk_proto::{PageRequest, ReadOp, Reconfig, Request, Xid};
use zk_types::{Acl, CreateCall, CreateOp, Op, RawAcl, RawPath, ZnodePath};

/// Checks and encodes a request.
pub(crate) fn prepare(
    chroot: &Chroot,
    frame_bytes_max: usize,
    ticket: Ticket,
    request: &ClientRequest,
) -> Result<Queued, ClientError> {
    let effect = effect_of(chroot, ticket, request);
    let queued = encode(
        &translate(chroot, request)?,
        Purpose::User { ticket, effect },
    );
    let bytes = queued.frame.len() - LENGTH_WORD_BYTES;
    if bytes > frame_bytes_max {
        return Err(ClientError::TooLong {
            bytes,
            limit: frame_bytes_max,
        });
    }
    Ok(queued)
}

/// Encodes a request of the client's own.
pub(crate) fn encode(request: &Request<'_>, purpose: Purpose) -> Queued {
    let mut frame = Vec::new();
    request.encode(Xid(0), &mut frame);
    Queued {
        frame,
        opcode: request.opcode(),
        purpose,
    }
}

fn effect_of(chroot: &Chroot, ticket: Ticket, request: &ClientRequest) -> Effect {
    let watch = |table: Table, path: &str, watcher: Option<Watcher>| match watcher {
        None => Effect::Nothing,
        Some(watcher) => Effect::Watch(Wish {
            table,
            path: chroot.add(path).into(),
            listener: Listener::new(watcher, ticket),
        }),
    };
    match request {
        ClientRequest::Exists {
            path,
            watch: watcher,
        }
        | ClientRequest::GetData {
            path,
            watch: watcher,
        } => watch(Table::Data, path, *watcher),
        ClientRequest::GetChildren {
            path,
            watch: watcher,
        } => watch(Table::Child, path, *watcher),
        ClientRequest::AddWatch {
            path,
            mode,
            watcher,
        } => watch(Table::of_mode(*mode), path, Some(*watcher)),
        ClientRequest::RemoveWatches { path, kind } => Effect::Unwatch {
            kind: *kind,
            path: chroot.add(path).into(),
        },
        ClientRequest::Create(_)
        | ClientRequest::Delete { .. }
        | ClientRequest::SetData { .. }
        | ClientRequest::GetAcl { .. }
        | ClientRequest::SetAcl { .. }
        | ClientRequest::Sync { .. }
        | ClientRequest::Multi(_)
        | ClientRequest::MultiRead(_)
        | ClientRequest::CheckWatches { .. }
        | ClientRequest::GetEphemerals { .. }
        | ClientRequest::GetAllChildrenNumber { .. }
        | ClientRequest::GetChildrenPage { .. }
        | ClientRequest::ServerFeatures
        | ClientRequest::WhoAmI
        | ClientRequest::Reconfig { .. } => Effect::Nothing,
    }
}

fn translate<'a>(chroot: &Chroot, request: &'a ClientRequest) -> Result<Request<'a>, ClientError> {
    let at = |path: &'a str| server_path(chroot, path);
    Ok(match request {
        ClientRequest::Create(create) => Request::Write(create_op(chroot, create)?),
        ClientRequest::Delete { path, version } => {
            Request::Write(delete_op(chroot, path, *version)?)
        }
        ClientRequest::Exists { path, watch } => Request::Exists {
            path: at(path)?,
            watch: watch.is_some(),
        },
        ClientRequest::GetData { path, watch } => Request::GetData {
            path: at(path)?,
            watch: watch.is_some(),
        },
        ClientRequest::SetData {
            path,
            data,
            version,
        } => Request::Write(set_data_op(chroot, path, data.as_deref(), *version)?),
        ClientRequest::GetChildren { path, watch } => Request::GetChildren2 {
            path: at(path)?,
            watch: watch.is_some(),
        },
        ClientRequest::GetChildrenPage {
            path,
            names_max,
            after,
        } => Request::GetChildrenPage(PageRequest {
            path: at(path)?,
            watch: false,
            names_max: i32::try_from(*names_max).unwrap_or(i32::MAX),
            before: after.as_ref().map_or(0, |end| end.zxid),
            after: after.as_ref().map(|end| Cow::Borrowed(&*end.name)),
        }),
        ClientRequest::ServerFeatures => Request::GetData {
            path: Some(Cow::Borrowed(FEATURES_PATH)),
            watch: false,
        },
        ClientRequest::GetAcl { path } => Request::GetAcl { path: at(path)? },
        ClientRequest::SetAcl { path, acl, version } => Request::Write(Op::SetAcl {
            path: at(path)?,
            acl: Some(raw_acl(acl)),
            version: version.unwrap_or(ANY_VERSION),
        }),
        ClientRequest::Sync { path } => Request::Sync { path: at(path)? },
        ClientRequest::Multi(ops) => {
            let ops = ops.iter().map(|op| multi_op(chroot, op));
            Request::Write(Op::Multi(ops.collect::<Result<_, _>>()?))
        }
        ClientRequest::MultiRead(ops) => {
            let ops = ops.iter().map(|op| read_op(chroot, op));
            Request::MultiRead(ops.collect::<Result<_, _>>()?)
        }
        ClientRequest::AddWatch {
            path,
            mode,
            watcher: _,
        } => Request::AddWatch {
            path: at(path)?,
            mode: *mode,
        },
        ClientRequest::RemoveWatches { path, kind } => Request::RemoveWatches {
            path: at(path)?,
            kind: *kind,
        },
        ClientRequest::CheckWatches { path, kind } => Request::CheckWatches {
            path: at(path)?,
            kind: *kind,
        },
        ClientRequest::GetEphemerals { prefix } => Request::GetEphemerals {
            prefix: Some(chroot.add_prefix(prefix)),
        },
        ClientRequest::GetAllChildrenNumber { path } => {
            Request::GetAllChildrenNumber { path: at(path)? }
        }
        ClientRequest::WhoAmI => Request::WhoAmI,
        ClientRequest::Reconfig {
            joining,
            leaving,
            members,
            version,
        } => Request::Reconfig(Reconfig {
            joining: joining.as_deref().map(Cow::Borrowed),
            leaving: leaving.as_deref().map(Cow::Borrowed),
            members: members.as_deref().map(Cow::Borrowed),
            config_version: version.unwrap_or(ANY_VERSION.into()),
        }),
    })
}

fn multi_op<'a>(chroot: &Chroot, op: &'a MultiOp) -> Result<Op<'a>, ClientError> {
    Ok(match op {
        MultiOp::Create(create) => create_op(chroot, create)?,
        MultiOp::Delete { path, version } => delete_op(chroot, path, *version)?,
        MultiOp::SetData {
            path,
            data,
            version,
        } => set_data_op(chroot, path, data.as_deref(), *version)?,
        MultiOp::Check { path, version } => Op::Check {
            path: server_path(chroot, path)?,
            version: version.unwrap_or(ANY_VERSION),
        },
    })
}

fn delete_op<'a>(
    chroot: &Chroot,
    path: &'a str,
    version: Option<i32>,
) -> Result<Op<'a>, ClientError> {
    let path = server_path(chroot, path)?;
    Ok(Op::Delete {
        path,
        version: version.unwrap_or(ANY_VERSION),
    })
}

fn set_data_op<'a>(
    chroot: &Chroot,
    path: &'a str,
    data: Option<&'a [u8]>,
    version: Option<i32>,
) -> Result<Op<'a>, ClientError> {
    let path = server_path(chroot, path)?;
    let version = version.unwrap_or(ANY_VERSION);
    Ok(Op::SetData {
        path,
        data: data.map(Cow::Borrowed),
        version,
    })
}

fn read_op<'a>(chroot: &Chroot, op: &'a MultiReadOp) -> Result<ReadOp<'a>, ClientError> {
    Ok(match op {
        MultiReadOp::GetData { path } => ReadOp::GetData {
            path: server_path(chroot, path)?,
            watch: false,
        },
        MultiReadOp::GetChildren { path } => ReadOp::GetChildren {
            path: server_path(chroot, path)?,
            watch: false,
        },
    })
}

fn create_op<'a>(chroot: &Chroot, create: &'a Create) -> Result<Op<'a>, ClientError> {
    let path = if create.mode.is_sequential() {
        // The number may be all there is of the last component.
        let numbered = [create.path.as_str(), "1"].concat();
        ZnodePath::validate(&numbered).map_err(ClientError::Path)?;
        Some(chroot.add(&create.path))
    } else {
        server_path(chroot, &create.path)?
    };
    let (call, ttl_ms) = match (create.mode, create.reply) {
        (CreateMode::Container, _) => (CreateCall::Container, NO_TTL),
        (CreateMode::Ttl(ttl_ms) | CreateMode::TtlSequential(ttl_ms), _) => {
            (CreateCall::Ttl, ttl_ms)
        }
        (_, CreateReply::Path) => (CreateCall::Create, NO_TTL),
        (_, CreateReply::PathAndStat) => (CreateCall::Create2, NO_TTL),
    };
    Ok(Op::Create(CreateOp {
        call,
        path,
        data: create.data.as_deref().map(Cow::Borrowed),
        acl: Some(raw_acl(&create.acl)),
        flags: create.mode.flags(),
        ttl_ms,
    }))
}

fn server_path<'a>(chroot: &Chroot, path: &'a str) -> Result<RawPath<'a>, ClientError> {
    ZnodePath::validate(path).map_err(ClientError::Path)?;
    Ok(Some(chroot.add(path)))
}

fn raw_acl(acl: &[Acl]) -> Vec<RawAcl<'_>> {
    acl.iter().map(raw_entry).collect()
}

fn raw_entry(entry: &Acl) -> RawAcl<'_> {
    RawAcl {
        perms: entry.perms,
        scheme: Some(Cow::Borrowed(&entry.scheme)),
        id: Some(Cow::Borrowed(&entry.id)),
    }
}

/// Where a server of this project says what it knows, whatever the chroot.
const FEATURES_PATH: &str = "/vivarium/features";

/// What a request without an expected version says.
const ANY_VERSION: i32 = -1;

/// What a creation without a time to live says.
const NO_TTL: i64 = -1;

const LENGTH_WORD_BYTES: usize = 4;
