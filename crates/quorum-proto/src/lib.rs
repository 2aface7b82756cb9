#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod decoder;
mod encode;
mod hello;

pub use decoder::{DecodeError, Decoder, Frame};
pub use encode::{encode_hello, encode_message, encode_notification};
pub use hello::{Hello, PROTOCOL_VERSION, PortKind};

#[cfg(test)]
mod tests;
