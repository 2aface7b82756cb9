//! Discovery at the follower: one promise per epoch, durable before it is given. Source: `zab.md` §7.

use crate::context::Context;
use crate::follower::{Counted, Follower, Refusal, Stage};
use crate::message::Message;
use crate::standing::may_propose;
use zk_types::{Epoch, mutant};

impl Follower {
    /// Says who is here, once the disk knows all of it.
    pub(super) fn inform(&mut self, cx: &mut Context) {
        // What waits for a disk that hangs must not be added to with every new link.
        if cx.store.promise_is_settled() && cx.store.log_is_settled() {
            let promise = cx.store.promise();
            self.stage = Stage::Informed;
            cx.send(
                self.link,
                Message::FollowerInfo {
                    accepted: promise.accepted,
                    standing: promise.standing,
                },
            );
        }
    }

    pub(super) fn on_leader_info(&mut self, cx: &mut Context, epoch: Epoch) -> Result<(), Refusal> {
        if !matches!(self.stage, Stage::Informed) || epoch == Epoch(0) || epoch > Epoch::MAX {
            return Err(Refusal::Illegal);
        }
        let accepted = cx.store.promise().accepted;
        if epoch < accepted {
            return Err(Refusal::StaleEpoch);
        }
        self.epoch = epoch;
        // A promise of this epoch that was given before may have been given to another leader.
        let is_new = mutant!("promise-given-twice", epoch > accepted, true);
        let counted = if is_new && may_propose(cx.standing()) {
            Counted::Yes
        } else {
            Counted::No
        };
        if epoch > accepted {
            cx.promise_epoch(epoch);
        }
        self.acknowledge_epoch(cx, counted);
        Ok(())
    }

    pub(super) fn acknowledge_epoch(&mut self, cx: &mut Context, counted: Counted) {
        self.stage = Stage::Promising { counted };
        if !cx.store.promise_is_settled() {
            return;
        }
        self.stage = Stage::Planned;
        let position = cx.store.position();
        let message = Message::AckEpoch {
            segments: position.segments,
            base: position.base,
            committed: position.committed,
            counted: counted == Counted::Yes,
            staged: cx.store.staged.map(|staged| (staged.id, staged.bytes)),
        };
        cx.send(self.link, message);
    }
}
