import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;

/** Elections. */
final class Leaders {
    static void register(Map<String, Main.Check> checks) {
        checks.put("LeaderLatch: one leads, and another when it closes", Leaders::latch);
        checks.put("LeaderSelector: each leads in turn", Leaders::selector);
    }

    private static void latch(World world) throws Exception {
        List<LeaderLatch> latches = new ArrayList<>();
        CuratorFramework client = null;
        for (int n = 0; n < 3; n++) {
            client = world.client();
            LeaderLatch latch = new LeaderLatch(client, world.root + "/latch", "n" + n);
            latch.start();
            latches.add(latch);
        }
        while (!latches.isEmpty()) {
            World.eventually("a leader", () -> leading(latches).size() == 1);
            if (latches.size() == 3) {
                world.middle(client);
            }
            World.eventually("everybody to know the leader", () -> {
                List<LeaderLatch> leaders = leading(latches);
                for (LeaderLatch latch : latches) {
                    if (leaders.size() != 1
                            || !latch.getLeader().getId().equals(leaders.get(0).getId())
                            || latch.getParticipants().size() != latches.size()) {
                        return false;
                    }
                }
                return true;
            });
            LeaderLatch leader = leading(latches).get(0);
            latches.remove(leader);
            leader.close();
        }
    }

    private static List<LeaderLatch> leading(List<LeaderLatch> latches) {
        List<LeaderLatch> leaders = new ArrayList<>();
        for (LeaderLatch latch : latches) {
            if (latch.hasLeadership()) {
                leaders.add(latch);
            }
        }
        return leaders;
    }

    private static void selector(World world) throws Exception {
        BlockingQueue<String> led = new LinkedBlockingQueue<>();
        AtomicInteger now = new AtomicInteger();
        BlockingQueue<String> wrong = new LinkedBlockingQueue<>();
        CuratorFramework last = null;
        for (int n = 0; n < 3; n++) {
            String name = "n" + n;
            CuratorFramework client = world.client();
            last = client;
            LeaderSelector selector = new LeaderSelector(client, world.root + "/selector",
                    new LeaderSelectorListenerAdapter() {
                        @Override
                        public void takeLeadership(CuratorFramework any) throws Exception {
                            if (now.incrementAndGet() != 1) {
                                wrong.add(name + " is not alone");
                            }
                            led.add(name);
                            try {
                                Thread.sleep(20);
                            } finally {
                                now.decrementAndGet();
                            }
                        }
                    });
            selector.setId(name);
            selector.autoRequeue();
            world.open(selector).start();
        }
        everybody(led);
        world.middle(last);
        led.clear();
        everybody(led);
        World.require(wrong.isEmpty(), wrong.toString());
    }

    private static void everybody(BlockingQueue<String> led) throws Exception {
        Set<String> names = new HashSet<>();
        while (names.size() < 3) {
            String name = led.poll(World.PATIENCE_SECONDS, TimeUnit.SECONDS);
            World.require(name != null, "only these led: " + names);
            names.add(name);
        }
    }
}
