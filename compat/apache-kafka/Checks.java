import java.nio.file.*;
import java.util.*;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Tells the stories and prints `PASS story.check` or `FAIL story.check why` for each check, which holds if it held in every turn of the story.
 * Arguments: a directory for the brokers' data, then the names of stories (all of them without), in which * stands for anything.
 */
final class Checks {
    private static final String SNAPSHOTS = "metadata.log.max.record.bytes.between.snapshots=3000"; // so that what comes next begins with one
    private static final String NEWEST = System.getProperty("newest");
    private static final boolean TRACE = System.getenv("TRACE") != null;

    interface Story {
        String name();

        void tell(Checks checks) throws Exception;
    }

    private final Map<String, String> verdicts = new LinkedHashMap<>();
    private final String story;
    private String turn = "";

    private Checks(String story) {
        this.story = story;
    }

    /** The broker whose turn it is, for the words of what fails from now on. */
    void turn(String turn) {
        this.turn = turn;
    }

    /** Runs one check; says whether it held. */
    boolean check(String name, Writing.Action action) {
        long begin = System.nanoTime();
        String why = "";
        try {
            action.run();
        } catch (Exception | AssertionError error) {
            if (TRACE) error.printStackTrace();
            why = (turn + ": " + (error instanceof java.util.concurrent.ExecutionException ? error.getCause() : error)).replace('\n', ' ');
        }
        if (TRACE) System.err.println((System.nanoTime() - begin) / 1_000_000 + " ms " + turn + " " + name + (why.isEmpty() ? "" : " FAILS"));
        verdicts.merge(name, why, (before, now) -> before.isEmpty() ? now : before);
        return why.isEmpty();
    }

    private boolean print() {
        verdicts.forEach((name, why) -> System.out.println(
            why.isEmpty() ? "PASS " + story + "." + name : "FAIL " + story + "." + name + " " + why.substring(0, Math.min(900, why.length()))));
        System.out.flush();
        return verdicts.values().stream().allMatch(String::isEmpty);
    }

    private static List<Story> stories(Path root) {
        List<String> kafkaFirst = List.of("kafka", "pybroker", "kafka", "pybroker"), pybrokerFirst = List.of("pybroker", "kafka", "pybroker", "kafka");
        return List.of(
            new Stories("kafka-stops", root.resolve("a"), NEWEST, kafkaFirst, false, 1, false, SNAPSHOTS),
            new Stories("kafka-is-killed", root.resolve("b"), NEWEST, kafkaFirst, true, 1, true),
            new Stories("pybroker-stops", root.resolve("c"), NEWEST, pybrokerFirst, false, 1, false, SNAPSHOTS),
            new Stories("pybroker-is-killed", root.resolve("d"), NEWEST, pybrokerFirst, true, 1, false),
            new Stories("two-directories", root.resolve("e"), NEWEST, kafkaFirst.subList(0, 3), false, 2, false),
            new Stories("two-directories-of-pybroker", root.resolve("f"), NEWEST, pybrokerFirst.subList(0, 3), true, 2, false),
            new OneOfThree("one-of-three-stopped", root.resolve("g"), NEWEST, false, true, 0),
            new OneOfThree("one-of-three-killed", root.resolve("h"), NEWEST, true, false, 0),
            new OneOfThree("one-of-three-votes-on", root.resolve("i"), NEWEST, true, true, 7),
            new Apart("controller-apart", root.resolve("j"), NEWEST, false),
            new Apart("controller-apart-in-the-log", root.resolve("k"), NEWEST, true));
    }

    /** The same with an older release, which stops or is killed, and takes back what pybroker wrote at the features of that release. */
    private static List<Story> stories(Path root, String release) {
        List<String> turns = List.of("kafka", "pybroker", "kafka", "pybroker");
        return List.of(
            new Stories("kafka-" + release + "-stops", root.resolve(release + "-a"), release, turns, false, 1, false, SNAPSHOTS),
            new Stories("kafka-" + release + "-is-killed", root.resolve(release + "-b"), release, turns, true, 1, false));
    }

    private static boolean isNamed(Story story, String word) {
        return story.name().matches(Arrays.stream(word.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*")));
    }

    public static void main(String[] arguments) throws Exception {
        Path root = Path.of(arguments[0]);
        List<String> wanted = Arrays.asList(arguments).subList(1, arguments.length);
        List<Story> stories = new ArrayList<>(stories(root));
        for (String release : System.getProperty("releases").split(" ")) if (!release.isEmpty()) stories.addAll(stories(root, release));
        boolean good = true;
        for (String word : wanted) {
            if (stories.stream().anyMatch(story -> isNamed(story, word))) continue;
            System.out.println("FAIL the-suite there is no story " + word);
            good = false;
        }
        for (Story story : stories) {
            if (!wanted.isEmpty() && wanted.stream().noneMatch(word -> isNamed(story, word))) continue;
            Checks checks = new Checks(story.name());
            checks.check("is-told", () -> story.tell(checks));
            good &= checks.print();
        }
        Runtime.getRuntime().halt(good ? 0 : 1);
    }
}
