//! The greeting: who dialled whom, with which disk, for which port.

use zk_types::ServerId;

/// The version of everything in this crate. See `docs/formats/peer-wire.md` for when it rises.
pub const PROTOCOL_VERSION: u16 = 1;

/// The oldest version that is still understood.
pub(crate) const PROTOCOL_VERSION_OLDEST: u16 = 1;

pub(crate) const MAGIC: [u8; 4] = *b"VIVP";

/// Length of the fields every version has.
pub(crate) const HELLO_BYTES: usize = 32;

/// Which of a server's two peer ports a link belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortKind {
    /// Notifications of elections.
    Election,
    /// Messages between a learner and its leader.
    Quorum,
}

impl PortKind {
    pub(crate) fn code(self) -> u8 {
        match self {
            PortKind::Election => 1,
            PortKind::Quorum => 2,
        }
    }

    pub(crate) fn of_code(code: u8) -> Option<PortKind> {
        match code {
            1 => Some(PortKind::Election),
            2 => Some(PortKind::Quorum),
            0 | 3.. => None,
        }
    }
}

/// The first frame of the side that dialled a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// Who dialled.
    pub sender: ServerId,
    /// The random number its data directory got when it was formatted.
    pub storage: u64,
    /// Whom it means to have reached: a name may lead to another server.
    pub recipient: ServerId,
    /// Which port it means to have reached.
    pub port: PortKind,
}
