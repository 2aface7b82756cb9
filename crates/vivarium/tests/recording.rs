//! What `serve --record` keeps, run again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use recording::{Ending, ReadError, ReplayError, Replayed, replay, runs};
use std::fs;
use std::path::{Path, PathBuf};
use support::{Home, Running, free_ports, shell};
use vivarium_client::{Acl, Client, ConnectOptions, CreateMode, Perms};

#[tokio::test]
async fn every_run_of_an_ensemble_with_a_killed_server_replays_without_a_difference() {
    let ports = free_ports::<6>();
    let homes = [Home::new(), Home::new(), Home::new()];
    let configs: Vec<String> = (1..=3)
        .map(|id| member(&homes[id - 1], id, ports))
        .collect();
    let mut servers: Vec<Running> = homes
        .iter()
        .zip(&configs)
        .map(|(home, config)| serve(home, config))
        .collect();
    let all: Vec<String> = servers.iter().map(Running::address).collect();
    let client = Client::connect(&all.join(","), ConnectOptions::default())
        .await
        .unwrap();
    traffic(&client, "/before").await;
    for victim in 0..3 {
        wait_for_bytes(&homes[victim], 1);
        servers[victim].kill();
        servers[victim] = serve(&homes[victim], &configs[victim]);
        // Whoever was connected to the victim comes back by the same list only where it does.
        let again = Client::connect(&servers[victim].address(), ConnectOptions::default())
            .await
            .unwrap();
        traffic(&again, &format!("/after-{victim}")).await;
        again.close().await;
    }
    drop(client);
    servers.iter_mut().for_each(Running::stop);
    for home in &homes {
        let [killed, stopped] = replayed(home).try_into().unwrap();
        assert_eq!(killed.ending, Ending::CutOff);
        assert!(killed.outputs > 100, "{killed:?}");
        assert!(stopped.outputs > 100, "{stopped:?}");
        assert!(stopped.disk_operations > 3, "{stopped:?}");
    }
}

#[tokio::test]
async fn a_flipped_byte_in_a_recording_is_found_wherever_it_is() {
    let home = Home::new();
    let mut server = serve(&home, &home.standalone(""));
    let client = Client::connect(&server.address(), ConnectOptions::default())
        .await
        .unwrap();
    traffic(&client, "/a").await;
    client.close().await;
    server.stop();
    let run = runs(&recordings(&home)).unwrap().pop().unwrap();
    assert!(replay(&run).unwrap().difference.is_none());
    let part = run.join("part-000001");
    let whole = fs::read(&part).unwrap();
    for nth in 0..40 {
        let mut bytes = whole.clone();
        let place = (whole.len() - 1) * nth / 39;
        bytes[place] ^= 1;
        fs::write(&part, bytes).unwrap();
        let refused = replay(&run).unwrap_err();
        assert!(
            matches!(refused, ReplayError::Read(ReadError::Damaged { .. })),
            "byte {place}: {refused}"
        );
    }
}

#[test]
fn a_server_that_cannot_record_says_so_and_serves() {
    let home = Home::new();
    let config = home.standalone("");
    let file = home.path().join("a-file");
    fs::write(&file, b"").unwrap();
    let directory = file.join("below").display().to_string();
    let mut server = Running::start(&["serve", &config, "--record", &directory]);
    let port = server.wait_for("client port: ");
    let address = format!("127.0.0.1:{port}");
    assert_eq!(shell(&address, &["create", "/a", "x"]).0, Some(0));
    server.stop();
    let said = server.standard_error();
    assert_eq!(
        said.matches("nothing more is recorded: ").count(),
        1,
        "{said}"
    );
}

#[tokio::test]
async fn a_recording_that_is_full_ends_and_the_server_goes_on() {
    let home = Home::new();
    let directory = recordings(&home).display().to_string();
    let config = home.standalone("");
    let record = ["--record", &directory, "--record-mib-max", "1"];
    let mut server = Running::start(&[&["serve", config.as_str()][..], &record].concat());
    let address = format!("127.0.0.1:{}", server.wait_for("client port: "));
    let client = Client::connect(&address, ConnectOptions::default())
        .await
        .unwrap();
    let open = [Acl::world(Perms::ALL)];
    client
        .create("/a", b"", CreateMode::Persistent, &open)
        .await
        .unwrap();
    let large = vec![7; 200_000];
    let says_so = "nothing more is recorded: ";
    while !server.standard_error().contains(says_so) {
        client.set_data("/a", &large, None).await.unwrap();
    }
    client.close().await;
    server.stop();
    let said = server.standard_error();
    assert_eq!(said.matches(says_so).count(), 1, "{said}");
    let [run] = replayed(&home).try_into().unwrap();
    assert_eq!(run.ending, Ending::Full);
}

fn serve(home: &Home, config: &str) -> Running {
    Running::serve_with(
        config,
        &["--record", &recordings(home).display().to_string()],
    )
}

fn recordings(home: &Home) -> PathBuf {
    home.path().join("recordings")
}

fn replayed(home: &Home) -> Vec<Replayed> {
    let runs = runs(&recordings(home)).unwrap();
    let replay_one = |run: &PathBuf| {
        let replayed = replay(run).unwrap();
        assert_eq!(replayed.difference, None, "{}", run.display());
        assert_eq!(replayed.panicked, None);
        replayed
    };
    runs.iter().map(replay_one).collect()
}

/// Waits until the `run`th run of a server is recorded so far that something is to be replayed.
fn wait_for_bytes(home: &Home, run: u32) {
    let part = recordings(home).join(format!("run-{run:06}/part-000001"));
    while length(&part) < 16 * 1024 {
        std::thread::yield_now();
    }
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

fn member(home: &Home, id: usize, ports: [u16; 6]) -> String {
    fs::create_dir_all(home.data()).unwrap();
    fs::write(home.data().join("myid"), id.to_string()).unwrap();
    let servers: String = (0..3)
        .map(|n| {
            let (quorum, election) = (ports[2 * n], ports[2 * n + 1]);
            format!("server.{}=127.0.0.1:{quorum}:{election}\n", n + 1)
        })
        .collect();
    home.standalone(&format!(
        "initLimit=20\nsyncLimit=10\npreAllocSize=1024\n{servers}"
    ))
}

/// Some of everything.
async fn traffic(client: &Client, root: &str) {
    let open = [Acl::world(Perms::ALL)];
    client
        .create(root, b"", CreateMode::Persistent, &open)
        .await
        .unwrap();
    for number in 0..30 {
        let mode = match number % 3 {
            0 => CreateMode::Persistent,
            1 => CreateMode::Ephemeral,
            _ => CreateMode::PersistentSequential,
        };
        let path = format!("{root}/{number}");
        let made = client.create(&path, &[7; 300], mode, &open).await.unwrap();
        let (_, _watch) = client.get_data_and_watch(&made.path).await.unwrap();
        client.set_data(&made.path, b"new", None).await.unwrap();
        client.get_children(root).await.unwrap();
    }
}
