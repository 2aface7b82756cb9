#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod reader;
mod writer;

pub use reader::{DecodeError, Reader};
pub use writer::Writer;

#[cfg(test)]
mod tests;
