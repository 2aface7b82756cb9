//! What servers say to each other, read off the wire by the oracles' own reader. It follows
//! `docs/formats/peer-wire.md`.

use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::image::DurableStanding;

/// A frame between two servers, as far as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    LeaderInfo { epoch: u32 },
    AckEpoch { segments: Vec<u64>, counted: bool },
    Trunc { to: u64 },
    Snap { zxid: u64 },
    SnapDone { last: u64 },
    Proposal { zxid: u64, chain: u64 },
    Ack { zxid: u64 },
    Commit { zxid: u64 },
    NewLeader { epoch: u32, target: u64 },
    UpToDate { committed: u64 },
    Ping { round: u64, committed: u64 },
    Pong { round: u64 },
    Notification(Notification),
    Other,
}

/// What a server says in an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    /// Epoch, zxid and server of the vote.
    pub(crate) vote: Option<(u64, u64, u64)>,
    pub(crate) round: u64,
    pub(crate) state: PeerState,
    pub(crate) standing: DurableStanding,
}

/// What a server that votes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerState {
    Looking,
    Following,
    Leading,
}

/// The bytes of one direction of a link, cut into frames.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
}

impl Reader {
    /// Takes what was sent; gives every frame that is whole now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Said>, Malformed> {
        let mut held = std::mem::take(&mut self.bytes);
        let mut left = if held.is_empty() {
            bytes
        } else {
            held.extend_from_slice(bytes);
            &held
        };
        let mut said = Vec::new();
        loop {
            let mut rest = Bytes(left);
            let Ok(length) = rest.int() else { break };
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let Some(payload) = rest.0.get(..length).filter(|_| rest.0.len() >= length + 4) else {
                break;
            };
            said.push(read(payload)?);
            left = &left[length + 8..];
        }
        self.bytes = left.to_vec();
        Ok(said)
    }
}

fn read(payload: &[u8]) -> Result<Said, Malformed> {
    let mut bytes = Bytes(payload);
    match bytes.byte()? {
        1 => Ok(Said::Other),
        2 => message(&mut bytes),
        3 => notification(&mut bytes).map(Said::Notification),
        _ => Err(Malformed),
    }
}

fn message(bytes: &mut Bytes<'_>) -> Result<Said, Malformed> {
    Ok(match bytes.number()? {
        1 => Said::LeaderInfo {
            epoch: epoch(bytes)?,
        },
        2 => {
            let segments = outline(bytes)?;
            bytes.number()?;
            bytes.number()?;
            let counted = bytes.byte()? == 1;
            Said::AckEpoch { segments, counted }
        }
        4 => Said::Trunc {
            to: bytes.number()?,
        },
        5 => Said::Snap {
            zxid: bytes.number()?,
        },
        8 => Said::SnapDone {
            last: outline(bytes)?.last().copied().unwrap_or_default(),
        },
        9 => {
            let zxid = bytes.number()?;
            bytes.number()?;
            if bytes.number()? != 0 {
                let length = usize::try_from(bytes.number()?).map_err(|_| Malformed)?;
                bytes.take(length)?;
            }
            let chain = bytes.number()?;
            Said::Proposal { zxid, chain }
        }
        10 => Said::Ack {
            zxid: bytes.number()?,
        },
        11 => Said::Commit {
            zxid: bytes.number()?,
        },
        12 => Said::NewLeader {
            epoch: epoch(bytes)?,
            target: bytes.number()?,
        },
        13 => Said::UpToDate {
            committed: bytes.number()?,
        },
        15 => Said::Ping {
            round: bytes.number()?,
            committed: bytes.number()?,
        },
        16 => Said::Pong {
            round: bytes.number()?,
        },
        _ => Said::Other,
    })
}

fn notification(bytes: &mut Bytes<'_>) -> Result<Notification, Malformed> {
    let vote = match bytes.byte()? {
        0 => None,
        _ => Some((bytes.number()?, bytes.number()?, bytes.number()?)),
    };
    let round = bytes.number()?;
    let state = match bytes.number()? {
        0 => PeerState::Looking,
        1 => PeerState::Following,
        2 => PeerState::Leading,
        _ => return Err(Malformed),
    };
    let standing = match bytes.number()? {
        0 => DurableStanding::Fresh,
        1 => DurableStanding::Member,
        2 => DurableStanding::Damaged,
        3 => DurableStanding::Amnesiac,
        _ => return Err(Malformed),
    };
    Ok(Notification {
        vote,
        round,
        state,
        standing,
    })
}

/// The last zxid of each epoch of a history.
fn outline(bytes: &mut Bytes<'_>) -> Result<Vec<u64>, Malformed> {
    let count = bytes.number()?;
    (0..count).map(|_| bytes.number()).collect()
}

fn epoch(bytes: &mut Bytes<'_>) -> Result<u32, Malformed> {
    u32::try_from(bytes.number()?).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_as_it_is_documented_also_in_pieces() {
        let frame = [
            0, 0, 0, 7, 2, 0x0b, 0x82, 0x80, 0x80, 0x80, 0x10, 1, 2, 3, 4,
        ];
        let mut reader = Reader::default();
        assert_eq!(reader.push(&frame[..9]), Ok(Vec::new()));
        let said = Said::Commit {
            zxid: 0x1_0000_0002,
        };
        assert_eq!(reader.push(&frame[9..]), Ok(vec![said]));
    }
}
