//! An action in a line, for stories.

use super::{Action, Fate, Rift};
use crate::host::Death;
use crate::oracle::broken::{client_name, server_name};
use core::fmt;

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.death {
            Death::Process => f.write_str("its process dies")?,
            Death::Disk => f.write_str("its disk fails")?,
            Death::Refusal => f.write_str("it cannot use its disk")?,
            Death::Power(survival) => {
                write!(
                    f,
                    "its power goes, unsynced is {survival:?} ({:x})",
                    self.key
                )?;
            }
        }
        match self.restart_after {
            Some(delay) => write!(f, ", back after {} ms", delay / 1_000),
            None => f.write_str(", and stays away"),
        }
    }
}

impl fmt::Display for Rift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rift::Between(side) => {
                let names: Vec<String> = side.iter().map(ToString::to_string).collect();
                write!(f, "{} from all others", names.join(" "))
            }
            Rift::OneWay { from, to } => write!(f, "{from} to {to}"),
            Rift::Around(server) => write!(f, "{} from other servers", server_name(*server)),
            Rift::AtPort { server, port } => {
                write!(f, "{port:?} port of {}", server_name(*server))
            }
            Rift::Clients(server) => write!(f, "{} from clients", server_name(*server)),
            Rift::Apart(pairs) => {
                let name = |(one, other): &(usize, usize)| {
                    format!("{} from {}", server_name(*one), server_name(*other))
                };
                let names: Vec<String> = pairs.iter().map(name).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Die { server, fate } => write!(f, "{}: {fate}", server_name(*server)),
            Action::DieAfter {
                server,
                effects,
                fate,
            } => write!(
                f,
                "{} after {effects} effects: {fate}",
                server_name(*server)
            ),
            Action::DieAgain {
                server,
                effects,
                fate,
            } => {
                let name = server_name(*server);
                write!(f, "{name} {effects} effects after its start: {fate}")
            }
            Action::DieAtFile {
                server,
                prefix,
                times,
                fate,
            } => {
                let name = server_name(*server);
                write!(f, "{name} with {prefix} for the {times}th time: {fate}")
            }
            Action::DieInRecovery {
                server,
                operations,
                fate,
            } => {
                let name = server_name(*server);
                write!(
                    f,
                    "{name} after {operations} operations of its recovery: {fate}"
                )
            }
            Action::Pause { server, length } => {
                write!(
                    f,
                    "{} stands still for {} ms",
                    server_name(*server),
                    length / 1_000
                )
            }
            Action::Block { rift, length } => write!(f, "{rift} for {} ms", length / 1_000),
            Action::Clog {
                from,
                to,
                port,
                by,
                length,
            } => {
                let (by, length) = (by / 1_000, length / 1_000);
                write!(
                    f,
                    "{from} to {to} at {port:?} {by} ms slower for {length} ms"
                )
            }
            Action::Mishap(mishap) => mishap.fmt(f),
            Action::Reset { conn } => write!(f, "{conn}"),
            Action::Cut { conn, side, bytes } => {
                write!(f, "{conn} after {bytes} bytes of the {side:?}")
            }
            Action::ResetLinks { server, after } => {
                write!(
                    f,
                    "links of {} after {} ms",
                    server_name(*server),
                    after / 1_000
                )
            }
            Action::SlowDisk {
                server,
                times,
                length,
            } => {
                let name = server_name(*server);
                write!(
                    f,
                    "disk of {name} {times} times slower for {} ms",
                    length / 1_000
                )
            }
            Action::StallDisk { server, length } => {
                write!(
                    f,
                    "disk of {} for {} ms",
                    server_name(*server),
                    length / 1_000
                )
            }
            Action::DiskError {
                server,
                trouble,
                fate,
            } => {
                let name = server_name(*server);
                write!(f, "disk of {name}: {}: {fate}", trouble.name())
            }
            Action::Disk { server, harm, fate } => {
                write!(f, "{}: {harm}", server_name(*server))?;
                fate.map_or(Ok(()), |fate| write!(f, ": {fate}"))
            }
            Action::Wipe { server, fate } | Action::PromiseLoss { server, fate } => {
                write!(f, "disk of {}: {fate}", server_name(*server))
            }
            Action::Rot {
                server,
                file,
                offset,
                bit,
                fate,
            } => {
                write!(f, "{} {file} at {offset}, bit {bit}", server_name(*server))?;
                fate.map_or(Ok(()), |fate| write!(f, ": {fate}"))
            }
            Action::WallJump { server, by_ms } => {
                write!(f, "{} by {by_ms} ms", server_name(*server))
            }
            Action::Suggest { server, leader } => {
                let name = server_name(*server);
                write!(f, "{name} is told to follow {}", server_name(*leader))
            }
            Action::PauseClient { client, length } => {
                write!(
                    f,
                    "{} stands still for {} ms",
                    client_name(*client),
                    length / 1_000
                )
            }
            Action::Rude { key } => write!(f, "somebody without manners dials ({key:x})"),
            Action::Hostile { key } => write!(f, "somebody dials ({key:x})"),
        }
    }
}
