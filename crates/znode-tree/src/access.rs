//! Who may do what: the decision, the normalisation of new lists, and what may be shown of one.

use crate::{TreeConfig, ip};
use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use zk_types::{Acl, ErrorCode, Identity, Perms, RawAcl};

/// Most memory, in bytes, that entries of the scheme `auth` may expand to in one request: many such
/// entries times many long identities would otherwise make gigabytes of one small request.
pub(crate) const EXPANSION_BYTES_MAX: usize = 1 << 24;

/// Whether `acl` grants one of `needed` to a caller who holds `identities`.
///
/// An empty list grants everything, and so does an identity of the scheme `super`. Source:
/// `client-protocol.md` §8.2.
pub fn permits(config: &TreeConfig, acl: &[Acl], needed: Perms, identities: &[Identity]) -> bool {
    config.skip_acl
        || acl.is_empty()
        || acl
            .iter()
            .any(|entry| entry.perms.intersects(needed) && is_for(config, entry, identities))
        || identities.iter().any(|identity| identity.scheme == "super")
}

fn is_for(config: &TreeConfig, entry: &Acl, identities: &[Identity]) -> bool {
    match entry.scheme.as_str() {
        "world" => entry.id == "anyone",
        "ip" => identities
            .iter()
            .any(|identity| identity.scheme == "ip" && ip::covers(&entry.id, &identity.id)),
        "sasl" => {
            let is_for_anybody = config.anybody_of_sasl.as_deref() == Some(&*entry.id);
            identities.iter().any(|identity| {
                identity.scheme == "sasl"
                    && (is_for_anybody || identity.id == "super" || identity.id == entry.id)
            })
        }
        scheme => identities
            .iter()
            .any(|identity| identity.scheme == scheme && identity.id == entry.id),
    }
}

/// A list as a client sent it, turned into what is stored. `expansion_bytes` counts what entries of
/// the scheme `auth` have expanded to in this request so far.
///
/// # Errors
/// `InvalidAcl` when the list is empty or an entry is not valid; `MarshallingError` for a null id
/// of a scheme that has ids. Source: `client-protocol.md` §8.4.
pub(crate) fn normalise(
    raw: Option<&[RawAcl<'_>]>,
    identities: &[Identity],
    config: &TreeConfig,
    expansion_bytes: &mut usize,
) -> Result<Vec<Acl>, ErrorCode> {
    let distinct = without_duplicates(raw.unwrap_or_default())?;
    if distinct.is_empty() {
        return Err(ErrorCode::InvalidAcl);
    }
    let mut acl = Vec::with_capacity(distinct.len());
    for entry in distinct {
        let scheme = entry.scheme.as_deref().ok_or(ErrorCode::InvalidAcl)?;
        if scheme == "auth" {
            *expansion_bytes += expand(entry.perms, identities, &mut acl)?;
            if *expansion_bytes > EXPANSION_BYTES_MAX {
                return Err(ErrorCode::InvalidAcl);
            }
            continue;
        }
        if !is_known(scheme, config) {
            return Err(ErrorCode::InvalidAcl);
        }
        let id = entry.id.as_deref().ok_or(ErrorCode::MarshallingError)?;
        if !is_valid(scheme, id) {
            return Err(ErrorCode::InvalidAcl);
        }
        acl.push(Acl {
            perms: entry.perms,
            scheme: String::from(scheme),
            id: String::from(id),
        });
    }
    Ok(acl)
}

/// The entries without repetitions. Apache trips over a null scheme or id while it compares: with
/// an earlier entry of the same bits, and for an id of the same scheme too.
fn without_duplicates<'a, 'r>(raw: &'a [RawAcl<'r>]) -> Result<Vec<&'a RawAcl<'r>>, ErrorCode> {
    if let [only] = raw {
        return Ok(Vec::from([only]));
    }
    let mut seen = BTreeSet::new();
    let mut seen_but_for_id = BTreeSet::new();
    let mut seen_bits = BTreeSet::new();
    let mut distinct = Vec::with_capacity(raw.len());
    for entry in raw {
        let scheme = entry.scheme.as_deref();
        let is_new = seen_but_for_id.insert((entry.perms, scheme));
        let has_new_bits = seen_bits.insert(entry.perms);
        let is_comparable = match (scheme, &entry.id) {
            (None, _) => has_new_bits,
            (Some(_), None) => is_new,
            (Some(_), Some(_)) => true,
        };
        if !is_comparable {
            return Err(ErrorCode::MarshallingError);
        }
        if seen.insert((entry.perms, scheme, entry.id.as_deref())) {
            distinct.push(entry);
        }
    }
    Ok(distinct)
}

/// Appends one entry for everything the requester has proven, and says how many bytes they take. An
/// address or the right to everything are no such proof.
fn expand(perms: Perms, identities: &[Identity], acl: &mut Vec<Acl>) -> Result<usize, ErrorCode> {
    let mut bytes = 0;
    for identity in identities {
        if matches!(identity.scheme.as_str(), "ip" | "super" | "world") {
            continue;
        }
        bytes += size_of::<Acl>() + identity.scheme.len() + identity.id.len();
        acl.push(Acl {
            perms,
            scheme: identity.scheme.clone(),
            id: identity.id.clone(),
        });
    }
    if bytes == 0 {
        Err(ErrorCode::InvalidAcl)
    } else {
        Ok(bytes)
    }
}

/// Whether there is somebody who judges ids of the scheme.
fn is_known(scheme: &str, config: &TreeConfig) -> bool {
    match scheme {
        "world" | "ip" => true,
        "digest" => config.digest,
        "sasl" => config.sasl,
        "x509" => config.x509,
        _ => false,
    }
}

/// Whether an id of a scheme that is known is one. Source: `client-protocol.md` §8.3.
fn is_valid(scheme: &str, id: &str) -> bool {
    match scheme {
        "world" => id == "anyone",
        "digest" => is_digest(id),
        "ip" => ip::is_valid(id),
        "sasl" => is_kerberos_name(id),
        "x509" => is_distinguished_name(id),
        _ => false,
    }
}

/// Two pieces between colons, where empty pieces at the end do not count.
fn is_digest(id: &str) -> bool {
    id.trim_end_matches(':').split(':').count() == 2
}

/// `service/host@REALM`, the last two optional; without a realm everything is a service.
fn is_kerberos_name(id: &str) -> bool {
    match id.split_once('@') {
        None => true,
        Some((name, realm)) => {
            !realm.contains(['@', '/']) && name.bytes().filter(|&byte| byte == b'/').count() <= 1
        }
    }
}

/// Roughly an X.500 name: it is compared with names that a certificate proved, so that an id that
/// is not one grants nothing.
fn is_distinguished_name(id: &str) -> bool {
    id.is_empty()
        || id
            .split_once('=')
            .is_some_and(|(attribute, _)| !attribute.trim().is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn raw<'a>(perms: i32, scheme: Option<&'a str>, id: Option<&'a str>) -> RawAcl<'a> {
        RawAcl {
            perms: Perms(perms),
            scheme: scheme.map(Cow::from),
            id: id.map(Cow::from),
        }
    }

    fn acl(perms: i32, scheme: &str, id: &str) -> Acl {
        Acl {
            perms: Perms(perms),
            scheme: scheme.into(),
            id: id.into(),
        }
    }

    fn identity(scheme: &str, id: &str) -> Identity {
        Identity {
            scheme: scheme.into(),
            id: id.into(),
        }
    }

    fn normalised(raw: &[RawAcl<'_>]) -> Result<Vec<Acl>, ErrorCode> {
        let identities = [
            identity("ip", "1.2.3.4"),
            identity("digest", "u:h"),
            identity("super", ""),
        ];
        normalise(Some(raw), &identities, &TreeConfig::new([0, 0]), &mut 0)
    }

    #[test]
    fn repetitions_are_dropped_and_the_order_is_kept() {
        let list = [
            raw(31, Some("world"), Some("anyone")),
            raw(1, Some("digest"), Some("a:b")),
            raw(31, Some("world"), Some("anyone")),
        ];
        assert_eq!(
            normalised(&list),
            Ok(Vec::from([
                acl(31, "world", "anyone"),
                acl(1, "digest", "a:b")
            ]))
        );
    }

    #[test]
    fn an_empty_or_absent_list_is_invalid() {
        assert_eq!(normalised(&[]), Err(ErrorCode::InvalidAcl));
        assert_eq!(
            normalise(None, &[], &TreeConfig::new([0, 0]), &mut 0),
            Err(ErrorCode::InvalidAcl)
        );
    }

    #[test]
    fn auth_stands_for_the_proven_identities_but_not_for_an_address_or_super() {
        assert_eq!(
            normalised(&[raw(9, Some("auth"), None)]),
            Ok(Vec::from([acl(9, "digest", "u:h")]))
        );
        assert_eq!(
            normalised(&[raw(9, Some("auth"), Some("ignored"))]),
            Ok(Vec::from([acl(9, "digest", "u:h")]))
        );
        let list = [raw(9, Some("auth"), None)];
        let identities = [identity("ip", "1.2.3.4"), identity("super", "")];
        assert_eq!(
            normalise(Some(&list), &identities, &TreeConfig::new([0, 0]), &mut 0),
            Err(ErrorCode::InvalidAcl)
        );
    }

    #[test]
    fn an_expansion_that_would_fill_the_memory_is_invalid() {
        let long = [identity("digest", &"u".repeat(1 << 20))];
        let list: Vec<RawAcl<'_>> = (0..100)
            .map(|perms| raw(perms, Some("auth"), None))
            .collect();
        let config = TreeConfig::new([0, 0]);
        assert!(normalise(Some(&list[..10]), &long, &config, &mut 0).is_ok());
        assert_eq!(
            normalise(Some(&list), &long, &config, &mut 0),
            Err(ErrorCode::InvalidAcl)
        );
    }

    #[test]
    fn a_null_in_an_entry_has_the_code_that_apache_gives_it() {
        assert_eq!(
            normalised(&[raw(1, None, Some("x"))]),
            Err(ErrorCode::InvalidAcl)
        );
        assert_eq!(
            normalised(&[raw(1, Some("world"), None)]),
            Err(ErrorCode::MarshallingError)
        );
        assert_eq!(
            normalised(&[raw(1, Some("digest"), None)]),
            Err(ErrorCode::MarshallingError)
        );
        assert_eq!(
            normalised(&[raw(1, Some("nonsense"), None)]),
            Err(ErrorCode::InvalidAcl)
        );
        let twice = [raw(1, Some("auth"), None), raw(1, Some("auth"), None)];
        assert_eq!(normalised(&twice), Err(ErrorCode::MarshallingError));
        let open = raw(1, Some("world"), Some("anyone"));
        assert_eq!(
            normalised(&[open.clone(), raw(1, None, Some("x"))]),
            Err(ErrorCode::MarshallingError)
        );
        assert_eq!(
            normalised(&[open, raw(2, None, Some("x"))]),
            Err(ErrorCode::InvalidAcl)
        );
        let different = [raw(1, Some("auth"), None), raw(2, Some("auth"), None)];
        assert_eq!(normalised(&different).map(|list| list.len()), Ok(2));
    }

    #[test]
    fn each_scheme_has_its_form_of_id() {
        for (scheme, id) in [
            ("world", "anyone"),
            ("digest", "a:b"),
            ("digest", ":b"),
            ("digest", "a:b:"),
            ("ip", "10.0.0.0/8"),
        ] {
            assert!(
                normalised(&[raw(1, Some(scheme), Some(id))]).is_ok(),
                "{scheme}:{id}"
            );
        }
        for (scheme, id) in [
            ("world", "someone"),
            ("digest", "a:b:c"),
            ("digest", "a:"),
            ("digest", "nocolon"),
            ("digest", ""),
            ("digest", ":"),
            ("ip", "300.0.0.1"),
            ("super", ""),
            ("ensemble", "e"),
            ("sasl", "a"),
            ("x509", "CN=a"),
            ("nonsense", "a"),
        ] {
            assert_eq!(
                normalised(&[raw(1, Some(scheme), Some(id))]),
                Err(ErrorCode::InvalidAcl),
                "{scheme}:{id}"
            );
        }
    }

    #[test]
    fn sasl_and_x509_are_accepted_where_they_are_offered() {
        let config = TreeConfig {
            sasl: true,
            x509: true,
            ..TreeConfig::new([0, 0])
        };
        let try_one = |scheme, id| {
            normalise(
                Some(&[raw(1, Some(scheme), Some(id))]),
                &[],
                &config,
                &mut 0,
            )
        };
        assert!(try_one("sasl", "a/b@R").is_ok());
        assert!(try_one("sasl", "a").is_ok());
        assert!(try_one("sasl", "a@b@c").is_err());
        assert!(try_one("x509", "CN=a,O=b").is_ok());
        assert!(try_one("x509", "nonsense").is_err());
    }

    #[test]
    fn a_bit_and_an_identity_of_the_same_entry_are_needed() {
        let permitted = |acl: &[Acl], needed, identities: &[Identity]| {
            permits(&TreeConfig::new([0, 0]), acl, needed, identities)
        };
        let list = [acl(1, "world", "anyone"), acl(2, "digest", "u:h")];
        let user = [identity("digest", "u:h")];
        assert!(permitted(&list, Perms::READ, &[]));
        assert!(!permitted(&list, Perms::WRITE, &[]));
        assert!(permitted(&list, Perms::WRITE, &user));
        assert!(!permitted(&list, Perms::ADMIN, &user));
        assert!(!permitted(&list, Perms::WRITE, &[identity("sasl", "u:h")]));
        assert!(permitted(&list, Perms::ADMIN, &[identity("super", "")]));
        assert!(permitted(&[], Perms::ADMIN, &[]));
        assert!(permitted(
            &[acl(2, "ip", "10.0.0.0/8")],
            Perms::WRITE,
            &[identity("ip", "10.9.9.9")]
        ));
    }

    #[test]
    fn the_sasl_user_super_and_everybody_where_it_is_said_match_entries_of_others() {
        let list = [acl(1, "sasl", "bob"), acl(2, "sasl", "everybody")];
        let permitted = |config: &TreeConfig, needed, id| {
            permits(config, &list, needed, &[identity("sasl", id)])
        };
        let plain = TreeConfig::new([0, 0]);
        assert!(permitted(&plain, Perms::READ, "bob"));
        assert!(!permitted(&plain, Perms::WRITE, "bob"));
        assert!(permitted(&plain, Perms::READ, "super"));
        let open = TreeConfig {
            anybody_of_sasl: Some("everybody".into()),
            ..plain
        };
        assert!(permitted(&open, Perms::WRITE, "bob"));
        assert!(!permitted(&open, Perms::READ, "eve"));
        let digest = [identity("digest", "everybody")];
        assert!(!permits(&open, &list, Perms::WRITE, &digest));
    }

    #[test]
    fn digests_are_invalid_where_the_scheme_is_off() {
        let config = TreeConfig {
            digest: false,
            ..TreeConfig::new([0, 0])
        };
        let list = [raw(1, Some("digest"), Some("a:b"))];
        let normalised = normalise(Some(&list), &[], &config, &mut 0);
        assert_eq!(normalised, Err(ErrorCode::InvalidAcl));
    }
}
