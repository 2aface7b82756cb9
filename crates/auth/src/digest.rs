//! Digests of users and passwords: what the scheme `digest` proves.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

/// The hash of the scheme `digest` (`DigestAuthenticationProvider.digestAlg`), by the names of
/// Java's `MessageDigest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DigestAlgorithm {
    /// `MD5`
    Md5,
    /// `SHA1`, `SHA-1` or `SHA`: what every server has unless told otherwise.
    #[default]
    Sha1,
    /// `SHA-224`
    Sha224,
    /// `SHA-256`
    Sha256,
    /// `SHA-384`
    Sha384,
    /// `SHA-512`
    Sha512,
    /// `SHA-512/224`
    Sha512Cut224,
    /// `SHA-512/256`
    Sha512Cut256,
    /// `SHA3-224`
    Sha3Of224,
    /// `SHA3-256`
    Sha3Of256,
    /// `SHA3-384`
    Sha3Of384,
    /// `SHA3-512`
    Sha3Of512,
}

impl DigestAlgorithm {
    /// Every name that [`DigestAlgorithm::parse`] knows.
    pub const NAMES: &str = "MD5, SHA1, SHA-224, SHA-256, SHA-384, SHA-512, SHA-512/224, \
                             SHA-512/256, SHA3-224, SHA3-256, SHA3-384, SHA3-512";

    /// The algorithm of a name, in any case.
    pub fn parse(name: &str) -> Option<DigestAlgorithm> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MD5" => DigestAlgorithm::Md5,
            "SHA" | "SHA1" | "SHA-1" => DigestAlgorithm::Sha1,
            "SHA-224" => DigestAlgorithm::Sha224,
            "SHA-256" => DigestAlgorithm::Sha256,
            "SHA-384" => DigestAlgorithm::Sha384,
            "SHA-512" => DigestAlgorithm::Sha512,
            "SHA-512/224" => DigestAlgorithm::Sha512Cut224,
            "SHA-512/256" => DigestAlgorithm::Sha512Cut256,
            "SHA3-224" => DigestAlgorithm::Sha3Of224,
            "SHA3-256" => DigestAlgorithm::Sha3Of256,
            "SHA3-384" => DigestAlgorithm::Sha3Of384,
            "SHA3-512" => DigestAlgorithm::Sha3Of512,
            _ => return None,
        })
    }

    /// `user:BASE64(hash(user:password))`; the user is what stands before the first colon.
    ///
    /// Source: `client-protocol.md` §8.3.
    pub fn id_of(self, user_and_password: &str) -> String {
        let user = user_and_password.split(':').next().unwrap_or("");
        let hash = self.hash(user_and_password.as_bytes());
        format!("{user}:{}", STANDARD.encode(hash))
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            DigestAlgorithm::Md5 => Md5::digest(bytes).to_vec(),
            DigestAlgorithm::Sha1 => Sha1::digest(bytes).to_vec(),
            DigestAlgorithm::Sha224 => Sha224::digest(bytes).to_vec(),
            DigestAlgorithm::Sha256 => Sha256::digest(bytes).to_vec(),
            DigestAlgorithm::Sha384 => Sha384::digest(bytes).to_vec(),
            DigestAlgorithm::Sha512 => Sha512::digest(bytes).to_vec(),
            DigestAlgorithm::Sha512Cut224 => Sha512_224::digest(bytes).to_vec(),
            DigestAlgorithm::Sha512Cut256 => Sha512_256::digest(bytes).to_vec(),
            DigestAlgorithm::Sha3Of224 => Sha3_224::digest(bytes).to_vec(),
            DigestAlgorithm::Sha3Of256 => Sha3_256::digest(bytes).to_vec(),
            DigestAlgorithm::Sha3Of384 => Sha3_384::digest(bytes).to_vec(),
            DigestAlgorithm::Sha3Of512 => Sha3_512::digest(bytes).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_apache() {
        let id = |text| DigestAlgorithm::Sha1.id_of(text);
        assert_eq!(id("user:pass"), "user:smGaoVKd/cQkjm7b88GyorAUz20=");
        assert_eq!(id("super:secret"), "super:lK75jTNcA+U9vtVEw5vB51mj/w4=");
        assert_eq!(id("bob:x:y"), "bob:lhink82101n43lhTdv3U19eNadY=");
        assert_eq!(id("u:p"), "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=");
        assert!(id("nocolon").starts_with("nocolon:"));
    }

    #[test]
    fn each_name_of_java_has_its_own_hash() {
        let mut ids = std::collections::BTreeSet::new();
        for name in DigestAlgorithm::NAMES.split(", ") {
            let algorithm = DigestAlgorithm::parse(&name.to_ascii_lowercase());
            assert!(ids.insert(algorithm.expect(name).id_of("a:b")), "{name}");
        }
        assert_eq!(ids.len(), 12);
        assert_eq!(DigestAlgorithm::parse("SHA"), Some(DigestAlgorithm::Sha1));
        assert_eq!(DigestAlgorithm::parse("RIPEMD160"), None);
    }
}
