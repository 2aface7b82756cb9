//! Facts of the protocol by which a place in a run is named.

use super::Confusion;
use crate::trace::{Chronicle, Happening, Kind, LaneId};

/// A fact: something of a kind, somewhere, about something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    kind: Kind,
    lane: Option<LaneId>,
    /// Words that it says, in lower case.
    says: Vec<String>,
    zxid: Option<u64>,
}

impl Anchor {
    /// Reads `durable s2 1.2`, `sent s1 "proposal 1.3"`, `became s3 leading`.
    pub(super) fn parse(words: &[&str], chronicle: &Chronicle) -> Result<Self, Confusion> {
        let [kind, rest @ ..] = words else {
            return Err(Confusion::new("break on what? for example: durable s2 1.2"));
        };
        let known = Kind::ALL.into_iter().find(|known| known.name() == *kind);
        let kind = known.ok_or_else(|| {
            let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            Confusion::new(format!("{kind} is none of {}", all.join(", ")))
        })?;
        let lane = rest.first().and_then(|name| chronicle.lane(name));
        let rest = &rest[usize::from(lane.is_some())..];
        let text = rest.join(" ").replace('"', "").to_lowercase();
        let says = tokens(&text);
        let zxid = match says.as_slice() {
            [only] => zxid(only).ok(),
            _ => None,
        };
        Ok(Anchor {
            kind,
            lane,
            says: if zxid.is_some() { Vec::new() } else { says },
            zxid,
        })
    }

    /// Whether an event is such a fact.
    pub(super) fn holds(&self, event: &Happening) -> bool {
        let words = tokens(&event.words.to_lowercase());
        event.kind == self.kind
            && self.lane.is_none_or(|lane| event.lane == lane)
            && self.zxid.is_none_or(|zxid| event.concerns(zxid))
            && self.says.iter().all(|word| words.contains(word))
    }
}

fn tokens(text: &str) -> Vec<String> {
    let ends = |letter: char| !letter.is_alphanumeric() && !"./-_#".contains(letter);
    text.split(ends)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reads `epoch.counter`, or the number in hexadecimal.
pub(super) fn zxid(text: &str) -> Result<u64, Confusion> {
    let confusion = || Confusion::new(format!("{text} is no zxid: write 1.2 or 0x100000002"));
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).map_err(|_| confusion());
    }
    let (epoch, counter) = text.split_once('.').ok_or_else(confusion)?;
    let epoch: u32 = epoch.parse().map_err(|_| confusion())?;
    let counter: u32 = counter.parse().map_err(|_| confusion())?;
    Ok(u64::from(epoch) << 32 | u64::from(counter))
}
