//! What a client shows becomes identities, or nothing. Source: `client-protocol.md` §8.3, §8.5 and
//! §8.8.

use crate::rules::{AuthRules, EnsembleNames};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use constant_time_eq::constant_time_eq;
use core::net::IpAddr;
use zk_types::Identity;

/// Judges proofs by the rules of one server.
#[derive(Clone, Debug)]
pub struct Authenticator {
    pub(crate) rules: AuthRules,
}

/// What an auth packet proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// These identities.
    Proven(Vec<Identity>),
    /// The client wants this ensemble, or another.
    Ensemble(EnsembleVerdict),
    /// Nothing: the client is told so and its connection closed.
    Nothing,
}

/// What becomes of a client that says which ensemble it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnsembleVerdict {
    /// It names this one.
    Right,
    /// It names none, or every name is right.
    Unchecked,
    /// It names another: its connection is closed without a word, so that it tries elsewhere.
    Wrong,
}

impl Authenticator {
    /// One that goes by these rules.
    pub fn new(rules: AuthRules) -> Self {
        Authenticator { rules }
    }

    /// The identity that every connection has from its address.
    pub fn of_address(ip: IpAddr) -> Identity {
        identity("ip", ip.to_string())
    }

    /// What an auth packet of a connection from `ip` proves.
    pub fn of_packet(&self, scheme: Option<&str>, proof: Option<&[u8]>, ip: IpAddr) -> Proof {
        match scheme {
            Some("digest") => self.of_digest(proof),
            Some("ip") => Proof::Proven(Vec::from([Authenticator::of_address(ip)])),
            Some("ensemble") => self.of_ensemble(proof.unwrap_or_default()),
            Some(_) | None => Proof::Nothing,
        }
    }

    /// Whether a connection with these identities is answered at all.
    pub fn admits(&self, identities: &[Identity]) -> bool {
        let schemes = &self.rules.enforced_schemes;
        let is_enforced = |identity: &Identity| schemes.contains(&identity.scheme);
        schemes.is_empty()
            || zk_types::mutant!(
                "every-identity-must-be-enforced",
                identities.iter().any(is_enforced),
                identities.iter().all(is_enforced)
            )
    }

    fn of_digest(&self, proof: Option<&[u8]>) -> Proof {
        let (Some(algorithm), Some(proof)) = (self.rules.digest, proof) else {
            return Proof::Nothing;
        };
        let id = algorithm.id_of(&String::from_utf8_lossy(proof));
        let is_super = self
            .rules
            .super_digest
            .as_ref()
            .is_some_and(|digest| constant_time_eq(digest.as_bytes(), id.as_bytes()));
        let mut identities = Vec::new();
        if is_super {
            identities.push(identity("super", String::new()));
        }
        identities.push(identity("digest", id));
        Proof::Proven(identities)
    }

    fn of_ensemble(&self, name: &[u8]) -> Proof {
        let verdict = match &self.rules.ensemble {
            EnsembleNames::NotOffered => return Proof::Nothing,
            EnsembleNames::Any => EnsembleVerdict::Unchecked,
            EnsembleNames::Only(_) if name.is_empty() => EnsembleVerdict::Unchecked,
            EnsembleNames::Only(names) => {
                if names.contains(String::from_utf8_lossy(name).as_ref()) {
                    EnsembleVerdict::Right
                } else {
                    EnsembleVerdict::Wrong
                }
            }
        };
        Proof::Ensemble(verdict)
    }
}

pub(crate) fn identity(scheme: &str, id: String) -> Identity {
    Identity {
        scheme: scheme.into(),
        id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigestAlgorithm;
    use alloc::collections::BTreeSet;

    fn of(rules: AuthRules, scheme: Option<&str>, proof: Option<&[u8]>) -> Proof {
        let ip = "127.0.0.1".parse().expect("an address");
        Authenticator::new(rules).of_packet(scheme, proof, ip)
    }

    #[test]
    fn the_super_digest_grants_super_beside_the_digest() {
        let rules = AuthRules {
            super_digest: Some("super:lK75jTNcA+U9vtVEw5vB51mj/w4=".into()),
            ..AuthRules::default()
        };
        let Proof::Proven(identities) = of(rules.clone(), Some("digest"), Some(b"super:secret"))
        else {
            panic!("a digest always proves something");
        };
        assert_eq!(identities[0], identity("super", String::new()));
        assert_eq!(identities[1].scheme, "digest");
        let Proof::Proven(identities) = of(rules, Some("digest"), Some(b"super:wrong")) else {
            panic!("a digest always proves something");
        };
        assert_eq!(identities.len(), 1);
    }

    #[test]
    fn the_super_digest_is_of_the_configured_hash() {
        let digest = Some(DigestAlgorithm::Sha256);
        let super_digest = digest.map(|algorithm| algorithm.id_of("root:pw"));
        let rules = AuthRules {
            digest,
            super_digest,
            ..AuthRules::default()
        };
        let Proof::Proven(identities) = of(rules, Some("digest"), Some(b"root:pw")) else {
            panic!("a digest always proves something");
        };
        assert_eq!(identities[0].scheme, "super");
        assert!(identities[1].id.starts_with("root:"));
    }

    #[test]
    fn a_scheme_that_is_off_or_unknown_proves_nothing() {
        let none = AuthRules::default;
        for scheme in [
            "world", "auth", "super", "sasl", "x509", "ensemble", "nonsense",
        ] {
            assert_eq!(of(none(), Some(scheme), Some(b"x")), Proof::Nothing);
        }
        assert_eq!(of(none(), Some("digest"), None), Proof::Nothing);
        assert_eq!(of(none(), None, Some(b"x")), Proof::Nothing);
        let off = AuthRules {
            digest: None,
            ..none()
        };
        assert_eq!(of(off, Some("digest"), Some(b"a:b")), Proof::Nothing);
    }

    #[test]
    fn an_ensemble_is_asked_for_by_its_name_or_by_none() {
        let only = AuthRules {
            ensemble: EnsembleNames::Only(BTreeSet::from(["east".into(), "west".into()])),
            ..AuthRules::default()
        };
        let verdict = |rules: &AuthRules, name| of(rules.clone(), Some("ensemble"), name);
        let is = Proof::Ensemble;
        assert_eq!(verdict(&only, Some(b"west")), is(EnsembleVerdict::Right));
        assert_eq!(verdict(&only, Some(b"north")), is(EnsembleVerdict::Wrong));
        assert_eq!(verdict(&only, Some(b"")), is(EnsembleVerdict::Unchecked));
        assert_eq!(verdict(&only, None), is(EnsembleVerdict::Unchecked));
        let any = AuthRules {
            ensemble: EnsembleNames::Any,
            ..AuthRules::default()
        };
        assert_eq!(verdict(&any, Some(b"x")), is(EnsembleVerdict::Unchecked));
    }

    #[test]
    fn who_must_prove_something_is_admitted_with_any_scheme_of_the_list() {
        let rules = AuthRules {
            enforced_schemes: Vec::from(["digest".into(), "sasl".into()]),
            ..AuthRules::default()
        };
        let authenticator = Authenticator::new(rules);
        let ip = identity("ip", "1.2.3.4".into());
        assert!(!authenticator.admits(core::slice::from_ref(&ip)));
        assert!(authenticator.admits(&[ip, identity("sasl", "bob".into())]));
        assert!(Authenticator::new(AuthRules::default()).admits(&[]));
    }
}
