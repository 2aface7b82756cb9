//! The worked packets of a whole conversation, byte for byte. Source: `client-protocol.md` §15.
//!
//! Where a packet holds a zxid, a time or what was drawn for a session, the server's own stands.

use crate::support::*;
use replica::ConnId;

const OPEN: &str = "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65";
const ZEROS: &str = "00000000000000000000000000000000";

/// A server, its clock in digits, and two connections with sessions.
struct Conversation {
    server: Standalone,
    a: ConnId,
    b: ConnId,
    /// The zxid before the first transaction of the conversation.
    before: u64,
    time: String,
}

impl Conversation {
    fn begin() -> Self {
        let mut server = Standalone::start();
        let (a, b) = (server.connect().conn, server.connect().conn);
        Conversation {
            before: server.replica.applied().0,
            time: format!("{:016x}", wall(server.now).0),
            server,
            a,
            b,
        }
    }

    /// After the first packets of the story: `/a` holds `v1`.
    fn with_a() -> Self {
        let mut told = Conversation::begin();
        let create =
            format!("00000033 00000001 00000001 00000002 2f61 00000002 7631 {OPEN} 00000000");
        told.says(told.a, &create);
        told
    }

    fn says(&mut self, conn: ConnId, dump: &str) -> Vec<u8> {
        self.server.send(conn, &hex(dump))
    }

    /// The `n`th zxid of the conversation, in digits.
    fn zxid(&self, n: u64) -> String {
        format!("{:016x}", self.before + n)
    }
}

#[test]
fn a_handshake_of_a_new_session_with_and_without_the_read_only_byte() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    let request = format!("00000000 0000000000000000 00007530 0000000000000000 00000010 {ZEROS}");
    let sent = server.send(conn, &hex(&format!("0000002d {request} 00")));
    let (session, password) = (&digits(&sent)[24..40], &digits(&sent)[48..80]);
    assert_said(
        &sent,
        &format!("00000025 00000000 00007530 {session} 00000010 {password} 00"),
    );
    assert_ne!(session, "0000000000000000");
    assert_ne!(password, ZEROS);

    let conn = server.connect_raw();
    let sent = server.send(conn, &hex(&format!("0000002c {request}")));
    assert_eq!(sent.len(), 4 + 36, "no byte that was not asked for");
    assert_eq!(digits(&sent)[..24], *"000000240000000000007530");
}

#[test]
fn a_creation() {
    let mut told = Conversation::begin();
    let create = format!("00000033 00000001 00000001 00000002 2f61 00000002 7631 {OPEN} 00000000");
    let sent = told.says(told.a, &create);
    assert_said(
        &sent,
        &format!("00000016 00000001 {} 00000000 00000002 2f61", told.zxid(1)),
    );
}

#[test]
fn a_read_with_a_watch_a_write_and_its_event() {
    let mut told = Conversation::with_a();
    let (first, second, time) = (told.zxid(1), told.zxid(2), told.time.clone());
    let sent = told.says(told.b, "0000000f 00000001 00000004 00000002 2f61 01");
    assert_said(
        &sent,
        &format!(
            "0000005a 00000001 {first} 00000000 00000002 7631 {first} {first} {time} {time}
             00000000 00000000 00000000 0000000000000000 00000002 00000000 {first}"
        ),
    );
    let sent = told.says(
        told.a,
        "00000018 00000002 00000005 00000002 2f61 00000002 7632 00000000",
    );
    assert_said(
        &sent,
        &format!(
            "00000054 00000002 {second} 00000000 {first} {second} {time} {time}
             00000001 00000000 00000000 0000000000000000 00000002 00000000 {first}"
        ),
    );
    let event = told.server.sent.remove(&told.b).expect("an event");
    assert_said(
        &event,
        &format!("0000001e ffffffff {second} 00000000 00000003 00000003 00000002 2f61"),
    );
}

#[test]
fn an_error_has_no_body() {
    let mut told = Conversation::with_a();
    let sent = told.says(told.a, "00000012 00000003 00000003 00000005 2f6e6f6e65 01");
    assert_said(
        &sent,
        &format!("00000010 00000003 {} ffffff9b", told.zxid(1)),
    );
}

#[test]
fn an_ephemeral_sequential_node() {
    let mut told = Conversation::with_a();
    let create = format!("00000034 00000004 00000001 00000005 2f612f732d 00000000 {OPEN} 00000003");
    let sent = told.says(told.a, &create);
    assert_said(
        &sent,
        &format!(
            "00000023 00000004 {} 00000000 0000000f 2f612f732d30303030303030303030",
            told.zxid(2)
        ),
    );
}

#[test]
fn a_multi_that_fails_in_its_second_operation() {
    let mut told = Conversation::with_a();
    let multi = format!(
        "00000069 00000005 0000000e
         00000001 00 ffffffff 00000002 2f62 00000000 {OPEN} 00000000
         0000000d 00 ffffffff 00000002 2f61 00000007
         00000002 00 ffffffff 00000002 2f61 ffffffff
         ffffffff 01 ffffffff"
    );
    let sent = told.says(told.a, &multi);
    assert_said(
        &sent,
        &format!(
            "00000040 00000005 {} 00000000
             ffffffff 00 00000000 00000000
             ffffffff 00 ffffff99 ffffff99
             ffffffff 00 fffffffe fffffffe
             ffffffff 01 ffffffff",
            told.zxid(1)
        ),
    );
}

#[test]
fn a_ping() {
    let mut told = Conversation::with_a();
    let sent = told.says(told.a, "00000008 fffffffe 0000000b");
    assert_said(
        &sent,
        &format!("00000010 fffffffe {} 00000000", told.zxid(1)),
    );
}

#[test]
fn a_proof_of_a_digest() {
    let mut told = Conversation::with_a();
    let auth = "00000023 fffffffc 00000064 00000000 00000006 646967657374
                00000009 757365723a70617373";
    let sent = told.says(told.a, auth);
    assert_said(&sent, "00000010 fffffffc 0000000000000000 00000000");
}

#[test]
fn watches_set_anew_after_a_change() {
    let mut told = Conversation::with_a();
    told.says(
        told.a,
        "00000018 00000002 00000005 00000002 2f61 00000002 7632 00000000",
    );
    let set_watches = format!(
        "00000022 fffffff8 00000065 {} 00000001 00000002 2f61 00000000 00000000",
        told.zxid(1)
    );
    let sent = told.says(told.b, &set_watches);
    assert_said(
        &sent,
        &format!(
            "0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 00000002 2f61
             00000010 fffffff8 {} 00000000",
            told.zxid(2)
        ),
    );
}

#[test]
fn the_end_of_a_session_and_its_refusal_afterwards() {
    let mut server = Standalone::start();
    let client = server.connect();
    let zxid = server.replica.applied().0 + 1;
    let sent = server.send(client.conn, &hex("00000008 00000006 fffffff5"));
    assert_said(&sent, &format!("00000010 00000006 {zxid:016x} 00000000"));
    assert!(server.is_closed(client.conn));
    let conn = server.connect_raw();
    let greeting = format!(
        "0000002d 00000000 0000000000000000 00007530 {:016x} 00000010 {} 00",
        client.session.0,
        digits(&client.password)
    );
    let sent = server.send(conn, &hex(&greeting));
    assert_said(
        &sent,
        &format!("00000025 00000000 00000000 0000000000000000 00000010 {ZEROS} 00"),
    );
    assert!(server.is_closed(conn));
}

#[test]
fn a_multi_that_succeeds_shows_each_state_on_its_way() {
    let mut told = Conversation::begin();
    let multi = [
        hex("00000001 00 ffffffff 00000002 2f6d 00000000"),
        hex(OPEN),
        hex("00000000 0000000f 00 ffffffff 00000004 2f6d2f63 00000000"),
        hex(OPEN),
        hex(
            "00000000 00000005 00 ffffffff 00000002 2f6d 00000001 78 00000000
             0000000d 00 ffffffff 00000002 2f6d 00000001
             00000002 00 ffffffff 00000004 2f6d2f63 00000000
             ffffffff 01 ffffffff",
        ),
    ];
    let sent = told.server.send(told.a, &frame(1, 14, &multi));
    let (zxid, time) = (told.zxid(1), told.time.clone());
    let body = format!(
        "00000001 00 00000000 00000002 2f6d
         0000000f 00 00000000 00000004 2f6d2f63 {zxid} {zxid} {time} {time}
         00000000 00000000 00000000 0000000000000000 00000000 00000000 {zxid}
         00000005 00 00000000 {zxid} {zxid} {time} {time}
         00000001 00000001 00000000 0000000000000000 00000001 00000001 {zxid}
         0000000d 00 00000000
         00000002 00 00000000
         ffffffff 01 ffffffff"
    );
    let reply = &replies(&sent)[0];
    assert_eq!((reply.xid, reply.err), (1, 0));
    assert_said(&reply.body, &body);
}

#[test]
fn an_unknown_opcode() {
    let mut told = Conversation::begin();
    let sent = told.says(told.a, "00000008 00000001 00000063");
    assert_said(&sent, "00000010 00000001 ffffffffffffffff fffffffa");
    assert!(told.server.is_closed(told.a));
}

#[test]
fn who_one_is_without_any_proof() {
    let mut told = Conversation::begin();
    let sent = told.says(told.a, "00000008 00000001 0000006b");
    assert_said(
        &replies(&sent)[0].body,
        "00000001 00000002 6970 00000009 3132372e302e302e31",
    );
}
