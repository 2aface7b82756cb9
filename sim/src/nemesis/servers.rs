//! What a fault of one server comes to.

use super::{Action, Nemesis};
use crate::disk::Trouble;
use crate::host::{CUT, Death};
use crate::swarm::Swarm;

impl Nemesis {
    pub(super) fn draw_process_crash(&mut self, swarm: &Swarm, server: usize) -> Action {
        let fate = self.fate(Death::Process, swarm);
        Action::Die { server, fate }
    }

    pub(super) fn draw_power_loss(&mut self, swarm: &Swarm, server: usize) -> Action {
        let fate = self.power_loss(swarm);
        Action::Die { server, fate }
    }

    pub(super) fn draw_crash_at_effect(&mut self, swarm: &Swarm, server: usize) -> Action {
        Action::DieAfter {
            server,
            effects: self.dice.octaves(1, 200),
            fate: self.death_by_plan(swarm),
        }
    }

    pub(super) fn draw_crash_at_file(&mut self, swarm: &Swarm, server: usize) -> Action {
        let kinds = [
            "manifest", "manifest", "promise", "log.", "spare.", "snapshot", CUT,
        ];
        Action::DieAtFile {
            server,
            prefix: self.dice.pick(&kinds).to_owned(),
            times: self.dice.octaves(1, 8),
            fate: self.death_by_plan(swarm),
        }
    }

    pub(super) fn draw_pause(&mut self, swarm: &Swarm, server: usize) -> Action {
        let length = self.duration(swarm);
        Action::Pause { server, length }
    }

    pub(super) fn draw_slow_disk(&mut self, swarm: &Swarm, server: usize) -> Action {
        Action::SlowDisk {
            server,
            times: self.dice.octaves(4, 100),
            length: self.duration(swarm),
        }
    }

    pub(super) fn draw_stalled_disk(&mut self, swarm: &Swarm, server: usize) -> Action {
        let length = self.duration(swarm);
        Action::StallDisk { server, length }
    }

    pub(super) fn draw_disk_error(&mut self, swarm: &Swarm, server: usize) -> Action {
        let troubles = [Trouble::WriteError, Trouble::ShortWrite, Trouble::SyncError];
        Action::DiskError {
            server,
            trouble: self.dice.pick(&troubles),
            fate: self.fate(Death::Disk, swarm),
        }
    }

    pub(super) fn draw_wipe(&mut self, swarm: &Swarm, server: usize) -> Action {
        let fate = self.power_loss(swarm);
        Action::Wipe { server, fate }
    }

    pub(super) fn draw_promise_loss(&mut self, swarm: &Swarm, server: usize) -> Action {
        let fate = self.power_loss(swarm);
        Action::PromiseLoss { server, fate }
    }

    pub(super) fn draw_wall_jump(&mut self, _: &Swarm, server: usize) -> Action {
        let by = i64::try_from(self.dice.octaves(1, 4_000_000)).expect("small");
        let by_ms = if self.dice.percent(50) { by } else { -by };
        Action::WallJump { server, by_ms }
    }
}
