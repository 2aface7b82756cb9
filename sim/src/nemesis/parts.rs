//! What an action is about, for whoever cuts runs down.

use super::{Action, Harm, Rift};
use crate::net::Machine;
use crate::queue::Micros;

impl Action {
    /// Every server that it names.
    pub(crate) fn servers(&self) -> impl Iterator<Item = usize> {
        let server = |machine: &Machine| machine.server();
        let named = match self {
            Action::Die { server, .. }
            | Action::DieAfter { server, .. }
            | Action::DieAgain { server, .. }
            | Action::DieAtFile { server, .. }
            | Action::DieInRecovery { server, .. }
            | Action::Pause { server, .. }
            | Action::ResetLinks { server, .. }
            | Action::SlowDisk { server, .. }
            | Action::StallDisk { server, .. }
            | Action::DiskError { server, .. }
            | Action::Wipe { server, .. }
            | Action::Rot { server, .. }
            | Action::PromiseLoss { server, .. }
            | Action::WallJump { server, .. } => vec![*server],
            Action::Disk {
                server,
                harm: Harm::Swap { with, .. },
                ..
            } => vec![*server, *with],
            Action::Disk { server, .. } => vec![*server],
            Action::Suggest { server, leader } => vec![*server, *leader],
            Action::Block { rift, .. } => match rift {
                Rift::Between(machines) => machines.iter().filter_map(server).collect(),
                Rift::OneWay { from, to } => [from, to].into_iter().filter_map(server).collect(),
                Rift::Around(server) | Rift::AtPort { server, .. } | Rift::Clients(server) => {
                    vec![*server]
                }
                Rift::Apart(pairs) => {
                    let both = |(one, other): &(usize, usize)| [*one, *other];
                    pairs.iter().flat_map(both).collect()
                }
            },
            Action::Mishap(mishap) => return mishap.servers().into_iter(),
            Action::Clog { from, to, .. } => [from, to].into_iter().filter_map(server).collect(),
            Action::Reset { conn } | Action::Cut { conn, .. } => [&conn.from, &conn.to]
                .into_iter()
                .filter_map(server)
                .collect(),
            Action::PauseClient { .. } | Action::Rude { .. } | Action::Hostile { .. } => Vec::new(),
        };
        named.into_iter()
    }

    /// How long it lasts, if it ends by itself.
    pub(crate) fn length_mut(&mut self) -> Option<&mut Micros> {
        match self {
            Action::Mishap(mishap) => mishap.length_mut(),
            Action::Pause { length, .. }
            | Action::Block { length, .. }
            | Action::Clog { length, .. }
            | Action::SlowDisk { length, .. }
            | Action::StallDisk { length, .. }
            | Action::PauseClient { length, .. } => Some(length),
            Action::Die { fate, .. }
            | Action::DieAfter { fate, .. }
            | Action::DieAgain { fate, .. }
            | Action::DieAtFile { fate, .. }
            | Action::DieInRecovery { fate, .. }
            | Action::DiskError { fate, .. }
            | Action::Wipe { fate, .. }
            | Action::PromiseLoss { fate, .. } => fate.restart_after.as_mut(),
            Action::Disk {
                harm:
                    Harm::Trouble { length, .. }
                    | Harm::StallLane { length, .. }
                    | Harm::Swap { length, .. },
                ..
            } => Some(length),
            Action::Rot { fate, .. } | Action::Disk { fate, .. } => {
                fate.as_mut()?.restart_after.as_mut()
            }
            Action::Reset { .. }
            | Action::Cut { .. }
            | Action::ResetLinks { .. }
            | Action::WallJump { .. }
            | Action::Suggest { .. }
            | Action::Rude { .. }
            | Action::Hostile { .. } => None,
        }
    }
}
