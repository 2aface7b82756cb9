//! Whole configurations: what they become, and the sentence that refuses them.

use super::{ConfigError, Define, ServerConfig, Settings, Warning, parse_properties};
use replica::{FourLetterWords, LocalSessions, ReadOnlyMode, ReaperRules, ReconfigRules};
use std::io;
use std::path::Path;
use std::time::Duration;
use zk_types::ServerId;

pub(super) const ALONE: &str = "dataDir=/d\nclientPort=2181\n";
const THREE: &str = "dataDir=/d\nclientPort=2181\ninitLimit=10\nsyncLimit=5\n\
    server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

const THREE_WITH_RULES: &str = "dataDir=/d\nclientPort=2181\ninitLimit=10\nsyncLimit=5\n\
    server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n\
    localSessionsEnabled=true\nlocalSessionsUpgradingEnabled=true\nreconfigEnabled=true\n\
    znode.container.checkIntervalMs=2000\nznode.container.maxPerMinute=30\n\
    znode.container.maxNeverUsedIntervalMs=0\nreadonlymode.enabled=true\n";

pub(super) fn build(file: &str) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    build_with(file, &[])
}

pub(super) fn build_with(
    file: &str,
    files: &[(&str, &str)],
) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    let properties = parse_properties(file.as_bytes()).unwrap();
    let (settings, mut warnings) = Settings::resolve(&properties, &[])?;
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or(io::ErrorKind::NotFound.into())
    };
    let (config, more) = ServerConfig::build(&settings, &read)?;
    warnings.extend(more);
    Ok((config, warnings))
}

pub(super) fn refusal(file: &str, files: &[(&str, &str)]) -> String {
    build_with(file, files).unwrap_err().to_string()
}

#[test]
fn a_minimal_file_has_the_defaults_of_apache() {
    let (config, warnings) = build(ALONE).unwrap();
    assert_eq!(warnings, []);
    assert!(config.servers.is_empty() && config.replica.members.is_empty());
    assert_eq!(config.data_log_dir, Path::new("/d"));
    assert_eq!(config.client_host, None);
    let replica = config.replica;
    assert_eq!(replica.me, ServerId(1));
    assert_eq!(replica.tick, Duration::from_millis(3_000));
    assert_eq!(replica.session_timeout_min, Duration::from_secs(6));
    assert_eq!(replica.session_timeout_max, Duration::from_secs(60));
    assert_eq!(replica.connections_per_ip_max, 60);
    assert_eq!(replica.connections_max, 0);
    assert_eq!(replica.outstanding_max, 1_000);
    assert_eq!(replica.frame_bytes_max, 1_048_575);
    assert_eq!(replica.snapshot_txns, 100_000);
    assert_eq!(replica.snapshot_nodes_per_txn, 3);
    assert_eq!(replica.snapshot_log_bytes, 1 << 30);
    assert_eq!(replica.snapshots_kept, 3);
    assert_eq!(replica.segment_bytes, 64 << 20);
    assert_eq!(replica.four_letter_words, FourLetterWords::Only(Vec::new()));
    assert!(!replica.extended_types && !replica.enforce_quota && !replica.skip_acl);
    assert_eq!(replica.auth.super_digest, None);
    assert!(replica.auth.sasl.is_none() && replica.auth.enforced_schemes.is_empty());
}

#[test]
fn every_key_that_works_has_its_effect() {
    let file = "dataDir=/d\ndataLogDir=/l\nclientPort=2181\nclientPortAddress=127.0.0.1\n\
        tickTime=500\nminSessionTimeout=100\nmaxSessionTimeout=9000\nmaxClientCnxns=0\n\
        maxCnxns=7\nsnapCount=10\nsnapSizeLimitInKb=2\npreAllocSize=128\n\
        autopurge.snapRetainCount=5\nautopurge.purgeInterval=1\n4lw.commands.whitelist=ruok, mntr\n\
        globalOutstandingLimit=9\nextendedTypesEnabled=TRUE\nenforceQuota=true\nskipACL=yes\n\
        DigestAuthenticationProvider.superDigest=super:xyz=\nclientPortListenBacklog=5\n";
    let (config, warnings) = build(file).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.data_log_dir, Path::new("/l"));
    assert_eq!(config.client_host.as_deref(), Some("127.0.0.1"));
    assert_eq!(config.backlog, 5);
    let replica = config.replica;
    assert_eq!(replica.tick, Duration::from_millis(500));
    assert_eq!(replica.session_timeout_min, Duration::from_millis(100));
    assert_eq!(replica.session_timeout_max, Duration::from_millis(9_000));
    assert_eq!(
        (replica.connections_per_ip_max, replica.connections_max),
        (0, 7)
    );
    assert_eq!(
        (replica.snapshot_txns, replica.snapshot_log_bytes),
        (10, 2_048)
    );
    assert_eq!(
        replica.snapshot_nodes_per_txn, 0,
        "what is asked for counts"
    );
    assert_eq!(
        (replica.segment_bytes, replica.snapshots_kept),
        (128 << 10, 5)
    );
    assert_eq!(replica.outstanding_max, 9);
    let words = ["ruok", "mntr"].map(str::to_owned).to_vec();
    assert_eq!(replica.four_letter_words, FourLetterWords::Only(words));
    assert!(replica.extended_types && replica.enforce_quota && replica.skip_acl);
    assert_eq!(replica.auth.super_digest.as_deref(), Some("super:xyz="));
}

#[test]
fn local_sessions_reaping_and_reconfiguration_are_settings() {
    let (config, _) = build_with(THREE_WITH_RULES, &[("/d/myid", "1")]).unwrap();
    let replica = config.replica;
    assert_eq!(replica.sessions.local, LocalSessions::UntilEphemeral);
    assert_eq!(replica.sessions.read_only, ReadOnlyMode::On);
    assert_eq!(replica.reaper.interval, Duration::from_secs(2));
    assert_eq!(replica.reaper.per_minute_max, 30);
    assert_eq!(replica.reaper.never_used, None);
    let checked = ReconfigRules::Checked { voters_min: 2 };
    assert_eq!(replica.reconfig, checked);
    let (usual, _) = build(ALONE).unwrap();
    assert_eq!(usual.replica.sessions.local, LocalSessions::Never);
    assert_eq!(usual.replica.sessions.read_only, ReadOnlyMode::Off);
    assert_eq!(usual.replica.reaper, ReaperRules::default());
    assert_eq!(usual.replica.reconfig, ReconfigRules::Disabled);
}

#[test]
fn reconfiguration_that_is_checked_and_refused_is_said_to_be_so() {
    let (_, warnings) = build_with(THREE_WITH_RULES, &[("/d/myid", "1")]).unwrap();
    let about = |warning: &&Warning| warning.matters && warning.text.contains("reconfigEnabled");
    assert_eq!(warnings.iter().filter(about).count(), 1);
}

#[test]
fn values_that_switch_something_off_do() {
    let replica = |lines: &str| build(&format!("{ALONE}{lines}")).unwrap().0.replica;
    assert_eq!(replica("snapSizeLimitInKb=-1").snapshot_log_bytes, 1 << 30);
    assert_eq!(
        replica("autopurge.purgeInterval=0").snapshots_kept,
        u32::MAX
    );
    assert_eq!(
        replica("maxSessionTimeout=-1").session_timeout_max,
        Duration::from_secs(60)
    );
    assert_eq!(
        replica("4lw.commands.whitelist=*").four_letter_words,
        FourLetterWords::All
    );
    assert_eq!(replica("jute.maxbuffer=0x100000").frame_bytes_max, 1 << 20);
}

#[test]
fn an_ensemble_finds_itself_by_its_myid() {
    let (config, warnings) = build_with(THREE, &[("/d/myid", "2\n")]).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.replica.me, ServerId(2));
    assert_eq!(config.own_line().unwrap().host, "b");
    assert_eq!(
        (config.replica.init_limit, config.replica.sync_limit),
        (10, 5)
    );
    let members = config.replica.members;
    assert_eq!(members.len(), 3);
    assert_eq!(
        members[2],
        (ServerId(3), "c:2888:3888:participant".to_owned())
    );
}

#[test]
fn one_server_line_stands_alone_and_needs_no_myid() {
    let (config, warnings) = build(&format!("{ALONE}server.7=a:1:2")).unwrap();
    assert!(config.servers.is_empty());
    assert_eq!(warnings.len(), 1);
}

#[test]
fn an_even_number_of_servers_is_only_remarked_on() {
    let file = format!("{THREE}server.4=d:2888:3888");
    let (config, warnings) = build_with(&file, &[("/d/myid", "1")]).unwrap();
    assert_eq!(config.servers.len(), 4);
    assert!(warnings[0].text.contains("than 3 would"), "{warnings:?}");
}

#[test]
fn observers_are_left_out_and_that_is_said() {
    let file = format!("{THREE}server.4=d:2888:3888:observer");
    let (config, warnings) = build_with(&file, &[("/d/myid", "1")]).unwrap();
    assert_eq!(config.servers.len(), 3);
    assert!(warnings[0].matters);
    let error = refusal(&file, &[("/d/myid", "4")]);
    assert!(error.contains("/d/myid holds 4"), "{error}");
}

#[test]
fn the_client_port_may_come_from_the_servers_own_line() {
    let file = "dataDir=/d\ninitLimit=1\nsyncLimit=1\nserver.1=a:1:2;127.0.0.1:9\n\
        server.2=b:1:2;8\nserver.3=c:1:2\n";
    let client = |id| {
        let (config, _) = build_with(file, &[("/d/myid", id)]).unwrap();
        (config.client_host, config.client_port)
    };
    assert_eq!(client("1"), (Some("127.0.0.1".to_owned()), 9));
    assert_eq!(client("2"), (Some("0.0.0.0".to_owned()), 8));
    assert!(refusal(file, &[("/d/myid", "3")]).starts_with("clientPort is not set"));
}

#[test]
fn members_may_come_from_a_dynamic_file() {
    let file = "dataDir=/d\nclientPort=1\ninitLimit=1\nsyncLimit=1\ndynamicConfigFile=/dyn\n";
    let members = "server.1=a:1:2\nserver.2=b:1:2\n";
    let (config, _) = build_with(file, &[("/dyn", members), ("/d/myid", "2")]).unwrap();
    assert_eq!(config.servers.len(), 2);
    let error = refusal(file, &[("/dyn", "version=1")]);
    assert!(
        error.contains("/dyn line 1: `version` cannot stand"),
        "{error}"
    );
    let error = refusal(&format!("{file}server.1=a:1:2"), &[("/dyn", members)]);
    assert!(
        error.contains("line 6: server.1 cannot stand here"),
        "{error}"
    );
    assert!(refusal(file, &[]).contains("cannot be read"));
}

#[test]
fn every_broken_rule_has_its_sentence() {
    let alone = |lines: &str| format!("{ALONE}{lines}");
    let three = |lines: &str| format!("{THREE}{lines}");
    let myid: &[(&str, &str)] = &[("/d/myid", "1")];
    for (file, files, sentence) in [
        ("clientPort=1".to_owned(), myid, "dataDir is not set"),
        ("dataDir=/d".to_owned(), myid, "clientPort is not set"),
        (
            "dataDir=/d\nclientPortAddress=h".to_owned(),
            myid,
            "clientPortAddress is set and",
        ),
        (
            alone("tickTime=0"),
            myid,
            "line 3: `tickTime=0` must be a whole number from 1",
        ),
        (alone("tickTime=fast"), myid, "`tickTime=fast` must be"),
        (
            alone("clientPort=65536"),
            myid,
            "must be a whole number from 0 to 65535",
        ),
        (
            alone("minSessionTimeout=9\nmaxSessionTimeout=8"),
            myid,
            "must not be larger",
        ),
        (alone("electionAlg=1"), myid, "electionAlg must be 3"),
        (
            alone("quorumListenOnAllIPs=maybe"),
            myid,
            "must be true or false",
        ),
        (alone("skipACL=true"), myid, "must be yes or no"),
        (
            alone("DigestAuthenticationProvider.superDigest=x"),
            myid,
            "must be `super:`",
        ),
        (
            alone("server.1=a"),
            myid,
            "line 3: `server.1=a` must be the address of a server",
        ),
        (alone("server.0=a:1:2"), myid, "must be 1 to 255"),
        (
            alone("server.1=a:1:2:observer"),
            myid,
            "there are only observers",
        ),
        (
            alone("server.1=a:1:2\nserver.2=b:1:2:observer"),
            myid,
            "is no ensemble",
        ),
        (three("initLimit=0"), myid, "initLimit is not set"),
        (
            three("server.4=a:2888:9"),
            myid,
            "server.1 and server.4 share an address",
        ),
        (
            three("server.01=d:1:2"),
            myid,
            "the server 1 is listed twice",
        ),
        (
            three(""),
            &[],
            "/d/myid is missing: write the number of this server into it, one of 1",
        ),
        (three(""), &[("/d/myid", "x")], "/d/myid holds `x`"),
        (
            three(""),
            &[("/d/myid", "9")],
            "/d/myid holds 9, but the servers are 1, 2, 3",
        ),
        (
            three("server.1=a:2888:3888;2182"),
            myid,
            "the client address is 2181 in clientPort",
        ),
        (
            alone("hectorTime=1"),
            myid,
            "line 3: there is no key `hectorTime`",
        ),
    ] {
        let error = refusal(&file, files);
        assert!(
            error.contains(sentence),
            "{error:?} should say {sentence:?}"
        );
    }
}

#[test]
fn a_define_is_the_same_as_a_line_where_apache_has_it_so() {
    let define = Define {
        name: "zookeeper.maxCnxns".to_owned(),
        value: "4".to_owned(),
    };
    let properties = parse_properties(ALONE.as_bytes()).unwrap();
    let (settings, _) = Settings::resolve(&properties, &[define]).unwrap();
    let none = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let (config, _) = ServerConfig::build(&settings, &none).unwrap();
    assert_eq!(config.replica.connections_max, 4);
}
