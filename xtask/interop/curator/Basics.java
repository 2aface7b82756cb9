import static org.apache.zookeeper.CreateMode.*;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.api.transaction.OperationType;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** The framework itself: what every recipe is made of. */
final class Basics {
    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] data) {
        return new String(data, StandardCharsets.UTF_8);
    }

    static void register(Map<String, Main.Check> checks) {
        checks.put("create, read, write, delete, with every mode", Basics::operations);
        checks.put("a session outlives its server, and so do its ephemerals", Basics::session);
        checks.put("transactions happen as a whole or not at all", Basics::transactions);
        checks.put("protected creation finds what it created", Basics::protection);
        checks.put("namespaces, compression and ACLs", Basics::dressing);
        checks.put("watches of all kinds fire, and are set again elsewhere", Basics::watches);
        checks.put("background operations call back in order", Basics::background);
        checks.put("the ensemble tracker leaves the connect string alone", Basics::tracker);
    }

    private static void operations(World world) throws Exception {
        CuratorFramework client = world.client();
        String path = client.create().creatingParentContainersIfNeeded()
                .forPath(world.root + "/a/b", bytes("0"));
        World.equal(world.root + "/a/b", path);
        Stat stat = client.setData().withVersion(0).forPath(path, bytes("1"));
        World.equal(1, stat.getVersion());
        client.create().withMode(EPHEMERAL).forPath(path + "/e");
        client.create().withMode(CONTAINER).forPath(path + "/c");
        client.create().withTtl(100_000).withMode(PERSISTENT_WITH_TTL).forPath(path + "/t");
        String first = client.create().withMode(PERSISTENT_SEQUENTIAL).forPath(path + "/s-");
        World.equal(path + "/s-0000000003", first);
        world.middle(client);
        String second = client.create().withMode(PERSISTENT_SEQUENTIAL).forPath(path + "/s-");
        World.require(second.compareTo(first) > 0, second);
        World.equal("1", text(client.getData().storingStatIn(stat).forPath(path)));
        List<String> children = client.getChildren().forPath(path);
        Collections.sort(children);
        World.equal(Arrays.asList("c", "e"), children.subList(0, 2));
        World.require(client.checkExists().forPath(path + "/none") == null, "it exists");
        try {
            client.setData().withVersion(7).forPath(path, bytes("2"));
            throw new AssertionError("a wrong version was taken");
        } catch (KeeperException.BadVersionException expected) {
            // As it should be.
        }
        client.sync().forPath(path);
        client.delete().guaranteed().deletingChildrenIfNeeded().forPath(world.root);
        World.require(client.checkExists().forPath(world.root) == null, "it is still there");
    }

    private static void session(World world) throws Exception {
        CuratorFramework client = world.client();
        CuratorFramework other = world.client();
        BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
        client.getConnectionStateListenable().addListener((any, state) -> states.add(state));
        client.create().creatingParentsIfNeeded().withMode(EPHEMERAL).forPath(world.root + "/e");
        long session = client.getZookeeperClient().getZooKeeper().getSessionId();
        world.middle(client);
        for (int n = 0; n < 50; n++) {
            client.create().orSetData().forPath(world.root + "/n", bytes("" + n));
        }
        World.equal(session, client.getZookeeperClient().getZooKeeper().getSessionId());
        World.require(!states.contains(ConnectionState.LOST), "the session was lost: " + states);
        other.sync().forPath(world.root);
        World.equal("49", text(other.getData().forPath(world.root + "/n")));
        Stat stat = other.checkExists().forPath(world.root + "/e");
        World.require(stat != null && stat.getEphemeralOwner() == session, "no ephemeral");
        client.close();
        World.eventually("the ephemeral to go",
                () -> other.checkExists().forPath(world.root + "/e") == null);
    }

    private static void transactions(World world) throws Exception {
        CuratorFramework client = world.client();
        client.create().forPath(world.root, bytes("0"));
        List<CuratorTransactionResult> results = client.transaction().forOperations(
                client.transactionOp().check().withVersion(0).forPath(world.root),
                client.transactionOp().create().forPath(world.root + "/a", bytes("a")),
                client.transactionOp().create().withMode(PERSISTENT_SEQUENTIAL)
                        .forPath(world.root + "/s-"),
                client.transactionOp().setData().withVersion(0).forPath(world.root, bytes("1")),
                client.transactionOp().delete().forPath(world.root + "/a"));
        World.equal(5, results.size());
        World.equal(OperationType.CREATE, results.get(1).getType());
        World.equal(world.root + "/s-0000000001", results.get(2).getResultPath());
        World.equal(1, results.get(3).getResultStat().getVersion());
        world.middle(client);
        try {
            client.transaction().forOperations(
                    client.transactionOp().create().forPath(world.root + "/b"),
                    client.transactionOp().check().withVersion(9).forPath(world.root),
                    client.transactionOp().delete().forPath(world.root + "/none"));
            throw new AssertionError("a transaction that must fail did not");
        } catch (KeeperException.BadVersionException expected) {
            List<Integer> codes = new java.util.ArrayList<>();
            expected.getResults().forEach(result ->
                    codes.add(((org.apache.zookeeper.OpResult.ErrorResult) result).getErr()));
            World.equal(Arrays.asList(0, -103, -2), codes);
        }
        World.require(client.checkExists().forPath(world.root + "/b") == null, "half of it");
        World.equal(1, client.checkExists().forPath(world.root).getVersion());
    }

    private static void protection(World world) throws Exception {
        CuratorFramework client = world.client();
        client.create().forPath(world.root);
        String path = client.create().withProtection().withMode(EPHEMERAL_SEQUENTIAL)
                .forPath(world.root + "/p-");
        World.require(path.contains("_c_"), path);
        world.middle(client);
        for (int n = 0; n < 10; n++) {
            client.create().withProtection().withMode(EPHEMERAL_SEQUENTIAL)
                    .forPath(world.root + "/p-");
        }
        World.equal(11, client.getChildren().forPath(world.root).size());
        client.create().idempotent().forPath(world.root + "/once", bytes("x"));
        client.create().idempotent().forPath(world.root + "/once", bytes("x"));
        client.setData().idempotent().withVersion(0).forPath(world.root + "/once", bytes("y"));
        client.delete().idempotent().withVersion(1).forPath(world.root + "/once");
        client.delete().idempotent().forPath(world.root + "/once");
    }

    private static void dressing(World world) throws Exception {
        CuratorFramework plain = world.client();
        plain.create().forPath(world.root);
        CuratorFramework client = world.client(CuratorFrameworkFactory.builder()
                .authorization("digest", bytes("user:password"))
                .namespace(world.root.substring(1) + "/inner"));
        client.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath("/mine", bytes("secret"));
        world.middle(client);
        World.equal("secret", text(client.getData().forPath("/mine")));
        List<ACL> acl = client.getACL().forPath("/mine");
        World.equal(Collections.singletonList(new ACL(ZooDefs.Perms.ALL,
                new Id("digest", "user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY="))), acl);
        try {
            plain.getData().forPath(world.root + "/inner/mine");
            throw new AssertionError("a stranger may read it");
        } catch (KeeperException.NoAuthException expected) {
            // As it should be.
        }
        client.setACL().withVersion(0).withACL(ZooDefs.Ids.READ_ACL_UNSAFE).forPath("/mine");
        World.equal("secret", text(plain.getData().forPath(world.root + "/inner/mine")));
        client.create().compressed().forPath("/zip", bytes("again and again and again"));
        World.equal("again and again and again", text(client.getData().decompressed()
                .forPath("/zip")));
    }

    private static void watches(World world) throws Exception {
        CuratorFramework client = world.client();
        CuratorFramework other = world.client();
        client.create().forPath(world.root);
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        Watcher watcher = event -> note(world, seen, event);
        client.getData().usingWatcher(watcher).forPath(world.root);
        client.getChildren().usingWatcher(watcher).forPath(world.root);
        client.checkExists().usingWatcher(watcher).forPath(world.root + "/a");
        PersistentWatcher persistent = world.open(new PersistentWatcher(client, world.root, true));
        BlockingQueue<String> all = new LinkedBlockingQueue<>();
        CountDownLatch reset = new CountDownLatch(1);
        persistent.getListenable().addListener(event -> note(world, all, event));
        persistent.getResetListenable().addListener(reset::countDown);
        persistent.start();
        World.require(reset.await(World.PATIENCE_SECONDS, TimeUnit.SECONDS), "no watch is set");
        world.middle(client);
        if (!world.quiet()) {
            World.eventually("a connection", () -> client.getZookeeperClient().isConnected());
            // Behind the setting again of the watches, which is the first thing that is sent.
            client.checkExists().forPath(world.root);
        }
        other.create().forPath(world.root + "/a");
        other.setData().forPath(world.root, bytes("1"));
        other.setData().forPath(world.root + "/a", bytes("1"));
        other.delete().forPath(world.root + "/a");
        expect(seen, "NodeCreated /a", "NodeChildrenChanged ", "NodeDataChanged ");
        expect(all, "NodeCreated /a", "NodeDataChanged ", "NodeDataChanged /a", "NodeDeleted /a");
        client.watchers().add().withMode(AddWatchMode.PERSISTENT).usingWatcher(watcher)
                .forPath(world.root);
        other.create().forPath(world.root + "/b");
        expect(seen, "NodeChildrenChanged ");
        client.watchers().remove(watcher).forPath(world.root);
        expect(seen, "PersistentWatchRemoved ");
        other.create().forPath(world.root + "/c");
        expect(all, "NodeCreated /b", "NodeCreated /c");
        World.require(seen.isEmpty(), "a removed watch saw " + seen);
    }

    private static void note(World world, BlockingQueue<String> queue, WatchedEvent event) {
        if (event.getPath() != null) {
            queue.add(event.getType() + " " + event.getPath().substring(world.root.length()));
        }
    }

    private static void expect(BlockingQueue<String> queue, String... events) throws Exception {
        for (String event : events) {
            String next = queue.poll(World.PATIENCE_SECONDS, TimeUnit.SECONDS);
            World.require(event.equals(next), "expected " + event + ", seen " + next);
        }
    }

    private static void background(World world) throws Exception {
        CuratorFramework client = world.client();
        client.create().forPath(world.root);
        BlockingQueue<Integer> done = new LinkedBlockingQueue<>();
        int count = 100;
        for (int n = 0; n < count; n++) {
            int mine = n;
            if (n == count / 2) {
                world.middle(client);
            }
            client.create().inBackground((any, event) -> {
                // What is tried again after a lost connection may have been done before.
                World.require(event.getResultCode() == 0
                        || !world.quiet() && event.getResultCode() == -110,
                        "code " + event.getResultCode());
                done.add(mine);
            }).forPath(world.root + "/" + n);
        }
        int last = -1;
        for (int n = 0; n < count; n++) {
            Integer next = done.poll(World.PATIENCE_SECONDS, TimeUnit.SECONDS);
            World.require(next != null, "no more answers after " + n);
            World.require(!world.quiet() || next == last + 1, next + " came after " + last);
            last = next;
        }
        World.equal(count, client.checkExists().forPath(world.root).getNumChildren());
    }

    private static void tracker(World world) throws Exception {
        CuratorFramework client = world.client();
        world.middle(client);
        String config = text(client.getConfig().forEnsemble());
        World.require(config.contains("server.1=") && config.contains("server.3=")
                && config.contains("version="), config);
        World.equal(world.servers, client.getZookeeperClient().getCurrentConnectionString());
        World.require(client.checkExists().forPath("/zookeeper/config") != null, "no config");
    }

    /** A client that knows one server learns of all, and goes on when that one is killed. */
    static void tracked(World world, String all) throws Exception {
        CuratorFramework client = world.client();
        List<String> expected = Arrays.asList(all.split(","));
        World.eventually("all servers to be known", () -> {
            List<String> known = Arrays.asList(
                    client.getZookeeperClient().getCurrentConnectionString().split(","));
            return known.containsAll(expected) && known.size() == expected.size();
        });
        client.create().forPath(world.root, bytes("0"));
        world.middle(client);
        client.setData().forPath(world.root, bytes("1"));
        World.require(!World.serverOf(client).equals(world.servers), "it is still there");
        World.equal("1", text(client.getData().forPath(world.root)));
    }
}
