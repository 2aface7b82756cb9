//! Checks written with the crate `zookeeper-async`.

#[path = "common.rs"]
mod common;

use common::{PATIENCE, World, again, ask, eventually, run, server_of, soon};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zookeeper_async::recipes::cache::PathChildrenCache;
use zookeeper_async::recipes::distributed_queue::DistributedQueue;
use zookeeper_async::recipes::leader_latch::LeaderLatch;
use zookeeper_async::recipes::shared_lock::lock;
use zookeeper_async::{
    Acl, CreateMode, Permission, WatchedEvent, WatchedEventType, ZkError, ZkResult, ZkState,
    ZooKeeper, ZooKeeperExt,
};

#[tokio::main]
async fn main() {
    run(
        "zookeeper-async",
        &[
            ("create in every mode", |world| Box::pin(modes(world))),
            ("data is written by version and read with its stat", |world| {
                Box::pin(data(world))
            }),
            ("ACLs keep strangers out, and the digest lets in", |world| {
                Box::pin(acls(world))
            }),
            ("each kind of watch fires once", |world| Box::pin(watches(world))),
            ("subtrees are made, listed and removed", |world| Box::pin(subtrees(world))),
            ("a chroot hides what is above it", |world| Box::pin(chroot(world))),
            ("the queue gives in order", |world| Box::pin(queue(world))),
            ("the cache shows the children", |world| Box::pin(cache(world))),
            ("one latch leads, and another when it stops", |world| Box::pin(latch(world))),
            ("the lock has one holder", |world| Box::pin(locks(world))),
            ("a closed session takes its ephemerals with it", |world| {
                Box::pin(closing(world))
            }),
            ("a session goes on when its server is killed", |world| {
                Box::pin(survival(world, Victim::Mine))
            }),
            ("a session goes on when the leader is killed", |world| {
                Box::pin(survival(world, Victim::Leader))
            }),
        ],
    )
    .await;
}

async fn connect_to(servers: &str) -> Arc<ZooKeeper> {
    let timeout = Duration::from_secs(10);
    let pause = Duration::from_millis(100);
    let opened = ZooKeeper::connect_with_retry_time(servers, timeout, |_: WatchedEvent| {}, pause);
    Arc::new(soon("a session", opened).await.expect("a session"))
}

async fn connect(world: &World) -> Arc<ZooKeeper> {
    connect_to(&world.servers).await
}

fn open() -> Vec<Acl> {
    Acl::open_unsafe().clone()
}

async fn make(zk: &ZooKeeper, path: &str, mode: CreateMode) -> ZkResult<String> {
    zk.create(path, b"x".to_vec(), open(), mode).await
}

async fn modes(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    make(&zk, root, CreateMode::Persistent).await.expect("created");
    let twice = make(&zk, root, CreateMode::Persistent).await;
    assert_eq!(twice, Err(ZkError::NodeExists));
    let orphan = make(&zk, &format!("{root}/none/x"), CreateMode::Persistent).await;
    assert_eq!(orphan, Err(ZkError::NoNode));
    let path = format!("{root}/n");
    for (mode, name) in [
        (CreateMode::Ephemeral, "n"),
        (CreateMode::PersistentSequential, "n0000000001"),
        (CreateMode::EphemeralSequential, "n0000000002"),
    ] {
        assert_eq!(make(&zk, &path, mode).await, Ok(format!("{root}/{name}")));
    }
    let below = make(&zk, &format!("{root}/n/x"), CreateMode::Persistent).await;
    assert_eq!(below, Err(ZkError::NoChildrenForEphemerals));
    make(&zk, &format!("{root}/c"), CreateMode::Container).await.expect("created");
    let (made, stat) = zk
        .create2(&format!("{root}/two"), b"xyz".to_vec(), open(), CreateMode::Persistent)
        .await
        .expect("created");
    assert_eq!((made, stat.data_length), (format!("{root}/two"), 3));
    let second = Duration::from_secs(1);
    let mode = CreateMode::PersistentWithTTL;
    let brief = format!("{root}/brief");
    zk.create_ttl(&brief, vec![], open(), mode, second).await.expect("created");
    let mode = CreateMode::PersistentSequentialWithTTL;
    let path = format!("{root}/brief-");
    let (made, _) = zk.create2_ttl(&path, vec![], open(), mode, second).await.expect("created");
    assert_eq!(made, format!("{root}/brief-0000000006"));
    eventually("the short-lived to go", || async {
        zk.exists(&brief, false).await.expect("an answer").is_none()
            && zk.exists(&made, false).await.expect("an answer").is_none()
    })
    .await;
}

async fn data(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    make(&zk, root, CreateMode::Persistent).await.expect("created");
    let stat = zk.set_data(root, b"one".to_vec(), Some(0)).await.expect("written");
    assert_eq!(stat.version, 1);
    let (found, stat) = zk.get_data(root, false).await.expect("read");
    assert_eq!((found.as_slice(), stat.version), (b"one".as_slice(), 1));
    let stale = zk.set_data(root, vec![], Some(0)).await;
    assert_eq!(stale.err(), Some(ZkError::BadVersion));
    assert_eq!(zk.delete(root, Some(7)).await, Err(ZkError::BadVersion));
    let big = vec![7; 900_000];
    zk.set_data(root, big.clone(), None).await.expect("written");
    assert_eq!(zk.get_data(root, false).await.expect("read").0, big);
    zk.delete(root, None).await.expect("deleted");
    assert!(zk.exists(root, false).await.expect("an answer").is_none());
    assert_eq!(zk.get_data(root, false).await.err(), Some(ZkError::NoNode));
}

async fn acls(world: World) {
    let root = &world.root;
    let (zk, stranger) = (connect(&world).await, connect(&world).await);
    zk.add_auth("digest", b"user:password".to_vec()).await.expect("accepted");
    let mine = Acl::creator_all().clone();
    zk.create(root, b"secret".to_vec(), mine, CreateMode::Persistent).await.expect("created");
    let (acls, stat) = zk.get_acl(root).await.expect("read");
    let all = Acl::new(Permission::ALL, "digest", "user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY=");
    assert_eq!((acls, stat.aversion), (vec![all], 0));
    assert_eq!(stranger.get_data(root, false).await.err(), Some(ZkError::NoAuth));
    stranger.add_auth("digest", b"user:password".to_vec()).await.expect("accepted");
    assert_eq!(stranger.get_data(root, false).await.expect("read").0, b"secret");
    let readers = Acl::read_unsafe().clone();
    let stale = zk.set_acl(root, readers.clone(), Some(5)).await;
    assert_eq!(stale.err(), Some(ZkError::BadVersion));
    assert_eq!(zk.set_acl(root, readers, Some(0)).await.expect("set").aversion, 1);
    let refused = zk.set_data(root, vec![], None).await;
    assert_eq!(refused.err(), Some(ZkError::NoAuth));
    let nobody = vec![Acl::new(Permission::READ, "nobody", "x")];
    let path = format!("{root}-x");
    let refused = zk.create(&path, vec![], nobody, CreateMode::Persistent).await;
    assert_eq!(refused, Err(ZkError::InvalidACL));
}

type Events = UnboundedReceiver<(WatchedEventType, Option<String>)>;

async fn next(events: &mut Events) -> (WatchedEventType, String) {
    let (kind, path) = soon("an event", events.recv()).await.expect("an event");
    (kind, path.expect("a path"))
}

async fn watches(world: World) {
    let root = &world.root;
    let (zk, other) = (connect(&world).await, connect(&world).await);
    make(&zk, root, CreateMode::Persistent).await.expect("created");
    let (sender, mut events) = unbounded_channel();
    let note = || {
        let sender = sender.clone();
        move |event: WatchedEvent| {
            let _ = sender.send((event.event_type, event.path));
        }
    };
    let child = format!("{root}/a");
    assert!(zk.exists_w(&child, note()).await.expect("watched").is_none());
    zk.get_children_w(root, note()).await.expect("watched");
    zk.get_data_w(root, note()).await.expect("watched");
    make(&other, &child, CreateMode::Persistent).await.expect("created");
    other.set_data(root, vec![1], None).await.expect("written");
    other.set_data(root, vec![2], None).await.expect("written");
    let mut first = [next(&mut events).await, next(&mut events).await];
    first.sort_by_key(|(_, path)| path.len());
    assert_eq!(first[0], (WatchedEventType::NodeChildrenChanged, root.clone()));
    assert_eq!(first[1], (WatchedEventType::NodeCreated, child.clone()));
    let third = next(&mut events).await;
    assert_eq!(third, (WatchedEventType::NodeDataChanged, root.clone()));
    zk.get_data_w(&child, note()).await.expect("watched");
    other.delete(&child, None).await.expect("deleted");
    assert_eq!(next(&mut events).await, (WatchedEventType::NodeDeleted, child));
    zk.exists(root, false).await.expect("an answer");
    assert!(events.try_recv().is_err(), "an event too many");
}

async fn subtrees(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    zk.ensure_path(&format!("{root}/a/b/c")).await.expect("created");
    zk.ensure_path_with_leaf_mode(&format!("{root}/a/d"), CreateMode::Container)
        .await
        .expect("created");
    let mut all = zk.get_children_recursive(root).await.expect("listed");
    all.sort();
    let expected: Vec<String> = ["", "/a", "/a/b", "/a/b/c", "/a/d"]
        .iter()
        .map(|path| format!("{root}{path}"))
        .collect();
    assert_eq!(all, expected);
    assert_eq!(zk.delete(root, None).await, Err(ZkError::NotEmpty));
    zk.delete_recursive(root).await.expect("deleted");
    assert!(zk.exists(root, false).await.expect("an answer").is_none());
}

async fn chroot(world: World) {
    let zk = connect(&world).await;
    let inside = format!("{}/inner", world.root);
    zk.ensure_path(&inside).await.expect("created");
    let inner = connect_to(&format!("{}{inside}", world.servers)).await;
    assert_eq!(make(&inner, "/a", CreateMode::Persistent).await, Ok("/a".to_owned()));
    let (sender, mut events) = unbounded_channel();
    let watcher = move |event: WatchedEvent| {
        let _ = sender.send((event.event_type, event.path));
    };
    inner.get_data_w("/a", watcher).await.expect("watched");
    zk.set_data(&format!("{inside}/a"), vec![1], None).await.expect("written");
    let event = next(&mut events).await;
    assert_eq!(event, (WatchedEventType::NodeDataChanged, "/a".to_owned()));
    let children = inner.get_children("/", false).await.expect("listed");
    assert_eq!(children, ["a"]);
}

async fn queue(world: World) {
    let zk = connect(&world).await;
    make(&zk, &world.root, CreateMode::Persistent).await.expect("created");
    let queue = DistributedQueue::new(world.root.clone(), zk);
    let other = DistributedQueue::new(world.root.clone(), connect(&world).await);
    for number in 0..5u8 {
        queue.put(vec![number]).await.expect("put in");
    }
    assert_eq!(other.peek().await.expect("an answer"), Some(vec![0]));
    for number in 0..5u8 {
        assert_eq!(other.try_take().await.expect("an answer"), Some(vec![number]));
    }
}

async fn cache(world: World) {
    let root = &world.root;
    let (zk, other) = (connect(&world).await, connect(&world).await);
    make(&zk, root, CreateMode::Persistent).await.expect("created");
    let mut cache = PathChildrenCache::new(zk.clone(), root).await.expect("a cache");
    cache.start().expect("started");
    for name in ["a", "b"] {
        let path = format!("{root}/{name}");
        make(&other, &path, CreateMode::Persistent).await.expect("created");
    }
    other.set_data(&format!("{root}/a"), b"new".to_vec(), None).await.expect("written");
    other.delete(&format!("{root}/b"), None).await.expect("deleted");
    eventually("the cache", || async {
        let shown = cache.get_current_data().await;
        let a = shown.get(&format!("{root}/a"));
        shown.len() == 1 && a.is_some_and(|data| *data.0 == b"new".to_vec())
    })
    .await;
}

async fn latch(world: World) {
    let mut latches = Vec::new();
    for number in 0..3 {
        let zk = connect(&world).await;
        let latch = LeaderLatch::new(zk, format!("n{number}"), world.root.clone());
        latch.start().await.expect("started");
        latches.push(latch);
    }
    while !latches.is_empty() {
        let leading = |latches: &[LeaderLatch]| {
            latches.iter().filter(|latch| latch.has_leadership()).count()
        };
        eventually("a leader", || async { leading(&latches) == 1 }).await;
        let leads = |latch: &LeaderLatch| latch.has_leadership();
        let at = latches.iter().position(leads).expect("one leads");
        latches.remove(at).stop().await.expect("stopped");
    }
}

/// With a third contender this crate looks for itself in a list that is sorted otherwise.
async fn locks(world: World) {
    let (zk, other) = (connect(&world).await, connect(&world).await);
    let first = lock(zk, world.root.clone()).await.expect("the lock");
    let mut second = tokio::spawn(lock(other, world.root.clone()));
    let early = tokio::time::timeout(Duration::from_millis(200), &mut second).await;
    assert!(early.is_err(), "two hold it");
    drop(first);
    let second = soon("the lock", second).await.expect("no panic");
    second.expect("the lock");
}

async fn closing(world: World) {
    let root = &world.root;
    let (zk, other) = (connect(&world).await, connect(&world).await);
    make(&zk, root, CreateMode::Ephemeral).await.expect("created");
    zk.close().await.expect("closed");
    assert!(zk.exists(root, false).await.is_err(), "it is closed");
    eventually("the ephemeral to go", || async {
        other.exists(root, false).await.expect("an answer").is_none()
    })
    .await;
}

/// Which server is killed.
enum Victim {
    Mine,
    Leader,
}

async fn survival(world: World, victim: Victim) {
    let root = &world.root;
    let zk = connect(&world).await;
    make(&zk, root, CreateMode::Persistent).await.expect("created");
    let ephemeral = format!("{root}/e");
    make(&zk, &ephemeral, CreateMode::Ephemeral).await.expect("created");
    let stat = zk.exists(&ephemeral, false).await.expect("an answer");
    let session = stat.expect("it is there").ephemeral_owner;
    let (sender, mut states) = unbounded_channel();
    zk.add_listener(move |state| {
        let _ = sender.send(state);
    });
    let server = match victim {
        Victim::Mine => server_of(&world.servers, &format!("{session:#x}")),
        Victim::Leader => ask("leader"),
    };
    ask(&format!("kill {server}"));
    let lost = |error: &ZkError| *error == ZkError::ConnectionLoss;
    let write = again(lost, || async {
        let answer = zk.set_data(root, b"after".to_vec(), None);
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(ZkError::OperationTimeout))
    });
    write.await.expect("written");
    while let Ok(state) = states.try_recv() {
        assert!(!matches!(state, ZkState::Closed), "the session is over");
    }
    let other = connect(&world).await;
    eventually("the write", || async {
        matches!(other.get_data(root, false).await, Ok((data, _)) if data == b"after")
    })
    .await;
    let stat = other.exists(&ephemeral, false).await.expect("an answer");
    assert_eq!(stat.expect("the ephemeral").ephemeral_owner, session);
    zk.close().await.expect("closed");
    eventually("the ephemeral to go", || async {
        other.exists(&ephemeral, false).await.expect("an answer").is_none()
    })
    .await;
}
