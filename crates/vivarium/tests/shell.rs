//! The commands of the shell against a server that stands alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use support::{Home, Running, shell};

struct World {
    _home: Home,
    server: Running,
}

impl World {
    fn new() -> World {
        let home = Home::new();
        let server = Running::serve(&home.standalone("extendedTypesEnabled=true"));
        World {
            _home: home,
            server,
        }
    }

    /// Runs a command that succeeds, and gives what it printed.
    fn ok(&self, command: &[&str]) -> String {
        let (code, out, error) = shell(&self.server.address(), command);
        assert_eq!(code, Some(0), "{command:?}: {error}");
        out
    }

    /// Runs a command that fails: its exit code and what it said.
    fn fails(&self, command: &[&str]) -> (i32, String) {
        let (code, out, error) = shell(&self.server.address(), command);
        assert_eq!(out, "", "{command:?}");
        (code.unwrap(), error.trim_end().to_owned())
    }

    /// Runs a script that succeeds, and gives what it printed.
    fn piped(&self, script: &str) -> String {
        let address = self.server.address();
        let mut child = Command::new(env!("CARGO_BIN_EXE_vivarium"))
            .args(["shell", "--server", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let script = script.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{out}");
        out
    }

    fn json(&self, command: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(command);
        serde_json::from_str(&self.ok(&all)).unwrap()
    }
}

#[test]
fn nodes_are_created_read_changed_and_deleted() {
    let world = World::new();
    world.ok(&["create", "/a", "one two"]);
    world.ok(&["create /a/quoted 'three four'"]);
    assert_eq!(world.ok(&["get", "/a/quoted"]), "three four\n");
    assert_eq!(world.ok(&["ls", "/"]), "[a, zookeeper]\n");
    assert_eq!(world.ok(&["set", "/a", "-5"]), "");
    assert_eq!(world.ok(&["get", "/a"]), "-5\n");
    let stat = world.ok(&["stat", "/a"]);
    let names: Vec<&str> = stat
        .lines()
        .map(|line| line.split(" = ").next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "cZxid",
            "ctime",
            "mZxid",
            "mtime",
            "pZxid",
            "cversion",
            "dataVersion",
            "aclVersion",
            "ephemeralOwner",
            "dataLength",
            "numChildren",
        ]
    );
    world.ok(&["create", "/a/b/", "x"].map(|word| word.trim_end_matches('/')));
    world.ok(&["create", "/a/b/c"]);
    world.ok(&["create", "/a/b-d"]);
    assert_eq!(
        world.ok(&["ls", "-R", "/a"]),
        "/a\n/a/b\n/a/b/c\n/a/b-d\n/a/quoted\n"
    );
    assert_eq!(world.ok(&["getAllChildrenNumber", "/a"]), "4\n");
    world.ok(&["delete", "/a/quoted"]);
    world.ok(&["deleteall", "/a", "-b", "2"]);
    assert_eq!(world.ok(&["ls", "/"]), "[zookeeper]\n");
}

#[test]
fn failures_are_those_of_zk_cli() {
    let world = World::new();
    world.ok(&["create", "/a"]);
    world.ok(&["create", "/a/b"]);
    for (command, code, sentence) in [
        (&["get", "/none"][..], 1, "Node does not exist: /none"),
        (&["create", "/a"], 1, "Node already exists: /a"),
        (&["delete", "/a"], 1, "Node not empty: /a"),
        (
            &["set", "/a", "x", "-v", "7"],
            1,
            "version No is not valid : /a",
        ),
        (&["stat", "/none"], 1, "Node does not exist: /none"),
        (&["listquota", "/a"], 1, "quota for /a does not exist."),
        (
            &["creat", "/b"],
            127,
            "Command not found: creat; did you mean create?",
        ),
    ] {
        assert_eq!(
            world.fails(command),
            (code, sentence.to_owned()),
            "{command:?}"
        );
    }
    let (code, usage) = world.fails(&["ls"]);
    assert_eq!((code, usage.as_str()), (1, "usage: ls [-s] [-w] [-R] path"));
}

#[test]
fn kinds_of_nodes_and_their_flags() {
    let world = World::new();
    let created = |command: &[&str]| shell(&world.server.address(), command).2;
    assert_eq!(
        created(&["create", "-s", "/s-", "x"]),
        "Created /s-0000000000\n"
    );
    assert_eq!(
        created(&["create", "-se", "/e-", "x"]),
        "Created /e-0000000001\n"
    );
    assert_eq!(created(&["create", "-c", "/c"]), "Created /c\n");
    assert_eq!(created(&["create", "-t", "100000", "/t"]), "Created /t\n");
    assert_eq!(world.ok(&["ls", "/"]), "[c, s-0000000000, t, zookeeper]\n");
    assert_eq!(world.fails(&["create", "-c", "-e", "/x"]).0, 1);
}

#[test]
fn access_lists_and_quotas() {
    let world = World::new();
    world.ok(&["create", "/a", "x", "world:anyone:cdrwa,ip:127.0.0.1:r"]);
    assert_eq!(
        world.ok(&["getAcl", "/a"]),
        "'world,'anyone\n: cdrwa\n'ip,'127.0.0.1\n: r\n"
    );
    world.ok(&["setAcl", "/a", "world:anyone:ra"]);
    assert_eq!(
        world.fails(&["set", "/a", "y"]),
        (1, "Insufficient permission : /a".to_owned())
    );
    world.ok(&["create", "/q"]);
    world.ok(&["setquota", "-n", "5", "/q"]);
    world.ok(&["setquota", "-B", "100", "/q"]);
    let (_, _, listed) = shell(&world.server.address(), &["listquota", "/q"]);
    assert_eq!(
        listed,
        "absolute path is /zookeeper/quota/q/zookeeper_limits\n\
         Output quota for /q count=5,bytes=-1=;byteHardLimit=100;countHardLimit=-1\n\
         Output stat for /q count=1,bytes=0\n"
    );
    world.ok(&["delquota", "/q"]);
    assert_eq!(world.ok(&["ls", "/zookeeper/quota"]), "[]\n");
}

#[test]
fn json_is_for_programs() {
    let world = World::new();
    assert_eq!(world.json(&["create", "/a", "x"])["created"], "/a");
    let node = world.json(&["get", "-s", "/a"]);
    assert_eq!(node["data"], "x");
    assert_eq!(node["stat"]["version"], 0);
    assert_eq!(world.json(&["ls", "/"])["children"][0], "a");
    let (code, out, error) = shell(&world.server.address(), &["--json", "get", "/none"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["code"], -101);
}

#[test]
fn a_pipe_of_commands_sees_its_watches() {
    let world = World::new();
    let script = "create /w one\nget -w /w\nset /w two\nget /w\ncreate -e /w/e\ngetEphemerals\n";
    let out = world.piped(script);
    let event = "WATCHER::\n\nWatchedEvent state:SyncConnected type:NodeDataChanged path:/w zxid: ";
    assert!(out.contains(event), "{out}");
    assert!(out.contains("two\n") && out.contains("[/w/e]\n"), "{out}");
}

#[test]
fn names_too_long_for_one_answer_are_listed_in_pages() {
    let world = World::new();
    world.ok(&["create", "/many"]);
    // 300 names of 4 000 bytes are more than a client takes at once.
    let creates = (0..300).map(|at| format!("create /many/{at:04000}\n"));
    world.piped(&creates.collect::<String>());
    assert_eq!(world.ok(&["ls", "-R", "/many"]).lines().count(), 301);
}

#[test]
fn a_chroot_is_the_root_of_the_shell() {
    let world = World::new();
    world.ok(&["create", "/app", "x"]);
    let chroot = format!("{}/app", world.server.address());
    assert_eq!(
        shell(&chroot, &["create", "/inner", "y"]).2,
        "Created /inner\n"
    );
    assert_eq!(world.ok(&["get", "/app/inner"]), "y\n");
}
