//! Checks written with the crate `zookeeper-client`.

#[path = "common.rs"]
mod common;

use common::{World, again, ask, eventually, run, server_of, soon};
use std::time::Duration;
use zookeeper_client::{
    Acl, Acls, AddWatchMode, AuthId, Client, CreateMode, CreateOptions, Error, EventType,
    LockPrefix, MultiReadResult, MultiWriteError, MultiWriteResult, Permission,
};

const OPEN: CreateOptions<'static> = CreateMode::Persistent.with_acls(Acls::anyone_all());
const EPHEMERAL: CreateOptions<'static> = CreateMode::Ephemeral.with_acls(Acls::anyone_all());

#[tokio::main]
async fn main() {
    run(
        "zookeeper-client",
        &[
            ("create in every mode", |world| Box::pin(modes(world))),
            ("data is written by version and read with its stat", |world| {
                Box::pin(data(world))
            }),
            ("children, descendants and ephemerals are listed", |world| {
                Box::pin(lists(world))
            }),
            ("ACLs keep strangers out, and the digest lets in", |world| {
                Box::pin(acls(world))
            }),
            ("each kind of one-time watch fires, and can be removed", |world| {
                Box::pin(watches(world))
            }),
            ("persistent watches go on, one level deep or all", |world| {
                Box::pin(persistent(world))
            }),
            ("multi reads and writes", |world| Box::pin(multi(world))),
            ("a checked write happens while the check holds", |world| {
                Box::pin(checked(world))
            }),
            ("a chroot hides what is above it", |world| Box::pin(chroot(world))),
            ("locks of all kinds exclude each other", |world| Box::pin(locks(world))),
            ("the configuration can be read and watched", |world| {
                Box::pin(config(world))
            }),
            ("a session can be taken up by another client", |world| {
                Box::pin(taken_up(world))
            }),
            ("much at once is answered", |world| Box::pin(load(world))),
            (
                "a session, its ephemerals and its watches go on when its server is killed",
                |world| Box::pin(survival(world, Victim::Mine)),
            ),
            (
                "a session, its ephemerals and its watches go on when the leader is killed",
                |world| Box::pin(survival(world, Victim::Leader)),
            ),
        ],
    )
    .await;
}

async fn connect(world: &World) -> Client {
    let connector = Client::connector()
        .with_session_timeout(Duration::from_secs(10))
        .with_server_version(3, 9, 0);
    soon("a session", connector.connect(&world.servers))
        .await
        .expect("a session")
}

async fn modes(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    let (stat, _) = zk.create(root, b"0", &OPEN).await.expect("created");
    assert_eq!((stat.version, stat.ephemeral_owner), (0, 0));
    assert_eq!(zk.create(root, b"", &OPEN).await, Err(Error::NodeExists));
    let none = format!("{root}/none/x");
    assert_eq!(zk.create(&none, b"", &OPEN).await, Err(Error::NoNode));
    let ephemeral = format!("{root}/e");
    let (stat, _) = zk.create(&ephemeral, b"", &EPHEMERAL).await.expect("created");
    assert_eq!(format!("{:#x}", stat.ephemeral_owner), zk.session_id().to_string());
    let below = format!("{root}/e/x");
    let refused = zk.create(&below, b"", &OPEN).await;
    assert_eq!(refused, Err(Error::NoChildrenForEphemerals));
    for (number, mode) in [CreateMode::PersistentSequential, CreateMode::EphemeralSequential]
        .into_iter()
        .enumerate()
    {
        let options = mode.with_acls(Acls::anyone_all());
        let path = format!("{root}/s-");
        let (_, sequence) = zk.create(&path, b"", &options).await.expect("created");
        assert_eq!(sequence.into_i64(), 1 + i64::try_from(number).expect("small"));
    }
    let container = CreateMode::Container.with_acls(Acls::anyone_all());
    zk.create(&format!("{root}/c"), b"", &container).await.expect("created");
    let living = OPEN.with_ttl(Duration::from_secs(1));
    zk.create(&format!("{root}/t"), b"", &living).await.expect("created");
    eventually("the short-lived one to go", || async {
        zk.check_stat(&format!("{root}/t")).await.expect("an answer").is_none()
    })
    .await;
    zk.mkdir(&format!("{root}/x/y/z"), &OPEN).await.expect("created");
}

async fn data(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    zk.create(root, b"0", &OPEN).await.expect("created");
    let stat = zk.set_data(root, b"one", Some(0)).await.expect("written");
    let (found, read) = zk.get_data(root).await.expect("read");
    assert_eq!((found.as_slice(), read), (b"one".as_slice(), stat));
    assert_eq!((stat.version, stat.data_length), (1, 3));
    assert_eq!(zk.set_data(root, b"", Some(0)).await, Err(Error::BadVersion));
    assert_eq!(zk.delete(root, Some(7)).await, Err(Error::BadVersion));
    zk.sync(root).await.expect("synced");
    zk.delete(root, Some(1)).await.expect("deleted");
    assert_eq!(zk.get_data(root).await, Err(Error::NoNode));
    assert_eq!(zk.check_stat(root).await, Ok(None));
}

async fn lists(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    zk.mkdir(&format!("{root}/a/b"), &OPEN).await.expect("created");
    for name in ["e", "f"] {
        zk.create(&format!("{root}/{name}"), b"", &EPHEMERAL).await.expect("created");
    }
    let mut children = zk.list_children(root).await.expect("listed");
    children.sort();
    assert_eq!(children, ["a", "e", "f"]);
    let (_, stat) = zk.get_children(root).await.expect("listed");
    assert_eq!((stat.num_children, stat.cversion), (3, 3));
    assert_eq!(zk.count_descendants_number(root).await, Ok(4));
    let mut mine = zk.list_ephemerals(root).await.expect("listed");
    mine.sort();
    assert_eq!(mine, [format!("{root}/e"), format!("{root}/f")]);
    assert_eq!(zk.delete(root, None).await, Err(Error::NotEmpty));
}

async fn acls(world: World) {
    let root = &world.root;
    let (zk, stranger) = (connect(&world).await, connect(&world).await);
    zk.auth("digest", b"user:password").await.expect("accepted");
    let users = zk.list_auth_users().await.expect("listed");
    let users: Vec<_> = users.iter().map(|user| (user.scheme(), user.user())).collect();
    assert!(users.contains(&("digest", "user")) && users.contains(&("ip", "127.0.0.1")));
    let mine = CreateMode::Persistent.with_acls(Acls::creator_all());
    zk.create(root, b"secret", &mine).await.expect("created");
    let (acls, stat) = zk.get_acl(root).await.expect("read");
    let id = AuthId::new("digest", "user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY=");
    assert_eq!((acls, stat.aversion), (vec![Acl::new(Permission::ALL, id)], 0));
    assert_eq!(stranger.get_data(root).await, Err(Error::NoAuth));
    assert_eq!(stranger.set_data(root, b"", None).await, Err(Error::NoAuth));
    stranger.auth("digest", b"user:password").await.expect("accepted");
    assert_eq!(stranger.get_data(root).await.expect("read").0, b"secret");
    let readers = [Acl::new(Permission::READ, AuthId::anyone())];
    let wrong = zk.set_acl(root, &readers, Some(5)).await;
    assert_eq!(wrong, Err(Error::BadVersion));
    let stat = zk.set_acl(root, &readers, Some(0)).await.expect("set");
    assert_eq!(stat.aversion, 1);
    assert_eq!(zk.set_data(root, b"", None).await, Err(Error::NoAuth));
    let nobody = [Acl::new(Permission::READ, AuthId::new("nobody", "x"))];
    let options = CreateMode::Persistent.with_acls(Acls::new(&nobody));
    let refused = zk.create(&format!("{root}-x"), b"", &options).await;
    assert_eq!(refused, Err(Error::InvalidAcl));
    let third = connect(&world).await;
    assert_eq!(third.auth("nobody", b"x").await, Err(Error::AuthFailed));
}

async fn watches(world: World) {
    let root = &world.root;
    let (zk, other) = (connect(&world).await, connect(&world).await);
    let (stat, born) = zk.check_and_watch_stat(root).await.expect("watched");
    assert!(stat.is_none());
    let (created, _) = other.create(root, b"", &OPEN).await.expect("created");
    let event = soon("an event", born.changed()).await;
    assert_eq!((event.event_type, event.path.as_str()), (EventType::NodeCreated, root.as_str()));
    assert_eq!(event.zxid, created.czxid);
    let (_, _, changed) = zk.get_and_watch_data(root).await.expect("watched");
    let (_, _, children) = zk.get_and_watch_children(root).await.expect("watched");
    let (_, listed) = zk.list_and_watch_children(root).await.expect("watched");
    let (_, removed) = zk.check_and_watch_stat(root).await.expect("watched");
    #[expect(deprecated, reason = "it is how one sees that the server takes it off")]
    removed.remove().await.expect("it is taken off");
    other.create(&format!("{root}/a"), b"", &OPEN).await.expect("created");
    other.set_data(root, b"1", None).await.expect("written");
    let kind = soon("an event", children.changed()).await.event_type;
    assert_eq!(kind, EventType::NodeChildrenChanged);
    let kind = soon("an event", listed.changed()).await.event_type;
    assert_eq!(kind, EventType::NodeChildrenChanged);
    let kind = soon("an event", changed.changed()).await.event_type;
    assert_eq!(kind, EventType::NodeDataChanged);
    let (_, _, gone) = zk.get_and_watch_data(&format!("{root}/a")).await.expect("watched");
    other.delete(&format!("{root}/a"), None).await.expect("deleted");
    let kind = soon("an event", gone.changed()).await.event_type;
    assert_eq!(kind, EventType::NodeDeleted);
}

async fn persistent(world: World) {
    let root = &world.root;
    let (zk, other) = (connect(&world).await, connect(&world).await);
    zk.create(root, b"", &OPEN).await.expect("created");
    let mut flat = zk.watch(root, AddWatchMode::Persistent).await.expect("watched");
    let mut deep = zk.watch(root, AddWatchMode::PersistentRecursive).await.expect("watched");
    let child = format!("{root}/a");
    let grandchild = format!("{root}/a/b");
    other.create(&child, b"", &OPEN).await.expect("created");
    other.create(&grandchild, b"", &OPEN).await.expect("created");
    other.set_data(root, b"1", None).await.expect("written");
    other.delete(&grandchild, None).await.expect("deleted");
    for (kind, path) in [
        (EventType::NodeChildrenChanged, root),
        (EventType::NodeDataChanged, root),
    ] {
        let event = soon("an event", flat.changed()).await;
        assert_eq!((event.event_type, &event.path), (kind, path));
    }
    for (kind, path) in [
        (EventType::NodeCreated, &child),
        (EventType::NodeCreated, &grandchild),
        (EventType::NodeDataChanged, root),
        (EventType::NodeDeleted, &grandchild),
    ] {
        let event = soon("an event", deep.changed()).await;
        assert_eq!((event.event_type, &event.path), (kind, path));
    }
    #[expect(deprecated, reason = "it is how one sees that the server takes it off")]
    flat.remove().await.expect("it is taken off");
    other.set_data(&child, b"1", None).await.expect("written");
    let event = soon("an event", deep.changed()).await;
    assert_eq!((event.event_type, event.path), (EventType::NodeDataChanged, child));
}

async fn multi(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    zk.create(root, b"0", &OPEN).await.expect("created");
    let mut writer = zk.new_multi_writer();
    writer.add_check_version(root, 0).expect("a path");
    writer.add_create(&format!("{root}/a"), b"a", &OPEN).expect("a path");
    writer.add_set_data(root, b"1", Some(0)).expect("a path");
    writer.add_delete(&format!("{root}/a"), Some(0)).expect("a path");
    writer.add_create(&format!("{root}/b"), b"b", &OPEN).expect("a path");
    let results = writer.commit().await.expect("committed");
    assert!(matches!(results[0], MultiWriteResult::Check));
    assert!(matches!(&results[1], MultiWriteResult::Create { path, .. } if path.ends_with("/a")));
    assert!(matches!(results[2], MultiWriteResult::SetData { stat } if stat.version == 1));
    assert!(matches!(results[3], MultiWriteResult::Delete));
    let mut reader = zk.new_multi_reader();
    reader.add_get_data(root).expect("a path");
    reader.add_get_children(root).expect("a path");
    reader.add_get_data(&format!("{root}/none")).expect("a path");
    let results = reader.commit().await.expect("read");
    assert!(matches!(&results[0], MultiReadResult::Data { data, .. } if data == b"1"));
    assert!(matches!(&results[1], MultiReadResult::Children { children } if *children == ["b"]));
    assert!(matches!(&results[2], MultiReadResult::Error { err: Error::NoNode }));
    let mut writer = zk.new_multi_writer();
    writer.add_create(&format!("{root}/c"), b"", &OPEN).expect("a path");
    writer.add_check_version(root, 9).expect("a path");
    let failed = writer.commit().await.expect_err("it must fail");
    let source = Error::BadVersion;
    assert_eq!(failed, MultiWriteError::OperationFailed { index: 1, source });
    assert_eq!(zk.check_stat(&format!("{root}/c")).await, Ok(None));
}

async fn checked(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    zk.create(root, b"", &OPEN).await.expect("created");
    let mut writer = zk.new_check_writer(root, Some(0)).expect("a path");
    writer.add_create(&format!("{root}/a"), b"", &OPEN).expect("a path");
    writer.commit().await.expect("the check holds");
    zk.set_data(root, b"1", None).await.expect("written");
    let mut writer = zk.new_check_writer(root, Some(0)).expect("a path");
    writer.add_delete(&format!("{root}/a"), None).expect("a path");
    writer.commit().await.expect_err("the check does not hold");
    assert!(zk.check_stat(&format!("{root}/a")).await.expect("an answer").is_some());
}

async fn chroot(world: World) {
    let zk = connect(&world).await;
    zk.mkdir(&format!("{}/inner", world.root), &OPEN).await.expect("created");
    let inner = Client::connector()
        .connect(&format!("{}{}/inner", world.servers, world.root))
        .await
        .expect("a session");
    inner.create("/a", b"1", &OPEN).await.expect("created");
    let (_, _, changed) = inner.get_and_watch_data("/a").await.expect("watched");
    let path = format!("{}/inner/a", world.root);
    zk.set_data(&path, b"2", None).await.expect("written");
    assert_eq!(soon("an event", changed.changed()).await.path, "/a");
    assert_eq!(inner.list_children("/").await, Ok(vec!["a".to_owned()]));
    let same = zk.chroot(format!("{}/inner", world.root)).expect("a path");
    assert_eq!(same.get_data("/a").await.expect("read").0, b"2");
}

async fn locks(world: World) {
    let root = &world.root;
    let (zk, other) = (connect(&world).await, connect(&world).await);
    zk.mkdir(root, &OPEN).await.expect("created");
    for kind in ["curator", "shared", "custom"] {
        let dir = format!("{root}/{kind}");
        zk.mkdir(&dir, &OPEN).await.expect("created");
        let prefix = format!("{dir}/lock-");
        let make = || match kind {
            "curator" => LockPrefix::new_curator(&dir, "lock-"),
            "shared" => LockPrefix::new_shared(&prefix),
            _ => LockPrefix::new_custom(prefix.clone(), "lock-"),
        };
        let options = || Acls::anyone_all();
        let first = zk.lock(make().expect("a prefix"), b"", options()).await.expect("free");
        let second = other.lock(make().expect("a prefix"), b"", options());
        let mut second = std::pin::pin!(second);
        let early = tokio::time::timeout(Duration::from_millis(200), &mut second).await;
        assert!(early.is_err(), "two hold it");
        let path = format!("{dir}-data");
        first.create(&path, b"", &OPEN).await.expect("it is held");
        drop(first);
        let second = soon("the lock", second).await.expect("free again");
        second.set_data(&path, b"1", None).await.expect("it is held");
        second.delete(&path, None).await.expect("it is held");
    }
}

async fn config(world: World) {
    let zk = connect(&world).await;
    let (data, _, _watcher) = zk.get_and_watch_config().await.expect("read");
    assert_eq!(zk.get_config().await.expect("read").0, data);
    let text = String::from_utf8(data).expect("text");
    assert!(text.contains("server.1=") && text.contains("version="), "{text}");
}

async fn taken_up(world: World) {
    let root = &world.root;
    let other = connect(&world).await;
    let connector = || Client::connector().with_server_version(3, 9, 0);
    let first = connector().with_detached().connect(&world.servers);
    let zk = soon("a session", first).await.expect("a session");
    zk.create(root, b"", &EPHEMERAL).await.expect("created");
    let id = zk.session_id();
    let session = zk.into_session();
    let second = connector().with_session(session).connect(&world.servers);
    let twin = soon("the session", second).await.expect("taken up");
    assert_eq!(twin.session_id(), id);
    twin.set_data(root, b"twin", None).await.expect("written");
    let session = twin.session().clone();
    drop(twin);
    eventually("the ephemeral to go", || async {
        other.check_stat(root).await.expect("an answer").is_none()
    })
    .await;
    let late = connector().with_session(session).connect(&world.servers);
    let refused = soon("a refusal", late).await.expect_err("it is over");
    assert_eq!(refused, Error::SessionExpired);
}

async fn load(world: World) {
    let root = &world.root;
    let zk = connect(&world).await;
    zk.create(root, b"", &OPEN).await.expect("created");
    let mut tasks = Vec::new();
    for number in 0..300 {
        let zk = zk.clone();
        let path = format!("{root}/{number}");
        tasks.push(tokio::spawn(async move {
            zk.create(&path, path.as_bytes(), &OPEN).await.expect("created");
            assert_eq!(zk.get_data(&path).await.expect("read").0, path.as_bytes());
        }));
    }
    for task in tasks {
        task.await.expect("it succeeds");
    }
    let big = vec![7; 900_000];
    zk.set_data(root, &big, None).await.expect("written");
    assert_eq!(zk.get_data(root).await.expect("read").0, big);
}

/// Which server is killed.
enum Victim {
    Mine,
    Leader,
}

async fn survival(world: World, victim: Victim) {
    let root = &world.root;
    let zk = connect(&world).await;
    zk.create(root, b"", &OPEN).await.expect("created");
    zk.create(&format!("{root}/e"), b"", &EPHEMERAL).await.expect("created");
    let (_, _, children) = zk.get_and_watch_children(root).await.expect("watched");
    let later = format!("{root}/later");
    let (_, born) = zk.check_and_watch_stat(&later).await.expect("watched");
    let mut deep = zk.watch(root, AddWatchMode::PersistentRecursive).await.expect("watched");
    let id = zk.session_id();
    let server = match victim {
        Victim::Mine => server_of(&world.servers, &id.to_string()),
        Victim::Leader => ask("leader"),
    };
    ask(&format!("kill {server}"));
    let lost = |error: &Error| *error == Error::ConnectionLoss;
    let other = connect(&world).await;
    again(lost, || other.sync(root)).await.expect("synced");
    // The watches are there again once an answer has come behind them.
    again(lost, || zk.check_stat(root)).await.expect("an answer");
    let made = again(lost, || other.create(&later, b"", &OPEN)).await;
    assert!(made.is_ok() || made == Err(Error::NodeExists), "{made:?}");
    let kind = soon("an event", children.changed()).await.event_type;
    assert_eq!(kind, EventType::NodeChildrenChanged);
    assert_eq!(soon("an event", born.changed()).await.event_type, EventType::NodeCreated);
    // A lost connection is an event of this watch, too.
    while soon("an event", deep.changed()).await.event_type == EventType::Session {}
    again(lost, || zk.set_data(root, b"after", None)).await.expect("written");
    assert_eq!(zk.session_id(), id);
    again(lost, || other.sync(root)).await.expect("synced");
    let stat = other.check_stat(&format!("{root}/e")).await.expect("an answer");
    let owner = stat.expect("the ephemeral").ephemeral_owner;
    assert_eq!(format!("{owner:#x}"), id.to_string());
    assert_eq!(other.get_data(root).await.expect("read").0, b"after");
}
