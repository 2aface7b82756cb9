//! What an operator decides about proofs.

use crate::digest::DigestAlgorithm;
use crate::principal::PrincipalShape;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// How clients prove who they are, and whether they must.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthRules {
    /// The hash of the scheme `digest`; `None` when the scheme is off.
    pub digest: Option<DigestAlgorithm>,
    /// The digest identity that is super (`DigestAuthenticationProvider.superDigest`).
    pub super_digest: Option<String>,
    /// The scheme `sasl`; `None` when nobody is authenticated that way.
    pub sasl: Option<SaslRules>,
    /// Which names the scheme `ensemble` lets in.
    pub ensemble: EnsembleNames,
    /// Schemes of which a connection must have proven one before anything else is answered; empty
    /// when nothing is demanded (`enforce.auth.schemes`, `sessionRequireClientSASLAuth`).
    pub enforced_schemes: Vec<String>,
}

impl Default for AuthRules {
    fn default() -> Self {
        AuthRules {
            digest: Some(DigestAlgorithm::Sha1),
            super_digest: None,
            sasl: None,
            ensemble: EnsembleNames::NotOffered,
            enforced_schemes: Vec::new(),
        }
    }
}

/// Who is known to the scheme `sasl`, and what follows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SaslRules {
    /// Passwords by user; each user is a [`crate::Principal`].
    pub users: BTreeMap<String, Password>,
    /// The ids that are super (`superUser`, `superUser.N`).
    pub supers: BTreeSet<String>,
    /// What is left of a user's name.
    pub shape: PrincipalShape,
    /// What a client may do that proved nothing.
    pub after_failure: AfterFailure,
    /// Entries of access lists for this id are for everybody the scheme knows
    /// (`letAnySaslUserDoX`).
    pub anybody: Option<String>,
}

/// What a client may do whose SASL exchange failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterFailure {
    /// Nothing: its connection is closed.
    #[default]
    Close,
    /// What everybody may (`allowSaslFailedClients`).
    GoOn,
}

/// Which names the scheme `ensemble` lets in (`ensembleAuthName`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnsembleNames {
    /// The scheme is not there.
    #[default]
    NotOffered,
    /// Every name.
    Any,
    /// These.
    Only(BTreeSet<String>),
}

/// A password, which no text made for people shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
