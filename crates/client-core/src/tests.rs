//! The client against a server that a test plays by hand.

mod bench;
mod properties;
mod sessions;
mod traffic;
mod watching;
