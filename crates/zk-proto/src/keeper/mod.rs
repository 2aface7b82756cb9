//! What ClickHouse Keeper adds to the protocol: opcodes from 500 on.
//!
//! Source: `docs/keeper-extensions.md`.

mod read;
mod result;
mod write;

pub use read::{KeeperRead, ListFilter};
pub use result::{ChildrenDetails, KeeperResult};
pub(crate) use write::{opcode_of_op, opcode_of_txn, read_op, read_txn, write_op, write_txn};

use jute::DecodeError;

fn unknown(code: i32) -> DecodeError {
    DecodeError::Value {
        field: "type",
        value: code.into(),
    }
}
