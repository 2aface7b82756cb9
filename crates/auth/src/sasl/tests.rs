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
fn a_right_answer_to_another_challenge_is_refused() {
    let authenticator = server(users(&[("bob", "bobpw")]));
    let other_nonce = NONCE.replace('A', "B");
    let accepted = answered(&authenticator, &BOB.token());
    assert!(
        matches!(accepted, SaslAnswer::Proven { .. }),
        "{accepted:?}"
    );
    for claim in [
        Claim {
            nonce: &other_nonce,
            ..BOB
        },
        Claim {
            nonce_count: "00000002",
            ..BOB
        },
        Claim {
            realm: "other",
            ..BOB
        },
        Claim {
            quality: "auth-int",
            ..BOB
        },
        Claim {
            uri: "zookeeper/other",
            ..BOB
        },
    ] {
        let token = claim.token();
        assert_eq!(answered(&authenticator, &token), refused(), "{token}");
    }
}

#[test]
fn a_token_that_is_not_quite_right_is_refused() {
    let authenticator = server(users(&[("bob", "bobpw")]));
    let right = RESPONSE.replace("RESPONSE", "644a6eb03f4fb60d3ad54fa5855fe2ae");
    for (from, to) in [
        ("response=6", "response=7"),
        ("response=644a", "response=644A"),
        ("username=\"bob\"", "username=\"eve\""),
        ("cnonce=\"abc\",", ""),
        ("charset=utf-8", "charset=latin-1"),
        ("realm=\"zk-sasl-md5\"", "realm=\"other\""),
        ("qop=auth", "qop=auth-int"),
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
    let token = Claim {
        user: "eve",
        password: "",
        ..BOB
    }
    .token();
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
    let token = Claim {
        user: "al@R",
        password: "x",
        authorise_as: Some("super"),
        ..BOB
    }
    .token();
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
    let token = Claim {
        user: "al/h@R",
        password: "x",
        ..BOB
    }
    .token();
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
    let token = BOB.token();
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
    let wrong = Claim {
        password: "wrong",
        ..BOB
    }
    .token();
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

/// What a client claims; by default all of it is what the server offers.
struct Claim<'a> {
    user: &'a str,
    password: &'a str,
    realm: &'a str,
    nonce: &'a str,
    nonce_count: &'a str,
    quality: &'a str,
    uri: &'a str,
    authorise_as: Option<&'a str>,
}

const BOB: Claim<'_> = Claim {
    user: "bob",
    password: "bobpw",
    realm: "zk-sasl-md5",
    nonce: NONCE,
    nonce_count: "00000001",
    quality: "auth",
    uri: "zookeeper/zk-sasl-md5",
    authorise_as: None,
};

impl Claim<'_> {
    /// The token, computed as RFC 2831 §2.1.2.1 says and by nothing that is under test.
    fn token(&self) -> String {
        use md5::{Digest, Md5};
        let hex = |bytes: &[u8]| -> String {
            let digest = Md5::digest(bytes);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let Claim {
            user,
            password,
            realm,
            nonce,
            nonce_count,
            quality,
            uri,
            authorise_as,
        } = self;
        let mut a1 = Md5::digest(format!("{user}:{realm}:{password}")).to_vec();
        a1.extend_from_slice(format!(":{nonce}:abc").as_bytes());
        let mut authzid = String::new();
        if let Some(id) = authorise_as {
            a1.extend_from_slice(format!(":{id}").as_bytes());
            authzid = format!(",authzid=\"{id}\"");
        }
        let (a1, a2) = (hex(&a1), hex(format!("AUTHENTICATE:{uri}").as_bytes()));
        let response = hex(format!("{a1}:{nonce}:{nonce_count}:abc:{quality}:{a2}").as_bytes());
        format!(
            "username=\"{user}\",realm=\"{realm}\",nonce=\"{nonce}\",nc={nonce_count},\
             cnonce=\"abc\",digest-uri=\"{uri}\",response={response},qop={quality}{authzid}"
        )
    }
}
