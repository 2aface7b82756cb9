//! What clients show of themselves.

use auth::{AuthRules, Authenticator, Conversation, NONCE_BYTES, Password, SaslAnswer, SaslRules};

/// The tokens of one SASL exchange, cut at zero bytes. Nobody proves anything without a password.
pub fn sasl_tokens(bytes: &[u8]) {
    let users = [("bob".to_owned(), Password("not to be guessed".to_owned()))];
    let authenticator = Authenticator::new(AuthRules {
        sasl: Some(SaslRules {
            users: users.into(),
            ..SaslRules::default()
        }),
        ..AuthRules::default()
    });
    let mut conversation = Conversation::default();
    for token in bytes.split(|byte| *byte == 0) {
        let answer = authenticator.step(&mut conversation, [0; NONCE_BYTES], token);
        assert!(!matches!(answer, SaslAnswer::Proven { .. }), "{answer:?}");
    }
}
