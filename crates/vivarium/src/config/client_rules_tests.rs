//! What is demanded of clients and taken of them, as it is configured.

use super::Warning;
use super::tests::{ALONE, build, build_with, refusal};
use replica::auth::{AfterFailure, AuthRules, DigestAlgorithm, EnsembleNames, Password};
use replica::{ConnectLimits, LargeRequestLimits, Limits, RandomDrops, WhenStale};
use std::time::Duration;

const SASL: &str = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n";
const JAAS: &str = "Server { org.apache.zookeeper.server.auth.DigestLoginModule required\n\
                    user_super=\"s\" user_bob=\"b\"; };\nOther { x.Y required user_o=\"p\"; };";

fn rules(lines: &str, files: &[(&str, &str)]) -> (AuthRules, Vec<Warning>) {
    let (config, warnings) = build_with(&format!("{ALONE}{lines}"), files).unwrap();
    (config.replica.auth, warnings)
}

fn limits(lines: &str) -> Limits {
    build(&format!("{ALONE}{lines}")).unwrap().0.replica.limits
}

fn refused(lines: &str, files: &[(&str, &str)]) -> String {
    refusal(&format!("{ALONE}{lines}"), files)
}

#[test]
fn users_come_from_a_jaas_file_a_plain_file_or_both() {
    let lines = "java.security.auth.login.config=/jaas\nsasl.usersFile=/users\n";
    let files = [("/jaas", JAAS), ("/users", "# people\n\neve:a:b\n")];
    let sasl = rules(lines, &files).0.sasl.expect("users are known");
    let password = |user: &str| sasl.users.get(user).cloned();
    assert_eq!(password("bob"), Some(Password("b".into())));
    assert_eq!(password("eve"), Some(Password("a:b".into())));
    assert_eq!(sasl.users.len(), 3);
    assert_eq!(sasl.after_failure, AfterFailure::Close);
    let other = "java.security.auth.login.config=file:/jaas\nsasl.serverconfig=Other\n";
    let sasl = rules(other, &files).0.sasl.expect("a user is known");
    assert_eq!(sasl.users.keys().collect::<Vec<_>>(), ["o"]);
}

#[test]
fn every_key_about_sasl_has_its_effect() {
    let lines = "java.security.auth.login.config=/jaas\nsuperUser=admin\nsuperUser.2=root\n\
        SASLAuthenticationProvider.superPassword=new\nallowSaslFailedClients=true\n\
        letAnySaslUserDoX=everybody\nkerberos.removeHostFromPrincipal=true\n\
        kerberos.removeRealmFromPrincipal=true\nsessionRequireClientSASLAuth=true\n";
    let (rules, warnings) = rules(&format!("{SASL}{lines}"), &[("/jaas", JAAS)]);
    let told: Vec<&Warning> = warnings.iter().filter(|warning| warning.matters).collect();
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(rules.enforced_schemes, ["sasl"]);
    let sasl = rules.sasl.expect("users are known");
    assert_eq!(sasl.supers.iter().collect::<Vec<_>>(), ["admin", "root"]);
    assert_eq!(sasl.users["super"], Password("new".into()));
    assert_eq!(sasl.after_failure, AfterFailure::GoOn);
    assert_eq!(sasl.anybody.as_deref(), Some("everybody"));
    assert!(sasl.shape.without_host && sasl.shape.without_realm);
}

#[test]
fn sasl_without_users_is_said_to_authenticate_nobody() {
    let (rules, warnings) = rules(SASL, &[]);
    assert!(rules.sasl.expect("it was asked for").users.is_empty());
    assert!(warnings[0].matters && warnings[0].text.contains("sasl.usersFile"));
    let lines = "java.security.auth.login.config=/jaas\n";
    let (_, warnings) = self::rules(lines, &[("/jaas", "Client { a.B required; };")]);
    assert!(
        warnings
            .iter()
            .any(|warning| warning.text.contains("no section `Server`"))
    );
}

#[test]
fn files_of_users_that_cannot_be_used_are_refused() {
    let jaas = "java.security.auth.login.config=/jaas\n";
    let why = refused(jaas, &[]);
    assert!(why.starts_with("/jaas cannot be read"), "{why}");
    let why = refused(jaas, &[("/jaas", "Server {")]);
    assert!(why.contains("no JAAS configuration: line 1"), "{why}");
    let kerberos = "Server { com.sun.security.auth.module.Krb5LoginModule required; };";
    let why = refused(jaas, &[("/jaas", kerberos)]);
    assert!(why.contains("asks for Kerberos"), "{why}");
    let why = refused(
        &format!("{jaas}sasl.serverconfig=Mine\n"),
        &[("/jaas", JAAS)],
    );
    assert!(why.contains("no section `Mine`"), "{why}");
    let why = refused("sasl.usersFile=/u\n", &[("/u", "a:b\nnonsense\n")]);
    assert!(why.contains("/u line 2"), "{why}");
    let why = refused("sasl.usersFile=/u\n", &[("/u", "a@b@c:x\n")]);
    assert!(why.contains("`a@b@c`"), "{why}");
}

#[test]
fn the_digest_scheme_has_its_hash_or_is_off() {
    let lines = "DigestAuthenticationProvider.digestAlg=sha-512\n";
    assert_eq!(rules(lines, &[]).0.digest, Some(DigestAlgorithm::Sha512));
    let lines = "DigestAuthenticationProvider.enabled=false\n";
    assert_eq!(rules(lines, &[]).0.digest, None);
    let why = refused("DigestAuthenticationProvider.digestAlg=CRC32\n", &[]);
    assert!(why.contains("must be one of MD5, SHA1"), "{why}");
}

#[test]
fn what_is_demanded_must_be_possible_to_prove() {
    let enforce = "enforce.auth.enabled=true\nenforce.auth.schemes=";
    let demanded = rules(&format!("{enforce}digest, ip\n"), &[])
        .0
        .enforced_schemes;
    assert_eq!(demanded, ["digest", "ip"]);
    let off = rules("enforce.auth.schemes=digest\n", &[]).0;
    assert!(off.enforced_schemes.is_empty());
    for lines in [
        format!("{enforce}sasl\n"),
        format!("{enforce}x509\n"),
        format!("{enforce}digest,nonsense\n"),
        format!("{enforce}digest\nDigestAuthenticationProvider.enabled=false\n"),
        "enforce.auth.enabled=true\n".to_owned(),
        "sessionRequireClientSASLAuth=true\n".to_owned(),
        format!("{SASL}sessionRequireClientSASLAuth=true\n"),
    ] {
        let why = refused(&lines, &[]);
        assert!(why.contains("which nobody can prove here"), "{why}");
    }
}

#[test]
fn what_protects_a_server_is_switched_on_by_true_and_by_nothing_like_it() {
    for key in ["enforce.auth.enabled", "sessionRequireClientSASLAuth"] {
        let why = refused(&format!("{key}=yes\n"), &[]);
        assert!(why.contains("must be true or false"), "{why}");
    }
}

#[test]
fn ensembles_have_the_names_that_are_set() {
    let provider =
        "authProvider.2=org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider\n";
    assert_eq!(rules(provider, &[]).0.ensemble, EnsembleNames::Any);
    let (rules, warnings) = rules(&format!("{provider}ensembleAuthName=east, west\n"), &[]);
    let names = ["east".to_owned(), "west".to_owned()].into();
    assert_eq!(rules.ensemble, EnsembleNames::Only(names));
    assert_eq!(warnings, []);
}

#[test]
fn a_provider_that_is_not_known_is_refused_and_one_without_effect_is_told_of() {
    let why = refused("authProvider.1=com.example.Mine\n", &[]);
    assert!(why.contains("cannot load"), "{why}");
    let x509 = "authProvider.1=org.apache.zookeeper.server.auth.X509AuthenticationProvider\n";
    assert!(rules(x509, &[]).1[0].matters);
}

#[test]
fn tokens_for_sessions_are_counted_in_new_sessions() {
    let expected = ConnectLimits {
        tokens_max: 10,
        fill_interval: Duration::from_millis(1),
        fill_tokens: 1,
        opening_takes: 1,
        opening_locally_takes: 1,
        resuming_takes: 1,
        drops: None,
    };
    let tokens = "connection_throttle_tokens=10\n";
    assert_eq!(limits(tokens).connects, Some(expected));
    assert_eq!(limits("connection_throttle_tokens=0\n").connects, None);
    let more = "connection_throttle_fill_time=50\nconnection_throttle_fill_count=4\n\
        connection_throttle_freeze_time=0\nconnection_throttle_drop_increase=0.5\n\
        connection_throttle_decrease_ratio=1\nconnection_throttle_weight_enabled=true\n\
        connection_throttle_renew_session_weight=1\nconnection_throttle_local_session_weight=2\n";
    let expected = ConnectLimits {
        tokens_max: 30,
        fill_interval: Duration::from_millis(50),
        fill_tokens: 12,
        opening_takes: 3,
        opening_locally_takes: 2,
        resuming_takes: 2,
        drops: Some(RandomDrops {
            freeze: Duration::ZERO,
            increase_ppm: 500_000,
            decrease_ppm: 2_000,
            full_enough_ppm: 1_000_000,
        }),
    };
    assert_eq!(limits(&format!("{tokens}{more}")).connects, Some(expected));
    let why = refused("connection_throttle_drop_increase=2\n", &[]);
    assert!(why.contains("a part of a whole"), "{why}");
}

#[test]
fn requests_are_throttled_as_it_is_set() {
    let set = limits(
        "request_throttle_max_requests=7\nthrottled_op_wait_time=250\n\
         request_stale_latency_check=true\nlargeRequestThreshold=1000\nlargeRequestMaxBytes=5000\n\
         nio.sessionlessCnxnTimeout=500\n",
    );
    assert_eq!(set.requests_max, 7);
    assert_eq!(set.throttled_wait_max, Duration::from_millis(250));
    assert_eq!(set.when_stale, WhenStale::Close);
    assert_eq!(set.greeting, Duration::from_millis(500));
    let large = LargeRequestLimits {
        above_bytes: 1_000,
        bytes_max: 5_000,
    };
    assert_eq!(set.large_requests, Some(large));
    let kept = "request_stale_latency_check=true\nrequest_throttle_drop_stale=false\n\
                largeRequestThreshold=-1\n";
    assert_eq!(limits(kept).when_stale, WhenStale::CarryOut);
    assert_eq!(limits(kept).large_requests, None);
}
