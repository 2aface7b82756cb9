#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod connect;
mod event;
mod four_letter;
mod frame;
mod header;
mod keeper;
mod multi;
mod opcode;
mod pages;
mod records;
pub mod reply;
mod request;
mod response;
mod txn;

pub use connect::{ConnectRequest, ConnectResponse, PASSWORD_BYTES};
pub use event::{AddWatchMode, EventKind, KeeperState, WatcherEvent, WatcherType};
pub use four_letter::FourLetterWord;
pub use frame::{FRAME_BYTES_MAX_DEFAULT, FrameDecoder, FrameError, Incoming};
pub use header::{ReplyHeader, RequestHeader, Xid};
pub use keeper::{ChildrenDetails, KeeperRead, KeeperResult, ListFilter};
pub use multi::{OpResult, ReadOp};
pub use opcode::OpCode;
pub use pages::{ChildrenPage, PageRequest};
pub use request::{
    AuthPacket, Reconfig, Request, RequestError, SetWatches, decode_op, encode_op, opcode_of,
};
pub use response::{ClientInfo, Response};
pub use txn::{decode_txn, encode_txn};

/// Why bytes could not be read as the record that was expected; `jute`'s own type.
pub use jute::DecodeError;

#[cfg(test)]
mod tests;
