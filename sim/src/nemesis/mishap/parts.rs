//! What a mishap is about, for whoever cuts runs down.

use super::Mishap;
use crate::net::Machine;
use crate::queue::Micros;

impl Mishap {
    /// Every server that it names.
    pub(in crate::nemesis) fn servers(&self) -> Vec<usize> {
        match self {
            Mishap::Slow { machine, .. } | Mishap::Cap { machine, .. } => {
                machine.server().into_iter().collect()
            }
            Mishap::LoseAfter { conn, .. }
            | Mishap::Finish { conn }
            | Mishap::Halve { conn }
            | Mishap::StallReader { conn, .. } => {
                let ends = [conn.from, conn.to].into_iter();
                ends.filter_map(Machine::server).collect()
            }
            Mishap::Lead {
                from, to, instead, ..
            } => {
                let named = [from.server(), Some(*to), *instead];
                named.into_iter().flatten().collect()
            }
            Mishap::Dials { server, .. }
            | Mishap::SlowCpu { server, .. }
            | Mishap::FreezeWall { server, .. }
            | Mishap::Retune { server, .. }
            | Mishap::Storm { server, .. } => vec![*server],
        }
    }

    /// How long it lasts, if it ends by itself.
    pub(in crate::nemesis) fn length_mut(&mut self) -> Option<&mut Micros> {
        match self {
            Mishap::Slow { length, .. }
            | Mishap::Cap { length, .. }
            | Mishap::StallReader { length, .. }
            | Mishap::Dials { length, .. }
            | Mishap::Lead { length, .. }
            | Mishap::SlowCpu { length, .. }
            | Mishap::FreezeWall { length, .. } => Some(length),
            Mishap::LoseAfter { .. }
            | Mishap::Finish { .. }
            | Mishap::Halve { .. }
            | Mishap::Retune { .. }
            | Mishap::Storm { .. } => None,
        }
    }
}
