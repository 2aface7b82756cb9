//! Several operations, all or nothing.

use super::{Place, Preparation};
use crate::Refusal;
use alloc::vec::Vec;
use zk_types::{CreateCall, ErrorCode, Op, Txn};

impl Preparation<'_> {
    /// Each operation is checked against the state that the earlier ones leave behind.
    ///
    /// Source: `client-protocol.md` §9.2.
    pub(super) fn multi(&mut self, ops: &[Op<'_>]) -> Result<Txn, Refusal> {
        if !ops.iter().all(is_decodable) {
            return Err(Refusal::Error(ErrorCode::MarshallingError));
        }
        if ops.is_empty() {
            // There is no operation that would ask.
            self.check_session().map_err(Refusal::Error)?;
        }
        self.place = Place::InMulti;
        let notes_before = self.pending.len();
        let mut txns = Vec::with_capacity(ops.len());
        for op in ops {
            match self.one(op) {
                Ok(txn) => txns.push(txn),
                Err(code) => {
                    self.pending.roll_back(zk_types::mutant!(
                        "failed-multi-leaves-its-first-change-pending",
                        notes_before,
                        self.pending.len().min(notes_before + 1)
                    ));
                    return Err(refusal(ops.len(), txns.len(), code));
                }
            }
        }
        Ok(Txn::Multi(txns))
    }
}

/// What Apache finds wrong while it decodes the whole request.
fn is_decodable(op: &Op<'_>) -> bool {
    match op {
        Op::Create(create) => match create.call {
            CreateCall::Create
            | CreateCall::Create2
            | CreateCall::Container
            | CreateCall::IfNotExists => (0..=4).contains(&create.flags),
            CreateCall::Ttl => true,
        },
        Op::Delete { .. } | Op::SetData { .. } | Op::Check { .. } | Op::Keeper(_) => true,
        Op::DeleteContainer { .. }
        | Op::SetAcl { .. }
        | Op::Multi(_)
        | Op::CreateSession { .. }
        | Op::CloseSession => false,
    }
}

fn refusal(count: usize, failed: usize, code: ErrorCode) -> Refusal {
    if matches!(code, ErrorCode::MarshallingError | ErrorCode::SessionMoved) {
        return Refusal::Error(code);
    }
    let codes = (0..count).map(|position| match position.cmp(&failed) {
        core::cmp::Ordering::Less => None,
        core::cmp::Ordering::Equal => Some(code),
        core::cmp::Ordering::Greater => Some(ErrorCode::RuntimeInconsistency),
    });
    Refusal::Multi(codes.collect())
}
