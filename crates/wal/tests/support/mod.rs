//! What the tests of the log share: a disk, a model, and a world that holds both against the log.
#![allow(dead_code, reason = "every test uses a part of it")]

pub(crate) mod disk;
pub(crate) mod model;
pub(crate) mod rng;
pub(crate) mod world;
