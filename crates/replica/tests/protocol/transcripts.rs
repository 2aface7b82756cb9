//! Four-letter words beside those of Apache 3.9.5, line by line: the names of keys and the forms
//! of lines, not the numbers in them.
//!
//! `transcripts/apache.txt` holds what Apache's servers answered while one session owned `/e` and
//! watched the data of `/a` and `/a/b` and the children of `/a`, with every number as `#`.

use crate::support::*;
use std::collections::{BTreeMap, BTreeSet};
use zk_proto::Request;
use zk_types::SessionId;

const APACHE: &str = include_str!("transcripts/apache.txt");

/// Lines of `mntr` that only this server has.
const OWN: [&str; 5] = [
    "zk_connection_token_deficit",
    "zk_followers",
    "zk_last_processed_zxid",
    "zk_request_throttle_queue_size",
    "zk_tree_digest",
];

/// Gauges and counters of Apache that have no meaning here: they count what its threads, caches
/// and queues do.
const JAVA: [&str; 27] = [
    "add_dead_watcher_stall_time",
    "dead_watchers_cleared",
    "dead_watchers_queued",
    "digest_mismatches_count",
    "insecure_admin_count",
    "outstanding_changes_queued",
    "outstanding_changes_removed",
    "prep_processor_request_queued",
    "quit_leading_due_to_disloyal_voter",
    "request_commit_queued",
    "requests_not_forwarded_to_commit_processor",
    "response_packet_cache_hits",
    "response_packet_cache_misses",
    "response_packet_get_children_cache_hits",
    "response_packet_get_children_cache_misses",
    "restore_error_count",
    "restore_rate_limited_count",
    "skip_learner_request_to_next_processor_count",
    "snapshot_error_count",
    "snapshot_rate_limited_count",
    "stale_replies",
    "stale_requests",
    "sync_processor_request_queued",
    "tls_handshake_exceeded",
    "unrecoverable_error_count",
    "unsuccessful_handshake",
    "watch_bytes",
];

/// The answers of Apache by word and server.
fn apache() -> BTreeMap<(String, String), String> {
    let sections = APACHE.strip_prefix("== ").expect("a section begins");
    sections
        .split("\n== ")
        .map(|section| {
            let (head, text) = section.split_once('\n').expect("a heading");
            let (word, server) = head.split_once(" of ").expect("a word and a server");
            ((word.into(), server.into()), text.into())
        })
        .collect()
}

/// A server in the state that Apache's were in, and what it answers.
struct Scene {
    ensemble: Ensemble,
    index: usize,
}

impl Scene {
    fn new(server: &str) -> Self {
        let storage = Storage {
            snapshot_txns: 100_000,
            window_bytes_max: 1 << 20,
        };
        let count = if server == "alone" { 1 } else { 3 };
        let mut ensemble = Ensemble::start(count, storage, 1);
        ensemble.pass(TICK);
        let index = match server {
            "follower" => (ensemble.leader() + 1) % 3,
            _ => ensemble.leader(),
        };
        let mut client = ensemble
            .connect(index, SessionId::NONE, &[0; 16])
            .expect("a new session is granted");
        let data = |path: &'static str| Request::GetData {
            path: Some(path.into()),
            watch: true,
        };
        let children = Request::GetChildren {
            path: Some("/a".into()),
            watch: true,
        };
        let requests = [
            create("/a", b"", 0),
            create("/a/b", b"", 0),
            create("/e", b"", 1),
            data("/a"),
            children,
            data("/a/b"),
        ];
        for request in &requests {
            let heard = ensemble.ask(index, &mut client, request);
            assert_eq!(heard.last().expect("an answer").err(), 0);
        }
        Scene { ensemble, index }
    }

    fn word(&mut self, word: &str) -> String {
        self.ensemble.word(self.index, word.as_bytes())
    }
}

/// The form of an answer: without numbers, dates, names of machines and places.
fn form(word: &str, text: &str) -> String {
    let mut lines: Vec<String> = text.split('\n').map(form_of_line).collect();
    if word == "cons" {
        // Apache lists connections in the order of a hash table.
        lines.sort_by_key(|line| (line.is_empty(), line.clone()));
    }
    lines.join("\n")
}

fn form_of_line(line: &str) -> String {
    for (prefix, rest) in [
        ("Zookeeper version: ", "VERSION"),
        ("dataDir=", "PATH"),
        ("dataLogDir=", "PATH"),
    ] {
        if line.starts_with(prefix) {
            return format!("{prefix}{rest}");
        }
    }
    if let Some((head, _)) = line.split_once(" expire at ") {
        return format!("{} expire at DATE:", without_numbers(head));
    }
    if line.starts_with("server.") {
        return "server.#=MEMBER".to_owned();
    }
    match line.split_once("lop=") {
        None => without_numbers(line),
        Some((head, rest)) => {
            let (_, rest) = rest.split_once(',').expect("more follows the operation");
            format!("{}lop=OP,{}", without_numbers(head), without_numbers(rest))
        }
    }
}

/// Each number, decimal fraction, dotted address and hexadecimal number as one sign.
fn without_numbers(line: &str) -> String {
    let mut form = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("0x") {
            form.push_str("0x#");
            rest = after.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
            continue;
        }
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let after = unsigned.trim_start_matches(|digit: char| digit.is_ascii_digit());
        if after.len() == unsigned.len() {
            form.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        form.push('#');
        rest = after;
        while let Some(fraction) = rest.strip_prefix('.') {
            let after = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if after.len() == fraction.len() {
                break;
            }
            rest = after;
        }
    }
    form
}

#[test]
fn every_word_has_the_form_it_has_at_apache() {
    let apache = apache();
    for server in ["alone", "leader", "follower"] {
        let mut scene = Scene::new(server);
        for word in [
            "srvr", "stat", "conf", "cons", "dump", "wchs", "wchc", "wchp", "dirs", "gtmk", "isro",
            "ruok", "hash", "crst", "srst",
        ] {
            let expected = &apache[&(word.to_owned(), server.to_owned())];
            let answer = form(word, &scene.word(word));
            assert_eq!(&answer, expected, "{word} of the server that is {server}");
        }
    }
}

#[test]
fn mntr_has_the_keys_of_apache_in_their_forms() {
    let apache = apache();
    for server in ["alone", "leader", "follower"] {
        let mut known = BTreeMap::new();
        let mut wanted = BTreeSet::new();
        for line in apache[&("mntr".to_owned(), server.to_owned())].lines() {
            let (name, kind) = line.split_once(' ').expect("a name and a kind");
            let percentiles = ["p50", "p95", "p99", "p999"];
            match kind {
                "summary" | "percentiles" => {
                    known.insert(format!("zk_avg_{name}"), "decimal");
                    for what in ["min", "max", "cnt", "sum"].iter().chain(&percentiles) {
                        known.insert(format!("zk_{what}_{name}"), "number");
                    }
                }
                _ => {
                    known.insert(format!("zk_{name}"), kind);
                    if !JAVA.contains(&name) {
                        wanted.insert(format!("zk_{name}"));
                    }
                }
            }
        }
        let text = Scene::new(server).word("mntr");
        let mut shown = BTreeSet::new();
        for line in text.lines() {
            let (key, value) = line.split_once('\t').expect("a tab");
            assert!(shown.insert(key.to_owned()), "{key} is shown once");
            if OWN.contains(&key) {
                continue;
            }
            let kind = known.get(key).copied();
            let kind = kind.unwrap_or_else(|| panic!("{key} is no key of Apache's {server}"));
            let is_right = match kind {
                "number" => value.parse::<i64>().is_ok(),
                "decimal" => value.contains('.') && value.parse::<f64>().is_ok(),
                _ => !value.is_empty(),
            };
            assert!(is_right, "{key} is a {kind}: {value}");
        }
        let missing: Vec<_> = wanted.difference(&shown).collect();
        assert_eq!(
            missing,
            Vec::<&String>::new(),
            "of the server that is {server}"
        );
    }
}
