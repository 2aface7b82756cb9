//! What an operator decides about the tree.

use alloc::sync::Arc;

/// How a tree behaves; equal on all servers of an ensemble but for the hash key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeConfig {
    /// Key of the path index. Clients choose the paths, so the key must be unknown to them.
    pub hash_key: [u64; 2],
    /// Whether nodes with a time to live may be created (`extendedTypesEnabled`).
    pub extended_types: bool,
    /// Whether hard quotas refuse writes (`enforceQuota`).
    pub enforce_quota: bool,
    /// Whether every permission check is skipped (`skipACL`).
    pub skip_acl: bool,
    /// Longest data of a node, in bytes: what a client can create it must be able to read.
    pub data_bytes_max: usize,
    /// Whether access lists may name identities of the scheme `digest`.
    pub digest: bool,
    /// Whether access lists may name identities of the scheme `sasl`.
    pub sasl: bool,
    /// Entries for this id of the scheme `sasl` are for everybody it knows (`letAnySaslUserDoX`).
    pub anybody_of_sasl: Option<Arc<str>>,
    /// Whether access lists may name identities of the scheme `x509`.
    pub x509: bool,
}

impl TreeConfig {
    /// The defaults of `client-protocol.md` §16: everything off that can be.
    pub fn new(hash_key: [u64; 2]) -> Self {
        TreeConfig {
            hash_key,
            extended_types: false,
            enforce_quota: false,
            skip_acl: false,
            data_bytes_max: usize::MAX,
            digest: true,
            sasl: false,
            anybody_of_sasl: None,
            x509: false,
        }
    }
}
