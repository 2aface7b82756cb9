#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod acl;
pub mod blob;
mod bytes;
mod error_code;
mod ids;
mod keeper;
mod mutants;
mod op;
mod path;
mod record;
mod stat;
mod time;
mod txn;

pub use acl::{Acl, Identity, Perms};
pub use bytes::Bytes;
pub use error_code::ErrorCode;
pub use ids::{Epoch, ServerId, SessionId, Zxid};
pub use keeper::{KeeperOp, KeeperTxn};
#[cfg(mutants)]
pub use mutants::{activate_mutant, mutant_is_active};
pub use op::{CreateCall, CreateOp, Op, RawAcl, RawPath};
pub use path::{PathError, ZnodePath};
pub use record::{
    Chain, EpochSegments, Promise, Record, RecordBody, SnapshotId, SnapshotMeta, Standing,
};
pub use stat::Stat;
pub use time::{Instant, WallTime};
pub use txn::{CreateTxn, NodeKind, TTL_MS_MAX, Txn, TxnHeader};
