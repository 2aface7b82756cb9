import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.KeeperException;

/** Queues. */
final class Queues {
    static void register(Map<String, Main.Check> checks) {
        checks.put("DistributedQueue: everything is taken once, in order", Queues::plain);
        checks.put("DistributedQueue: with a lock nothing is lost", Queues::safe);
        checks.put("DistributedIdQueue: what has a name can be taken out", Queues::named);
        checks.put("DistributedPriorityQueue: the urgent first", Queues::priority);
        checks.put("DistributedDelayQueue: nothing before its time", Queues::delay);
        checks.put("SimpleDistributedQueue: offer, peek, poll, take", Queues::simple);
    }

    private static final QueueSerializer<String> TEXT = new QueueSerializer<String>() {
        @Override
        public byte[] serialize(String item) {
            return Basics.bytes(item);
        }

        @Override
        public String deserialize(byte[] bytes) {
            return Basics.text(bytes);
        }
    };

    /** Takes into a list what comes. */
    private static final class Taker implements QueueConsumer<String> {
        final BlockingQueue<String> taken = new LinkedBlockingQueue<>();

        @Override
        public void consumeMessage(String message) {
            taken.add(message);
        }

        @Override
        public void stateChanged(CuratorFramework client, ConnectionState state) {
            // The queue itself goes on.
        }

        List<String> take(int count) throws Exception {
            List<String> items = new ArrayList<>();
            while (items.size() < count) {
                String item = taken.poll(World.PATIENCE_SECONDS, TimeUnit.SECONDS);
                World.require(item != null, "only these came: " + items);
                items.add(item);
            }
            return items;
        }

        List<String> missing(int count) {
            List<String> missing = numbers(count);
            missing.removeAll(taken);
            return missing;
        }
    }

    private static List<String> numbers(int count) {
        List<String> numbers = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            numbers.add("item-" + n);
        }
        return numbers;
    }

    /**
     * A consumer without a lock deletes an item before it hands it on. Killed between the commit of
     * that deletion and its answer, the server makes it ask again, be told that there is no such
     * node, and think that another consumer has the item: this one may be lost, no other.
     */
    private static void plain(World world) throws Exception {
        CuratorFramework client = world.client();
        Taker taker = new Taker();
        DistributedQueue<String> queue = world.open(QueueBuilder
                .builder(world.client(), taker, TEXT, world.root + "/queue").buildQueue());
        DistributedQueue<String> source = world.open(QueueBuilder
                .builder(client, null, TEXT, world.root + "/queue").buildQueue());
        queue.start();
        source.start();
        fill(world, client, source);
        if (world.quiet()) {
            World.equal(numbers(20), taker.take(20));
            return;
        }
        World.eventually("an empty queue", () -> names(client, world.root + "/queue").isEmpty());
        World.eventually("all items but one", () -> taker.missing(20).size() <= 1);
    }

    /**
     * With a lock the item stays until it was consumed. A lock whose answer was lost is held by a
     * consumer that does not know: what it guards is another's when that consumer's session ends.
     */
    private static void safe(World world) throws Exception {
        CuratorFramework client = world.client();
        Taker taker = new Taker();
        DistributedQueue<String> queue = guarded(world, client, taker);
        fill(world, client, queue);
        if (world.quiet()) {
            World.equal(numbers(20), taker.take(20));
            return;
        }
        World.eventually("every item to be taken or locked", () ->
                names(client, world.root + "/locks").containsAll(
                        names(client, world.root + "/queue")));
        queue.close();
        client.close();
        guarded(world, world.client(), taker);
        World.eventually("all items", () -> taker.missing(20).isEmpty());
    }

    private static DistributedQueue<String> guarded(
            World world, CuratorFramework client, Taker taker) throws Exception {
        DistributedQueue<String> queue = world.open(QueueBuilder
                .builder(client, taker, TEXT, world.root + "/queue")
                .lockPath(world.root + "/locks").buildQueue());
        queue.start();
        return queue;
    }

    private static List<String> names(CuratorFramework client, String path) throws Exception {
        try {
            return client.getChildren().forPath(path);
        } catch (KeeperException.NoNodeException none) {
            return new ArrayList<>();
        }
    }

    private static void fill(World world, CuratorFramework client, DistributedQueue<String> queue)
            throws Exception {
        List<String> items = numbers(20);
        for (String item : items) {
            if (item.equals("item-10")) {
                world.middle(client);
            }
            queue.put(item);
        }
        World.require(queue.flushPuts((int) World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                "not everything was put in");
    }

    private static void named(World world) throws Exception {
        CuratorFramework client = world.client();
        DistributedIdQueue<String> source = world.open(QueueBuilder
                .builder(client, null, TEXT, world.root + "/queue").buildIdQueue());
        source.start();
        source.put("kept", "a");
        source.put("withdrawn", "b");
        World.require(source.flushPuts((int) World.PATIENCE_SECONDS, TimeUnit.SECONDS), "no flush");
        world.middle(client);
        World.equal(1, source.remove("b"));
        Taker taker = new Taker();
        DistributedIdQueue<String> queue = world.open(QueueBuilder
                .builder(world.client(), taker, TEXT, world.root + "/queue").buildIdQueue());
        queue.start();
        World.equal("kept", taker.take(1).get(0));
        World.require(taker.taken.isEmpty(), "what was withdrawn came, too");
    }

    private static void priority(World world) throws Exception {
        CuratorFramework client = world.client();
        DistributedPriorityQueue<String> source = world.open(QueueBuilder
                .builder(client, null, TEXT, world.root + "/queue").buildPriorityQueue(0));
        source.start();
        source.put("later", 10);
        source.put("soon", 5);
        World.require(source.flushPuts((int) World.PATIENCE_SECONDS, TimeUnit.SECONDS), "no flush");
        world.middle(client);
        source.put("now", -1);
        World.require(source.flushPuts((int) World.PATIENCE_SECONDS, TimeUnit.SECONDS), "no flush");
        Taker taker = new Taker();
        DistributedPriorityQueue<String> queue = world.open(QueueBuilder
                .builder(world.client(), taker, TEXT, world.root + "/queue")
                .buildPriorityQueue(0));
        queue.start();
        List<String> taken = taker.take(3);
        World.equal(java.util.Arrays.asList("now", "soon", "later"), taken);
    }

    private static void delay(World world) throws Exception {
        CuratorFramework client = world.client();
        Taker taker = new Taker();
        DistributedDelayQueue<String> queue = world.open(QueueBuilder
                .builder(client, taker, TEXT, world.root + "/queue").buildDelayQueue());
        queue.start();
        long start = System.currentTimeMillis();
        queue.put("second", start + 1000);
        queue.put("first", start + 500);
        World.require(queue.flushPuts((int) World.PATIENCE_SECONDS, TimeUnit.SECONDS), "no flush");
        world.middle(client);
        World.equal(java.util.Arrays.asList("first", "second"), taker.take(2));
        World.require(System.currentTimeMillis() - start >= 1000, "it came too early");
    }

    private static void simple(World world) throws Exception {
        CuratorFramework client = world.client();
        SimpleDistributedQueue queue = new SimpleDistributedQueue(client, world.root + "/queue");
        SimpleDistributedQueue other =
                new SimpleDistributedQueue(world.client(), world.root + "/queue");
        World.require(other.poll() == null && other.peek() == null, "it is empty");
        World.require(queue.offer(Basics.bytes("one")) && queue.offer(Basics.bytes("two")), "no");
        World.equal("one", Basics.text(other.peek()));
        World.equal("one", Basics.text(other.take()));
        world.middle(client);
        World.equal("two", Basics.text(queue.poll(World.PATIENCE_SECONDS, TimeUnit.SECONDS)));
        List<java.util.concurrent.Callable<Boolean>> both = java.util.Arrays.asList(
                () -> "three".equals(Basics.text(
                        other.poll(World.PATIENCE_SECONDS, TimeUnit.SECONDS))),
                () -> queue.offer(Basics.bytes("three")));
        World.equal(java.util.Arrays.asList(true, true), World.together(both));
    }
}
