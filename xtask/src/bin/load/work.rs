//! What a load asks for.

use super::wire::{Frame, opcode};
use std::cell::Cell;
use std::str::FromStr;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Set,
    Create,
    Delete,
    /// Ten sets in one transaction.
    Multi,
    /// The names of a hundred children.
    List,
}

/// Shares of kinds, in percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mix(Vec<(Kind, u32)>);

impl FromStr for Mix {
    type Err = String;

    /// `get=90,set=10`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares = Vec::new();
        for part in text.split(',') {
            let (name, share) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is no KIND=PERCENT"))?;
            let kind = match name {
                "get" => Kind::Get,
                "set" => Kind::Set,
                "create" => Kind::Create,
                "delete" => Kind::Delete,
                "multi" => Kind::Multi,
                "list" => Kind::List,
                other => return Err(format!("there is no kind {other:?}")),
            };
            let share = share
                .parse()
                .map_err(|_| format!("{share:?} is no percentage"))?;
            shares.push((kind, share));
        }
        let total: u32 = shares.iter().map(|(_, share)| share).sum();
        if total == 100 {
            Ok(Mix(shares))
        } else {
            Err(format!("the shares come to {total}, not to 100"))
        }
    }
}

impl Mix {
    /// The kind for a number below a hundred.
    pub(crate) fn pick(&self, mut drawn: u32) -> Kind {
        for (kind, share) in &self.0 {
            if drawn < *share {
                return *kind;
            }
            drawn -= share;
        }
        unreachable!("the shares come to a hundred")
    }

    /// Whether a kind occurs.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.0
            .iter()
            .any(|(other, share)| *other == kind && *share > 0)
    }
}

/// Children of the node that is listed.
pub(crate) const CHILDREN: u32 = 100;
const PARTS: u32 = 10;
pub(crate) const ROOT: &str = "/load";

/// A node whose value is this long: loads of other values have other nodes.
pub(crate) fn node(number: u32, value: usize) -> String {
    format!("{ROOT}/v{value}n{number:09}")
}

/// How long the value of a node is that [`node`] names.
pub(crate) fn value_of(path: &[u8]) -> Option<usize> {
    let path = std::str::from_utf8(path).ok()?;
    let (value, _) = path
        .strip_prefix(ROOT)?
        .strip_prefix("/v")?
        .split_once('n')?;
    value.parse().ok()
}

pub(crate) fn listed() -> String {
    format!("{ROOT}/list")
}

pub(crate) fn child(number: u32) -> String {
    format!("{ROOT}/list/c{number:09}")
}

/// A node of one connection's own, which no load before this process had.
pub(crate) fn own(connection: usize, number: u64) -> String {
    let process = std::process::id();
    format!("{ROOT}/own{process:07}-{connection:05}-{number:010}")
}

/// Where draws begin.
pub(crate) const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number below `bound` (xorshift).
pub(crate) fn draw(dice: &Cell<u64>, bound: u32) -> u32 {
    let mut drawn = dice.get();
    drawn ^= drawn << 13;
    drawn ^= drawn >> 7;
    drawn ^= drawn << 17;
    dice.set(drawn);
    u32::try_from(drawn % u64::from(bound)).expect("it is below the bound")
}

/// Writes a request; returns the kind that it is.
pub(crate) fn write(buffer: &mut Vec<u8>, xid: i32, kind: Kind, path: &str, value: &[u8]) {
    match kind {
        Kind::Get => Frame::request(buffer, xid, opcode::GET_DATA)
            .bytes(path.as_bytes())
            .bool(false)
            .end(),
        Kind::List => Frame::request(buffer, xid, opcode::GET_CHILDREN)
            .bytes(path.as_bytes())
            .bool(false)
            .end(),
        Kind::Set => Frame::request(buffer, xid, opcode::SET_DATA)
            .bytes(path.as_bytes())
            .bytes(value)
            .int(-1)
            .end(),
        Kind::Create => Frame::request(buffer, xid, opcode::CREATE)
            .bytes(path.as_bytes())
            .bytes(value)
            .open_acl()
            .int(0)
            .end(),
        Kind::Delete => Frame::request(buffer, xid, opcode::DELETE)
            .bytes(path.as_bytes())
            .int(-1)
            .end(),
        Kind::Multi => {
            let mut frame = Frame::request(buffer, xid, opcode::MULTI);
            for _ in 0..PARTS {
                frame = frame
                    .int(opcode::SET_DATA)
                    .bool(false)
                    .int(-1)
                    .bytes(path.as_bytes())
                    .bytes(value)
                    .int(-1);
            }
            frame.int(-1).bool(true).int(-1).end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_how_long_its_value_is() {
        assert_eq!(value_of(node(7, 1_024).as_bytes()), Some(1_024));
        assert_eq!(value_of(b"/load/list"), None);
    }

    #[test]
    fn a_mix_comes_to_a_hundred_and_every_number_has_a_kind() {
        let mix: Mix = "get=90,set=10".parse().expect("a mix");
        assert_eq!(mix.pick(0), Kind::Get);
        assert_eq!(mix.pick(99), Kind::Set);
        assert!("get=90".parse::<Mix>().is_err());
        assert!("fly=100".parse::<Mix>().is_err());
    }
}
