//! Four-letter words. Source: `client-protocol.md` §12.

use crate::support::*;
use replica::Input;

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
