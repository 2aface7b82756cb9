//! Statements of `client-protocol.md`, and properties of the codecs.

mod frames;
mod keeper;
mod keeper_strategies;
mod packets;
mod properties;
mod requests;
mod strategies;
mod transactions;

use std::vec::Vec;

/// The bytes of a hex dump; blanks and bars are for the reader.
fn hex(dump: &str) -> Vec<u8> {
    let digits: Vec<u8> = dump
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .map(|digit| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// The only frame in `wire`.
fn payload(wire: &[u8]) -> &[u8] {
    let length = u32::from_be_bytes(wire[..4].try_into().unwrap());
    assert_eq!(
        wire.len(),
        4 + usize::try_from(length).unwrap(),
        "one whole frame"
    );
    &wire[4..]
}
