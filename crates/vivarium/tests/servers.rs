//! The program as its users meet it: processes, configurations, exit codes, signals.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::time::Duration;
use support::{Home, Running, free_ports, run, shell};

#[test]
fn what_is_wrong_with_a_configuration_is_one_sentence_and_exit_code_2() {
    let home = Home::new();
    let three = "dataDir=DATA\nclientPort=0\ninitLimit=5\nsyncLimit=5\n\
        server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\nserver.3=127.0.0.1:5:6\n";
    for (file, sentence) in [
        ("clientPort=0\n", "dataDir is not set"),
        (
            "dataDir=DATA\nclientPort=0\ntickTiem=1\n",
            "line 3: there is no key `tickTiem`",
        ),
        (
            "dataDir=DATA\nclientPort=0\nssl.context.supplier.class=a.B\n",
            "line 3: this server does not start",
        ),
        (
            three,
            "myid is missing: write the number of this server into it, one of 1, 2, 3",
        ),
        ("dataDir=\\u12", "line 1: \\u must be followed by"),
    ] {
        let (code, _, error) = run(&["serve", &home.config(file)]);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(sentence), "{error} should say {sentence}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let (code, _, error) = run(&["serve", "/no/such/zoo.cfg"]);
    assert_eq!(code, Some(2));
    assert!(
        error.contains("cannot read the configuration file /no/such/zoo.cfg"),
        "{error}"
    );
    let (code, _, error) = run(&["serve", "port", "/tmp"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("`port` is no port"), "{error}");
}

#[test]
fn a_port_in_use_is_named() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = format!("dataDir=DATA\nclientPort={port}\nclientPortAddress=127.0.0.1\n");
    let (code, _, error) = run(&["serve", &home.config(&file)]);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains(&format!("port {port} is in use by another process")),
        "{error}"
    );
    let [election, a, b] = free_ports();
    fs::create_dir_all(home.data()).unwrap();
    fs::write(home.data().join("myid"), "1").unwrap();
    let file = format!(
        "dataDir=DATA\nclientPort=0\ninitLimit=5\nsyncLimit=5\n\
         server.1=127.0.0.1:{election}:{port}\nserver.2=127.0.0.1:{a}:{b}\n"
    );
    let (code, _, error) = run(&["serve", &home.config(&file)]);
    assert_eq!(code, Some(14), "{error}");
    assert!(error.contains("the election port"), "{error}");
}

#[test]
fn a_data_directory_that_another_server_uses_or_apache_filled_is_refused() {
    let home = Home::new();
    let mut first = Running::serve(&home.standalone(""));
    let (code, _, error) = run(&["serve", &home.standalone("")]);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("is in use by another server"), "{error}");
    first.stop();

    let other = Home::new();
    let version_2 = other.data().join("version-2");
    fs::create_dir_all(&version_2).unwrap();
    fs::write(version_2.join("log.1"), b"ZKLG").unwrap();
    let (code, _, error) = run(&["serve", &other.standalone("")]);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("holds data of Apache ZooKeeper"), "{error}");
}

#[test]
fn every_key_without_effect_is_one_line_on_standard_error() {
    let home = Home::new();
    let file = home.standalone("sslQuorum=true\nnio.numWorkerThreads=4\n");
    let mut server = Running::serve(&file);
    server.stop();
    let lines = server.standard_error();
    let about = |key: &str| lines.lines().filter(|line| line.contains(key)).count();
    assert_eq!(
        (about("sslQuorum"), about("nio.numWorkerThreads")),
        (1, 1),
        "{lines}"
    );
    assert!(lines.contains("THIS MATTERS"), "{lines}");
}

#[test]
fn what_was_acknowledged_is_there_after_a_stop_and_after_a_kill() {
    let home = Home::new();
    let mut server = Running::serve(&home.standalone(""));
    assert_eq!(
        shell(&server.address(), &["create", "/a", "one"]).0,
        Some(0)
    );
    server.stop();
    let mut server = Running::serve(&home.standalone(""));
    assert_eq!(shell(&server.address(), &["get", "/a"]).1, "one\n");
    assert_eq!(shell(&server.address(), &["set", "/a", "two"]).0, Some(0));
    server.kill();
    let mut server = Running::serve(&home.standalone(""));
    assert_eq!(shell(&server.address(), &["get", "/a"]).1, "two\n");
    server.stop();
}

#[test]
fn apaches_form_with_a_port_and_a_directory_works_and_defines_too() {
    let home = Home::new();
    let data = home.data().display().to_string();
    let arguments = [
        "serve",
        "0",
        &data,
        "500",
        "7",
        "-Dzookeeper.4lw.commands.whitelist=conf",
    ];
    let mut server = Running::start(&arguments);
    let port = server.wait_for("client port: ");
    let server_name = format!("127.0.0.1:{port}");
    let conf = loop {
        let answer = vivarium::four_letter::ask(&server_name, "conf", Duration::from_secs(5));
        match answer.unwrap() {
            // It has to lead itself first.
            waiting if waiting.contains("not currently serving") => {}
            conf => break conf,
        }
    };
    for line in ["tickTime=500", "maxClientCnxns=7", "minSessionTimeout=1000"] {
        assert!(conf.contains(line), "{conf}");
    }
    server.stop();
}

#[test]
fn a_damaged_log_is_refused_with_the_file_and_exit_code_10() {
    let home = Home::new();
    let mut server = Running::serve(&home.standalone("preAllocSize=1024"));
    for node in 0..20 {
        shell(
            &server.address(),
            &["create", &format!("/n{node}"), "some data to find"],
        );
    }
    server.stop();
    let directory = home.data().join("vivarium-1");
    let mut damaged = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let data = b"some data to find";
        if let Some(at) = bytes.windows(data.len()).position(|window| window == data) {
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    for _ in 0..2 {
        let (code, _, error) = run(&["serve", &home.standalone("preAllocSize=1024")]);
        assert_eq!(code, Some(10), "{error}");
        assert!(error.contains("is damaged"), "{error}");
        assert!(
            error.contains("restore that directory from a backup"),
            "{error}"
        );
    }
}
