import java.net.ServerSocket;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;

/**
 * A broker, Kafka or pybroker, as a process of its own, on a port and with a server.properties that both of them take.
 * Whoever starts next on the same place takes the clients over with the data.
 */
final class Broker {
    static final String CLUSTER = "4L6g3nShT-eMCtK--X86sw";
    private static final int LIMIT_S = 60;

    /** Where brokers take turns: ports, and the settings that stay the same. */
    static class Place {
        final Path root;
        final int port = freePort(), controllerPort = freePort();
        final boolean standalone; // the controllers are found in the log (KIP-853), not in the settings
        final int directories;
        final List<String> more;
        final String release; // of Kafka

        Place(Path root, String release, int directories, boolean standalone, List<String> more) {
            this.root = root;
            this.release = release;
            this.directories = directories;
            this.standalone = standalone;
            this.more = more;
        }

        String bootstrap() {
            return "127.0.0.1:" + port;
        }

        /** The log directories of one life. */
        List<Path> data(Path life) {
            List<Path> found = new ArrayList<>();
            for (int i = 0; i < directories; i++) found.add(life.resolve("data" + i));
            return found;
        }

        /** Of kafka-storage format. */
        List<String> formatting() {
            return standalone ? List.of("--standalone", "--release-version", "4.0-IV3") : List.of(); // and the features of an older release
        }

        /** The same directories, other ports. */
        Place beside() {
            return new Place(root, release, directories, standalone, more);
        }

        Path properties(Path life) throws Exception {
            String quorum = standalone ? "controller.quorum.bootstrap.servers=127.0.0.1:" : "controller.quorum.voters=1@127.0.0.1:";
            List<String> lines = new ArrayList<>(List.of(
                "process.roles=broker,controller", "node.id=1", quorum + controllerPort,
                "listeners=PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controllerPort,
                "advertised.listeners=PLAINTEXT://127.0.0.1:" + port, "controller.listener.names=CONTROLLER",
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "log.dirs=" + String.join(",", data(life).stream().map(Path::toString).toList()),
                "num.partitions=1", "auto.create.topics.enable=false", "offsets.topic.num.partitions=3", "transaction.state.log.num.partitions=3",
                "share.coordinator.state.topic.num.partitions=3", "log.index.size.max.bytes=1048576",
                "log.cleaner.backoff.ms=200", "log.segment.delete.delay.ms=1000", "group.initial.rebalance.delay.ms=0",
                "broker.session.timeout.ms=4000", "broker.heartbeat.interval.ms=500",
                "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "allow.everyone.if.no.acl.found=true", "super.users=User:ANONYMOUS"));
            for (String one : List.of("default.replication.factor", "offsets.topic.replication.factor",
                    "transaction.state.log.replication.factor", "transaction.state.log.min.isr",
                    "share.coordinator.state.topic.replication.factor", "share.coordinator.state.topic.min.isr")) lines.add(one + "=1");
            lines.addAll(more);
            return Files.write(life.resolve("server-" + port + ".properties"), lines);
        }
    }

    final String kind;
    final Place place;
    final Path life;
    private final Process process;

    private Broker(String kind, Place place, Path life, Process process) {
        this.kind = kind;
        this.place = place;
        this.life = life;
        this.process = process;
    }

    boolean isKafka() {
        return kind.equals("kafka");
    }

    /** Starts on the data below `life` and waits until it serves. A Kafka that finds nothing there formats first. */
    static Broker start(String kind, Place place, Path life, String... more) throws Exception {
        Broker broker = launch(kind, place, life, more);
        broker.waitUntilServing();
        return broker;
    }

    /** The same without waiting. `more`: words for its command line. */
    static Broker launch(String kind, Place place, Path life, String... more) throws Exception {
        Files.createDirectories(life);
        Path properties = place.properties(life);
        if (kind.equals("kafka") && !Files.exists(place.data(life).get(0).resolve("meta.properties"))) format(place, life, properties);
        List<String> command = new ArrayList<>(command(kind, place, properties));
        command.addAll(List.of(more));
        Process process = spawn(command, life);
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        return new Broker(kind, place, life, process);
    }

    private static List<String> command(String kind, Place place, Path properties) {
        if (kind.equals("kafka")) return kafka(place, "kafka.Kafka", properties.toString());
        return List.of(System.getenv("BROKER_PYTHON"), "-m", "pybroker", "--config", properties.toString());
    }

    /** Another broker on the same directories, while this one runs, has to end by itself. */
    void keepsOut(String other) throws Exception {
        isRefused(other, place.beside(), life);
    }

    /** A broker that is started there ends by itself; the last that it said. */
    static String isRefused(String kind, Place place, Path life) throws Exception {
        Process refused = spawn(command(kind, place, place.properties(life)), life);
        if (!refused.waitFor(LIMIT_S, TimeUnit.SECONDS)) {
            refused.destroyForcibly().waitFor();
            throw new AssertionError(kind + " starts on a directory that it should refuse");
        }
        Writing.holds(kind + " fails", refused.exitValue() != 0);
        List<String> said = Files.readAllLines(life.resolve("log"));
        return said.get(said.size() - 1);
    }

    private static void format(Place place, Path life, Path properties) throws Exception {
        List<String> command = kafka(place, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", properties.toString());
        command.addAll(place.formatting());
        if (spawn(command, life).waitFor() != 0) throw new AssertionError("not formatted: " + log(life));
    }

    private static List<String> kafka(Place place, String... words) {
        List<String> command = new ArrayList<>(List.of("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
            System.getProperty("kafka.libs") + place.release + "/*"));
        command.addAll(List.of(words));
        return command;
    }

    private static Process spawn(List<String> command, Path life) throws Exception {
        return new ProcessBuilder(command).directory(Path.of(System.getenv("BROKER_ROOT")).toFile()).redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(life.resolve("log").toFile())).start();
    }

    void waitUntilServing() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", place.bootstrap(), "default.api.timeout.ms", 4000, "request.timeout.ms", 2000))) {
            for (long end = System.nanoTime() + LIMIT_S * 1_000_000_000L; System.nanoTime() < end; Thread.sleep(100)) {
                if (!process.isAlive()) break;
                try {
                    if (!admin.describeCluster().nodes().get().isEmpty()) return;
                } catch (java.util.concurrent.ExecutionException notYet) {
                    continue;
                }
            }
        }
        process.destroyForcibly();
        throw new AssertionError(kind + " does not serve: " + log(life));
    }

    /** The end of what it said, for people. */
    static String log(Path life) throws Exception {
        List<String> lines = Files.readAllLines(life.resolve("log"));
        List<String> bad = lines.stream().filter(line -> line.contains("ERROR") || line.contains("Exception")).toList();
        List<String> tail = bad.isEmpty() ? lines : bad;
        return String.join(" / ", tail.subList(Math.max(0, tail.size() - 5), tail.size()));
    }

    void end(boolean kill) throws Exception {
        if (kill) process.destroyForcibly(); else process.destroy();
        if (!process.waitFor(40, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError(kind + " does not stop");
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (java.io.IOException error) {
            throw new AssertionError(error);
        }
    }
}
