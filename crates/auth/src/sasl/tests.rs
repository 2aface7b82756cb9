use super::*;
use crate::{AuthRules, Password, PrincipalShape, SaslRules};
use alloc::format;
use alloc::string::ToString;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// Chance that an exchange with ZooKeeper 3.9.5 had, as its nonce showed.
fn nonce_of(printable: &str) -> [u8; NONCE_BYTES] {
    let bytes = STANDARD.decode(printable).expect("a nonce is base64");
    bytes.try_into().expect("a nonce has its length")
}

const NONCE: &str = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd";
const RESPONSE: &str = "charset=utf-8,username=\"bob\",realm=\"zk-sasl-md5\",\
    nonce=\"ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd\",nc=00000001,cnonce=\"abc\",\
    digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,response=RESPONSE,qop=auth,authzid=\"bob\"";

fn users(pairs: &[(&str, &str)]) -> SaslRules {
    let pair = |&(user, password): &(&str, &str)| (user.into(), Password(password.into()));
    SaslRules {
        users: pairs.iter().map(pair).collect(),
        ..SaslRules::default()
    }
}

fn server(sasl: SaslRules) -> Authenticator {
    Authenticator::new(AuthRules {
        sasl: Some(sasl),
        ..AuthRules::default()
    })
}

fn challenged(authenticator: &Authenticator) -> Conversation {
    let mut conversation = Conversation::default();
    let answer = authenticator.step(&mut conversation, nonce_of(NONCE), b"");
    assert!(matches!(answer, SaslAnswer::Token(_)), "{answer:?}");
    conversation
}

fn answered(authenticator: &Authenticator, token: &str) -> SaslAnswer {
    let mut conversation = challenged(authenticator);
    authenticator.step(&mut conversation, [0; NONCE_BYTES], token.as_bytes())
}

fn refused() -> SaslAnswer {
    SaslAnswer::Refused(ErrorCode::AuthFailed)
}

#[test]
fn the_challenge_is_that_of_apache() {
    let mut conversation = Conversation::default();
    let authenticator = server(users(&[("bob", "bobpw")]));
    let answer = authenticator.step(&mut conversation, nonce_of(NONCE), b"");
    let expected =
        format!("realm=\"zk-sasl-md5\",nonce=\"{NONCE}\",charset=utf-8,algorithm=md5-sess");
    assert_eq!(answer, SaslAnswer::Token(expected.into_bytes()));
}

#[test]
fn whoever_knows_the_password_is_told_that_the_server_does_too() {
    let authenticator = server(users(&[("bob", "bobpw")]));
    let token = RESPONSE.replace("RESPONSE", "644a6eb03f4fb60d3ad54fa5855fe2ae");
    let expected = SaslAnswer::Proven {
        token: b"rspauth=f19a24c024dcbbc7aad0f8c08f8f75b4".to_vec(),
        identities: [identity("sasl", "bob".into())].into(),
    };
    assert_eq!(answered(&authenticator, &token), expected);
}

#[test]
fn whatever_differs_from_the_offer_is_refused() {
    let authenticator = server(users(&[("bob", "bobpw")]));
    let right = RESPONSE.replace("RESPONSE", "644a6eb03f4fb60d3ad54fa5855fe2ae");
    for (from, to) in [
        ("response=6", "response=7"),
        ("username=\"bob\"", "username=\"eve\""),
        ("nc=00000001", "nc=00000002"),
        ("realm=\"zk-sasl-md5\"", "realm=\"other\""),
        ("nonce=\"A", "nonce=\"B"),
        ("cnonce=\"abc\",", ""),
        ("zookeeper/zk-sasl-md5", "zookeeper/other"),
        ("qop=auth", "qop=auth-int"),
        ("charset=utf-8", "charset=latin-1"),
        ("authzid=\"bob\"", "authzid=\"super\""),
        ("nc=00000001", "nc"),
    ] {
        let token = right.replacen(from, to, 1);
        assert_ne!(token, right, "{from}");
        assert_eq!(answered(&authenticator, &token), refused(), "{to}");
    }
    let long = format!("{right},x={}", "y".repeat(TOKEN_BYTES_MAX));
    assert_eq!(answered(&authenticator, &long), refused());
}

#[test]
fn an_empty_password_lets_no_unknown_user_in() {
    let authenticator = server(users(&[("bob", "bobpw")]));
    let token = response("eve", "", None, latin_1);
    assert_eq!(answered(&authenticator, &token), refused());
}

#[test]
fn a_name_beyond_ascii_may_be_hashed_either_way() {
    let authenticator = server(users(&[("ürs", "pässword")]));
    for response in [
        "18b4a77e12fb490224c414e5f2a1359a",
        "1353e1ae10c88b3acb3b096dfc4c6320",
    ] {
        let token = RESPONSE
            .replace("bob\",realm", "ürs\",realm")
            .replace(",authzid=\"bob\"", "")
            .replace("RESPONSE", response);
        let answer = answered(&authenticator, &token);
        assert!(matches!(answer, SaslAnswer::Proven { .. }), "{answer:?}");
    }
}

#[test]
fn nobody_becomes_whom_he_asks_to_act_for() {
    let mut sasl = users(&[("al@R", "x")]);
    sasl.supers.insert("super".into());
    let token = response("al@R", "x", Some("super"), latin_1);
    let SaslAnswer::Proven { identities, .. } = answered(&server(sasl), &token) else {
        panic!("the password is right");
    };
    assert_eq!(identities, [identity("sasl", "al@R".into())]);
}

#[test]
fn a_super_user_is_known_by_what_is_left_of_its_name() {
    let mut sasl = users(&[("al/h@R", "x")]);
    sasl.supers.insert("al".into());
    sasl.shape = PrincipalShape {
        without_host: true,
        without_realm: true,
    };
    let token = response("al/h@R", "x", None, latin_1);
    let SaslAnswer::Proven { identities, .. } = answered(&server(sasl), &token) else {
        panic!("the password is right");
    };
    let expected = [
        identity("super", String::new()),
        identity("sasl", "al".into()),
    ];
    assert_eq!(identities, expected);
}

#[test]
fn an_exchange_that_is_over_takes_no_more() {
    let authenticator = server(users(&[("bob", "bobpw")]));
    let mut conversation = challenged(&authenticator);
    let token = response("bob", "bobpw", None, latin_1);
    let nonce = [0; NONCE_BYTES];
    let first = authenticator.step(&mut conversation, nonce, token.as_bytes());
    assert!(matches!(first, SaslAnswer::Proven { .. }), "{first:?}");
    for again in [&b""[..], token.as_bytes()] {
        assert_eq!(
            authenticator.step(&mut conversation, nonce, again),
            refused()
        );
    }
}

#[test]
fn without_sasl_the_first_token_is_answered_with_none_and_the_second_refused() {
    let authenticator = Authenticator::new(AuthRules::default());
    let mut conversation = Conversation::default();
    let mut step = || authenticator.step(&mut conversation, [0; NONCE_BYTES], b"");
    assert_eq!(step(), SaslAnswer::NoToken);
    assert_eq!(step(), refused());
}

#[test]
fn who_failed_may_go_on_where_that_is_allowed_and_nothing_is_demanded() {
    let mut rules = AuthRules {
        sasl: Some(SaslRules {
            after_failure: AfterFailure::GoOn,
            ..users(&[("bob", "bobpw")])
        }),
        ..AuthRules::default()
    };
    let wrong = response("bob", "wrong", None, latin_1);
    let authenticator = Authenticator::new(rules.clone());
    assert_eq!(answered(&authenticator, &wrong), SaslAnswer::NoToken);
    rules.enforced_schemes.push("sasl".to_string());
    let authenticator = Authenticator::new(rules);
    let demanded = SaslAnswer::Refused(ErrorCode::SessionClosedRequireSaslAuth);
    assert_eq!(answered(&authenticator, &wrong), demanded);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_prove_nothing(token in proptest::collection::vec(any::<u8>(), 0..300)) {
        let authenticator = server(users(&[("bob", "bobpw"), ("", "")]));
        let mut conversation = challenged(&authenticator);
        let answer = authenticator.step(&mut conversation, [0; NONCE_BYTES], &token);
        prop_assert_eq!(answer, refused());
    }
}

fn latin_1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(c).expect("Latin-1"))
        .collect()
}

/// What a client sends, computed as RFC 2831 §2.1.2.1 says and by nothing that is under test.
fn response(
    user: &str,
    password: &str,
    authorise_as: Option<&str>,
    encode: fn(&str) -> Vec<u8>,
) -> String {
    use md5::{Digest, Md5};
    let hex = |bytes: &[u8]| -> String {
        let digest = Md5::digest(bytes);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let secret = encode(&format!("{user}:zk-sasl-md5:{password}"));
    let mut a1 = Md5::digest(&secret).to_vec();
    a1.extend_from_slice(format!(":{NONCE}:abc").as_bytes());
    if let Some(id) = authorise_as {
        a1.extend_from_slice(format!(":{id}").as_bytes());
    }
    let a2 = hex(b"AUTHENTICATE:zookeeper/zk-sasl-md5");
    let response = hex(format!("{}:{NONCE}:00000001:abc:auth:{a2}", hex(&a1)).as_bytes());
    let token = RESPONSE.replace("bob\",realm", &format!("{user}\",realm"));
    let authzid = authorise_as.map_or(String::new(), |id| format!(",authzid=\"{id}\""));
    token
        .replace(",authzid=\"bob\"", &authzid)
        .replace("RESPONSE", &response)
}
