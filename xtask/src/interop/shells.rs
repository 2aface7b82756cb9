//! What is typed into the shells of others, and what must come back.

/// One line, and its answer.
pub(super) struct Exchange {
    pub(super) typed: &'static str,
    /// All of these must be printed.
    pub(super) expected: &'static [&'static str],
    /// This must not be.
    pub(super) forbidden: Option<&'static str>,
}

const fn answers(typed: &'static str, expected: &'static [&'static str]) -> Exchange {
    Exchange {
        typed,
        expected,
        forbidden: None,
    }
}

const fn without(
    typed: &'static str,
    expected: &'static [&'static str],
    forbidden: &'static str,
) -> Exchange {
    Exchange {
        typed,
        expected,
        forbidden: Some(forbidden),
    }
}

/// For `org.apache.zookeeper.ZooKeeperMain`.
pub(super) const JAVA: &[Exchange] = &[
    answers("create /java hello", &["Created /java"]),
    answers("create /java again", &["Node already exists: /java"]),
    answers(
        "get -s /java",
        &[
            "hello",
            "dataVersion = 0",
            "dataLength = 5",
            "numChildren = 0",
        ],
    ),
    answers("create -s /java/s- x", &["Created /java/s-0000000000"]),
    answers("create -e /java/e x", &["Created /java/e"]),
    answers("create -s -e /java/se- x", &["Created /java/se-0000000002"]),
    answers("create -c /java/c", &["Created /java/c"]),
    answers("create -t 60000 /java/t x", &["Created /java/t"]),
    answers("ls /java", &["[c, e, s-0000000000, se-0000000002, t]"]),
    answers("ls -R /java", &["/java/s-0000000000"]),
    answers("getEphemerals /java", &["/java/e", "/java/se-0000000002"]),
    answers("getAllChildrenNumber /java", &["5"]),
    answers("set -s -v 0 /java world", &["dataVersion = 1"]),
    answers("set -v 0 /java stale", &["version No is not valid : /java"]),
    answers("get /java", &["world"]),
    answers("get -w /java", &["world"]),
    answers("set /java seen", &["type:NodeDataChanged path:/java"]),
    without("set /java unseen", &[], "NodeDataChanged"),
    answers("ls -w /java", &["s-0000000000"]),
    answers(
        "create /java/child x",
        &["type:NodeChildrenChanged path:/java"],
    ),
    answers("addWatch -m PERSISTENT_RECURSIVE /java", &[]),
    answers(
        "create /java/child/deep x",
        &["type:NodeCreated path:/java/child/deep"],
    ),
    answers(
        "set /java/child/deep y",
        &["type:NodeDataChanged path:/java/child/deep"],
    ),
    answers(
        "delete /java/child/deep",
        &["type:NodeDeleted path:/java/child/deep"],
    ),
    answers("removewatches /java", &[]),
    without("set /java/child z", &[], "NodeDataChanged"),
    answers("delete /java", &["Node not empty: /java"]),
    answers("get /java/none", &["Node does not exist: /java/none"]),
    answers("getAcl /java", &["'world,'anyone", ": cdrwa"]),
    answers("setAcl -s /java/c world:anyone:r", &["aclVersion = 1"]),
    answers("set /java/c 1", &["Insufficient permission : /java/c"]),
    answers("addauth digest user:pass", &[]),
    answers("create /java/mine x auth::cdrwa", &["Created /java/mine"]),
    answers(
        "getAcl /java/mine",
        &["'digest,'user:smGaoVKd/cQkjm7b88GyorAUz20="],
    ),
    answers("whoami", &["ip: 127.0.0.1", "digest: user"]),
    answers("setquota -n 50 /java", &[]),
    answers("listquota /java", &["count=50"]),
    answers("delquota /java", &[]),
    answers("sync /java", &["Sync is OK"]),
    answers("create java x", &["Path must start with / character"]),
    answers("delete /java/c", &[]),
    answers("deleteall /java", &[]),
    answers("ls /java", &["Node does not exist: /java"]),
];

/// For `cli_mt`, which answers when the answer is there and not in order with what is typed.
pub(super) const C: &[Exchange] = &[
    answers("create /c", &["rc = 0", "name = /c"]),
    answers("create /c", &["rc = -110"]),
    answers("set /c hello", &["rc = 0"]),
    answers("get /c", &["rc = 0", "value_len = 5"]),
    answers("create +s /c/s-", &["name = /c/s-0000000000"]),
    answers("create +e /c/e", &["name = /c/e"]),
    answers("create2 /c/two", &["rc = 0", "name = /c/two"]),
    answers("ls /c", &["rc = 0", "s-0000000000", "e", "two"]),
    answers("ls2 /c", &["rc = 0", "two", "version=1"]),
    answers("exists /c/none", &["Error -101 for /c/none"]),
    answers("delete /c", &["rc = -111"]),
    answers("wexists /c/born", &[]),
    answers("create /c/born", &["CREATED_EVENT"]),
    answers("addauth digest user:pass", &[]),
    answers("sync /c", &["rc = 0"]),
    answers("delete /c/none", &["rc = -101"]),
    answers("delete /c/two", &["rc = 0"]),
];
