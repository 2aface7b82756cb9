//! Three servers in one process, without any async: one is stopped, and nothing is lost.
//!
//! `cargo run -p shell-std --example three_servers`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

mod client;

use client::BlockingClient;
use client_core::{ClientRequest, Create, CreateMode, CreateReply, Response};
use replica::{Config, Facts, FourLetterWords, ReaperRules, ReconfigRules, SessionRules};
use shell_std::{
    BoundPort, DataDirectories, PeerAddress, PeerListen, Server, ServerOptions, WhenMissing,
};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use zab_core::Role;
use zk_types::{Acl, Perms, ServerId};

fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let ports = free_ports(3)?;
    let mut servers = Vec::new();
    for id in 1..=3 {
        servers.push(Server::spawn(options(home.path(), &ports, id)?)?);
    }
    for server in &servers {
        if !server.wait_until_serving(Duration::from_secs(30)) {
            return Err("no leader was elected in time".into());
        }
        println!(
            "the server on {} is {:?}",
            server.client_address(),
            server.role()
        );
    }
    let addresses: Vec<SocketAddr> = servers.iter().map(Server::client_address).collect();

    let mut writer = BlockingClient::connect(addresses[..1].to_vec(), 1);
    let created = writer.ask(ClientRequest::Create(Create {
        path: "/greeting".to_owned(),
        data: Some(b"hello".to_vec()),
        acl: vec![Acl::world(Perms::ALL)],
        mode: CreateMode::Persistent,
        reply: CreateReply::Path,
    }))?;
    println!("written through {}: {created:?}", addresses[0]);
    writer.close();

    let mut reader = BlockingClient::connect(addresses, 2);
    println!(
        "read through {}: {:?}",
        server_of(&reader),
        read(&mut reader)?
    );

    let leads = |server: &Server| matches!(server.role(), Role::Leading { .. });
    let leader = servers.iter().position(leads).ok_or("nobody leads")?;
    println!("stopping the leader, {}", servers[leader].client_address());
    servers.remove(leader).stop()?;
    for server in &servers {
        if !server.wait_until_serving(Duration::from_secs(30)) {
            return Err("no new leader was elected in time".into());
        }
    }
    println!(
        "read through {}: {:?}",
        server_of(&reader),
        read(&mut reader)?
    );
    reader.close();
    for server in servers {
        server.stop()?;
    }
    println!("done");
    Ok(())
}

/// Reads the greeting; asks again when the connection was lost on the way.
fn read(client: &mut BlockingClient) -> Result<String, Box<dyn Error>> {
    let path = "/greeting".to_owned();
    let caught_up = client.ask(ClientRequest::Sync { path: path.clone() });
    let answer = match caught_up {
        Ok(_) => client.ask(ClientRequest::GetData { path, watch: None })?,
        Err(client_core::ClientError::ConnectionLoss) => return read(client),
        Err(error) => return Err(error.into()),
    };
    let Response::Data { data, .. } = answer else {
        return Err(format!("it is {answer:?}").into());
    };
    Ok(String::from_utf8(data.unwrap_or_default())?)
}

fn server_of(client: &BlockingClient) -> String {
    client.server().map_or_else(
        || "another server".to_owned(),
        |address| address.to_string(),
    )
}

fn options(home: &Path, ports: &[(u16, u16)], id: u64) -> Result<ServerOptions, Box<dyn Error>> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let members = (1..).zip(ports).map(|(id, (quorum, election))| {
        (
            ServerId(id),
            format!("127.0.0.1:{quorum}:{election}:participant"),
        )
    });
    let peers = (1..).zip(ports).map(|(id, &(quorum_port, election_port))| {
        let host = Ipv4Addr::LOCALHOST.to_string();
        (
            ServerId(id),
            PeerAddress {
                host,
                quorum_port,
                election_port,
            },
        )
    });
    let (quorum, election) = ports[usize::try_from(id)? - 1];
    let data = home.join(format!("server-{id}"));
    Ok(ServerOptions {
        config: config(ServerId(id), members.collect()),
        client_address: local(0),
        peer_listen: Some(PeerListen {
            quorum: local(quorum),
            election: local(election),
        }),
        peers: peers.collect(),
        directories: DataDirectories::open(&data, &data, WhenMissing::Create)?,
        backlog: 128,
        record: None,
        notices: Box::new(|_| {}),
    })
}

fn config(me: ServerId, members: Vec<(ServerId, String)>) -> Config {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&me.0.to_be_bytes());
    Config {
        me,
        members,
        tick: Duration::from_millis(200),
        init_limit: 50,
        sync_limit: 10,
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
        seed,
        hash_salt: 0,
    }
}

/// Ports that are free now: held together, so that they differ, and let go before they are used.
fn free_ports(count: usize) -> Result<Vec<(u16, u16)>, Box<dyn Error>> {
    let bind = || BoundPort::bind("a peer port", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let held = (0..count).map(|_| Ok((bind()?, bind()?)));
    let held = held.collect::<Result<Vec<_>, shell_std::BindError>>()?;
    let port = |bound: &BoundPort| bound.address().port();
    Ok(held
        .iter()
        .map(|(quorum, election)| (port(quorum), port(election)))
        .collect())
}
