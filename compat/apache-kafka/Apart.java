import java.nio.file.*;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * A broker whose metadata another node writes (process.roles=broker, and a controller apart) gives its directory to pybroker: all partitions are
 * there, and yet it is one of several. Told to stand alone pybroker serves it; a single Kafka takes what it leaves, and pybroker takes that back.
 */
final class Apart implements Checks.Story {
    private static final int BROKER = 1, CONTROLLER = 100, PARTITIONS = 3, RECORDS = 300;
    private static final String TOPIC = "on-all";

    private final String name, release;
    private final Path root;
    private final boolean votersInLog; // KIP-853; else they are in the settings

    Apart(String name, Path root, String release, boolean votersInLog) {
        this.name = name;
        this.root = root;
        this.release = release;
        this.votersInLog = votersInLog;
    }

    @Override
    public String name() {
        return name;
    }

    /** Of the two. */
    private static final class Node extends Broker.Place {
        private final String formatting;

        Node(Path root, String release, boolean votersInLog, String formatting) {
            super(root, release, 1, votersInLog, new ArrayList<>());
            this.formatting = formatting;
        }

        @Override
        List<String> formatting() {
            return standalone ? List.of(formatting) : List.of();
        }
    }

    @Override
    public void tell(Checks checks) throws Exception {
        Map<String, String> written = new TreeMap<>();
        checks.turn("a controller and a broker of kafka");
        Path origin = root.resolve("broker"), life = root.resolve("alone"), again = root.resolve("again"), back = root.resolve("back"), last = root.resolve("last");
        if (!checks.check("cluster-writes", () -> written.putAll(cluster(origin)))) return;
        Broker.Place alone = new Broker.Place(root, release, 1, votersInLog, new ArrayList<>(List.of("node.id=" + BROKER)));
        Stories.copy(origin, life);
        checks.turn("pybroker");
        checks.check("is-refused", () -> OneOfThree.isLeftAlone(alone, life, "broker 1 in a cluster of several (1, 100)", "all of its partitions are here", "--standalone"));
        if (!checks.check("starts", () -> serves(checks, Broker.start("pybroker", alone, life, "--standalone"), written, "alone"))) return;
        checks.check("is-verified", () -> Stories.verified(alone.data(life)));
        Stories.copy(life, again);
        checks.turn("pybroker again");
        if (!checks.check("starts-again", () -> serves(checks, Broker.start("pybroker", alone, again), written, "again"))) return;
        checks.turn("kafka");
        Stories.copy(again, back);
        if (!checks.check("kafka-takes-it", () -> serves(checks, Broker.start("kafka", alone, back), written, "back"))) return;
        checks.turn("pybroker after kafka");
        Stories.copy(back, last);
        checks.check("pybroker-takes-it-back", () -> serves(checks, Broker.start("pybroker", alone, last), written, "last"));
    }

    private Map<String, String> cluster(Path life) throws Exception {
        Node controller = new Node(root, release, votersInLog, "--standalone"), node = new Node(root, release, votersInLog, "--no-initial-controllers");
        String address = "127.0.0.1:" + controller.controllerPort;
        String quorum = votersInLog ? "controller.quorum.bootstrap.servers=" + address : "controller.quorum.voters=" + CONTROLLER + "@" + address;
        controller.more.addAll(List.of("process.roles=controller", "node.id=" + CONTROLLER, quorum, "listeners=CONTROLLER://" + address, "advertised.listeners=CONTROLLER://" + address));
        node.more.addAll(List.of("process.roles=broker", "node.id=" + BROKER, quorum, "listeners=PLAINTEXT://" + node.bootstrap()));
        Broker other = Broker.launch("kafka", controller, root.resolve("controller"));
        try {
            Broker broker = Broker.start("kafka", node, life);
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", node.bootstrap()))) {
                admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1))).all().get();
                OneOfThree.write(node.bootstrap(), TOPIC, PARTITIONS, RECORDS, "early");
                for (int p = 0; p < 8; p++) {
                    admin.alterConsumerGroupOffsets("group-" + p, Map.of(new TopicPartition(TOPIC, 0), new OffsetAndMetadata(10 + p))).all().get();
                }
                return OneOfThree.read(node.bootstrap(), OneOfThree.partitions(TOPIC));
            } finally {
                broker.end(false);
            }
        } finally {
            other.end(true);
        }
    }

    /** Reads all that was written, adds to it, and stops. */
    private static void serves(Checks checks, Broker broker, Map<String, String> written, String word) throws Exception {
        String bootstrap = broker.place.bootstrap();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            checks.check("records", () -> Writing.same(written, OneOfThree.read(bootstrap, OneOfThree.partitions(TOPIC))));
            checks.check("one-broker", () -> Writing.same(List.of(BROKER), admin.describeCluster().nodes().get().stream().map(org.apache.kafka.common.Node::id).toList()));
            checks.check("groups", () -> OneOfThree.groups(admin));
            checks.check("writes", () -> OneOfThree.write(bootstrap, TOPIC, PARTITIONS, RECORDS, word));
            written.putAll(OneOfThree.read(bootstrap, OneOfThree.partitions(TOPIC)));
        } finally {
            broker.end(false);
        }
    }
}
