import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.CachedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicValue;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;

/** Values that are shared, and numbers that are counted together. */
final class Values {
    static void register(Map<String, Main.Check> checks) {
        checks.put("SharedCount: others are told, and a stale try fails", Values::count);
        checks.put("SharedValue: others are told, and a stale try fails", Values::value);
        checks.put("DistributedAtomicLong: no addition is lost", Values::atomicLong);
        checks.put("DistributedAtomicLong: nor with a lock", Values::promoted);
        checks.put("DistributedAtomicInteger: compare and set, increment, subtract",
                Values::atomicInteger);
        checks.put("DistributedAtomicValue: initialised once", Values::atomicValue);
    }

    private static final RetryNTimes RETRY = new RetryNTimes(500, 10);

    private static void count(World world) throws Exception {
        CuratorFramework client = world.client();
        SharedCount mine = world.open(new SharedCount(client, world.root + "/count", 10));
        SharedCount other =
                world.open(new SharedCount(world.client(), world.root + "/count", 10));
        BlockingQueue<Integer> told = new LinkedBlockingQueue<>();
        other.addListener(new SharedCountListener() {
            @Override
            public void countHasChanged(SharedCountReader reader, int count) {
                told.add(count);
            }

            @Override
            public void stateChanged(CuratorFramework any, ConnectionState state) {
                // The value is read again by itself.
            }
        });
        mine.start();
        other.start();
        World.equal(10, other.getCount());
        mine.setCount(11);
        World.equal(11, told.poll(World.PATIENCE_SECONDS, TimeUnit.SECONDS));
        world.middle(client);
        VersionedValue<Integer> before = mine.getVersionedValue();
        mine.setCount(12);
        World.eventually("the other to see it", () -> other.getCount() == 12);
        World.require(!mine.trySetCount(before, 99), "a stale try was taken");
        World.require(other.trySetCount(other.getVersionedValue(), 13), "a fresh try was not");
        World.eventually("this one to see it", () -> mine.getCount() == 13);
    }

    private static void value(World world) throws Exception {
        CuratorFramework client = world.client();
        SharedValue mine =
                world.open(new SharedValue(client, world.root + "/value", Basics.bytes("seed")));
        SharedValue other = world.open(
                new SharedValue(world.client(), world.root + "/value", Basics.bytes("seed")));
        mine.start();
        other.start();
        VersionedValue<byte[]> before = other.getVersionedValue();
        world.middle(client);
        mine.setValue(Basics.bytes("new"));
        World.eventually("the other to see it",
                () -> Basics.text(other.getValue()).equals("new"));
        World.require(!other.trySetValue(before, Basics.bytes("stale")), "a stale try was taken");
        World.require(other.trySetValue(other.getVersionedValue(), Basics.bytes("last")), "no");
        World.eventually("this one to see it", () -> Basics.text(mine.getValue()).equals("last"));
    }

    private static void atomicLong(World world) throws Exception {
        add(world, client -> new DistributedAtomicLong(client, world.root + "/long", RETRY));
        CachedAtomicLong cached = new CachedAtomicLong(
                new DistributedAtomicLong(world.client(), world.root + "/cached", RETRY), 10);
        World.equal(1L, cached.next().postValue());
        World.equal(2L, cached.next().postValue());
    }

    private static void promoted(World world) throws Exception {
        PromotedToLock lock = PromotedToLock.builder().lockPath(world.root + "/lock")
                .retryPolicy(RETRY).timeout(World.PATIENCE_SECONDS, TimeUnit.SECONDS).build();
        add(world, client -> new DistributedAtomicLong(client, world.root + "/long",
                new RetryNTimes(1, 1), lock));
    }

    interface Maker {
        DistributedAtomicLong make(CuratorFramework client);
    }

    private static void add(World world, Maker maker) throws Exception {
        int rounds = 10;
        List<Callable<Long>> work = new ArrayList<>();
        for (int worker = 0; worker < 3; worker++) {
            boolean mine = worker == 0;
            CuratorFramework client = world.client();
            DistributedAtomicLong number = maker.make(client);
            work.add(() -> {
                long added = 0;
                for (int round = 0; round < rounds; round++) {
                    if (mine && round == rounds / 2) {
                        world.middle(client);
                    }
                    if (number.add(3L).succeeded()) {
                        added += 3;
                    }
                }
                return added;
            });
        }
        long sum = 0;
        for (long part : World.together(work)) {
            sum += part;
        }
        long found = maker.make(world.client()).get().postValue();
        // What succeeded has happened. When an answer is lost the recipe finds another version than
        // it had seen and adds once more: that is one addition too many for each worker at most.
        long most = 3L * 3 * rounds + (world.quiet() ? 0 : 3L * 3);
        World.require(found >= sum && found <= most, sum + " added, " + found);
        World.require(!world.quiet() || sum == most, "only " + sum);
    }

    private static void atomicInteger(World world) throws Exception {
        CuratorFramework client = world.client();
        DistributedAtomicInteger number =
                new DistributedAtomicInteger(client, world.root + "/int", RETRY);
        World.require(number.initialize(5), "it was there before");
        World.require(!number.initialize(6), "it is initialised twice");
        AtomicValue<Integer> outcome = number.compareAndSet(5, 7);
        World.require(outcome.succeeded() && outcome.preValue() == 5, "it was 5");
        world.middle(client);
        World.require(!number.compareAndSet(5, 9).succeeded(), "it is 7");
        World.equal(7, number.get().postValue());
        number.forceSet(20);
        World.equal(20, number.get().postValue());
        World.equal(16, number.subtract(4).postValue());
        World.equal(17, number.increment().postValue());
        World.equal(16, number.decrement().postValue());
        World.equal(1, number.trySet(1).postValue());
    }

    private static void atomicValue(World world) throws Exception {
        CuratorFramework client = world.client();
        DistributedAtomicValue value =
                new DistributedAtomicValue(client, world.root + "/value", RETRY);
        World.require(value.initialize(Basics.bytes("a")), "it was there before");
        world.middle(client);
        AtomicValue<byte[]> outcome = value.compareAndSet(Basics.bytes("a"), Basics.bytes("b"));
        World.require(outcome.succeeded() || !world.quiet(), "it was a");
        World.equal("b", Basics.text(value.get().postValue()));
    }
}
