//! What of all disks may still be harmed, as far as the judges know.

use super::Judges;
use crate::decide::Dice;
use crate::disk::SimDisk;
use crate::host::Host;
use crate::oracle::broken::Broken;
use wal::File;
use zk_types::Standing;

impl Judges {
    /// Whether the budget allows one more server to lose what it knew.
    pub(crate) fn may_lose(&mut self, server: usize, hosts: &[Host]) -> Result<bool, Broken> {
        for (other, host) in hosts.iter().enumerate() {
            self.durability.look_at(other, &host.disk)?;
        }
        let is_lost = |other: &usize| {
            *other == server
                || self.standings[*other] != Standing::Member
                || !self.durability.is_member(*other)
                || self.durability.is_rotten(*other)
                // Its server has not noticed yet, or the sector is of a segment out of use.
                || hosts[*other].disk.is_unreadable()
        };
        let lost = (0..hosts.len()).filter(is_lost).count();
        Ok(lost <= (hosts.len() - 1) / 2)
    }

    /// Whether some other disk shows that there is an ensemble already. Where none does, all are
    /// new, and found another one.
    pub(crate) fn is_remembered_without(
        &mut self,
        server: usize,
        hosts: &[Host],
    ) -> Result<bool, Broken> {
        self.look_at_disks(hosts)?;
        let mut others = (0..hosts.len()).filter(|other| *other != server);
        Ok(others.any(|other| self.durability.remembers(other)))
    }

    /// A bit of a file of a server flipped.
    pub(crate) fn rotted(&mut self, server: usize, file: &File) {
        self.durability.rotted(server, file);
    }

    /// A disk was harmed where no file shows it for long; see [`Durability::harmed`].
    pub(crate) fn harmed(&mut self, server: usize, is_provable: bool) {
        self.durability.harmed(server, is_provable);
    }

    /// Two servers that are down have each other's disk.
    pub(crate) fn exchanged(&mut self, one: usize, other: usize) {
        self.durability.exchanged(one, other);
    }

    /// Whether somebody relies on what a disk holds only by its own word.
    pub(crate) fn leans_on(
        &mut self,
        server: usize,
        truth: &SimDisk,
        hosts: &[Host],
    ) -> Result<bool, Broken> {
        self.durability.leans_on(server, truth, hosts)
    }

    /// Sectors of a log whose loss would be noticed.
    pub(crate) fn proven_sectors(
        &mut self,
        server: usize,
        host: &Host,
    ) -> Result<Vec<(File, usize)>, Broken> {
        self.durability.proven_sectors(server, &host.disk)
    }

    /// A segment of a log whose loss would be noticed, as of the last look at its disk.
    pub(crate) fn proven_segment(&self, server: usize) -> Option<File> {
        self.durability.proven_segment(server)
    }

    /// Whether a disk is without any damage, and its server remembers everything.
    pub(crate) fn is_sound(&mut self, server: usize, host: &Host) -> Result<bool, Broken> {
        self.durability.is_sound(server, &host.disk)
    }

    /// Whether a server is down that lost its promise.
    pub(crate) fn has_forgotten(&self, server: usize) -> bool {
        self.durability.has_forgotten(server)
    }

    /// A server that is down lost its promise.
    pub(crate) fn forgot(&mut self, server: usize) {
        self.standings[server] = Standing::Amnesiac;
        self.durability.forgot(server);
    }

    /// A server lost its disk.
    pub(crate) fn lost(&mut self, server: usize) {
        self.standings[server] = Standing::Fresh;
        self.durability.lost(server);
    }

    /// A place on a server's disk where rot is told from a torn write.
    pub(crate) fn rottable(
        &mut self,
        server: usize,
        host: &Host,
        dice: &mut Dice,
    ) -> Result<Option<(File, usize)>, Broken> {
        self.durability.rottable(server, &host.disk, dice)
    }

    /// Whether rot at a place is told from a torn write.
    pub(crate) fn is_rottable(
        &mut self,
        server: usize,
        host: &Host,
        name: &str,
        offset: usize,
    ) -> Result<bool, Broken> {
        self.durability
            .is_rottable(server, &host.disk, name, offset)
    }

    /// The last record that a disk holds for good, whatever its server says.
    pub(crate) fn durable(&mut self, server: usize, disk: &SimDisk) -> Result<u64, Broken> {
        self.durability.look_at(server, disk)?;
        let image = self.durability.holding(server).image;
        Ok(image.records.last().map_or(image.base.0, |mark| mark.0))
    }
}
