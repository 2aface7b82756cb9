#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod authenticator;
mod digest;
mod principal;
mod rules;
mod sasl;

pub use authenticator::{Authenticator, EnsembleVerdict, Proof};
pub use digest::DigestAlgorithm;
pub use principal::{Principal, PrincipalShape};
pub use rules::{AfterFailure, AuthRules, EnsembleNames, Password, SaslRules};
pub use sasl::{Conversation, NONCE_BYTES, SaslAnswer};
