#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod expiry;
mod id;
mod id_hash;
mod local;
mod owners;
mod password;
mod sessions;
mod timeout;
mod touches;

pub use expiry::{Bucket, Expiry, Liveness};
pub use id::IdGenerator;
pub use local::LocalTable;
pub use owners::{Owners, Refusal};
pub use password::{PASSWORD_BYTES, password};
pub use sessions::Sessions;
pub use timeout::negotiate;
pub use touches::Touches;
