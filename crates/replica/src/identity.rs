//! Turning what a client shows into identities. Source: `client-protocol.md` §8.3 and §8.5.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::net::IpAddr;
use sha1::{Digest, Sha1};
use zk_types::Identity;

/// The identity that every connection has from its address.
pub(crate) fn of_address(ip: IpAddr) -> Identity {
    Identity {
        scheme: "ip".into(),
        id: ip.to_string(),
    }
}

/// The identities that an auth packet proves, or `None` when it proves nothing.
pub(crate) fn of_auth_packet(
    scheme: Option<&str>,
    auth: Option<&[u8]>,
    ip: IpAddr,
    super_digest: Option<&str>,
) -> Option<Vec<Identity>> {
    match scheme? {
        "digest" => {
            let digest = digest_of(&String::from_utf8_lossy(auth?));
            let mut identities = Vec::new();
            if super_digest == Some(digest.as_str()) {
                identities.push(Identity {
                    scheme: "super".into(),
                    id: String::new(),
                });
            }
            identities.push(Identity {
                scheme: "digest".into(),
                id: digest,
            });
            Some(identities)
        }
        "ip" => Some(alloc::vec![of_address(ip)]),
        _ => None,
    }
}

/// `user:BASE64(SHA1(user:password))`; the user is what stands before the first colon.
fn digest_of(user_and_password: &str) -> String {
    let user = user_and_password.split(':').next().unwrap_or("");
    format!(
        "{user}:{}",
        STANDARD.encode(Sha1::digest(user_and_password.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_apache() {
        assert_eq!(digest_of("user:pass"), "user:smGaoVKd/cQkjm7b88GyorAUz20=");
        assert_eq!(
            digest_of("super:secret"),
            "super:lK75jTNcA+U9vtVEw5vB51mj/w4="
        );
        assert_eq!(digest_of("bob:x:y"), "bob:lhink82101n43lhTdv3U19eNadY=");
        assert_eq!(digest_of("u:p"), "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=");
    }

    #[test]
    fn the_super_digest_grants_super_beside_the_digest() {
        let ip = "127.0.0.1".parse().expect("an address");
        let superuser = Some("super:lK75jTNcA+U9vtVEw5vB51mj/w4=");
        let identities = of_auth_packet(Some("digest"), Some(b"super:secret"), ip, superuser)
            .expect("digest always proves something");
        assert_eq!(identities[0].scheme, "super");
        assert_eq!(identities[1].scheme, "digest");
    }

    #[test]
    fn world_and_unknown_schemes_prove_nothing() {
        let ip = "127.0.0.1".parse().expect("an address");
        assert_eq!(
            of_auth_packet(Some("world"), Some(b"anyone"), ip, None),
            None
        );
        assert_eq!(of_auth_packet(Some("nonsense"), Some(b"x"), ip, None), None);
        assert_eq!(of_auth_packet(Some("digest"), None, ip, None), None);
        assert_eq!(of_auth_packet(None, Some(b"x"), ip, None), None);
    }
}
