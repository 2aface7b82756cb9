#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(mutants)]
use zk_types::mutant;
#[cfg(not(mutants))]
macro_rules! mutant {
    ($name:literal, $correct:expr, $wrong:expr) => {
        $correct
    };
}
#[cfg(not(mutants))]
use mutant;

mod reader;
mod writer;

pub use reader::{DecodeError, Reader};
pub use writer::Writer;

#[cfg(test)]
mod tests;
