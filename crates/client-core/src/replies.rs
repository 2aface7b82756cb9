//! From the body of a reply to the response the caller gets.

use crate::chroot::Chroot;
use crate::{Loss, PageEnd, PartError, PartResponse, Response};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use zk_proto::{KeeperResult, OpCode, OpResult};
use zk_types::Identity;

/// Decodes the body of a successful reply to a request with this opcode.
pub(crate) fn response(chroot: &Chroot, opcode: OpCode, body: &[u8]) -> Result<Response, Loss> {
    let decoded = zk_proto::Response::decode(opcode, body).map_err(|_| Loss::Protocol)?;
    Ok(match decoded {
        zk_proto::Response::Void => Response::Done,
        zk_proto::Response::Path(_) if opcode == OpCode::Sync => Response::Done,
        zk_proto::Response::Path(path) => {
            let path = path.ok_or(Loss::Protocol)?;
            Response::Created {
                path: String::from(chroot.strip(&path)),
                stat: None,
            }
        }
        zk_proto::Response::PathStat { path, stat } => Response::Created {
            path: String::from(chroot.strip(&path)),
            stat: Some(stat),
        },
        zk_proto::Response::Stat(stat) if opcode == OpCode::Exists => Response::Exists(Some(stat)),
        zk_proto::Response::Stat(stat) => Response::Set(stat),
        zk_proto::Response::Data { data, stat } => Response::Data {
            data: data.map(Cow::into_owned),
            stat,
        },
        zk_proto::Response::Acl { acl, stat } => Response::Acl { acl, stat },
        zk_proto::Response::Names(paths) => Response::Ephemerals(
            paths
                .iter()
                .map(|path| String::from(chroot.strip(path)))
                .collect(),
        ),
        zk_proto::Response::NamesStat { names, stat } => Response::Children {
            names: owned(names),
            stat,
        },
        zk_proto::Response::Page(page) => {
            let names = owned(page.names);
            let end = names.last().filter(|_| page.next != 0).map(|name| PageEnd {
                zxid: page.next,
                name: name.clone(),
            });
            Response::Page {
                names,
                stat: page.stat,
                end,
            }
        }
        zk_proto::Response::Number(number) => Response::Number(number),
        zk_proto::Response::Multi(results) => Response::Multi(
            results
                .into_iter()
                .map(|result| part(chroot, result))
                .collect::<Result<_, _>>()?,
        ),
        zk_proto::Response::WhoAmI(infos) => Response::WhoAmI(
            infos
                .into_iter()
                .map(|info| Identity {
                    scheme: info.scheme.into_owned(),
                    id: info.user.into_owned(),
                })
                .collect(),
        ),
        zk_proto::Response::Sasl(_) | zk_proto::Response::Details(_) => return Err(Loss::Protocol),
    })
}

fn part(chroot: &Chroot, result: OpResult<'_>) -> Result<Result<PartResponse, PartError>, Loss> {
    Ok(Ok(match result {
        OpResult::Create { path } => PartResponse::Created {
            path: String::from(chroot.strip(&path)),
            stat: None,
        },
        OpResult::Create2 { path, stat } => PartResponse::Created {
            path: String::from(chroot.strip(&path)),
            stat: Some(stat),
        },
        OpResult::Delete | OpResult::Check => PartResponse::Done,
        OpResult::SetData { stat } => PartResponse::Set(stat),
        OpResult::RolledBack => return Ok(Err(PartError::RolledBack)),
        OpResult::Failed(code) | OpResult::Keeper(KeeperResult::FailedRead(_, code)) => {
            return Ok(Err(PartError::Failed(code)));
        }
        OpResult::GetData { data, stat } => PartResponse::Data {
            data: data.map(Cow::into_owned),
            stat,
        },
        OpResult::GetChildren { children } => PartResponse::Children(owned(children)),
        OpResult::Exists { .. } | OpResult::GetChildren2 { .. } | OpResult::Keeper(_) => {
            return Err(Loss::Protocol);
        }
    }))
}

fn owned(names: Vec<Cow<'_, str>>) -> Vec<String> {
    names.into_iter().map(Cow::into_owned).collect()
}
