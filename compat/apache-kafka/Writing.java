import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.*;

/**
 * Writes one of everything, each time under new names, and keeps clients that live on while brokers take turns on the same port: a producer
 * with its sequence numbers, two open transactions, a member of a group.
 */
final class Writing implements AutoCloseable {
    static final long BASE_MS = System.currentTimeMillis() - 3_600_000;
    static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final int OPEN_MS = 600_000;

    final Admin admin;
    private final String bootstrap;
    private final boolean killed;
    private final List<AutoCloseable> clients = new ArrayList<>();
    private final Random chance = new Random(5);
    private Producer<byte[], byte[]> steady, toCommit, toAbort;
    private Consumer<byte[], byte[]> member;
    private boolean isKafka;
    private int steadySent;
    private long readByMember;
    private int generation;

    Writing(String bootstrap, boolean killed) {
        this.killed = killed;
        this.bootstrap = bootstrap;
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    @Override
    public void close() throws Exception {
        clients.add(admin);
        for (AutoCloseable client : clients) {
            if (client instanceof Producer<?, ?> producer) producer.close(Duration.ZERO);
            else if (client instanceof Consumer<?, ?> consumer) consumer.close(CloseOptions.timeout(Duration.ZERO));
            else client.close();
        }
    }

    /** One of everything; `n` numbers the names. Afterwards two transactions are open. */
    void everything(int n, boolean kafka) throws Exception {
        isKafka = kafka;
        if (n == 0) liveClients();
        plain("plain-" + n);
        codecs("codecs-" + n);
        cut("cut-" + n);
        gone("gone-" + n);
        compacted("compacted-" + n);
        settings("plain-" + n, n);
        transactions("transactional-" + n, n);
        groups("plain-" + n, n);
        newGroups("plain-" + n, n);
        security(n);
        steadily();
        open("transactional-" + n, n);
    }

    // --- what is written

    private void plain(String topic) throws Exception {
        create(topic, 3, Map.of("segment.bytes", "1048576", "max.message.bytes", "1500000"));
        Producer<byte[], byte[]> producer = producer(Map.of("linger.ms", 5, "batch.size", 60_000));
        for (int i = 0; i < 6000; i++) {
            byte[] value = new byte[500 + chance.nextInt(600)];
            chance.nextBytes(value);
            producer.send(new ProducerRecord<>(topic, i % 3, BASE_MS + i, bytes("k" + i), value));
        }
        producer.flush();
    }

    private void codecs(String topic) throws Exception {
        create(topic, CODECS.size(), Map.of());
        for (int p = 0; p < CODECS.size(); p++) {
            Producer<byte[], byte[]> producer = producer(Map.of("compression.type", CODECS.get(p), "linger.ms", 20, "enable.idempotence", p % 2 == 0));
            for (int i = 0; i < 300; i++) {
                byte[] key = i % 7 == 0 ? null : bytes("key" + i % 20), value = i % 5 == 0 ? null : bytes("value " + i + " ".repeat(i % 50));
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, p, BASE_MS + i * 10, key, value);
                if (i % 3 == 0) record.headers().add("a", bytes("h" + i)).add("nothing", null).add("a", new byte[0]);
                producer.send(record);
            }
            producer.flush();
        }
    }

    private void cut(String topic) throws Exception {
        create(topic, 1, Map.of("message.timestamp.type", "LogAppendTime"));
        send(producer(Map.of()), topic, 20);
        if (killed) return; // the new start is checkpointed once a minute, by both brokers
        admin.deleteRecords(Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(5))).all().get();
    }

    private void gone(String topic) throws Exception {
        create(topic, 2, Map.of());
        send(producer(Map.of()), topic, 20);
        admin.deleteTopics(List.of(topic)).all().get();
    }

    /** Keys written again and again, some taken back, in many small segments; then the cleaner is waited for. */
    private void compacted(String topic) throws Exception {
        create(topic, 1, Map.of("cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.01"));
        try (Producer<byte[], byte[]> producer = producer(Map.of("linger.ms", 5)); Producer<byte[], byte[]> transactional = transactional("compacting", OPEN_MS)) {
            for (int round = 0; round < 4; round++) {
                for (int i = 0; i < 50; i++) {
                    producer.send(new ProducerRecord<>(topic, 0, bytes("key" + i % 25), round == 2 && i % 10 == 0 ? null : bytes(round + "-" + i)));
                }
                producer.flush();
                transactional.beginTransaction();
                transactional.send(new ProducerRecord<>(topic, 0, bytes("in transaction"), bytes("round " + round))).get();
                if (round == 1) transactional.abortTransaction(); else transactional.commitTransaction();
                Thread.sleep(150); // segment.ms
            }
        }
        TopicPartition place = new TopicPartition(topic, 0);
        try (Consumer<byte[], byte[]> consumer = consumer(Map.of())) {
            consumer.assign(List.of(place));
            for (int tries = 0; tries < 100; tries++) {
                consumer.seekToBeginning(List.of(place));
                ConsumerRecords<byte[], byte[]> found = consumer.poll(Duration.ofSeconds(2));
                if (!found.isEmpty() && found.iterator().next().offset() > 50) return;
                Thread.sleep(100);
            }
        }
        throw new AssertionError("the cleaner has not come by");
    }

    private void settings(String topic, int n) throws Exception {
        set(new ConfigResource(ConfigResource.Type.TOPIC, topic), "retention.ms", "86400000" + n);
        set(new ConfigResource(ConfigResource.Type.BROKER, ""), "log.cleaner.delete.retention.ms", "9000000" + n);
        set(new ConfigResource(ConfigResource.Type.GROUP, "group-" + n), "consumer.session.timeout.ms", "50000");
        set(new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "watch"), "interval.ms", "60000");
        if (isKafka) set(new ConfigResource(ConfigResource.Type.BROKER, "1"), "max.connections", "10000000" + n);
        admin.createPartitions(Map.of("cut-" + n, NewPartitions.increaseTo(2))).all().get();
    }

    private void set(ConfigResource resource, String name, String value) throws Exception {
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)))).all().get();
    }

    private void transactions(String topic, int n) throws Exception {
        create(topic, 2, Map.of());
        try (Producer<byte[], byte[]> producer = transactional("done-" + n, OPEN_MS)) {
            for (int i = 0; i < 4; i++) {
                producer.beginTransaction();
                for (int k = 0; k < 5; k++) producer.send(new ProducerRecord<>(topic, k % 2, BASE_MS + i, bytes("k" + k), bytes(i % 2 == 0 ? "kept" : "aborted"))).get();
                producer.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(i + 1, "in " + i)), new ConsumerGroupMetadata("in-transaction"));
                if (i % 2 == 0) producer.commitTransaction(); else producer.abortTransaction();
            }
        }
    }

    private void groups(String topic, int n) throws Exception {
        try (Consumer<byte[], byte[]> consumer = consumer(Map.of("group.id", "group-" + n, "client.id", "reader"))) {
            consumer.subscribe(List.of(topic));
            take(consumer, 100);
            consumer.commitSync(Map.of(new TopicPartition(topic, 1), new OffsetAndMetadata(17, Optional.of(0), "seventeen \u00e4")));
        }
        admin.alterConsumerGroupOffsets("by-hand", Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(33 + n))).all().get();
        admin.alterConsumerGroupOffsets("left-" + n, Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1))).all().get();
        admin.deleteConsumerGroups(List.of("left-" + n)).all().get();
        for (int tries = 0; tries == 0 || member.assignment().isEmpty() && tries < 100; tries++) {
            holds("there is nothing new to read", member.poll(Duration.ofMillis(100)).isEmpty());
        }
        generation = member.groupMetadata().generationId();
    }

    /** Groups of the newer protocols, where the broker has them: an older picture must not suffer from their records. */
    private void newGroups(String topic, int n) throws Exception {
        Set<String> served = Raw.apis(bootstrap);
        if (served.contains("CONSUMER_GROUP_HEARTBEAT")) {
            try (Consumer<byte[], byte[]> consumer = consumer(Map.of("group.id", "new-group-" + n, "group.protocol", "consumer"))) {
                consumer.subscribe(List.of(topic));
                take(consumer, 100);
                consumer.commitSync(Map.of(new TopicPartition(topic, 2), new OffsetAndMetadata(19)));
            }
        }
        if (served.contains("SHARE_FETCH") && admin.describeFeatures().featureMetadata().get().finalizedFeatures().containsKey("share.version")) {
            set(new ConfigResource(ConfigResource.Type.GROUP, "sharing-" + n), "share.auto.offset.reset", "earliest");
            Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "group.id", "sharing-" + n);
            try (ShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                consumer.subscribe(List.of(topic));
                int found = 0;
                for (int tries = 0; tries < 100 && found == 0; tries++) found += consumer.poll(Duration.ofMillis(200)).count();
                consumer.commitSync();
                if (found == 0) throw new AssertionError("the share group is given nothing");
            }
        }
    }

    private void security(int n) throws Exception {
        Set<String> served = Raw.apis(bootstrap);
        if (served.contains("CREATE_ACLS")) {
            ResourcePattern resource = new ResourcePattern(ResourceType.TOPIC, "secret-" + n, PatternType.PREFIXED);
            admin.createAcls(List.of(new AclBinding(resource, new AccessControlEntry("User:alice", "*", AclOperation.READ, AclPermissionType.ALLOW)),
                new AclBinding(resource, new AccessControlEntry("User:bob", "127.0.0.1", AclOperation.ALL, AclPermissionType.DENY)))).all().get();
        }
        if (served.contains("ALTER_USER_SCRAM_CREDENTIALS")) {
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(
                "alice" + n, new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096 + n), bytes("secret")))).all().get();
        }
        if (served.contains("ALTER_CLIENT_QUOTAS")) {
            ClientQuotaEntity entity = new ClientQuotaEntity(Map.of("user", "alice" + n, "client-id", "c"));
            admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(
                new ClientQuotaAlteration.Op("producer_byte_rate", 1e6 + n), new ClientQuotaAlteration.Op("request_percentage", 12.5))))).all().get();
        }
    }

    // --- clients that outlive brokers

    private void liveClients() throws Exception {
        create("steady", 1, Map.of());
        steady = producer(Map.of("delivery.timeout.ms", 60_000));
        member = consumer(Map.of("group.id", "classic", "group.instance.id", "static-1", "client.id", "member", "auto.offset.reset", "earliest"));
        member.subscribe(List.of("steady"));
    }

    private void steadily() throws Exception {
        for (int i = 0; i < 10; i++) steady.send(new ProducerRecord<>("steady", 0, null, bytes("steady " + steadySent++))).get();
    }

    /** The producer that was there before the broker goes on with its sequence numbers, and nothing is twice or missing. */
    void steadilyOn() throws Exception {
        steadily();
        try (Consumer<byte[], byte[]> consumer = consumer(Map.of())) {
            consumer.assign(List.of(new TopicPartition("steady", 0)));
            consumer.seekToBeginning(consumer.assignment());
            List<String> found = take(consumer, steadySent).stream().map(one -> new String(one.value())).toList();
            for (int i = 0; i < steadySent; i++) same("steady " + i, found.get(i));
            same(steadySent, found.size());
        }
        long producers = admin.describeProducers(List.of(new TopicPartition("steady", 0))).all().get().values().iterator().next().activeProducers().size();
        same(1L, producers);
    }

    /** The member of a group that was there before the broker reads on where it was, without having been away. */
    void memberReadsOn() throws Exception {
        same(generation, member.groupMetadata().generationId());
        for (ConsumerRecord<byte[], byte[]> one : take(member, (int) (steadySent - readByMember))) same(readByMember++, one.offset());
        member.commitSync();
        same((long) steadySent, readByMember);
        same(generation, member.groupMetadata().generationId());
        OffsetAndMetadata committed = admin.listConsumerGroupOffsets("classic").partitionsToOffsetAndMetadata().get().get(new TopicPartition("steady", 0));
        same((long) steadySent, committed.offset());
    }

    private void open(String topic, int n) throws Exception {
        toCommit = transactional("to-commit-" + n, OPEN_MS);
        toAbort = transactional("to-abort-" + n, OPEN_MS);
        for (Producer<byte[], byte[]> producer : List.of(toCommit, toAbort)) {
            producer.beginTransaction();
            for (int i = 0; i < 3; i++) producer.send(new ProducerRecord<>(topic, i % 2, bytes("open"), bytes(producer == toCommit ? "kept later" : "aborted later"))).get();
        }
        toCommit.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 1), new OffsetAndMetadata(2)), new ConsumerGroupMetadata("in-open-transaction"));
        send(producer(Map.of()), topic, 2);
    }

    /** The transactions that were open when the last broker went: one is committed by its producer, the other ended by who takes its id. */
    void endTheOpen(int n) throws Exception {
        String topic = "transactional-" + n;
        long held = lastStableOffset(topic);
        toCommit.send(new ProducerRecord<>(topic, 0, bytes("open"), bytes("kept later"))).get();
        toCommit.commitTransaction();
        holds("the other transaction holds the last stable offset", lastStableOffset(topic) < admin.listOffsets(
            Map.of(new TopicPartition(topic, 0), OffsetSpec.latest())).all().get().values().iterator().next().offset() && lastStableOffset(topic) >= held);
        transactional("to-abort-" + n, OPEN_MS).close(Duration.ZERO);
        for (int tries = 0; lastStableOffset(topic) < end(topic); tries++) {
            holds("all is stable in the end", tries < 100);
            Thread.sleep(50);
        }
        Map<String, Integer> found = new TreeMap<>();
        try (Consumer<byte[], byte[]> consumer = consumer(Map.of("isolation.level", "read_committed"))) {
            consumer.assign(List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)));
            consumer.seekToBeginning(consumer.assignment());
            for (long end = System.nanoTime() + 2_000_000_000L; System.nanoTime() < end;) {
                consumer.poll(Duration.ofMillis(200)).forEach(one -> found.merge(new String(one.value()), 1, Integer::sum));
            }
        }
        same(List.of(10, 4, 0, 0), List.of("kept", "kept later", "aborted", "aborted later").stream().map(one -> found.getOrDefault(one, 0)).toList());
        same(2L, admin.listConsumerGroupOffsets("in-open-transaction").partitionsToOffsetAndMetadata().get().get(new TopicPartition(topic, 1)).offset());
        same("Fenced", refusal(() -> { toAbort.send(new ProducerRecord<>(topic, 0, null, bytes("aborted later"))).get(); toAbort.commitTransaction(); }));
    }

    private long end(String topic) throws Exception {
        return admin.listOffsets(Map.of(new TopicPartition(topic, 0), OffsetSpec.latest())).all().get().values().iterator().next().offset();
    }

    private long lastStableOffset(String topic) throws Exception {
        return admin.listOffsets(Map.of(new TopicPartition(topic, 0), OffsetSpec.latest()), new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
            .all().get().values().iterator().next().offset();
    }

    // --- helpers

    interface Action { void run() throws Exception; }

    private static String refusal(Action action) {
        try {
            action.run();
            return "taken";
        } catch (Exception error) {
            Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
            return cause instanceof ProducerFencedException || cause instanceof InvalidProducerEpochException ? "Fenced" : String.valueOf(cause);
        }
    }

    static void same(Object expected, Object found) {
        if (!Objects.equals(expected, found)) throw new AssertionError("expected " + expected + ", found " + found);
    }

    static void holds(String what, boolean holds) {
        if (!holds) throw new AssertionError("does not hold: " + what);
    }

    private void create(String topic, int partitions, Map<String, String> configs) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
    }

    private Producer<byte[], byte[]> producer(Map<String, Object> options) {
        return keep(new KafkaProducer<>(with(options), new ByteArraySerializer(), new ByteArraySerializer()));
    }

    private Producer<byte[], byte[]> transactional(String id, int timeoutMs) {
        Producer<byte[], byte[]> producer = producer(Map.of("transactional.id", id, "transaction.timeout.ms", timeoutMs));
        producer.initTransactions();
        return producer;
    }

    private Consumer<byte[], byte[]> consumer(Map<String, Object> options) {
        Map<String, Object> settings = with(options);
        settings.put("enable.auto.commit", false);
        settings.putIfAbsent("auto.offset.reset", "earliest");
        return keep(new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
    }

    private Map<String, Object> with(Map<String, Object> options) {
        Map<String, Object> settings = new HashMap<>(options);
        settings.put("bootstrap.servers", bootstrap);
        settings.put("reconnect.backoff.max.ms", 200);
        return settings;
    }

    private <T extends AutoCloseable> T keep(T client) {
        clients.add(client);
        return client;
    }

    private static List<ConsumerRecord<byte[], byte[]>> take(Consumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
        for (long end = System.nanoTime() + 30_000_000_000L; found.size() < count;) {
            if (System.nanoTime() > end) throw new AssertionError("only " + found.size() + " of " + count + " records came");
            consumer.poll(Duration.ofMillis(100)).forEach(found::add);
        }
        return found;
    }

    private static void send(Producer<byte[], byte[]> producer, String topic, int count) throws Exception {
        for (int i = 0; i < count; i++) producer.send(new ProducerRecord<>(topic, 0, BASE_MS + i, null, bytes("v" + i))).get();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
