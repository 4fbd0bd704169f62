import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * Three Kafkas share topics; then one of them is gone, and its directory is given to pybroker. It has to refuse it; and told to stand alone, to
 * serve what that broker had, to say what it had not, and to make nothing up. What it leaves a single Kafka has to take.
 */
final class OneOfThree implements Checks.Story {
    private static final int NODES = 3, RECORDS = 300;
    private static final String ALL = "on-all", ONE = "on-one", TWO = "on-two";

    private final String name, release;
    private final Path root;
    private final boolean killed; // all at once; else they are stopped one after the other, the last to go first
    private final boolean votersInLog; // KIP-853; else they are in the settings
    private final int votes; // so many elections the node has seen that left nothing in its log
    private final List<Node> nodes = new ArrayList<>();

    OneOfThree(String name, Path root, String release, boolean killed, boolean votersInLog, int votes) {
        this.name = name;
        this.root = root;
        this.release = release;
        this.killed = killed;
        this.votersInLog = votersInLog;
        this.votes = votes;
    }

    @Override
    public String name() {
        return name;
    }

    /** One of the three. */
    private static final class Node extends Broker.Place {
        final int id;
        final String directory = Uuid.randomUuid().toString();
        String voters;

        Node(Path root, String release, int id, boolean votersInLog) {
            super(root, release, 1, votersInLog, new ArrayList<>());
            this.id = id;
        }

        Path life() {
            return root.resolve("node" + id);
        }

        @Override
        List<String> formatting() {
            return standalone ? List.of("--initial-controllers", voters) : List.of();
        }
    }

    private void introduce() {
        for (int id = 1; id <= NODES; id++) nodes.add(new Node(root, release, id, votersInLog));
        String addresses = nodes.stream().map(one -> "127.0.0.1:" + one.controllerPort).collect(Collectors.joining(","));
        String voters = nodes.stream().map(one -> one.id + "@127.0.0.1:" + one.controllerPort + (votersInLog ? ":" + one.directory : "")).collect(Collectors.joining(","));
        for (Node one : nodes) {
            one.voters = voters;
            one.more.addAll(List.of("node.id=" + one.id,
                votersInLog ? "controller.quorum.bootstrap.servers=" + addresses : "controller.quorum.voters=" + voters,
                "offsets.topic.replication.factor=3", "transaction.state.log.replication.factor=3", "transaction.state.log.min.isr=2"));
        }
    }

    @Override
    public void tell(Checks checks) throws Exception {
        introduce();
        Map<String, String> written = new TreeMap<>();
        checks.turn("three of kafka");
        if (!checks.check("cluster-writes", () -> written.putAll(cluster()))) return;
        for (int id : killed ? List.of(2) : List.of(1, 3)) {
            Node node = nodes.get(id - 1);
            boolean isBehind = !killed && id == NODES; // it was stopped before the last records came
            checks.turn("pybroker on " + id);
            Broker.Place alone = alone(id);
            Path life = root.resolve("alone" + id);
            Stories.copy(node.life(), life);
            int noted = vote(life);
            checks.check("is-refused", () -> refused(alone, life, id));
            Broker[] broker = new Broker[1];
            Map<String, String> own = ofNode(written, id);
            if (isBehind) own.keySet().removeIf(key -> key.contains(" late "));
            if (!checks.check("starts", () -> broker[0] = Broker.start("pybroker", alone, life, "--standalone"))) return;
            try {
                serves(checks, alone, life, own, id, isBehind);
            } finally {
                broker[0].end(false);
            }
            checks.check("is-verified", () -> Stories.verified(alone.data(life)));
            checks.check("epochs-are-new", () -> Writing.holds("an epoch above " + noted, epoch(life) > noted));
            Path again = root.resolve("again" + id), back = root.resolve("back" + id);
            Stories.copy(life, again);
            checks.check("starts-again", () -> Broker.start("pybroker", alone, again).end(killed));
            checks.turn("kafka on " + id);
            Stories.copy(again, back);
            if (!checks.check("kafka-takes-it", () -> broker[0] = Broker.start("kafka", alone, back))) return;
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", alone.bootstrap()))) {
                checks.check("kafka-reads", () -> Writing.same(own, read(alone.bootstrap(), keys(own))));
                checks.check("kafka-writes", () -> write(alone.bootstrap(), ALL, 3, 1, "back"));
                checks.check("kafka-shows-no-leader", () -> Writing.same(missing(id), leaderless(admin)));
            } finally {
                broker[0].end(true); // what has no leader keeps it from stopping in an orderly way
            }
        }
    }

    private Broker.Place alone(int id) {
        Broker.Place place = new Broker.Place(root, release, 1, votersInLog, new ArrayList<>());
        place.more.addAll(List.of("node.id=" + id, "min.insync.replicas=2",
            votersInLog ? "controller.quorum.bootstrap.servers=127.0.0.1:" + place.controllerPort : "controller.quorum.voters=" + id + "@127.0.0.1:" + place.controllerPort));
        return place;
    }

    // --- the three

    private Map<String, String> cluster() throws Exception {
        List<Broker> brokers = new ArrayList<>();
        for (Node node : nodes) brokers.add(Broker.launch("kafka", node, node.life()));
        try {
            for (Broker broker : brokers) broker.waitUntilServing();
            String bootstrap = nodes.get(0).bootstrap();
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
                for (int tries = 0; admin.describeCluster().nodes().get().size() < NODES; tries++) {
                    Writing.holds("all three come", tries < 100);
                    Thread.sleep(100);
                }
                create(admin);
                for (String topic : List.of(ALL, ONE, TWO)) write(bootstrap, topic, NODES, RECORDS, "early");
                for (int p = 0; p < 8; p++) {
                    admin.alterConsumerGroupOffsets("group-" + p, Map.of(new TopicPartition(ALL, 0), new OffsetAndMetadata(10 + p))).all().get();
                }
                transaction(bootstrap);
                Map<String, String> found = read(bootstrap, partitions(ALL, ONE, TWO));
                if (!killed) {
                    brokers.remove(NODES - 1).end(false);
                    write(bootstrap, ALL, NODES, RECORDS, "late");
                    found.putAll(read(bootstrap, partitions(ALL)));
                    brokers.remove(1).end(false);
                }
                return found;
            }
        } finally {
            for (Broker broker : brokers) broker.end(true); // the last of a quorum cannot go in an orderly way
        }
    }

    private static void create(Admin admin) throws Exception {
        Map<Integer, List<Integer>> all = new TreeMap<>(), one = new TreeMap<>(), two = new TreeMap<>();
        for (int p = 0; p < NODES; p++) {
            int next = (p + 1) % NODES + 1;
            all.put(p, List.of(p + 1, next, (p + 2) % NODES + 1));
            one.put(p, List.of(p + 1));
            two.put(p, List.of(p + 1, next));
        }
        admin.createTopics(List.of(new NewTopic(ALL, all).configs(Map.of("min.insync.replicas", "2")), new NewTopic(ONE, one), new NewTopic(TWO, two))).all().get();
    }

    static void write(String bootstrap, String topic, int partitions, int count, String word) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "acks", "all", "compression.type", "lz4", "delivery.timeout.ms", 30_000, "request.timeout.ms", 10_000);
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<java.util.concurrent.Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) sent.add(producer.send(new ProducerRecord<>(topic, i % partitions, null, (word + " " + i).getBytes())));
            for (var one : sent) one.get();
        }
    }

    private static Producer<byte[], byte[]> transactional(String bootstrap) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "transactional.id", "t", "transaction.timeout.ms", 600_000);
        Producer<byte[], byte[]> producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        producer.initTransactions();
        return producer;
    }

    /** One that is committed, one that is aborted, and one that stays open in a partition that all have. */
    private static void transaction(String bootstrap) throws Exception {
        try (Producer<byte[], byte[]> producer = transactional(bootstrap)) {
            for (String word : List.of("committed", "aborted", "open")) {
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(ALL, 0, null, word.getBytes())).get();
                if (word.equals("committed")) producer.commitTransaction();
                if (word.equals("aborted")) producer.abortTransaction();
                if (word.equals("open")) producer.close(Duration.ZERO);
            }
        }
    }

    // --- the one

    private void refused(Broker.Place place, Path life, int id) throws Exception {
        isLeftAlone(place, life, "broker " + id + " in a cluster of several (1, 2, 3)", "--standalone");
    }

    /** A start is refused in these words, and every file is as it was. */
    static void isLeftAlone(Broker.Place place, Path life, String... words) throws Exception {
        Map<String, String> before = tree(place.data(life).get(0));
        String said = Broker.isRefused("pybroker", place, life);
        for (String word : words) Writing.holds(word + " in " + said, said.contains(word));
        Writing.same(before, tree(place.data(life).get(0)));
    }

    private static Map<String, String> tree(Path directory) throws Exception {
        Map<String, String> found = new TreeMap<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path one : files.toList()) found.put(directory.relativize(one).toString(), Files.isDirectory(one) ? "" : Base64.getEncoder().encodeToString(sha(one)));
        }
        return found;
    }

    private static byte[] sha(Path file) throws Exception {
        return java.security.MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
    }

    /** What the node noted of epochs, after `votes` elections that nobody won; returns the latest. */
    private int vote(Path life) throws Exception {
        Path note = life.resolve("data0/__cluster_metadata-0/quorum-state");
        String text = Files.readString(note);
        var epoch = java.util.regex.Pattern.compile("\"leaderEpoch\":(\\d+)").matcher(text);
        Writing.holds("quorum-state has an epoch: " + text, epoch.find());
        int noted = Integer.parseInt(epoch.group(1)) + votes;
        if (votes > 0) Files.writeString(note, epoch.replaceFirst("\"leaderEpoch\":" + noted));
        return noted;
    }

    /** The last of the metadata log. */
    private static int epoch(Path life) throws Exception {
        List<String> lines = Files.readAllLines(life.resolve("data0/__cluster_metadata-0/leader-epoch-checkpoint"));
        return Integer.parseInt(lines.get(lines.size() - 1).split(" ")[0]);
    }

    private void serves(Checks checks, Broker.Place place, Path life, Map<String, String> own, int id, boolean isBehind) throws Exception {
        String bootstrap = place.bootstrap();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "default.api.timeout.ms", 10_000, "request.timeout.ms", 5000))) {
            checks.check("records", () -> Writing.same(own, read(bootstrap, keys(own))));
            checks.check("one-broker", () -> Writing.same(List.of(id), admin.describeCluster().nodes().get().stream().map(org.apache.kafka.common.Node::id).toList()));
            checks.check("no-leader", () -> Writing.same(missing(id), leaderless(admin)));
            checks.check("nothing-made-up", () -> nothingMadeUp(admin, life, id));
            checks.check("says-what-is-missing", () -> says(life, isBehind));
            checks.check("groups", () -> groups(admin));
            checks.check("transaction-ends", () -> endsTheOpen(admin, bootstrap));
            checks.check("writes", () -> write(bootstrap, ALL, NODES, 1, "alone"));
            own.putAll(read(bootstrap, keys(own)));
        }
    }

    static void groups(Admin admin) throws Exception {
        for (int p = 0; p < 8; p++) {
            Writing.same(10L + p, admin.listConsumerGroupOffsets("group-" + p).partitionsToOffsetAndMetadata().get().get(new TopicPartition(ALL, 0)).offset());
        }
    }

    private static void endsTheOpen(Admin admin, String bootstrap) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = Map.of(new TopicPartition(ALL, 0), OffsetSpec.latest());
        transactional(bootstrap).close(Duration.ZERO);
        for (int tries = 0;; tries++) {
            long stable = admin.listOffsets(asked, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED)).all().get().values().iterator().next().offset();
            if (stable == admin.listOffsets(asked).all().get().values().iterator().next().offset()) return;
            Writing.holds("the open transaction ends", tries < 100);
            Thread.sleep(50);
        }
    }

    private void nothingMadeUp(Admin admin, Path life, int id) throws Exception {
        for (String partition : missing(id)) {
            Writing.holds(partition + " is not there", !Files.exists(life.resolve("data0").resolve(partition)));
            int at = partition.lastIndexOf('-');
            TopicPartition asked = new TopicPartition(partition.substring(0, at), Integer.parseInt(partition.substring(at + 1)));
            try {
                admin.listOffsets(Map.of(asked, OffsetSpec.latest()), new ListOffsetsOptions().timeoutMs(1500)).all().get();
                throw new AssertionError(partition + " has offsets");
            } catch (ExecutionException error) {
                Writing.holds("no leader: " + error.getCause(), error.getCause() instanceof RetriableException || error.getCause() instanceof ApiException);
            }
        }
    }

    private void says(Path life, boolean isBehind) throws Exception {
        String said = Files.readString(life.resolve("log"));
        Writing.holds("who is left behind is said", said.contains("stands alone from now on"));
        Writing.holds("what is missing is said", said.contains("cannot be served: only other brokers"));
        Writing.same(isBehind, said.contains("were not in sync here"));
    }

    /** What another node, or two, have alone. */
    private static SortedSet<String> missing(int id) {
        SortedSet<String> found = new TreeSet<>();
        for (int p = 0; p < NODES; p++) {
            if (p + 1 != id) found.add(ONE + "-" + p);
            if (p + 1 != id && (p + 1) % NODES + 1 != id) found.add(TWO + "-" + p);
        }
        return found;
    }

    private static SortedSet<String> leaderless(Admin admin) throws Exception {
        SortedSet<String> found = new TreeSet<>();
        admin.describeTopics(admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get()).allTopicNames().get().forEach((topic, described) ->
            described.partitions().stream().filter(one -> one.leader() == null).forEach(one -> found.add(topic + "-" + one.partition())));
        return found;
    }

    private static Map<String, String> ofNode(Map<String, String> written, int id) {
        Map<String, String> found = new TreeMap<>(written);
        found.keySet().removeIf(key -> missing(id).contains(key.substring(0, key.indexOf(' '))));
        return found;
    }

    static Set<TopicPartition> keys(Map<String, String> records) {
        return records.keySet().stream().map(key -> key.substring(0, key.indexOf(' ')))
            .map(one -> new TopicPartition(one.substring(0, one.lastIndexOf('-')), Integer.parseInt(one.substring(one.lastIndexOf('-') + 1)))).collect(Collectors.toSet());
    }

    static Set<TopicPartition> partitions(String... topics) {
        return Stream.of(topics).flatMap(topic -> IntStream.range(0, NODES).mapToObj(p -> new TopicPartition(topic, p))).collect(Collectors.toSet());
    }

    /** `topic-partition word offset`, and the record. */
    static Map<String, String> read(String bootstrap, Set<TopicPartition> from) {
        Map<String, String> found = new TreeMap<>();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(from);
            consumer.seekToBeginning(from);
            Map<TopicPartition, Long> ends = consumer.endOffsets(from);
            for (long limit = System.nanoTime() + 30_000_000_000L; ends.entrySet().stream().anyMatch(one -> consumer.position(one.getKey()) < one.getValue());) {
                Writing.holds("the end is reached", System.nanoTime() < limit);
                for (ConsumerRecord<byte[], byte[]> one : consumer.poll(Duration.ofMillis(200))) {
                    String value = new String(one.value());
                    found.put(one.topic() + "-" + one.partition() + " " + value.split(" ")[0] + " " + one.offset(), value + " " + one.timestamp() + " " + one.leaderEpoch());
                }
            }
        }
        return found;
    }
}
