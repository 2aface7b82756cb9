//! Four-letter words. Source: `client-protocol.md` §12.

use crate::support::*;
use replica::{FourLetterWords, Input};
use zk_proto::Request;
use zk_types::Op;

#[test]
fn four_letter_words_answer_and_close() {
    let mut server = Standalone::start();
    for (word, start) in [
        ("ruok", "imok"),
        ("isro", "rw"),
        (
            "srvr",
            "Zookeeper version: 3.9.5-test, built on 01/01/2026 00:00 UTC\nLatency min",
        ),
        ("stat", "Zookeeper version: 3.9.5-test"),
        ("mntr", "zk_version\t3.9.5-test"),
        ("conf", "clientPort="),
        ("cons", " /127.0.0.1:4711[1](queued=0,recved=1,sent=0"),
        ("dump", "SessionTracker dump:\nSession Sets (0)/(0):\n"),
        ("wchs", "0 connections watching 0 paths\nTotal watches:0\n"),
        ("envi", "Environment:\n"),
    ] {
        let conn = server.connect_raw();
        server.input(Input::ClientBytes {
            conn,
            bytes: word.as_bytes(),
        });
        server.run();
        let text = String::from_utf8(server.sent.remove(&conn).expect("an answer")).unwrap();
        assert!(text.starts_with(start), "{word}: {text}");
        assert!(server.closed.contains(&conn), "{word}");
    }
}

/// What a server answers to the first bytes of a connection, as text.
fn word(server: &mut Standalone, bytes: &[u8]) -> String {
    let conn = server.connect_raw();
    let sent = server.send(conn, bytes);
    assert!(server.is_closed(conn), "{bytes:?}");
    String::from_utf8(sent).expect("text")
}

#[test]
fn what_follows_a_word_is_ignored() {
    let mut server = Standalone::start();
    for bytes in [&b"ruok"[..], b"ruok\n", b"ruok\r\n", b"ruok and more"] {
        assert_eq!(word(&mut server, bytes), "imok");
    }
}

#[test]
fn words_of_another_case_and_words_that_are_none_are_lengths() {
    let mut server = Standalone::start();
    for bytes in [
        b"RUOK", b"Ruok", b"lead", b"abcd", b"reqs", b"kill", b"stop",
    ] {
        assert_eq!(word(&mut server, bytes), "", "{bytes:?}");
    }
    assert_eq!(
        word(&mut server, &[0xff, 0xf4, 0xff, 0xfd]),
        "",
        "telnet's escape"
    );
}

#[test]
fn fewer_than_four_bytes_wait() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    assert_eq!(server.send(conn, b"ruo"), b"");
    assert!(!server.is_closed(conn));
    assert_eq!(server.send(conn, b"k"), b"imok");
}

#[test]
fn a_word_outside_the_white_list_says_so_and_srvr_is_always_inside() {
    let mut config = config();
    config.four_letter_words = FourLetterWords::Only(vec!["ruok".into()]);
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    assert_eq!(word(&mut server, b"ruok"), "imok");
    assert!(word(&mut server, b"srvr").starts_with("Zookeeper version: "));
    for name in ["stat", "mntr", "isro", "conf", "cons", "dump", "envi"] {
        assert_eq!(
            word(&mut server, name.as_bytes()),
            format!("{name} is not executed because it is not in the whitelist.\n")
        );
    }
}

#[test]
fn a_server_that_does_not_serve_says_so_but_is_ok() {
    let mut config = config();
    config.members = (1..=3)
        .map(|id| {
            (
                zk_types::ServerId(id),
                format!("host{id}:2888:3888:participant"),
            )
        })
        .collect();
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    assert_eq!(word(&mut server, b"ruok"), "imok");
    assert_eq!(word(&mut server, b"isro"), "null");
    let sentence = "This ZooKeeper instance is not currently serving requests\n";
    for name in ["srvr", "stat", "mntr", "conf", "cons", "dump", "wchs"] {
        assert_eq!(word(&mut server, name.as_bytes()), sentence, "{name}");
    }
}

#[test]
fn srvr_has_its_lines_in_their_order() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.make(conn, "/a");
    let lines: Vec<String> = word(&mut server, b"srvr")
        .lines()
        .map(String::from)
        .collect();
    let starts = [
        "Zookeeper version: 3.9.5-test, built on 01/01/2026 00:00 UTC",
        "Latency min/avg/max: 0/",
        "Received: ",
        "Sent: ",
        "Connections: 2",
        "Outstanding: 0",
        "Zxid: 0x",
        "Mode: standalone",
        "Node count: ",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    let zxid = format!("Zxid: {:#x}", server.replica.applied().0);
    assert_eq!(lines[6], zxid);
}

#[test]
fn stat_lists_its_clients_behind_the_version() {
    let mut server = Standalone::start();
    server.connect();
    let text = word(&mut server, b"stat");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "Clients:");
    assert!(lines[2].starts_with(" /127.0.0.1:4711["), "{}", lines[2]);
    assert!(lines[2].contains("(queued=0,recved="), "{}", lines[2]);
    assert_eq!(lines[4], "", "an empty line ends them");
    assert!(lines[5].starts_with("Latency min/avg/max: "));
}

#[test]
fn mntr_has_every_gauge_that_dashboards_read() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.make(conn, "/a");
    let text = word(&mut server, b"mntr");
    let keys: Vec<&str> = text
        .lines()
        .map(|line| line.split_once('\t').expect("a tab").0)
        .collect();
    assert_eq!(keys[..2], ["zk_version", "zk_server_state"]);
    for gauge in [
        "avg_latency",
        "min_latency",
        "max_latency",
        "packets_received",
        "packets_sent",
        "num_alive_connections",
        "outstanding_requests",
        "uptime",
        "znode_count",
        "watch_count",
        "ephemerals_count",
        "approximate_data_size",
        "global_sessions",
        "local_sessions",
        "open_file_descriptor_count",
        "max_file_descriptor_count",
        "connection_drop_probability",
        "last_client_response_size",
        "max_client_response_size",
        "min_client_response_size",
        "outstanding_tls_handshake",
        "auth_failed_count",
        "non_mtls_remote_conn_count",
        "non_mtls_local_conn_count",
    ] {
        let key = format!("zk_{gauge}");
        assert!(keys.contains(&key.as_str()), "{key}: {text}");
    }
}

#[test]
fn statistics_can_be_reset() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    for _ in 0..5 {
        server.code(conn, 11, &[]);
    }
    assert_eq!(word(&mut server, b"srst"), "Server stats reset.\n");
    assert!(word(&mut server, b"srvr").contains("\nSent: 0\n"));
    assert_eq!(word(&mut server, b"crst"), "Connection stats reset.\n");
    let cons = word(&mut server, b"cons");
    assert!(cons.contains("lop=NA,"), "{cons}");
}

#[test]
fn watches_are_summed_by_connection_and_by_path() {
    let mut server = Standalone::start();
    let client = server.connect();
    assert_eq!(server.code(client.conn, 3, &[text("/x"), vec![1]]), -101);
    let session = format!("0x{:x}", client.session.0);
    assert_eq!(
        word(&mut server, b"wchs"),
        "1 connections watching 1 paths\nTotal watches:1\n"
    );
    assert_eq!(word(&mut server, b"wchc"), format!("{session}\n\t/x\n\n"));
    assert_eq!(word(&mut server, b"wchp"), format!("/x\n\t{session}\n\n"));
}

#[test]
fn the_trace_mask_is_shown_and_set() {
    let mut server = Standalone::start();
    assert_eq!(word(&mut server, b"gtmk"), "306");
    assert_eq!(word(&mut server, b"stmk\0\0\0\0\0\0\x01\x00"), "256");
    assert_eq!(word(&mut server, b"gtmk"), "256");
}

/// The value of a key of `mntr`.
fn metric(server: &mut Standalone, key: &str) -> String {
    let text = word(server, b"mntr");
    let line = text.lines().find_map(|line| {
        line.strip_prefix("zk_")?
            .strip_prefix(key)?
            .strip_prefix('\t')
    });
    line.unwrap_or_else(|| panic!("{key}: {text}")).to_owned()
}

#[test]
fn events_are_packets_too_and_responses_have_their_sizes() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    assert_eq!(metric(&mut server, "last_client_response_size"), "-1");
    server.ask(&mut client, &create("/a", b"12345", 0));
    server.ask(&mut client, &get("/a", true));
    // Header of 16 bytes, data of 5 behind its length, and a Stat of 68.
    assert_eq!(metric(&mut server, "last_client_response_size"), "93");
    let before: u64 = metric(&mut server, "packets_sent").parse().unwrap();
    let heard = server.ask(&mut client, &set("/a", b"", -1));
    assert_eq!(heard.len(), 2, "an event and a reply");
    let after: u64 = metric(&mut server, "packets_sent").parse().unwrap();
    assert_eq!(after, before + 2);
    assert_eq!(metric(&mut server, "max_client_response_size"), "93");
    assert_eq!(metric(&mut server, "cnt_node_changed_watch_count"), "1");
    assert_eq!(metric(&mut server, "cnt_readlatency"), "1");
    assert_eq!(metric(&mut server, "cnt_updatelatency"), "2");
}

#[test]
fn a_child_watch_is_counted_by_mntr_and_not_by_wchs() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let children = zk_proto::Request::GetChildren {
        path: Some("/".into()),
        watch: true,
    };
    server.ask(&mut client, &children);
    assert_eq!(metric(&mut server, "watch_count"), "1");
    assert_eq!(
        word(&mut server, b"wchs"),
        "0 connections watching 0 paths\nTotal watches:0\n"
    );
    assert_eq!(word(&mut server, b"wchp"), "\n");
}

#[test]
fn quotas_are_summed_by_top_level_node() {
    let mut config = config();
    config.enforce_quota = true;
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    let mut client = server.connect();
    for path in [
        "/q",
        "/q/x",
        "/zookeeper/quota/q",
        "/zookeeper/quota/q/x",
        "/r",
    ] {
        server.ask(&mut client, &create(path, b"", 0));
    }
    let limits = [
        ("/zookeeper/quota/q/zookeeper_limits", "count=5,bytes=100"),
        (
            "/zookeeper/quota/q/x/zookeeper_limits",
            "count=2,bytes=-1=;byteHardLimit=-1;countHardLimit=3",
        ),
        ("/zookeeper/quota/q/x/zookeeper_stats", ""),
    ];
    for (path, text) in limits {
        server.ask(&mut client, &create(path, text.as_bytes(), 0));
    }
    server.ask(&mut client, &create("/q/x/1", b"abc", 0));
    server.ask(&mut client, &create("/q/x/2", b"", 0));
    let refused = server.ask(&mut client, &create("/q/x/3", b"", 0));
    assert_eq!(refused[0].err(), -125);
    for (key, value) in [
        ("q_quota_count_limit_per_namespace", "8"),
        ("q_quota_bytes_limit_per_namespace", "99"),
        ("q_quota_count_usage_per_namespace", "5"),
        ("q_quota_bytes_usage_per_namespace", "3"),
        ("q_quota_exceeded_error_per_namespace", "1"),
    ] {
        assert_eq!(metric(&mut server, key), value, "{key}");
    }
}

#[test]
fn refusals_by_quotas_of_nodes_that_are_gone_are_forgotten_when_there_are_many() {
    let mut config = config();
    config.enforce_quota = true;
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    let mut client = server.connect();
    for name in (0..1_010).map(|at| format!("n{at}")) {
        let quota = format!("/zookeeper/quota/{name}");
        let (top, limits) = (format!("/{name}"), format!("{quota}/zookeeper_limits"));
        let stats = format!("{quota}/zookeeper_stats");
        for (path, data) in [
            (&top, ""),
            (&quota, ""),
            (
                &limits,
                "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1",
            ),
            (&stats, ""),
        ] {
            server.ask(&mut client, &create(path, data.as_bytes(), 0));
        }
        let refused = server.ask(&mut client, &create(&format!("{top}/x"), b"", 0));
        assert_eq!(refused[0].err(), -125);
        if name != "n0" {
            let gone = [&limits, &stats, &quota, &top].map(|path| Op::Delete {
                path: Some(path.as_str().into()),
                version: -1,
            });
            server.ask(&mut client, &Request::Write(Op::Multi(gone.to_vec())));
        }
    }
    let metrics = word(&mut server, b"mntr");
    let kept = metrics
        .matches("_quota_exceeded_error_per_namespace")
        .count();
    assert!(kept < 20, "{kept}");
    assert_eq!(
        metric(&mut server, "n0_quota_exceeded_error_per_namespace"),
        "1"
    );
}

#[test]
fn cons_has_a_whole_line_for_every_connection() {
    let mut server = Standalone::start();
    let client = server.connect();
    server.make(client.conn, "/a");
    let answer = word(&mut server, b"cons");
    let lines: Vec<&str> = answer.split('\n').collect();
    assert_eq!(
        lines.len(),
        4,
        "two connections, and an empty line: {answer}"
    );
    assert_eq!(lines[2..], ["", ""]);
    let zxid = server.replica.applied().0;
    let fields = lines[0]
        .strip_prefix(" /127.0.0.1:4711[1](")
        .and_then(|rest| rest.strip_suffix(')'))
        .expect("an address, and fields");
    let fields: Vec<(&str, &str)> = fields
        .split(',')
        .map(|field| field.split_once('=').expect("a name and a value"))
        .collect();
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let expected = [
        "queued", "recved", "sent", "sid", "lop", "est", "to", "lcxid", "lzxid", "lresp", "llat",
        "minlat", "avglat", "maxlat",
    ];
    assert_eq!(names, expected);
    let values: Vec<&str> = fields.iter().map(|(_, value)| *value).collect();
    assert_eq!(values[..3], ["0", "2", "2"]);
    assert_eq!(values[3], format!("{:#x}", client.session.0));
    assert_eq!(values[4], "CREA");
    assert_eq!(values[6], "10000");
    assert_eq!(values[7..9], ["0x1".to_string(), format!("{zxid:#x}")]);
}

#[test]
fn the_last_operation_of_a_connection_has_its_name() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let cases = [
        (11, vec![], "PING"),
        (3, vec![text("/"), vec![0]], "EXIS"),
        (4, vec![text("/"), vec![0]], "GETD"),
        (5, vec![text("/"), text(""), int(-1)], "SETD"),
        (6, vec![text("/")], "GETA"),
        (7, vec![text("/"), open(), int(-1)], "SETA"),
        (8, vec![text("/"), vec![0]], "GETC"),
        (12, vec![text("/"), vec![0]], "GETC"),
        (9, vec![text("/")], "SYNC"),
        (2, vec![text("/x"), int(-1)], "DELE"),
        (14, vec![int(-1), vec![1], int(-1)], "MULT"),
        (22, vec![int(-1), vec![1], int(-1)], "MLTR"),
        (101, vec![long(0), int(0), int(0), int(0)], "SETW"),
        (
            105,
            vec![long(0), int(0), int(0), int(0), int(0), int(0)],
            "STW2",
        ),
        (106, vec![text("/"), int(0)], "ADDW"),
        (17, vec![text("/"), int(4)], "CHKW"),
        (18, vec![text("/"), int(4)], "REMW"),
        (103, vec![text("/")], "GETE"),
        (104, vec![text("/")], "GETACN"),
        (107, vec![], "HOMI"),
        (16, vec![null(), null(), null(), long(0)], "RECO"),
    ];
    for (opcode, record, name) in cases {
        server.call(conn, opcode, &record);
        let cons = word(&mut server, b"cons");
        assert!(cons.contains(&format!("lop={name},")), "{name}: {cons}");
    }
}

#[test]
fn conf_has_its_keys_in_their_order() {
    let mut server = Standalone::start();
    let answer = word(&mut server, b"conf");
    let keys: Vec<&str> = answer
        .lines()
        .map(|line| line.split_once('=').expect("a key and a value").0)
        .collect();
    let expected = [
        "clientPort",
        "secureClientPort",
        "dataDir",
        "dataDirSize",
        "dataLogDir",
        "dataLogSize",
        "tickTime",
        "maxClientCnxns",
        "minSessionTimeout",
        "maxSessionTimeout",
        "clientPortListenBacklog",
        "serverId",
    ];
    assert_eq!(keys, expected);
    for line in [
        "secureClientPort=-1",
        "tickTime=2000",
        "maxClientCnxns=60",
        "minSessionTimeout=4000",
        "maxSessionTimeout=40000",
        "clientPortListenBacklog=-1",
        "serverId=0",
    ] {
        assert!(answer.lines().any(|one| one == line), "{line}: {answer}");
    }
}

#[test]
fn dump_lists_sessions_ephemerals_and_connections() {
    let mut server = Standalone::start();
    let client = server.connect();
    let ephemeral = [text("/e"), text(""), open(), int(1)];
    assert_eq!(server.code(client.conn, 1, &ephemeral), 0);
    let answer = word(&mut server, b"dump");
    let id = format!("{:#x}", client.session.0);
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(
        lines[..2],
        ["SessionTracker dump:", "Session Sets (1)/(1):"]
    );
    assert!(lines[2].starts_with("1 expire at "), "{}", lines[2]);
    assert_eq!(lines[3], format!("\t{id}"));
    let at = lines
        .iter()
        .position(|line| *line == "ephemeral nodes dump:")
        .expect("the second part");
    let expected = [
        "Sessions with Ephemerals (1):".to_string(),
        format!("{id}:"),
        "\t/e".to_string(),
        "Connections dump:".to_string(),
    ];
    assert_eq!(lines[at + 1..at + 5], expected);
    assert!(answer.contains(&format!("sessionId: {id}\n")), "{answer}");
}

#[test]
fn digests_of_the_tree_are_listed() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    for n in 0..300 {
        server.put(conn, "/", &n.to_string());
    }
    let answer = word(&mut server, b"hash");
    assert!(!answer.is_empty(), "one for each 128 zxids");
    for line in answer.lines() {
        let (zxid, digest) = line.split_once(": ").expect("a zxid and a digest");
        assert!(u64::from_str_radix(zxid, 16).is_ok(), "{line}");
        assert!(digest.parse::<u64>().is_ok(), "{line}");
    }
}
