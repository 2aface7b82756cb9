import static org.apache.zookeeper.CreateMode.*;

import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Collectors;
import java.util.TreeMap;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCacheEvent;
import org.apache.curator.framework.recipes.cache.TreeCache;

/** Caches: after any trouble they show what is there. */
@SuppressWarnings("deprecation")
final class Caches {
    static void register(Map<String, Main.Check> checks) {
        checks.put("CuratorCache: shows a subtree", Caches::curatorCache);
        checks.put("PathChildrenCache: shows the children", Caches::pathChildrenCache);
        checks.put("NodeCache: shows one znode", Caches::nodeCache);
        checks.put("TreeCache: shows a subtree", Caches::treeCache);
    }

    interface Shown {
        Map<String, String> now() throws Exception;
    }

    /** Changes a subtree before, during and after the trouble, and waits until it is shown. */
    private static void change(World world, CuratorFramework client, boolean deep, Shown shown)
            throws Exception {
        CuratorFramework writer = world.client();
        Map<String, String> expected = new TreeMap<>();
        for (int n = 0; n < 20; n++) {
            put(world, writer, expected, "/n" + n, "first");
        }
        same(expected, shown);
        world.middle(client);
        for (int n = 0; n < 20; n++) {
            if (n % 3 == 0) {
                writer.delete().forPath(world.root + "/n" + n);
                expected.remove("/n" + n);
            } else {
                writer.setData().forPath(world.root + "/n" + n, Basics.bytes("second"));
                expected.put("/n" + n, "second");
            }
        }
        put(world, writer, expected, "/new", "x");
        if (deep) {
            put(world, writer, expected, "/new/deep", "y");
            put(world, writer, expected, "/new/deep/deeper", "z");
        }
        same(expected, shown);
    }

    private static void put(World world, CuratorFramework writer, Map<String, String> expected,
            String path, String data) throws Exception {
        writer.create().forPath(world.root + path, Basics.bytes(data));
        expected.put(path, data);
    }

    private static void same(Map<String, String> expected, Shown shown) throws Exception {
        try {
            World.eventually("the cache", () -> new TreeMap<>(shown.now()).equals(expected));
        } catch (AssertionError error) {
            throw new AssertionError("it shows " + new TreeMap<>(shown.now()) + ", there is "
                    + expected);
        }
    }

    private static void curatorCache(World world) throws Exception {
        CuratorFramework client = world.client();
        client.create().forPath(world.root);
        CuratorCache cache = world.open(CuratorCache.build(client, world.root));
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        cache.listenable().addListener(CuratorCacheListener.builder()
                .forCreates(node -> events.add("+" + node.getPath()))
                .forDeletes(node -> events.add("-" + node.getPath())).build());
        cache.start();
        change(world, client, true, () -> cache.stream()
                .filter(node -> !node.getPath().equals(world.root))
                .collect(Collectors.toMap(node -> node.getPath().substring(world.root.length()),
                        node -> Basics.text(node.getData()))));
        World.eventually("events", () -> events.contains("-" + world.root + "/n0")
                && events.contains("+" + world.root + "/new/deep/deeper"));
    }

    private static void pathChildrenCache(World world) throws Exception {
        CuratorFramework client = world.client();
        client.create().forPath(world.root);
        PathChildrenCache cache = world.open(new PathChildrenCache(client, world.root, true));
        BlockingQueue<PathChildrenCacheEvent.Type> events = new LinkedBlockingQueue<>();
        cache.getListenable().addListener((any, event) -> events.add(event.getType()));
        cache.start(PathChildrenCache.StartMode.POST_INITIALIZED_EVENT);
        change(world, client, false, () -> cache.getCurrentData().stream()
                .collect(Collectors.toMap(node -> node.getPath().substring(world.root.length()),
                        node -> Basics.text(node.getData()))));
        World.eventually("all kinds of events", () ->
                events.contains(PathChildrenCacheEvent.Type.INITIALIZED)
                && events.contains(PathChildrenCacheEvent.Type.CHILD_ADDED)
                && events.contains(PathChildrenCacheEvent.Type.CHILD_UPDATED)
                && events.contains(PathChildrenCacheEvent.Type.CHILD_REMOVED));
    }

    private static void nodeCache(World world) throws Exception {
        CuratorFramework client = world.client();
        CuratorFramework writer = world.client();
        NodeCache cache = world.open(new NodeCache(client, world.root));
        cache.start(true);
        World.require(cache.getCurrentData() == null, "it is not there yet");
        writer.create().forPath(world.root, Basics.bytes("one"));
        shows(cache, "one");
        world.middle(client);
        writer.setData().forPath(world.root, Basics.bytes("two"));
        shows(cache, "two");
        writer.delete().forPath(world.root);
        World.eventually("it to be gone", () -> cache.getCurrentData() == null);
        writer.create().withMode(EPHEMERAL).forPath(world.root, Basics.bytes("three"));
        shows(cache, "three");
    }

    private static void shows(NodeCache cache, String data) throws Exception {
        World.eventually(data, () -> cache.getCurrentData() != null
                && Basics.text(cache.getCurrentData().getData()).equals(data));
    }

    private static void treeCache(World world) throws Exception {
        CuratorFramework client = world.client();
        client.create().forPath(world.root);
        TreeCache cache = world.open(new TreeCache(client, world.root));
        cache.start();
        change(world, client, true, () -> {
            Map<String, String> shown = new TreeMap<>();
            collect(world, cache, world.root, shown);
            return shown;
        });
    }

    private static void collect(World world, TreeCache cache, String path,
            Map<String, String> shown) {
        Map<String, org.apache.curator.framework.recipes.cache.ChildData> children =
                cache.getCurrentChildren(path);
        if (children == null) {
            return;
        }
        children.forEach((name, node) -> {
            shown.put(node.getPath().substring(world.root.length()), Basics.text(node.getData()));
            collect(world, cache, node.getPath(), shown);
        });
    }
}
