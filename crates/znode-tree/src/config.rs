//! What an operator decides about the tree.

/// How a tree behaves; equal on all servers of an ensemble but for the hash key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeConfig {
    /// Key of the path index. Clients choose the paths, so the key must be unknown to them.
    pub hash_key: [u64; 2],
    /// Whether nodes with a time to live may be created (`extendedTypesEnabled`).
    pub extended_types: bool,
    /// Whether hard quotas refuse writes (`enforceQuota`).
    pub enforce_quota: bool,
    /// Whether every permission check is skipped (`skipACL`).
    pub skip_acl: bool,
    /// Whether access lists may name identities of the scheme `sasl`.
    pub sasl: bool,
    /// Whether access lists may name identities of the scheme `x509`.
    pub x509: bool,
}

impl TreeConfig {
    /// The defaults of `client-protocol.md` §16: everything off.
    pub fn new(hash_key: [u64; 2]) -> Self {
        TreeConfig {
            hash_key,
            extended_types: false,
            enforce_quota: false,
            skip_acl: false,
            sasl: false,
            x509: false,
        }
    }
}
