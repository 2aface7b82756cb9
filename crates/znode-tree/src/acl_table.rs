//! Access lists, each kept once: most nodes of a tree share a handful.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use zk_types::Acl;

/// Number of an access list in the table.
pub(crate) type AclId = u32;

/// Every access list in use, counted by its users.
#[derive(Clone, Debug, Default)]
pub(crate) struct AclTable {
    entries: Vec<Entry>,
    free: Vec<AclId>,
    ids: BTreeMap<Arc<[Acl]>, AclId>,
}

#[derive(Clone, Debug)]
struct Entry {
    acl: Arc<[Acl]>,
    users: u64,
}

impl AclTable {
    /// The id of `acl`, with one more user.
    pub(crate) fn intern(&mut self, acl: &[Acl]) -> AclId {
        if let Some(&id) = self.ids.get(acl) {
            self.retain(id);
            return id;
        }
        let acl: Arc<[Acl]> = Arc::from(acl);
        let entry = Entry {
            acl: Arc::clone(&acl),
            users: 1,
        };
        let id = match self.free.pop() {
            Some(id) => {
                *self.entry_mut(id) = entry;
                id
            }
            None => {
                self.entries.push(entry);
                AclId::try_from(self.entries.len() - 1).expect("fewer lists than nodes")
            }
        };
        self.ids.insert(acl, id);
        id
    }

    /// Counts one more user of `id`.
    pub(crate) fn retain(&mut self, id: AclId) {
        self.entry_mut(id).users += 1;
    }

    /// Counts one user of `id` less; the last one frees it.
    pub(crate) fn release(&mut self, id: AclId) {
        let entry = self.entry_mut(id);
        entry.users = entry
            .users
            .checked_sub(1)
            .expect("a list is released by its users only");
        if entry.users == 0 {
            let acl = core::mem::replace(&mut entry.acl, Arc::from([]));
            self.ids.remove(&acl);
            self.free.push(id);
        }
    }

    pub(crate) fn get(&self, id: AclId) -> &Arc<[Acl]> {
        &self.entries[usize::try_from(id).expect("addresses have 32 bits or more")].acl
    }

    /// Number of different lists in use.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    fn entry_mut(&mut self, id: AclId) -> &mut Entry {
        &mut self.entries[usize::try_from(id).expect("addresses have 32 bits or more")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zk_types::Perms;

    #[test]
    fn a_list_is_kept_as_long_as_it_has_users() {
        let mut table = AclTable::default();
        let first = table.intern(&[Acl::world(Perms::ALL)]);
        let second = table.intern(&[Acl::world(Perms::READ)]);
        assert_eq!(table.intern(&[Acl::world(Perms::ALL)]), first);
        table.release(first);
        assert_eq!(&**table.get(first), &[Acl::world(Perms::ALL)]);
        table.release(first);
        assert_eq!(table.len(), 1);
        assert_eq!(table.intern(&[]), first);
        assert_eq!(&**table.get(second), &[Acl::world(Perms::READ)]);
    }
}
