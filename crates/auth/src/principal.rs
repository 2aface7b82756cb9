//! Names as Kerberos writes them, which every id of the scheme `sasl` must be.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// `service/host@REALM`, the last two optional; without a realm everything is the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    /// What stands first.
    pub service: &'a str,
    /// What stands between slash and at sign.
    pub host: Option<&'a str>,
    /// What stands behind the at sign.
    pub realm: Option<&'a str>,
}

/// What is left of a proven name (`kerberos.removeHostFromPrincipal`,
/// `kerberos.removeRealmFromPrincipal`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalShape {
    /// The host is dropped.
    pub without_host: bool,
    /// The realm is dropped.
    pub without_realm: bool,
}

impl<'a> Principal<'a> {
    /// Reads a name; `None` when it has two at signs, or two slashes before the one.
    ///
    /// Source: ZooKeeper `KerberosName`.
    pub fn parse(name: &'a str) -> Option<Principal<'a>> {
        let Some((before, realm)) = name.split_once('@') else {
            return Some(Principal {
                service: name,
                host: None,
                realm: None,
            });
        };
        let (service, host) = match before.split_once('/') {
            Some((service, host)) => (service, Some(host)),
            None => (before, None),
        };
        let is_clean = !realm.contains(['@', '/']) && !host.is_some_and(|host| host.contains('/'));
        is_clean.then_some(Principal {
            service,
            host,
            realm: Some(realm),
        })
    }

    /// The name without what `shape` drops.
    pub fn shaped(&self, shape: PrincipalShape) -> String {
        let mut name = String::from(self.service);
        if let Some(host) = self.host.filter(|_| !shape.without_host) {
            name.push('/');
            name.push_str(host);
        }
        if let Some(realm) = self.realm.filter(|_| !shape.without_realm) {
            name.push('@');
            name.push_str(realm);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_realm_is_a_service_whatever_is_in_it() {
        for name in ["a", "", "a/b", "a/b/c"] {
            let principal = Principal::parse(name).expect("it has no realm");
            assert_eq!((principal.service, principal.realm), (name, None));
        }
    }

    #[test]
    fn a_name_with_a_realm_has_one_host_at_most() {
        for name in ["a@R", "a/h@R", "@", "/@R"] {
            let principal = Principal::parse(name).expect(name);
            assert_eq!(principal.shaped(PrincipalShape::default()), name);
        }
        for name in ["a@b@c", "a@b/c", "a/b/c@R"] {
            assert_eq!(Principal::parse(name), None, "{name}");
        }
    }

    #[test]
    fn host_and_realm_can_be_dropped() {
        let shaped = |without_host, without_realm| {
            let principal = Principal::parse("a/h@R").expect("a principal");
            principal.shaped(PrincipalShape {
                without_host,
                without_realm,
            })
        };
        assert_eq!(shaped(true, false), "a@R");
        assert_eq!(shaped(false, true), "a/h");
        assert_eq!(shaped(true, true), "a");
    }
}
