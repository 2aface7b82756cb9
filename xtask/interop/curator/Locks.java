import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;

/** Locks, semaphores and barriers. */
final class Locks {
    static void register(Map<String, Main.Check> checks) {
        checks.put("InterProcessMutex: one holder at a time",
                world -> exclusion(world, InterProcessMutex::new));
        checks.put("InterProcessMutex: it is reentrant, and may be revoked", Locks::reentrant);
        checks.put("InterProcessSemaphoreMutex: one holder at a time",
                world -> exclusion(world, InterProcessSemaphoreMutex::new));
        checks.put("InterProcessReadWriteLock: readers share, a writer does not", Locks::readWrite);
        checks.put("InterProcessMultiLock: all of them or none", Locks::multi);
        checks.put("InterProcessSemaphoreV2: as many leases as there are", Locks::semaphore);
        checks.put("DistributedBarrier: nobody passes before it is lifted", Locks::barrier);
        checks.put("DistributedDoubleBarrier: all enter together and leave together",
                Locks::doubleBarrier);
    }

    interface Kind {
        InterProcessLock make(CuratorFramework client, String path);
    }

    private static void exclusion(World world, Kind kind) throws Exception {
        int workers = 4;
        int rounds = 6;
        AtomicInteger holders = new AtomicInteger();
        AtomicInteger turns = new AtomicInteger();
        List<Callable<Void>> work = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            CuratorFramework client = world.client();
            InterProcessLock lock = kind.make(client, world.root + "/lock");
            work.add(() -> {
                for (int round = 0; round < rounds; round++) {
                    World.require(lock.acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                            "the lock is not to be had");
                    World.equal(1, holders.incrementAndGet());
                    if (turns.incrementAndGet() == workers * rounds / 2) {
                        world.middle(client);
                    }
                    Thread.sleep(2);
                    holders.decrementAndGet();
                    lock.release();
                }
                return null;
            });
        }
        World.together(work);
        World.equal(workers * rounds, turns.get());
    }

    private static void reentrant(World world) throws Exception {
        CuratorFramework client = world.client();
        CuratorFramework other = world.client();
        InterProcessMutex mutex = new InterProcessMutex(client, world.root + "/lock");
        CountDownLatch asked = new CountDownLatch(1);
        mutex.makeRevocable(forLock -> asked.countDown());
        mutex.acquire();
        mutex.acquire();
        mutex.release();
        World.require(mutex.isAcquiredInThisProcess(), "it was given back too early");
        InterProcessMutex rival = new InterProcessMutex(other, world.root + "/lock");
        World.require(!rival.acquire(50, TimeUnit.MILLISECONDS), "two hold it");
        world.middle(client);
        Collection<String> holders = mutex.getParticipantNodes();
        Revoker.attemptRevoke(other, holders.iterator().next());
        World.require(asked.await(World.PATIENCE_SECONDS, TimeUnit.SECONDS), "nobody was asked");
        mutex.release();
        World.require(rival.acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS), "it stays taken");
        rival.release();
    }

    private static void readWrite(World world) throws Exception {
        CuratorFramework client = world.client();
        InterProcessReadWriteLock first = new InterProcessReadWriteLock(client, world.root);
        InterProcessReadWriteLock second =
                new InterProcessReadWriteLock(world.client(), world.root);
        first.readLock().acquire();
        World.require(second.readLock().acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                "readers do not share");
        InterProcessReadWriteLock third =
                new InterProcessReadWriteLock(world.client(), world.root);
        World.require(!third.writeLock().acquire(100, TimeUnit.MILLISECONDS),
                "it is written while it is read");
        world.middle(client);
        first.readLock().release();
        second.readLock().release();
        World.require(third.writeLock().acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                "nobody reads and nobody may write");
        World.require(third.readLock().acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                "a writer may read");
        World.require(!first.readLock().acquire(100, TimeUnit.MILLISECONDS),
                "it is read while it is written");
        third.readLock().release();
        third.writeLock().release();
        first.readLock().acquire();
        first.readLock().release();
    }

    private static void multi(World world) throws Exception {
        CuratorFramework client = world.client();
        CuratorFramework other = world.client();
        List<String> paths = Arrays.asList(world.root + "/a", world.root + "/b");
        InterProcessMultiLock both = new InterProcessMultiLock(client, paths);
        InterProcessMutex one = new InterProcessMutex(other, world.root + "/b");
        one.acquire();
        World.require(!both.acquire(100, TimeUnit.MILLISECONDS), "one is taken");
        world.middle(client);
        World.require(new InterProcessMutex(other, world.root + "/a")
                .acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS), "the first was kept");
        one.release();
        InterProcessMultiLock fresh = new InterProcessMultiLock(client,
                Arrays.asList(world.root + "/b", world.root + "/c"));
        World.require(fresh.acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS), "both are free");
        World.require(!one.acquire(100, TimeUnit.MILLISECONDS), "both are taken");
        fresh.release();
    }

    private static void semaphore(World world) throws Exception {
        CuratorFramework client = world.client();
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, world.root, 3);
        InterProcessSemaphoreV2 other = new InterProcessSemaphoreV2(world.client(), world.root, 3);
        Collection<Lease> two = semaphore.acquire(2);
        Lease third = other.acquire(World.PATIENCE_SECONDS, TimeUnit.SECONDS);
        World.require(third != null, "the third is free");
        World.require(other.acquire(100, TimeUnit.MILLISECONDS) == null, "there is no fourth");
        world.middle(client);
        World.equal(3, other.getParticipantNodes().size());
        semaphore.returnAll(two);
        Collection<Lease> again = other.acquire(2, World.PATIENCE_SECONDS, TimeUnit.SECONDS);
        World.require(again != null && again.size() == 2, "two are free again");
        other.returnAll(again);
        other.returnLease(third);
    }

    private static void barrier(World world) throws Exception {
        CuratorFramework client = world.client();
        DistributedBarrier barrier = new DistributedBarrier(client, world.root + "/barrier");
        barrier.setBarrier();
        DistributedBarrier other =
                new DistributedBarrier(world.client(), world.root + "/barrier");
        World.require(!other.waitOnBarrier(100, TimeUnit.MILLISECONDS), "it is passed");
        List<Callable<Boolean>> both = Arrays.asList(
                () -> other.waitOnBarrier(World.PATIENCE_SECONDS, TimeUnit.SECONDS),
                () -> {
                    world.middle(client);
                    barrier.removeBarrier();
                    return true;
                });
        World.equal(Arrays.asList(true, true), World.together(both));
    }

    private static void doubleBarrier(World world) throws Exception {
        int count = 4;
        AtomicInteger entered = new AtomicInteger();
        AtomicInteger leaving = new AtomicInteger();
        List<Callable<Void>> work = new ArrayList<>();
        List<CuratorFramework> clients = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            clients.add(world.client());
        }
        // Who waits at such a barrier and loses its connection is told so by an exception; so the
        // trouble comes before.
        world.middle(clients.get(0));
        world.settle(clients);
        for (CuratorFramework client : clients) {
            DistributedDoubleBarrier barrier =
                    new DistributedDoubleBarrier(client, world.root + "/double", count);
            work.add(() -> {
                entered.incrementAndGet();
                World.require(barrier.enter(World.PATIENCE_SECONDS, TimeUnit.SECONDS), "no entry");
                World.equal(count, entered.get());
                leaving.incrementAndGet();
                World.require(barrier.leave(World.PATIENCE_SECONDS, TimeUnit.SECONDS), "no exit");
                World.equal(count, leaving.get());
                return null;
            });
        }
        World.together(work);
    }
}
