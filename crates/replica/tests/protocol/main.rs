//! What a client of one server observes, in the order the reference states it.

mod acl;
mod check_order;
mod durability;
mod ensemble;
mod four_letter;
mod framing;
mod handshake;
mod keeper;
mod limits;
mod local_sessions;
mod multi;
mod ordering;
mod pages;
mod proofs;
mod read_only;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod transcripts;
mod watches;
mod worked_packets;
mod znodes;
