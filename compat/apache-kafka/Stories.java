import java.nio.file.*;
import java.util.*;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Brokers take turns on one directory. Each writes one of everything, goes, and the next starts on a copy of what it left: it has to show
 * the same picture, to serve the clients that were there, and to write on.
 */
final class Stories implements Checks.Story {
    private static final List<String> SECTIONS = List.of("topics", "configs", "offsets", "records", "epochs", "committed", "compacted", "groups", "transactions", "log-directories",
        "producers", "share-groups", "new-groups", "features", "acls", "quotas", "credentials");

    private final String name;
    private final List<String> turns;
    private final boolean killed;
    private final Broker.Place place;

    Stories(String name, Path root, String release, List<String> turns, boolean killed, int directories, boolean standalone, String... more) {
        this.name = name;
        this.turns = turns;
        this.killed = killed;
        place = new Broker.Place(root, release, directories, standalone, List.of(more));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void tell(Checks checks) throws Exception {
        Picture last = null; // the last of a kind sees what the other cannot show
        Map<String, Picture> seen = new HashMap<>();
        try (Writing writing = new Writing(place.bootstrap(), killed)) {
            for (int n = 0; n < turns.size(); n++) {
                String kind = turns.get(n);
                checks.turn("turn " + n + ", " + kind);
                Path life = place.root.resolve("life" + n);
                if (n > 0) copy(place.root.resolve("life" + (n - 1)), life);
                int number = n;
                boolean isLast = n == turns.size() - 1; // which stops even if the others are killed
                Broker[] broker = new Broker[1];
                if (!checks.check("starts", () -> broker[0] = Broker.start(kind, place, life))) return;
                try {
                    if (n > 0) takesOver(checks, writing, n, last, seen.get(kind));
                    if (n > 0 && place.directories > 1) checks.check("moves-end", () -> new Moves(writing.admin).end("plain-" + (number - 1)));
                    if (!checks.check("writes", () -> writing.everything(number, broker[0].isKafka()))) return;
                    if (place.directories > 1) checks.check("moves", () -> new Moves(writing.admin).begin("plain-" + number));
                    if (kind.equals("pybroker") && n < 2 && !killed) checks.check("formatters-print", () -> Dump.formatters(place.bootstrap()));
                    if (n == 0 && !killed && kind.equals("kafka")) checks.check("keeps-pybroker-out", () -> broker[0].keepsOut("pybroker"));
                    last = Picture.of(place.bootstrap());
                    seen.put(kind, last);
                } finally {
                    broker[0].end(killed && !isLast);
                }
                Picture left = last;
                if (kind.equals("pybroker")) checks.check("is-dumped", () -> Dump.everything(place.data(life), left, !killed || isLast));
                checks.check("is-verified", () -> verified(place.data(life)));
                if (n > 0) checks.check("bytes-stay", () -> bytesStay(place.data(place.root.resolve("life" + (number - 1))), place.data(life)));
            }
        }
    }

    private void takesOver(Checks checks, Writing writing, int n, Picture last, Picture own) throws Exception {
        Picture now = Picture.of(place.bootstrap());
        Map<String, List<String>> changes = Picture.differences(last, now);
        for (String section : SECTIONS) {
            if (changes.containsKey(section)) checks.check(section, () -> nothing(changes.get(section)));
            else if (own != null && now.sections.containsKey(section)) { // what the broker between could only carry
                checks.check(section, () -> nothing(Picture.differences(own, now).get(section)));
            }
        }
        checks.check("producer-goes-on", writing::steadilyOn);
        checks.check("member-reads-on", writing::memberReadsOn);
        checks.check("open-transactions-end", () -> writing.endTheOpen(n - 1));
    }

    /** `pybroker verify` finds everything whole, whoever wrote it. */
    static void verified(List<Path> directories) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getenv("BROKER_PYTHON"), "-m", "pybroker", "verify"));
        directories.forEach(one -> command.add(one.toString()));
        Path said = Files.createTempFile("verify", null);
        Process process = new ProcessBuilder(command).directory(Path.of(System.getenv("BROKER_ROOT")).toFile()).redirectErrorStream(true)
            .redirectOutput(said.toFile()).start();
        int status = process.waitFor();
        List<String> bad = Files.readAllLines(said).stream().filter(line -> !line.startsWith("note: ") && !line.startsWith(" ")).toList();
        if (status != 0) throw new AssertionError("exit status " + status + ": " + bad);
    }

    /** What was in the segments of data is still there, byte for byte, and new records are behind it. */
    private static void bytesStay(List<Path> before, List<Path> after) throws Exception {
        int count = 0;
        for (int i = 0; i < before.size(); i++) {
            Path from = before.get(i), to = after.get(i);
            try (Stream<Path> files = Files.walk(from)) {
                for (Path log : files.filter(one -> one.toString().endsWith(".log") && one.getParent().getFileName().toString().matches("(plain|codecs|cut|transactional|steady).*(?<!-delete|-future)")).toList()) {
                    Path name = from.relativize(log), same = to.resolve(name); // or in another directory, if it was moved
                    if (!Files.exists(same)) same = after.stream().map(one -> one.resolve(name)).filter(Files::exists).findFirst().orElse(same);
                    byte[] was = Files.readAllBytes(log), is = Files.readAllBytes(same);
                    if (is.length < was.length || !Arrays.equals(was, 0, was.length, is, 0, was.length)) throw new AssertionError(log + " has changed");
                    count++;
                }
            }
        }
        Writing.holds("many segments are compared: " + count, count > 10);
    }

    private static void nothing(List<String> changes) {
        if (!changes.isEmpty()) throw new AssertionError(changes.size() + " differ: " + String.join("; ", changes.subList(0, Math.min(3, changes.size()))));
    }

    static void copy(Path from, Path to) throws Exception {
        Files.createDirectories(to.getParent());
        Process process = new ProcessBuilder("cp", "-R", from.toString(), to.toString()).inheritIO().start();
        if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) throw new AssertionError("cannot copy " + from);
        Files.deleteIfExists(to.resolve("log"));
        try (Stream<Path> files = Files.walk(to)) {
            for (Path lock : files.filter(one -> one.getFileName().toString().equals(".lock")).toList()) Files.delete(lock);
        }
    }
}
