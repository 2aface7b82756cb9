//! What clients prove, and what is demanded of them. Source: `client-protocol.md` §8.3, §8.5, §8.7
//! and §8.8.

use crate::support::*;
use md5::{Digest, Md5};
use replica::auth::{AuthRules, DigestAlgorithm, EnsembleNames, Password, SaslRules};
use replica::{Config, Event, Input, Unproven};
use zk_proto::{AuthPacket, Request, Response};
use zk_types::{CreateCall, CreateOp, Op, Perms, RawAcl};

fn server(auth: AuthRules) -> Standalone {
    let config = Config { auth, ..config() };
    Standalone::start_on(MemoryDisk::default(), config)
}

fn with_users() -> AuthRules {
    let user = |name: &str, password: &str| (name.to_owned(), Password(password.to_owned()));
    AuthRules {
        sasl: Some(SaslRules {
            users: [user("bob", "bobpw"), user("root", "rootpw")].into(),
            supers: ["root".to_owned()].into(),
            ..SaslRules::default()
        }),
        ..AuthRules::default()
    }
}

fn auth<'a>(scheme: &'a str, proof: &'a [u8]) -> Request<'a> {
    Request::Auth(AuthPacket {
        scheme: Some(scheme.into()),
        auth: Some(proof.into()),
    })
}

fn sasl(token: &[u8]) -> Request<'_> {
    Request::Sasl {
        token: Some(token.into()),
    }
}

fn guarded(path: &str, scheme: &str, id: &str) -> Request<'static> {
    Request::Write(Op::Create(CreateOp {
        call: CreateCall::Create,
        path: Some(path.to_owned().into()),
        data: None,
        acl: Some(vec![RawAcl {
            perms: Perms::ALL,
            scheme: Some(scheme.to_owned().into()),
            id: Some(id.to_owned().into()),
        }]),
        flags: 0,
        ttl_ms: -1,
    }))
}

/// The answer to a challenge, as RFC 2831 §2.1.2 has it.
fn response(challenge: &[u8], user: &str, password: &str) -> Vec<u8> {
    let challenge = String::from_utf8(challenge.to_vec()).expect("a challenge is text");
    let nonce = challenge.split("nonce=\"").nth(1).expect("a nonce");
    let nonce = nonce.split('"').next().expect("its end");
    let hex = |bytes: &[u8]| -> String {
        let digest = Md5::digest(bytes);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let mut a1 = Md5::digest(format!("{user}:zk-sasl-md5:{password}")).to_vec();
    a1.extend_from_slice(format!(":{nonce}:c").as_bytes());
    let a2 = hex(b"AUTHENTICATE:zookeeper/zk-sasl-md5");
    let response = hex(format!("{}:{nonce}:00000001:c:auth:{a2}", hex(&a1)).as_bytes());
    format!(
        "username=\"{user}\",realm=\"zk-sasl-md5\",nonce=\"{nonce}\",nc=00000001,cnonce=\"c\",\
         digest-uri=\"zookeeper/zk-sasl-md5\",response={response},qop=auth"
    )
    .into_bytes()
}

fn token_of(heard: &Heard) -> Option<Vec<u8>> {
    let Response::Sasl(token) = heard.response() else {
        panic!("a token is expected: {heard:?}");
    };
    token.map(|token| token.to_vec())
}

/// Speaks with the server until it says yes or no.
fn authenticate(server: &mut Standalone, client: &mut Client, user: &str, password: &str) -> Heard {
    let challenge = token_of(&server.ask(client, &sasl(b""))[0]).expect("a challenge");
    let response = response(&challenge, user, password);
    server.ask(client, &sasl(&response)).remove(0)
}

fn schemes(server: &mut Standalone, client: &mut Client) -> Vec<(String, String)> {
    let heard = server.ask(client, &Request::WhoAmI);
    let Response::WhoAmI(infos) = heard[0].response() else {
        panic!("identities are expected: {heard:?}");
    };
    let mut pairs: Vec<_> = infos
        .iter()
        .map(|info| (info.scheme.to_string(), info.user.to_string()))
        .collect();
    pairs.sort();
    pairs
}

fn pair(scheme: &str, user: &str) -> (String, String) {
    (scheme.to_owned(), user.to_owned())
}

#[test]
fn a_user_with_its_password_gains_its_identity_and_what_is_kept_for_it() {
    let mut server = server(with_users());
    let mut bob = server.connect();
    let heard = authenticate(&mut server, &mut bob, "bob", "bobpw");
    assert!(token_of(&heard).expect("a proof").starts_with(b"rspauth="));
    let proven = schemes(&mut server, &mut bob);
    assert_eq!(proven, [pair("ip", "127.0.0.1"), pair("sasl", "bob")]);
    assert_eq!(
        server.ask(&mut bob, &guarded("/b", "sasl", "bob"))[0].err(),
        0
    );
    assert_eq!(
        server.ask(&mut bob, &guarded("/h", "sasl", "a/h@R"))[0].err(),
        0
    );
    assert_eq!(
        server.ask(&mut bob, &guarded("/x", "sasl", "a@b@c"))[0].err(),
        -114
    );
    assert_eq!(server.ask(&mut bob, &get("/b", false))[0].err(), 0);
    let mut stranger = server.connect();
    assert_eq!(server.ask(&mut stranger, &get("/b", false))[0].err(), -102);
}

#[test]
fn a_super_user_of_sasl_is_super() {
    let mut server = server(with_users());
    let mut root = server.connect();
    let heard = authenticate(&mut server, &mut root, "root", "rootpw");
    assert_eq!(heard.err(), 0);
    let proven = schemes(&mut server, &mut root);
    assert!(proven.contains(&pair("super", "")), "{proven:?}");
}

#[test]
fn a_wrong_password_costs_the_connection() {
    let mut server = server(with_users());
    let mut eve = server.connect();
    let heard = authenticate(&mut server, &mut eve, "bob", "wrong");
    let Heard::Reply { header, body, .. } = heard else {
        panic!("a reply is expected: {heard:?}");
    };
    assert_eq!((header.err, header.zxid.0), (-115, 0));
    assert_eq!(body, [0xff; 4], "a null token");
    assert_eq!(server.closed, [eve.conn]);
}

#[test]
fn nonces_differ_between_connections() {
    let mut server = server(with_users());
    let mut challenge = || {
        let mut client = server.connect();
        token_of(&server.ask(&mut client, &sasl(b""))[0])
    };
    assert_ne!(challenge(), challenge());
}

#[test]
fn a_server_without_sasl_gives_no_token_once_and_then_closes() {
    let mut server = server(AuthRules::default());
    let mut client = server.connect();
    assert_eq!(token_of(&server.ask(&mut client, &sasl(b""))[0]), None);
    assert_eq!(server.ask(&mut client, &get("/", false))[0].err(), 0);
    assert_eq!(server.ask(&mut client, &sasl(b""))[0].err(), -115);
    assert_eq!(server.closed, [client.conn]);
    let heard = {
        let mut client = server.connect();
        server.ask(&mut client, &guarded("/s", "sasl", "bob"))
    };
    assert_eq!(heard[0].err(), -114);
}

#[test]
fn a_null_token_costs_the_connection_without_a_word() {
    let mut server = server(with_users());
    let mut client = server.connect();
    let heard = server.ask(&mut client, &Request::Sasl { token: None });
    assert!(heard.is_empty(), "{heard:?}");
    assert_eq!(server.closed, [client.conn]);
}

#[test]
fn whoever_must_authenticate_is_answered_nothing_else_before() {
    let rules = AuthRules {
        enforced_schemes: vec!["sasl".to_owned()],
        ..with_users()
    };
    let requests = [
        get("/", false),
        Request::Ping,
        create("/a", b"", 0),
        Request::Write(Op::CloseSession),
        Request::WhoAmI,
    ];
    for request in requests {
        let mut server = server(rules.clone());
        let mut client = server.connect();
        let heard = server.ask(&mut client, &request);
        let Heard::Reply { header, body, .. } = &heard[0] else {
            panic!("a reply is expected: {heard:?}");
        };
        assert_eq!((header.err, header.zxid.0), (-124, 0), "{request:?}");
        assert!(body.is_empty());
        assert_eq!(server.closed, [client.conn]);
    }
    let mut server = server(rules);
    let mut bob = server.connect();
    assert_eq!(server.ask(&mut bob, &auth("digest", b"a:b"))[0].err(), 0);
    assert_eq!(authenticate(&mut server, &mut bob, "bob", "bobpw").err(), 0);
    assert_eq!(server.ask(&mut bob, &get("/", false))[0].err(), 0);
    let mut eve = server.connect();
    let heard = authenticate(&mut server, &mut eve, "bob", "wrong");
    assert_eq!(heard.err(), -124);
    assert_eq!(server.closed, [eve.conn]);
}

#[test]
fn what_is_sent_behind_a_proof_in_one_batch_is_admitted() {
    let mut server = server(AuthRules {
        enforced_schemes: vec!["digest".to_owned()],
        ..AuthRules::default()
    });
    let mut client = server.connect();
    let mut bytes = client.encode(&auth("digest", b"a:b"));
    bytes.extend(client.encode(&get("/", false)));
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let codes: Vec<i32> = server.hear(&mut client).iter().map(Heard::err).collect();
    assert_eq!(codes, [0, 0]);
}

#[test]
fn the_hash_of_digests_is_the_configured_one() {
    let mut server = server(AuthRules {
        digest: Some(DigestAlgorithm::Sha256),
        ..AuthRules::default()
    });
    let mut client = server.connect();
    let id = DigestAlgorithm::Sha256.id_of("user:pass");
    assert_eq!(
        server.ask(&mut client, &guarded("/d", "digest", &id))[0].err(),
        0
    );
    assert_eq!(server.ask(&mut client, &get("/d", false))[0].err(), -102);
    assert_eq!(
        server.ask(&mut client, &auth("digest", b"user:pass"))[0].err(),
        0
    );
    assert_eq!(server.ask(&mut client, &get("/d", false))[0].err(), 0);
}

#[test]
fn a_scheme_that_is_off_proves_nothing_and_stands_in_no_list() {
    let mut server = server(AuthRules {
        digest: None,
        ..AuthRules::default()
    });
    let mut client = server.connect();
    assert_eq!(
        server.ask(&mut client, &guarded("/d", "digest", "a:b"))[0].err(),
        -114
    );
    assert_eq!(
        server.ask(&mut client, &auth("digest", b"a:b"))[0].err(),
        -115
    );
    assert_eq!(server.closed, [client.conn]);
}

#[test]
fn a_client_of_another_ensemble_is_closed_on_without_a_word() {
    let mut server = server(AuthRules {
        ensemble: EnsembleNames::Only(["east".to_owned()].into()),
        ..AuthRules::default()
    });
    let mut right = server.connect();
    assert_eq!(
        server.ask(&mut right, &auth("ensemble", b"east"))[0].err(),
        0
    );
    let mut wrong = server.connect();
    let heard = server.ask(&mut wrong, &auth("ensemble", b"west"));
    assert!(heard.is_empty(), "{heard:?}");
    assert_eq!(server.closed, [wrong.conn]);
    assert_eq!(
        server.ask(&mut right, &guarded("/e", "ensemble", "east"))[0].err(),
        -114
    );
    let metrics = server.four_letters("mntr");
    assert!(
        metrics.contains("zk_ensemble_auth_success\t1\n"),
        "{metrics}"
    );
    assert!(metrics.contains("zk_ensemble_auth_fail\t1\n"), "{metrics}");
}

#[test]
fn an_operator_hears_of_every_client_that_proves_nothing() {
    let mut server = server(AuthRules {
        ensemble: EnsembleNames::Only(["east".to_owned()].into()),
        enforced_schemes: vec!["sasl".to_owned()],
        ..with_users()
    });
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    server.events.clear();
    server.ask(&mut clients[0], &auth("world", b"anyone"));
    server.ask(&mut clients[1], &auth("ensemble", b"west"));
    authenticate(&mut server, &mut clients[2], "bob", "wrong");
    server.ask(&mut clients[3], &get("/", false));
    let told: Vec<Unproven> = server
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ClientUnproven { what, .. } => Some(*what),
            Event::Role(_)
            | Event::Note(_)
            | Event::SnapshotTaken { .. }
            | Event::QuotaPassed(_)
            | Event::PeerSentNonsense { .. } => None,
        })
        .collect();
    let all = [
        Unproven::Packet,
        Unproven::Ensemble,
        Unproven::Sasl,
        Unproven::Demanded,
    ];
    assert_eq!(told, all);
}
