//! Where harm to a disk is noticed, and who relies on what a disk says.

use super::Durability;
use crate::disk::SimDisk;
use crate::host::Host;
use crate::oracle::broken::Broken;
use crate::oracle::image::Image;
use wal::File;

impl Durability {
    /// Sectors of the log whose loss would be noticed.
    pub(crate) fn proven_sectors(
        &mut self,
        server: usize,
        disk: &SimDisk,
    ) -> Result<Vec<(File, usize)>, Broken> {
        self.look_at(server, disk)?;
        Ok(self.images[server].proven_sectors())
    }

    /// A segment of the log whose loss would be noticed, as of the last look.
    pub(crate) fn proven_segment(&self, server: usize) -> Option<File> {
        self.images[server].proven_segment()
    }

    /// Whether a disk is without any damage, and its server remembers everything.
    pub(crate) fn is_sound(&mut self, server: usize, disk: &SimDisk) -> Result<bool, Broken> {
        self.look_at(server, disk)?;
        let is_harmed = self.is_rotten(server) || self.lost[server] || self.forgot[server];
        Ok(self.is_member(server) && self.images[server].promise_is_whole && !is_harmed)
    }

    /// Whether somebody relies on what a disk says it holds and in truth does not: a promise, or
    /// records that no quorum holds without it. On a disk that rotted too it may be what would have
    /// told of the rot.
    pub(crate) fn leans_on(
        &mut self,
        server: usize,
        truth: &SimDisk,
        hosts: &[Host],
    ) -> Result<bool, Broken> {
        for (other, host) in hosts.iter().enumerate() {
            self.look_at(other, &host.disk)?;
        }
        let mark = self.images[server].last_mark();
        let mut image = Image::default();
        let _change = image.refresh(truth);
        let now = &self.images[server];
        let same_promise = image.storage_id == now.storage_id
            && image.promise == now.promise
            && image.promise_is_whole
            && now.promise_is_whole;
        let others = (0..hosts.len()).filter(|other| {
            *other != server
                && self.holds(*other, mark)
                && self.is_member(*other)
                && !self.is_rotten(*other)
                && !self.lost[*other]
        });
        let quorum = hosts.len() / 2 + 1;
        let is_whole = self.is_member(server) && !self.is_rotten(server);
        Ok(!same_promise || !is_whole || others.count() < quorum)
    }
}
