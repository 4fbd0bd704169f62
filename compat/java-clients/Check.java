import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

/** Runs the scenarios against one broker and prints `PASS name` or `FAIL name why`. Arguments: host:port [NAME...]. */
final class Check {
    static final Duration TICK = Duration.ofMillis(200);
    static final long PATIENCE_MS = 30_000;
    static final long SCENARIO_LIMIT_S = 90;

    interface Scenario { void run(Check check) throws Exception; }

    final String bootstrap;
    final Admin admin;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    Check(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = keep(Admin.create(Map.of("bootstrap.servers", bootstrap)));
    }

    <T extends AutoCloseable> T keep(T resource) {
        opened.push(resource);
        return resource;
    }

    String name(String what) {
        return "compat-" + what + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    String topic(int partitions, String... configs) throws Exception {
        String name = name("java");
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < configs.length; i += 2) map.put(configs[i], configs[i + 1]);
        admin.createTopics(List.of(new NewTopic(name, Optional.of(partitions), Optional.empty()).configs(map))).all().get();
        eventually("the topic is listed", () -> get(admin.listTopics().names()).contains(name));
        return name;
    }

    Producer<byte[], byte[]> producer(Object... options) {
        Map<String, Object> map = settings(options);
        return keep(new KafkaProducer<>(map, new ByteArraySerializer(), new ByteArraySerializer()));
    }

    Consumer<byte[], byte[]> consumer(Object... options) {
        Map<String, Object> map = settings(options);
        map.putIfAbsent("auto.offset.reset", "earliest");
        map.putIfAbsent("enable.auto.commit", "false");
        if (!"consumer".equals(map.get("group.protocol"))) {
            map.putIfAbsent("session.timeout.ms", 6000);
            map.putIfAbsent("heartbeat.interval.ms", 500);
        }
        return keep(new KafkaConsumer<>(map, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
    }

    Map<String, Object> settings(Object... options) {
        Map<String, Object> map = new HashMap<>(Map.of("bootstrap.servers", bootstrap));
        for (int i = 0; i < options.length; i += 2) map.put((String) options[i], options[i + 1]);
        return map;
    }

    void send(Producer<byte[], byte[]> producer, String topic, int partition, int count) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < count; i++) sent.add(producer.send(new ProducerRecord<>(topic, partition, bytes("k" + i % 5), bytes("v" + i))));
        producer.flush();
        for (Future<RecordMetadata> one : sent) one.get();
    }

    List<ConsumerRecord<byte[], byte[]>> gather(Consumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (found.size() < count && System.currentTimeMillis() < deadline) consumer.poll(TICK).forEach(found::add);
        consumer.poll(TICK).forEach(found::add);
        same(count, found.size());
        return found;
    }

    static byte[] bytes(String text) {
        return text.getBytes();
    }

    static void same(Object want, Object got) {
        if (!Objects.equals(want, got)) throw new AssertionError("got " + got + " instead of " + want);
    }

    static void holds(String what, boolean condition) {
        if (!condition) throw new AssertionError("does not hold: " + what);
    }

    static void eventually(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (!condition.getAsBoolean()) {
            if (System.currentTimeMillis() > deadline) throw new AssertionError("not in time: " + what);
            Thread.sleep(20);
        }
    }

    static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (Exception error) {
            throw new IllegalStateException(error.getCause() == null ? error : error.getCause());
        }
    }

    /** Runs the action and gives the simple name of the exception at the root of its failure. */
    static String refusal(Callable<?> action) {
        try {
            action.call();
            return "accepted";
        } catch (Exception error) {
            Throwable root = error;
            while ((root instanceof ExecutionException || root instanceof IllegalStateException) && root.getCause() != null) root = root.getCause();
            return root.getClass().getSimpleName();
        }
    }

    void close() {
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception | AssertionError ignored) {
                // a scenario that failed may leave a client that cannot close; the verdict is given already
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, Scenario> scenarios = Scenarios.all();
        List<String> wanted = Arrays.asList(arguments).subList(1, arguments.length);
        ExecutorService workers = Executors.newCachedThreadPool();
        int failed = 0;
        for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
            if (!wanted.isEmpty() && !wanted.contains(entry.getKey())) continue;
            String verdict = "PASS " + entry.getKey();
            Future<?> run = workers.submit(() -> {
                Check check = new Check(arguments[0]);
                try {
                    entry.getValue().run(check);
                } finally {
                    check.close();
                }
                return null;
            });
            try {
                run.get(SCENARIO_LIMIT_S, TimeUnit.SECONDS);
            } catch (TimeoutException late) {
                run.cancel(true);
                verdict = "FAIL " + entry.getKey() + " still busy after " + SCENARIO_LIMIT_S + " s";
            } catch (ExecutionException error) {
                String why = String.valueOf(error.getCause()).replace('\n', ' ');
                verdict = "FAIL " + entry.getKey() + " " + why.substring(0, Math.min(200, why.length()));
            }
            if (verdict.startsWith("FAIL")) failed++;
            System.out.println(verdict);
        }
        System.out.flush();
        Runtime.getRuntime().halt(failed == 0 ? 0 : 1);
    }
}
