import java.nio.file.*;
import java.util.*;

/**
 * Tells the stories and prints `PASS name` or `FAIL name why` for each check. Arguments: a directory for the brokers' data, then the names of
 * stories (all of them without).
 */
final class Checks {
    private static final String SNAPSHOTS = "metadata.log.max.record.bytes.between.snapshots=3000"; // so that what comes next begins with one
    private boolean good = true;

    /** Runs one check; says whether it held. */
    boolean check(String name, Writing.Action action) {
        long begin = System.nanoTime();
        try {
            action.run();
            if (System.getenv("TRACE") != null) System.err.println((System.nanoTime() - begin) / 1_000_000 + " ms " + name);
            System.out.println("PASS " + name);
            return true;
        } catch (Exception | AssertionError error) {
            String why = (error instanceof java.util.concurrent.ExecutionException ? error.getCause() : error).toString().replace('\n', ' ');
            System.out.println("FAIL " + name + " " + why.substring(0, Math.min(900, why.length())));
            if (System.getenv("TRACE") != null) error.printStackTrace();
            good = false;
            return false;
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path root = Path.of(arguments[0]);
        List<String> wanted = Arrays.asList(arguments).subList(1, arguments.length);
        List<String> kafkaFirst = List.of("kafka", "pybroker", "kafka", "pybroker"), pybrokerFirst = List.of("pybroker", "kafka", "pybroker", "kafka");
        Checks checks = new Checks();
        for (Stories story : List.of(
            new Stories("kafka-stops", root.resolve("a"), kafkaFirst, false, 1, false, SNAPSHOTS),
            new Stories("kafka-is-killed", root.resolve("b"), kafkaFirst, true, 1, true),
            new Stories("pybroker-stops", root.resolve("c"), pybrokerFirst, false, 1, false, SNAPSHOTS),
            new Stories("pybroker-is-killed", root.resolve("d"), pybrokerFirst, true, 1, false),
            new Stories("two-directories", root.resolve("e"), kafkaFirst.subList(0, 3), false, 2, false),
            new Stories("two-directories-of-pybroker", root.resolve("f"), pybrokerFirst.subList(0, 3), true, 2, false))) {
            if (wanted.isEmpty() || wanted.contains(story.name)) checks.check(story.name + ".is-told", () -> story.tell(checks));
        }
        System.out.flush();
        Runtime.getRuntime().halt(checks.good ? 0 : 1);
    }
}
