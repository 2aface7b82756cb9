import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryNTimes;

/** What a check works with: servers, clients that are closed behind it, and trouble. */
final class World {
    /** What goes wrong in the middle of a check. */
    enum Trouble {
        NONE("", ""),
        MINE(", its server is killed in the middle", "kill"),
        LEADER(", the leader is killed in the middle", "kill");

        final String said;
        final String verb;

        Trouble(String said, String verb) {
            this.said = said;
            this.verb = verb;
        }
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    static final long PATIENCE_SECONDS = 40;
    private static final int SESSION_MS = 10_000;
    private static final Pattern REMOTE = Pattern.compile("remoteserver:[^/]*/([0-9.]+:[0-9]+)");
    private static final BufferedReader ANSWERS =
            new BufferedReader(new InputStreamReader(System.in));

    final String servers;
    final String root;
    private final Trouble trouble;
    private final List<Closeable> opened = Collections.synchronizedList(new ArrayList<>());
    private String killed;

    World(String servers, String root, Trouble trouble) {
        this.servers = servers;
        this.root = root;
        this.trouble = trouble;
    }

    CuratorFramework client() throws Exception {
        return client(CuratorFrameworkFactory.builder());
    }

    CuratorFramework client(CuratorFrameworkFactory.Builder builder) throws Exception {
        CuratorFramework client = builder.connectString(servers)
                .sessionTimeoutMs(SESSION_MS)
                .connectionTimeoutMs(SESSION_MS)
                .retryPolicy(new RetryNTimes(200, 100))
                .build();
        client.start();
        opened.add(client);
        require(client.blockUntilConnected((int) PATIENCE_SECONDS, TimeUnit.SECONDS),
                "no connection");
        return client;
    }

    /** Closed when the check is over, before what was opened earlier. */
    <T extends Closeable> T open(T thing) {
        opened.add(thing);
        return thing;
    }

    /** The middle of a check: where something goes wrong, if something does. */
    void middle(CuratorFramework client) throws Exception {
        switch (trouble) {
            case NONE:
                return;
            case MINE:
                killed = serverOf(client);
                break;
            case LEADER:
                killed = ask("leader");
                break;
        }
        ask("kill " + killed);
    }

    /** After the middle: waits until somebody leads again and all of these are connected. */
    void settle(List<CuratorFramework> clients) throws Exception {
        eventually("a leader", () -> {
            try {
                return !ask("leader").equals(killed);
            } catch (IOException nobody) {
                return false;
            }
        });
        for (CuratorFramework client : clients) {
            client.checkExists().forPath("/");
        }
    }

    boolean quiet() {
        return trouble == Trouble.NONE;
    }

    static String serverOf(CuratorFramework client) throws Exception {
        Matcher matcher = REMOTE.matcher(client.getZookeeperClient().getZooKeeper().toString());
        require(matcher.find(), "the client is connected to nobody");
        return matcher.group(1);
    }

    /** Asks the one who runs this program for something. */
    static String ask(String wish) throws IOException {
        System.out.println("ask " + wish);
        String answer = ANSWERS.readLine();
        if (answer == null || answer.startsWith("cannot")) {
            throw new IOException(wish + ": " + answer);
        }
        return answer;
    }

    /** Closes everything, the latest first, and lets the killed server come back. */
    void end() throws Exception {
        Collections.reverse(opened);
        for (Closeable thing : opened) {
            try {
                thing.close();
            } catch (IllegalStateException closedBefore) {
                // The check closed it itself.
            }
        }
        if (killed != null) {
            ask("start " + killed);
        }
        ask("all");
    }

    static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    static void equal(Object expected, Object found) {
        require(expected.equals(found), "expected " + expected + ", found " + found);
    }

    static void eventually(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.holds()) {
            require(System.nanoTime() < deadline, "waited for " + what);
            Thread.sleep(10);
        }
    }

    /** Runs as many of a task as asked for side by side; the first failure is this one's. */
    static <T> List<T> together(int count, Callable<T> task) throws Exception {
        List<Callable<T>> tasks = Collections.nCopies(count, task);
        return together(tasks);
    }

    static <T> List<T> together(List<Callable<T>> tasks) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(tasks.size());
        // One that fails may keep others waiting: its reason counts, not theirs.
        AtomicReference<Throwable> first = new AtomicReference<>();
        try {
            List<Future<T>> futures = new ArrayList<>();
            for (Callable<T> task : tasks) {
                futures.add(threads.submit(() -> {
                    try {
                        return task.call();
                    } catch (Throwable error) {
                        first.compareAndSet(null, error);
                        throw error;
                    }
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get(2 * PATIENCE_SECONDS, TimeUnit.SECONDS));
            }
            return results;
        } catch (ExecutionException error) {
            throw new AssertionError(first.get());
        } finally {
            threads.shutdownNow();
        }
    }
}
