//! Servers in this process, met over real sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use replica::{Config, Facts, FourLetterWords, ReaperRules, ReconfigRules, SessionRules};
use shell_tokio::{DataDirectories, Notice, Server, ServerOptions, WhenMissing};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vivarium_client::{Acl, Client, ConnectOptions, CreateMode, Perms};
use zk_types::ServerId;

#[tokio::test]
async fn a_word_is_answered_even_when_its_client_has_shut_down_its_half() {
    let home = tempfile::tempdir().unwrap();
    let server = serving(home.path()).await;
    for _ in 0..20 {
        assert_eq!(word(&server, "ruok").await, "imok");
    }
    assert!(word(&server, "srvr").await.contains("Mode: standalone"));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn silent_connections_disturb_nobody() {
    let home = tempfile::tempdir().unwrap();
    let server = serving(home.path()).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(server.client_address()).await.unwrap());
    }
    let client = connect(&server).await;
    let open = [Acl::world(Perms::ALL)];
    client
        .create("/a", b"x", CreateMode::Persistent, &open)
        .await
        .unwrap();
    assert_eq!(client.get_data("/a").await.unwrap().data, b"x");
    assert_eq!(word(&server, "ruok").await, "imok");
    client.close().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_asks_much_and_reads_nothing_is_held_back_and_others_are_served() {
    let home = tempfile::tempdir().unwrap();
    let server = serving(home.path()).await;
    let client = connect(&server).await;
    let open = [Acl::world(Perms::ALL)];
    let large = vec![7; 500_000];
    client
        .create("/large", &large, CreateMode::Persistent, &open)
        .await
        .unwrap();

    let mut greedy = TcpStream::connect(server.client_address()).await.unwrap();
    greedy.write_all(&connect_request()).await.unwrap();
    let mut asked = 0;
    // More than the buffers of two sockets hold; the server takes only so many requests before it
    // stops reading.
    let send_all = async {
        for xid in 1..1_000_000 {
            greedy.write_all(&get_large(xid)).await.unwrap();
            asked += 1;
        }
    };
    let serve_others = async {
        for _ in 0..100 {
            assert_eq!(client.get_data("/large").await.unwrap().data, large);
        }
    };
    tokio::select! {
        () = send_all => panic!("nobody held it back"),
        () = serve_others => {}
    }
    assert!(asked > 0);
    drop(greedy);
    assert_eq!(word(&server, "ruok").await, "imok");
    client.close().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_written_is_there_when_the_server_is_started_again() {
    let home = tempfile::tempdir().unwrap();
    let open = [Acl::world(Perms::ALL)];
    for round in 0..3 {
        let server = serving(home.path()).await;
        let client = connect(&server).await;
        let names = client.get_children("/").await.unwrap().names;
        let ours = names
            .iter()
            .filter(|name| name.starts_with("round-"))
            .count();
        assert_eq!(ours, round, "{names:?}");
        let path = format!("/round-{round}");
        client
            .create(&path, b"", CreateMode::Persistent, &open)
            .await
            .unwrap();
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_data_or_port_does_not_start() {
    let home = tempfile::tempdir().unwrap();
    let server = serving(home.path()).await;
    let again = DataDirectories::open(home.path(), home.path(), WhenMissing::Create);
    assert!(
        again
            .unwrap_err()
            .to_string()
            .contains("in use by another server")
    );
    let other = tempfile::tempdir().unwrap();
    let mut options = options(other.path());
    options.client_address = server.client_address();
    let refused = Server::spawn(options).await.unwrap_err().to_string();
    assert!(refused.contains("in use by another process"), "{refused}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn notices_tell_of_the_role() {
    let home = tempfile::tempdir().unwrap();
    let (heard, notices) = mpsc::channel();
    let mut options = options(home.path());
    options.notices = Box::new(move |notice| heard.send(notice).unwrap());
    let mut server = Server::spawn(options).await.unwrap();
    server.wait_until_serving().await.unwrap();
    server.stop().await.unwrap();
    let leads = |notice: Notice| {
        matches!(
            notice,
            Notice::Event(replica::Event::Role(zab_core::Role::Leading { .. }))
        )
    };
    assert!(notices.iter().any(leads));
}

async fn serving(home: &Path) -> Server {
    let mut server = Server::spawn(options(home)).await.unwrap();
    server.wait_until_serving().await.unwrap();
    server
}

async fn connect(server: &Server) -> Client {
    let address = server.client_address().to_string();
    Client::connect(&address, ConnectOptions::default())
        .await
        .unwrap()
}

async fn word(server: &Server, word: &str) -> String {
    let mut stream = TcpStream::connect(server.client_address()).await.unwrap();
    stream.write_all(word.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(body);
    frame
}

/// Protocol 0, no zxid seen, 30 s, session 0, a password of 16 zeros, not read-only.
fn connect_request() -> Vec<u8> {
    let mut body = vec![0; 12];
    body.extend(30_000_i32.to_be_bytes());
    body.extend([0; 8]);
    body.extend(16_i32.to_be_bytes());
    body.extend([0; 17]);
    framed(&body)
}

/// `getData("/large")` without a watch.
fn get_large(xid: i32) -> Vec<u8> {
    let mut body = xid.to_be_bytes().to_vec();
    body.extend(4_i32.to_be_bytes());
    body.extend(6_i32.to_be_bytes());
    body.extend(b"/large\0");
    framed(&body)
}

fn options(home: &Path) -> ServerOptions {
    ServerOptions {
        config: config(),
        client_address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        peer_listen: None,
        peers: [].into(),
        directories: DataDirectories::open(home, home, WhenMissing::Create).unwrap(),
        backlog: 1_024,
        record: None,
        notices: Box::new(|_| {}),
    }
}

fn config() -> Config {
    Config {
        me: ServerId(1),
        members: Vec::new(),
        tick: Duration::from_millis(500),
        init_limit: 10,
        sync_limit: 5,
        session_timeout_min: Duration::from_secs(1),
        session_timeout_max: Duration::from_secs(30),
        connections_per_ip_max: 0,
        connections_max: 0,
        outstanding_max: 1_000,
        frame_bytes_max: 0xf_ffff,
        snapshot_txns: 100_000,
        snapshot_nodes_per_txn: 0,
        fetch_nodes_min: 0,
        snapshot_log_bytes: 64 << 20,
        snapshots_kept: 3,
        segment_bytes: 4 << 20,
        window_bytes_max: 16 << 20,
        backlog_bytes_max: 16 << 20,
        chunk_bytes: 256 << 10,
        counter_max: u32::MAX - 65_536,
        four_letter_words: FourLetterWords::All,
        extended_types: false,
        enforce_quota: false,
        skip_acl: false,
        sessions: SessionRules::default(),
        reaper: ReaperRules::default(),
        reconfig: ReconfigRules::default(),
        auth: Default::default(),
        limits: Default::default(),
        facts: Facts::default(),
        seed: [3; 32],
        hash_salt: 0,
    }
}
