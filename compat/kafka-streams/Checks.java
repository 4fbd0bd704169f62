import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

/**
 * Runs the checks and prints `PASS name`, `FAIL name why` or `SKIP name why`. Arguments: host:port [NAME...].
 * What the checks write is below java.io.tmpdir, which is the caller's to remove.
 */
final class Checks {
    static final long LIMIT_S = 120;

    interface Check { void run(String bootstrap) throws Exception; }

    interface Restart { void run(Broker broker) throws Exception; }

    static final Map<String, Check> ALL = new LinkedHashMap<>();

    static {
        ALL.put("counts-once", bootstrap -> {
            try (WordCount words = new WordCount(bootstrap)) {
                words.start(directory());
                words.say("the quick brown fox", "jumps over the lazy dog", "the end");
                words.counted();
            }
        });
        ALL.put("application-restarts", bootstrap -> {
            Path state = directory();
            restarted(bootstrap, state, state);
        });
        ALL.put("state-is-restored-from-the-changelog", bootstrap -> restarted(bootstrap, directory(), directory()));
        ALL.put("broker-restarts-between-two-runs", unused -> {
            try (Broker broker = new Broker(); WordCount words = new WordCount(broker.bootstrap)) {
                words.start(directory());
                words.say("a b c", "c b b");
                words.counted();
                words.stop();
                broker.stop();
                broker.start();
                words.counted();
                words.start(directory());
                words.say("b c d");
                words.counted();
                words.stop();
            }
        });
        ALL.put("broker-restarts-under-the-application", unused -> outlives(Broker::stop));
        ALL.put("broker-is-killed-under-the-application", unused -> outlives(Broker::kill));
    }

    static Path directory() throws Exception {
        return Files.createTempDirectory("state");
    }

    /** Counts, stops, is spoken to, and goes on with what the second directory (or else the changelog) says. */
    static void restarted(String bootstrap, Path first, Path second) throws Exception {
        try (WordCount words = new WordCount(bootstrap)) {
            words.start(first);
            words.say("one two three", "two three three");
            words.counted();
            words.stop();
            words.say("three four");
            words.start(second);
            words.say("one four");
            words.counted();
        }
    }

    /** The application runs on while the broker goes and comes back; then it starts anew from what the broker kept. */
    static void outlives(Restart leave) throws Exception {
        try (Broker broker = new Broker(); WordCount words = new WordCount(broker.bootstrap)) {
            words.start(directory());
            words.say("a b c", "c b b");
            words.counted();
            words.say("a a d", "d e a");
            leave.run(broker);
            broker.start();
            words.say("b c d");
            words.counted();
            words.stop();
            words.start(directory());
            words.say("e f");
            words.counted();
            words.stop();
        }
    }

    static String verdict(String name, Future<?> run) throws InterruptedException {
        try {
            run.get(LIMIT_S, TimeUnit.SECONDS);
            return "PASS " + name;
        } catch (TimeoutException late) {
            run.cancel(true);
            return "FAIL " + name + " still busy after " + LIMIT_S + " s";
        } catch (ExecutionException error) {
            String why = String.valueOf(error.getCause()).replace('\n', ' ');
            return "FAIL " + name + " " + why.substring(0, Math.min(300, why.length()));
        }
    }

    public static void main(String[] arguments) throws Exception {
        List<String> wanted = Arrays.asList(arguments).subList(1, arguments.length);
        ExecutorService workers = Executors.newCachedThreadPool();
        boolean good = true;
        for (Map.Entry<String, Check> entry : ALL.entrySet()) {
            String name = entry.getKey();
            if (!wanted.isEmpty() && !wanted.contains(name)) continue;
            if (name.startsWith("broker-") && !Broker.possible()) {
                System.out.println("SKIP " + name + " the broker is not ours to stop");
                continue;
            }
            String verdict = verdict(name, workers.submit(() -> { entry.getValue().run(arguments[0]); return null; }));
            System.out.println(verdict);
            good &= verdict.startsWith("PASS");
        }
        System.out.flush();
        ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly); // the broker of a check that ran out of time
        Runtime.getRuntime().halt(good ? 0 : 1);
    }
}
