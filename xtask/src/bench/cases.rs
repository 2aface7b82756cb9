//! What is more than a load on servers that stand: each starts servers of its own.

pub(super) mod drift;
pub(super) mod losses;
pub(super) mod many;
pub(super) mod quiet;
pub(super) mod scale;
pub(super) mod znodes;
