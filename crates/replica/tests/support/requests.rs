//! Short ways to write requests down.

use super::Heard;
use zk_proto::Request;
use zk_types::{CreateCall, CreateOp, Op, Perms, RawAcl};

pub(crate) fn open_acl() -> Option<Vec<RawAcl<'static>>> {
    Some(vec![RawAcl {
        perms: Perms::ALL,
        scheme: Some("world".into()),
        id: Some("anyone".into()),
    }])
}

pub(crate) fn create<'a>(path: &'a str, data: &'a [u8], flags: i32) -> Request<'a> {
    Request::Write(Op::Create(CreateOp {
        call: CreateCall::Create,
        path: Some(path.into()),
        data: Some(data.into()),
        acl: open_acl(),
        flags,
        ttl_ms: -1,
    }))
}

pub(crate) fn set<'a>(path: &'a str, data: &'a [u8], version: i32) -> Request<'a> {
    Request::Write(Op::SetData {
        path: Some(path.into()),
        data: Some(data.into()),
        version,
    })
}

pub(crate) fn get(path: &str, watch: bool) -> Request<'_> {
    Request::GetData {
        path: Some(path.into()),
        watch,
    }
}

pub(crate) fn event_of(heard: &Heard) -> &str {
    match heard {
        Heard::Event { event, .. } => event,
        Heard::Reply { .. } => panic!("an event is expected: {heard:?}"),
    }
}
