//! What the nemesis does to disks.

use super::Breakage;
use crate::disk::Trouble;
use crate::host::Death;
use crate::net::Port;
use crate::oracle::broken::{Broken, server_name};
use crate::world::{Event, World};

impl World {
    pub(super) fn slow_disk(&mut self) -> Option<String> {
        let index = self.any_running()?;
        let times = self.nemesis.dice.octaves(4, 100);
        self.hosts[index].slow_disk(times);
        let length = self.nemesis.duration(&self.swarm);
        let number = self.nemesis.keep(Breakage::SlowDisk(index));
        self.queue.after(length, Event::Relent(number));
        Some(format!(
            "{} {times} times for {} ms",
            server_name(index),
            length / 1_000
        ))
    }

    pub(super) fn stall_disk(&mut self) -> Option<String> {
        let index = self.any_running()?;
        let length = self.nemesis.duration(&self.swarm);
        let until = self.queue.now() + length;
        self.hosts[index].stall_disk(None, until);
        Some(format!("{} for {} ms", server_name(index), length / 1_000))
    }

    pub(super) fn stall_and_reset(&mut self) -> Option<String> {
        let index = self.any_running()?;
        let length = self.nemesis.duration(&self.swarm);
        let until = self.queue.now() + length;
        self.hosts[index].stall_disk(None, until);
        let number = self.nemesis.keep(Breakage::Links(index));
        let reset = self.nemesis.dice.range(length / 8, length);
        self.queue.after(reset, Event::Relent(number));
        Some(format!("{} for {} ms", server_name(index), length / 1_000))
    }

    pub(super) fn reset_links(&mut self, server: usize) {
        for conn in self.net.open() {
            let ends = self.net.ends(conn);
            if ends.is_some_and(|(from, to, port)| {
                port == Port::Quorum && (from == server || to == server)
            }) {
                self.net.reset(conn);
            }
        }
    }

    pub(super) fn disk_error(&mut self) -> Option<String> {
        let index = self.any_running()?;
        let troubles = [Trouble::WriteError, Trouble::ShortWrite, Trouble::SyncError];
        let trouble = self.nemesis.dice.pick(&troubles);
        self.hosts[index].disk.set_trouble(Some(trouble));
        Some(server_name(index))
    }

    pub(super) fn wipe(&mut self) -> Result<Option<String>, Broken> {
        let index = self.nemesis.dice.index(self.hosts.len());
        if !self.is_allowed_to_lose(index)? {
            return Ok(None);
        }
        self.put_down(index);
        self.hosts[index].disk.wipe();
        self.judges.lost(index);
        Ok(Some(server_name(index)))
    }

    pub(super) fn rot(&mut self) -> Result<Option<String>, Broken> {
        let index = self.nemesis.dice.index(self.hosts.len());
        if !self.is_allowed_to_lose(index)? {
            return Ok(None);
        }
        let host = &self.hosts[index];
        let place = self.judges.rottable(index, host, &mut self.nemesis.dice)?;
        let Some((file, offset)) = place else {
            return Ok(None);
        };
        let bit = u8::try_from(self.nemesis.dice.below(8)).expect("small");
        self.judges.rotted(index, &file);
        self.hosts[index].disk.rot(&file, offset, bit);
        // Rot is found when a server starts; what it hides is often gone before that.
        if self.nemesis.dice.percent(50) {
            self.put_down(index);
        }
        Ok(Some(format!("{} {file:?} at {offset}", server_name(index))))
    }

    pub(super) fn lose_promise(&mut self) -> Result<Option<String>, Broken> {
        let index = self.nemesis.dice.index(self.hosts.len());
        let has_promise = self.hosts[index].disk.has_promise();
        if !has_promise || self.judges.has_forgotten(index) || !self.is_allowed_to_lose(index)? {
            return Ok(None);
        }
        self.put_down(index);
        self.hosts[index].disk.lose_copies("promise");
        self.judges.forgot(index);
        Ok(Some(server_name(index)))
    }

    pub(super) fn is_allowed_to_lose(&mut self, index: usize) -> Result<bool, Broken> {
        let allowed = self.judges.may_lose(index, &self.hosts)?;
        if !allowed {
            let spared = self.nemesis.counters.entry("spared by the budget");
            *spared.or_default() += 1;
        }
        Ok(allowed)
    }

    /// Takes a machine's power if it has any, for a while.
    pub(super) fn put_down(&mut self, index: usize) {
        if self.hosts[index].replica().is_some() {
            let survival = self.hosts[index].survival(&self.swarm);
            self.kill(index, Death::Power(survival));
            let delay = self.nemesis.duration(&self.swarm);
            self.start_after(index, delay);
        }
    }
}
