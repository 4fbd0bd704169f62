import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

/**
 * One word count: its topics, its application and what was said to it. Nothing is cached, so each word that goes in gives one record with its
 * new count: read committed, the output of a word is exactly 1, 2, ... n. A number twice is a word counted twice, a gap is a count that was lost.
 */
final class WordCount implements AutoCloseable {
    static final long PATIENCE_MS = 60_000;

    final String id = "compat-words-" + UUID.randomUUID().toString().substring(0, 8);
    private final String bootstrap, lines = id + "-lines", counts = id + "-counts";
    private final Map<String, Long> said = new TreeMap<>();
    private KafkaStreams application;

    WordCount(String bootstrap) throws Exception {
        this.bootstrap = bootstrap;
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(lines, 2, (short) 1), new NewTopic(counts, 2, (short) 1))).all().get();
        }
    }

    /** Starts the application with its state in this directory, and waits until it runs. */
    void start(Path state) throws Exception {
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(lines)
            .flatMapValues(line -> List.of(line.split(" ")))
            .groupBy((key, word) -> word)
            .count(Materialized.as("words"))
            .toStream()
            .to(counts, Produced.with(Serdes.String(), Serdes.Long()));
        Properties settings = new Properties();
        settings.putAll(Map.of(
            "application.id", id, "bootstrap.servers", bootstrap, "state.dir", state.toString(), "processing.guarantee", "exactly_once_v2",
            "group.protocol", "classic", "statestore.cache.max.bytes", "0", "num.stream.threads", "2",
            "default.key.serde", Serdes.StringSerde.class, "default.value.serde", Serdes.StringSerde.class));
        settings.put("consumer.session.timeout.ms", 6000);
        settings.put("consumer.heartbeat.interval.ms", 500);
        application = new KafkaStreams(builder.build(), settings);
        CountDownLatch running = new CountDownLatch(1);
        application.setStateListener((now, before) -> { if (now == KafkaStreams.State.RUNNING) running.countDown(); });
        application.start();
        if (!running.await(PATIENCE_MS, TimeUnit.MILLISECONDS)) throw new AssertionError("the application is " + application.state());
    }

    void stop() {
        if (application != null && !application.close(Duration.ofSeconds(20))) throw new AssertionError("the application does not stop");
        application = null;
    }

    /** Says the lines, each to the partition of its own text. */
    void say(String... spoken) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap);
        try (Producer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (String line : spoken) {
                producer.send(new ProducerRecord<>(lines, line, line)).get();
                for (String word : line.split(" ")) said.merge(word, 1L, Long::sum);
            }
        }
    }

    /** The committed counts, all of them, are those of what was said so far: each word 1 to n, once each. */
    void counted() throws InterruptedException {
        Map<String, List<Long>> want = new TreeMap<>();
        said.forEach((word, n) -> want.put(word, java.util.stream.LongStream.rangeClosed(1, n).boxed().toList()));
        long total = said.values().stream().mapToLong(Long::longValue).sum();
        Map<String, List<Long>> got = read(total);
        if (!want.equals(got)) throw new AssertionError("counted " + got + " instead of " + want);
    }

    /** Reads from the start until that many are there, and then a while longer for any that should not be. */
    private Map<String, List<Long>> read(long total) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed", "enable.auto.commit", "false");
        Map<String, List<Long>> found = new TreeMap<>();
        try (Consumer<String, Long> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
            List<TopicPartition> places = List.of(new TopicPartition(counts, 0), new TopicPartition(counts, 1));
            consumer.assign(places);
            consumer.seekToBeginning(places);
            long seen = 0, now = System.currentTimeMillis(), deadline = now + PATIENCE_MS;
            while (now < deadline) {
                for (ConsumerRecord<String, Long> one : consumer.poll(Duration.ofMillis(200))) {
                    found.computeIfAbsent(one.key(), word -> new ArrayList<>()).add(one.value());
                    seen++;
                }
                now = System.currentTimeMillis();
                if (seen >= total) deadline = Math.min(deadline, now + 500);
            }
        }
        return found;
    }

    @Override
    public void close() {
        stop();
    }
}
