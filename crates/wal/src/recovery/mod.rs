//! From the bytes on a disk to a log that can be appended to.

mod outcome;

pub use outcome::{DataIdentity, Finding, Recovered, RecoveryError};
