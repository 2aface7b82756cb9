//! What the wire says when the model says something.

use crate::Told;
use zk_proto::{KeeperResult, OpResult, Response};
use zk_types::{ErrorCode, KeeperOp, Op};

/// What the wire says when the model says this.
pub(crate) fn response_of<'a>(op: &Op<'_>, told: &'a Told) -> Response<'a> {
    match (op, told) {
        (Op::Multi(ops), Told::Multi(parts)) => Response::Multi(
            ops.iter()
                .zip(parts)
                .map(|(op, told)| part_of(op, told))
                .collect(),
        ),
        (Op::Create(create), Told::Created { path, .. })
            if matches!(
                create.call,
                zk_types::CreateCall::Create | zk_types::CreateCall::IfNotExists
            ) =>
        {
            Response::Path(Some(path.into()))
        }
        (_, Told::Created { path, stat, .. }) => Response::PathStat {
            path: path.into(),
            stat: *stat,
        },
        (_, Told::Data(stat) | Told::Acl(stat)) => Response::Stat(*stat),
        (Op::Create(create), Told::Done) => {
            Response::Path(create.path.as_deref().map(|path| path.to_owned().into()))
        }
        (_, Told::Done) => Response::Void,
        (_, Told::Multi(_)) => unreachable!("only a multi has parts"),
    }
}

fn part_of<'a>(op: &Op<'_>, told: &'a Told) -> OpResult<'a> {
    let keeper = match op {
        Op::Create(create) if create.call == zk_types::CreateCall::IfNotExists => {
            let path = create.path.as_deref().expect("a path that was created");
            let path = path.to_owned().into();
            Some(KeeperResult::CreateIfNotExists { path })
        }
        Op::Keeper(KeeperOp::CheckNotExists { .. }) => Some(KeeperResult::CheckNotExists),
        Op::Keeper(KeeperOp::CheckStat { .. }) => Some(KeeperResult::CheckStat),
        Op::Keeper(KeeperOp::TryDelete { .. }) => Some(KeeperResult::TryDelete),
        Op::Keeper(KeeperOp::DeleteRecursive { .. }) => Some(KeeperResult::DeleteRecursive),
        Op::Create(_)
        | Op::Delete { .. }
        | Op::DeleteContainer { .. }
        | Op::SetData { .. }
        | Op::SetAcl { .. }
        | Op::Check { .. }
        | Op::Multi(_)
        | Op::CreateSession { .. }
        | Op::CloseSession => None,
    };
    if let Some(result) = keeper {
        return OpResult::Keeper(result);
    }
    match told {
        Told::Created {
            path,
            stat,
            with_stat: true,
        } => OpResult::Create2 {
            path: path.into(),
            stat: *stat,
        },
        Told::Created { path, .. } => OpResult::Create { path: path.into() },
        Told::Data(stat) => OpResult::SetData { stat: *stat },
        Told::Done if matches!(op, Op::Check { .. }) => OpResult::Check,
        Told::Done => OpResult::Delete,
        Told::Acl(_) | Told::Multi(_) => unreachable!("these never stand in a multi"),
    }
}

pub(crate) fn refused_part(code: &Option<ErrorCode>) -> OpResult<'static> {
    code.map_or(OpResult::RolledBack, OpResult::Failed)
}
