//! A development ensemble, the shell on it, and its status.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use support::{Home, Running, run, shell};

fn dev(home: &Home) -> (Running, String) {
    let data = home.path().display().to_string();
    let mut dev = Running::start(&[
        "dev",
        "--servers",
        "3",
        "--client-port",
        "0",
        "--data-dir",
        &data,
        "--tick-ms",
        "200",
    ]);
    let servers = dev.wait_for("connect string: ");
    (dev, servers)
}

#[test]
fn an_ensemble_serves_stops_and_has_its_data_when_it_comes_back() {
    let home = Home::new();
    let (mut ensemble, servers) = dev(&home);
    assert_eq!(servers.split(',').count(), 3, "{servers}");
    let (first, last) = (
        servers.split(',').next().unwrap(),
        servers.rsplit(',').next().unwrap(),
    );
    let (code, out, error) = shell(first, &["create", "/app", "hello"]);
    assert_eq!(
        (code, out.as_str(), error.as_str()),
        (Some(0), "", "Created /app\n")
    );
    assert_eq!(shell(last, &["sync", "/app"]).1, "Sync is OK\n");
    assert_eq!(shell(last, &["get", "/app"]).1, "hello\n");

    let (code, out, _) = run(&["status", "--server", &servers, "--json"]);
    assert_eq!(code, Some(0));
    let status: Value = serde_json::from_str(&out).unwrap();
    let roles: Vec<&str> = status
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles.iter().filter(|role| **role == "leader").count(),
        1,
        "{roles:?}"
    );
    assert_eq!(
        roles.iter().filter(|role| **role == "follower").count(),
        2,
        "{roles:?}"
    );
    assert_eq!(
        shell(first, &["whoami"]).1,
        "Auth scheme: User\nip: 127.0.0.1\n"
    );
    ensemble.stop();

    let (code, out, _) = run(&["status", "--server", &servers]);
    assert_eq!(code, Some(1));
    assert_eq!(out.matches("DOWN").count(), 3, "{out}");
    let (mut ensemble, servers) = dev(&home);
    assert_eq!(shell(&servers, &["get", "/app"]).1, "hello\n");
    ensemble.stop();
}

#[test]
fn an_ensemble_keeps_its_size() {
    let home = Home::new();
    let (mut ensemble, _) = dev(&home);
    ensemble.stop();
    let data = home.path().display().to_string();
    let (code, _, error) = run(&["dev", "--servers", "5", "--data-dir", &data]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--servers 3"), "{error}");
}
