//! Who may do what: the decision, the normalisation of new lists, and what may be shown of one.

use crate::ip;
use alloc::borrow::Cow;
use alloc::format;
use zk_types::{Acl, Identity, Perms};

/// Whether `acl` grants one of `needed` to a caller who holds `identities`.
///
/// An empty list grants everything, and so does an identity of the scheme `super`. Source:
/// `client-protocol.md` §8.2.
pub fn permits(acl: &[Acl], needed: Perms, identities: &[Identity]) -> bool {
    acl.is_empty()
        || acl
            .iter()
            .any(|entry| entry.perms.intersects(needed) && is_for(entry, identities))
        || identities.iter().any(|identity| identity.scheme == "super")
}

fn is_for(entry: &Acl, identities: &[Identity]) -> bool {
    if entry.scheme == "world" {
        return entry.id == "anyone";
    }
    identities
        .iter()
        .filter(|identity| identity.scheme == entry.scheme)
        .any(|identity| {
            identity.id == entry.id || (entry.scheme == "ip" && ip::covers(&entry.id, &identity.id))
        })
}

/// The id as it is shown to callers without ADMIN: of a digest, only whose it is.
///
/// Source: `client-protocol.md` §8.6.
pub(crate) fn redacted_id(entry: &Acl) -> Cow<'_, str> {
    match entry.id.split_once(':') {
        Some((user, _)) if entry.scheme == "digest" => Cow::Owned(format!("{user}:x")),
        Some(_) | None => Cow::Borrowed(&entry.id),
    }
}
