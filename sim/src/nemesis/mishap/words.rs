//! A mishap in a line, for stories.

use super::Mishap;
use crate::oracle::broken::server_name;
use core::fmt;

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mishap::Slow {
                machine,
                by,
                length,
            } => {
                let (by, length) = (by / 1_000, length / 1_000);
                write!(f, "{machine} {by} ms slower for {length} ms")
            }
            Mishap::Cap {
                machine,
                rate,
                length,
            } => write!(f, "{machine} {rate} B/s for {} ms", length / 1_000),
            Mishap::LoseAfter { conn, side, bytes } => {
                write!(f, "{conn} silent after {bytes} bytes of the {side:?}")
            }
            Mishap::Finish { conn } => write!(f, "{conn} is closed"),
            Mishap::Halve { conn } => write!(f, "{conn} is gone"),
            Mishap::StallReader { conn, side, length } => {
                let ms = length / 1_000;
                write!(f, "{conn}: the {side:?} reads nothing for {ms} ms")
            }
            Mishap::Dials {
                server,
                port,
                dials,
                length,
            } => {
                let name = server_name(*server);
                let ms = length / 1_000;
                write!(f, "{port:?} port of {name}: {dials:?} for {ms} ms")
            }
            Mishap::Lead {
                from,
                to,
                instead,
                length,
            } => {
                let found = instead.map_or_else(|| "nobody".to_owned(), server_name);
                let (name, ms) = (server_name(*to), length / 1_000);
                write!(f, "{from} finds {found} for {name} for {ms} ms")
            }
            Mishap::SlowCpu {
                server,
                times,
                length,
            } => {
                let (name, ms) = (server_name(*server), length / 1_000);
                write!(f, "{name} {times} times slower for {ms} ms")
            }
            Mishap::FreezeWall { server, length } => {
                let (name, ms) = (server_name(*server), length / 1_000);
                write!(f, "clock of {name} for {ms} ms")
            }
            Mishap::Retune { server, limits } => {
                write!(
                    f,
                    "{} from its next start: {limits:?}",
                    server_name(*server)
                )
            }
            Mishap::Storm {
                kind,
                server,
                count,
            } => write!(f, "{count} at {}: {kind:?}", server_name(*server)),
        }
    }
}
