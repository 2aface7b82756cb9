import java.util.LinkedHashMap;
import java.util.Map;

/** Curator's recipes against an ensemble: each in peace, then with a server killed in the middle.
 *
 * <p>usage: Main HOST:PORT,HOST:PORT,HOST:PORT
 *
 * <p>The variable ONLY is a part of the names of those checks that are run. With a list of all servers behind that of those it is told, it checks only that a client finds
 * the rest by itself.
 */
public final class Main {
    interface Check {
        void run(World world) throws Exception;
    }

    static final Map<String, Check> CHECKS = new LinkedHashMap<>();

    public static void main(String[] arguments) {
        if (arguments.length > 1) {
            World world = new World(arguments[0], "/curator-tracker", World.Trouble.MINE);
            run("curator: the ensemble tracker finds the other servers by the configuration",
                    w -> Basics.tracked(w, arguments[1]), world);
            System.exit(0);
        }
        Basics.register(CHECKS);
        Locks.register(CHECKS);
        Leaders.register(CHECKS);
        Queues.register(CHECKS);
        Values.register(CHECKS);
        Caches.register(CHECKS);
        Nodes.register(CHECKS);
        String only = System.getenv().getOrDefault("ONLY", "");
        CHECKS.keySet().removeIf(name -> !name.contains(only));
        int number = 0;
        for (Map.Entry<String, Check> check : CHECKS.entrySet()) {
            for (World.Trouble trouble : World.Trouble.values()) {
                World world = new World(arguments[0], "/curator-" + number++, trouble);
                run("curator: " + check.getKey() + trouble.said, check.getValue(), world);
            }
        }
        // Threads of recipes that failed to close must not keep this running.
        System.exit(0);
    }

    private static void run(String name, Check check, World world) {
        String wrong = null;
        try {
            check.run(world);
        } catch (Throwable error) {
            wrong = describe(error);
        }
        try {
            world.end();
        } catch (Throwable error) {
            wrong = wrong == null ? "at its end: " + describe(error) : wrong;
        }
        System.out.println(wrong == null ? "ok " + name : "FAILED " + name + ": " + wrong);
    }

    private static String describe(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        StringBuilder where = new StringBuilder();
        for (StackTraceElement frame : cause.getStackTrace()) {
            String file = String.valueOf(frame.getFileName());
            if (!frame.getClassName().contains(".") && !file.startsWith("World")) {
                where.append(" (").append(file).append(':').append(frame.getLineNumber()).append(')');
                break;
            }
        }
        return (cause + where.toString()).replace('\n', ' ');
    }
}
