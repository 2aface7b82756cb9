//! The leader's half.

use crate::{Pending, Refusal, Requester, Tree};
use zk_types::{ErrorCode, Op, Txn, WallTime, Zxid};

impl Tree {
    /// Turns a request into the transaction `zxid`, checked against this tree and what is pending.
    ///
    /// The tree stays as it is; what the transaction will change is added to `pending`. A refused
    /// request leaves `pending` untouched and its zxid unused. `time` is stamped by the caller
    /// into the transaction's header; here it decides whether a TTL node is due.
    ///
    /// # Errors
    /// The first failing check, in the order of `client-protocol.md` §4.1.
    pub fn prepare(
        &self,
        pending: &mut Pending,
        requester: &Requester<'_>,
        zxid: Zxid,
        time: WallTime,
        op: &Op<'_>,
    ) -> Result<Txn, Refusal> {
        let _ = (pending, requester, zxid, time, op);
        Err(Refusal::Error(ErrorCode::Unimplemented))
    }
}
