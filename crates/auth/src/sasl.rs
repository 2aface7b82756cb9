//! The scheme `sasl`: a conversation in steps, of which only DIGEST-MD5 is offered.
//!
//! ```text
//! client                                    server
//!   empty token ───────────────────────────▶
//!                 ◀─────────────────────────── realm, nonce
//!   user, cnonce, response ────────────────▶
//!                 ◀─────────────────────────── rspauth: the server knows the password too
//! ```
//!
//! Source: RFC 2831; `client-protocol.md` §8.7; what ZooKeeper 3.9.5 on Java 17 accepts and sends.

mod digest_md5;
mod directives;

use crate::authenticator::{Authenticator, identity};
use crate::principal::Principal;
use crate::rules::{AfterFailure, SaslRules};
use alloc::string::String;
use alloc::vec::Vec;
use zk_types::{ErrorCode, Identity};

pub use digest_md5::NONCE_BYTES;

/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 4_096;

/// One connection's exchange.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    step: Step,
    /// Tokens that were answered without a token.
    unanswered: u32,
}

#[derive(Clone, Debug, Default)]
enum Step {
    #[default]
    Fresh,
    Challenged {
        nonce: String,
    },
    Over,
}

/// What a token is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaslAnswer {
    /// A token; the exchange goes on.
    Token(Vec<u8>),
    /// A token that ends the exchange, and what the client has proven.
    Proven {
        /// The token.
        token: Vec<u8>,
        /// What is proven.
        identities: Vec<Identity>,
    },
    /// No token and no error: the client goes on as what it was.
    NoToken,
    /// An error and no token, and the connection is closed.
    Refused(ErrorCode),
}

impl Authenticator {
    /// Takes one token of a client. `nonce` is drawn afresh for each call.
    ///
    /// A server without SASL answers the first token with none, as Apache does, and refuses the
    /// second: a client that takes the absence for another challenge would go on forever.
    pub fn step(
        &self,
        conversation: &mut Conversation,
        nonce: [u8; NONCE_BYTES],
        token: &[u8],
    ) -> SaslAnswer {
        let Some(rules) = &self.rules.sasl else {
            return conversation.without_token(ErrorCode::AuthFailed);
        };
        match core::mem::replace(&mut conversation.step, Step::Over) {
            // Java ignores what stands in the first token, and so do we.
            Step::Fresh if token.len() <= TOKEN_BYTES_MAX => {
                let nonce = digest_md5::printable(nonce);
                let challenge = digest_md5::challenge(&nonce);
                conversation.step = Step::Challenged { nonce };
                return SaslAnswer::Token(challenge);
            }
            Step::Challenged { nonce } if token.len() <= TOKEN_BYTES_MAX => {
                if let Some(answer) = prove(rules, &nonce, token) {
                    return answer;
                }
            }
            Step::Fresh | Step::Challenged { .. } | Step::Over => {}
        }
        let is_demanded = self.rules.enforced_schemes.iter().any(|all| all == "sasl");
        match (is_demanded, rules.after_failure) {
            (true, _) => SaslAnswer::Refused(ErrorCode::SessionClosedRequireSaslAuth),
            (false, AfterFailure::GoOn) => conversation.without_token(ErrorCode::AuthFailed),
            (false, AfterFailure::Close) => SaslAnswer::Refused(ErrorCode::AuthFailed),
        }
    }
}

impl Conversation {
    fn without_token(&mut self, then: ErrorCode) -> SaslAnswer {
        self.unanswered += 1;
        if self.unanswered == 1 {
            SaslAnswer::NoToken
        } else {
            SaslAnswer::Refused(then)
        }
    }
}

/// A user is who it proved to be, whomever it asks to act for. Apache lets a user whose name has a
/// realm choose any name for itself.
fn prove(rules: &SaslRules, nonce: &str, token: &[u8]) -> Option<SaslAnswer> {
    let (user, token) = digest_md5::verify(&rules.users, nonce, token)?;
    let id = Principal::parse(&user)?.shaped(rules.shape);
    let mut identities = Vec::new();
    if rules.supers.contains(&id) {
        identities.push(identity("super", String::new()));
    }
    identities.push(identity("sasl", id));
    Some(SaslAnswer::Proven { token, identities })
}

#[cfg(test)]
mod tests;
