import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.zookeeper.CreateMode;

/** Znodes that stay as long as somebody wants them. */
final class Nodes {
    static void register(Map<String, Main.Check> checks) {
        checks.put("PersistentNode: it comes back when it is deleted", Nodes::persistent);
        checks.put("GroupMember: members come and go", Nodes::group);
        checks.put("PersistentTtlNode: it lives while it is wanted", Nodes::ttl);
    }

    private static void persistent(World world) throws Exception {
        CuratorFramework client = world.client();
        CuratorFramework other = world.client();
        String path = world.root + "/node";
        PersistentNode node = world.open(new PersistentNode(client, CreateMode.EPHEMERAL, false,
                path, Basics.bytes("x")));
        node.start();
        World.require(node.waitForInitialCreate(World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                "it was not created");
        world.middle(client);
        other.delete().forPath(path);
        World.eventually("it to come back", () -> other.checkExists().forPath(path) != null);
        node.setData(Basics.bytes("y"));
        World.eventually("its data", () -> {
            try {
                return Basics.text(other.getData().forPath(path)).equals("y");
            } catch (org.apache.zookeeper.KeeperException.NoNodeException gone) {
                return false;
            }
        });
        node.close();
        World.eventually("it to go", () -> other.checkExists().forPath(path) == null);
    }

    private static void group(World world) throws Exception {
        CuratorFramework client = world.client();
        GroupMember one = world.open(new GroupMember(client, world.root, "one"));
        GroupMember two = new GroupMember(world.client(), world.root, "two", Basics.bytes("2"));
        one.start();
        two.start();
        World.eventually("two members", () -> one.getCurrentMembers().size() == 2
                && two.getCurrentMembers().size() == 2);
        World.equal("2", Basics.text(one.getCurrentMembers().get("two")));
        world.middle(client);
        one.setThisData(Basics.bytes("1"));
        World.eventually("its data", () -> two.getCurrentMembers().containsKey("one")
                && Basics.text(two.getCurrentMembers().get("one")).equals("1"));
        two.close();
        World.eventually("one to be alone", () -> one.getCurrentMembers().size() == 1);
    }

    private static void ttl(World world) throws Exception {
        CuratorFramework client = world.client();
        String path = world.root + "/ttl";
        long ttlMs = 2000;
        PersistentTtlNode node = new PersistentTtlNode(client, path, ttlMs, Basics.bytes("x"));
        node.start();
        World.require(node.waitForInitialCreate(World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                "it was not created");
        world.middle(client);
        Thread.sleep(2 * ttlMs);
        World.eventually("it to be there", () -> client.checkExists().forPath(path) != null);
        World.equal("x", Basics.text(client.getData().forPath(path)));
        node.close();
        World.eventually("it to be reaped", () -> client.checkExists().forPath(path) == null);
    }
}
