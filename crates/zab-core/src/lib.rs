#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod interface;
mod message;
mod summary;
mod zab;

pub use interface::*;
pub use message::*;
pub use summary::*;
pub use zab::Zab;
