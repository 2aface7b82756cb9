#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod access;
mod acl_table;
mod apply;
mod change;
mod config;
mod digest;
mod edit;
mod fetch;
mod ip;
mod limits;
mod listing;
mod name;
mod node;
mod path_index;
mod pending;
mod prepare;
mod quota;
mod read;
mod reap;
mod requester;
mod slab;
mod snapshot;
mod tree;

pub use access::permits;
pub use change::{Applied, Change, ChangeKind};
pub use config::TreeConfig;
pub use limits::{Limit, Limits, Measure, QuotaPassed};
pub use listing::{Before, Child, Page, Reader};
pub use pending::Pending;
pub use quota::QuotaReport;
pub use read::{AclEntry, AclList, Children};
pub use reap::ReapLimits;
pub use requester::{EphemeralRight, Refusal, Requester};
pub use snapshot::{Damage, LoadError, Loader};
pub use tree::Tree;
