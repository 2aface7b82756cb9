//! DIGEST-MD5 as ZooKeeper speaks it: no integrity layer, one realm, no second round.

use super::directives::Directives;
use crate::rules::Password;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use constant_time_eq::constant_time_eq;
use core::fmt::Write;
use md5::{Digest, Md5};

/// Bytes of chance in a nonce; forty characters.
pub const NONCE_BYTES: usize = 30;

/// The name of every ZooKeeper server, which is its realm as well.
const REALM: &str = "zk-sasl-md5";
const URI: &str = "zookeeper/zk-sasl-md5";

/// A nonce as it travels.
pub(super) fn printable(nonce: [u8; NONCE_BYTES]) -> String {
    STANDARD.encode(nonce)
}

/// The first token of the server.
pub(super) fn challenge(nonce: &str) -> Vec<u8> {
    format!("realm=\"{REALM}\",nonce=\"{nonce}\",charset=utf-8,algorithm=md5-sess").into_bytes()
}

/// Who answered the challenge, with the server's own proof; `None` when nobody did.
pub(super) fn verify(
    users: &BTreeMap<String, Password>,
    nonce: &str,
    token: &[u8],
) -> Option<(String, Vec<u8>)> {
    let directives = Directives::parse(token)?;
    let answer = Answer::of(&directives, nonce)?;
    let user = text(directives.get("username")?);
    // An unknown user costs as much time as a wrong password.
    let (is_known, password) = match users.get(&user) {
        Some(Password(password)) => (true, password.as_str()),
        None => (false, ""),
    };
    // RFC 2831 has what fits hashed as Latin-1, and so does Java; others hash what they send.
    for encode in [latin_1_or_utf_8, utf_8] {
        let secret = md5(&join(&[&encode(&user), &encode(REALM), &encode(password)]));
        let expected = answer.value(&secret, "AUTHENTICATE");
        if constant_time_eq(expected.as_bytes(), answer.response) & is_known {
            let rspauth = answer.value(&secret, "");
            return Some((user, format!("rspauth={rspauth}").into_bytes()));
        }
    }
    None
}

/// What a client's response is computed from, beside the secret.
struct Answer<'a> {
    nonce: &'a [u8],
    nonce_count: &'a [u8],
    client_nonce: &'a [u8],
    uri: &'a [u8],
    authorise_as: Option<&'a [u8]>,
    response: &'a [u8],
}

impl<'a> Answer<'a> {
    /// What a client says, when all of it is what this server offered.
    fn of(directives: &'a Directives, nonce: &'a str) -> Option<Answer<'a>> {
        let is = |key, expected: &str, or_absent| match directives.get(key) {
            None => or_absent,
            Some(value) => value.eq_ignore_ascii_case(expected.as_bytes()),
        };
        let nonce_count = directives.get("nc")?;
        let fits = directives.get("realm") == Some(REALM.as_bytes())
            && constant_time_eq(directives.get("nonce")?, nonce.as_bytes())
            && nonce_count == b"00000001"
            && is("qop", "auth", true)
            && is("digest-uri", URI, false)
            && is("charset", "utf-8", true);
        let authorise_as = directives.get("authzid").filter(|id| !id.is_empty());
        fits.then_some(Answer {
            nonce: nonce.as_bytes(),
            nonce_count,
            client_nonce: directives.get("cnonce")?,
            uri: directives.get("digest-uri")?,
            authorise_as,
            response: directives.get("response")?,
        })
    }

    /// The proof of either side: they differ in the verb alone.
    fn value(&self, secret: &[u8], verb: &str) -> String {
        let mut a1 = join(&[secret, self.nonce, self.client_nonce]);
        if let Some(id) = self.authorise_as {
            a1 = join(&[&a1, id]);
        }
        let a2 = join(&[verb.as_bytes(), self.uri]);
        let parts = [
            hexadecimal(&md5(&a1)).as_bytes(),
            self.nonce,
            self.nonce_count,
            self.client_nonce,
            b"auth",
            hexadecimal(&md5(&a2)).as_bytes(),
        ]
        .map(<[u8]>::to_vec);
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        hexadecimal(&md5(&join(&parts)))
    }
}

/// A name is UTF-8, or else what old clients send.
fn text(bytes: &[u8]) -> String {
    match core::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

fn latin_1_or_utf_8(text: &str) -> Vec<u8> {
    let latin_1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    latin_1.unwrap_or_else(|| utf_8(text))
}

fn utf_8(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&b':')
}

fn md5(bytes: &[u8]) -> Vec<u8> {
    Md5::digest(bytes).to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
