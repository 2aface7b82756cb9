//! Those who judge. They look at disks, wires and applied transactions, and share no code with
//! what they judge.

pub(crate) mod asked;
pub(crate) mod broken;
pub(crate) mod bytes;
pub(crate) mod chains;
pub(crate) mod clients;
pub(crate) mod closes;
pub(crate) mod durability;
pub(crate) mod history;
pub(crate) mod image;
pub(crate) mod ledger;
pub(crate) mod liveness;
pub(crate) mod made_up;
pub(crate) mod model;
pub(crate) mod peer_frames;
pub(crate) mod peers;
pub(crate) mod sessions;
pub(crate) mod syncs;
pub(crate) mod timeline;
pub(crate) mod txn;
pub(crate) mod votes;
pub(crate) mod watches;
pub(crate) mod wire;
