import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * All that a client can see of a broker, as text: section, then what it is about, then what is said of it. Two brokers that serve the same
 * directory give the same picture. A section that a broker does not serve is not there.
 */
final class Picture {
    final SortedMap<String, SortedMap<String, String>> sections = new TreeMap<>();
    private final Admin admin;
    private final String bootstrap;
    private Map<String, TopicDescription> topics;
    private final Map<TopicPartition, SortedSet<Integer>> epochs = new HashMap<>();
    private final List<TopicPartition> partitions = new ArrayList<>(), compacted = new ArrayList<>();

    interface Look { void at(SortedMap<String, String> section) throws Exception; }

    static Picture of(String bootstrap) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            return new Picture(admin, bootstrap);
        }
    }

    private Picture(Admin admin, String bootstrap) throws Exception {
        this.admin = admin;
        this.bootstrap = bootstrap;
        look("topics", this::topics);
        look("configs", this::configs);
        look("offsets", this::offsets);
        look("records", section -> records(section, "read_uncommitted", partitions));
        look("epochs", this::epochs);
        look("committed", section -> records(section, "read_committed", partitions));
        look("compacted", this::latest);
        look("groups", this::groups);
        look("transactions", this::transactions);
        look("log-directories", this::logDirectories);
        look("producers", this::producers);
        look("share-groups", this::shareGroups);
        look("new-groups", this::newGroups);
        look("features", section -> admin.describeFeatures().featureMetadata().get().finalizedFeatures()
            .forEach((name, range) -> section.put(name, String.valueOf(range.maxVersionLevel()))));
        look("acls", section -> admin.describeAcls(AclBindingFilter.ANY).values().get().forEach(one -> section.put(one.toString(), "")));
        look("quotas", section -> admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get()
            .forEach((entity, values) -> section.put(entity.entries().toString(), new TreeMap<>(values).toString())));
        look("credentials", section -> admin.describeUserScramCredentials().all().get()
            .forEach((user, one) -> section.put(user, one.credentialInfos().toString())));
    }

    /** What is in one picture and not in the other, section by section; only what both brokers serve is compared. */
    static SortedMap<String, List<String>> differences(Picture before, Picture after) {
        SortedMap<String, List<String>> found = new TreeMap<>();
        before.sections.forEach((name, was) -> {
            SortedMap<String, String> is = after.sections.get(name);
            if (is == null) return;
            List<String> changes = new ArrayList<>();
            Set<String> keys = new TreeSet<>(was.keySet());
            keys.addAll(is.keySet());
            for (String key : keys) {
                if (!Objects.equals(was.get(key), is.get(key))) changes.add(key + ": was " + was.get(key) + ", is " + is.get(key));
            }
            found.put(name, changes);
        });
        return found;
    }

    private void look(String name, Look look) throws Exception {
        SortedMap<String, String> section = new TreeMap<>();
        try {
            look.at(section);
            sections.put(name, section);
        } catch (ExecutionException error) {
            if (!(error.getCause() instanceof org.apache.kafka.common.errors.UnsupportedVersionException)) throw error;
        }
    }

    private void topics(SortedMap<String, String> section) throws Exception {
        Set<String> names = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
        topics = new TreeMap<>(admin.describeTopics(names).allTopicNames().get());
        topics.forEach((name, topic) -> {
            section.put(name, topic.topicId() + " internal=" + topic.isInternal() + " " + topic.partitions().stream()
                .map(one -> one.partition() + " led by " + one.leader().id() + " on " + ids(one.replicas()) + " in sync " + ids(one.isr()))
                .toList());
            for (TopicPartitionInfo one : topic.partitions()) {
                if (!topic.isInternal()) (name.startsWith("compacted") ? compacted : partitions).add(new TopicPartition(name, one.partition()));
            }
        });
    }

    private static List<Integer> ids(List<Node> nodes) {
        return nodes.stream().map(Node::id).toList();
    }

    private void configs(SortedMap<String, String> section) throws Exception {
        List<ConfigResource> asked = new ArrayList<>(topics.keySet().stream().map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name)).toList());
        asked.add(new ConfigResource(ConfigResource.Type.BROKER, ""));
        asked.add(new ConfigResource(ConfigResource.Type.BROKER, "1"));
        asked.add(new ConfigResource(ConfigResource.Type.GROUP, "classic"));
        asked.add(new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "watch"));
        admin.describeConfigs(asked).all().get().forEach((resource, config) -> section.put(resource.toString(), config.entries().stream()
            .filter(one -> one.source().name().startsWith("DYNAMIC") && !one.name().equals(Moves.RATE)).map(one -> one.name() + "=" + one.value() + " " + one.source()).sorted()
            .toList().toString()));
    }

    private void offsets(SortedMap<String, String> section) throws Exception {
        Map<String, OffsetSpec> asked = new LinkedHashMap<>();
        asked.put("earliest", OffsetSpec.earliest());
        asked.put("latest", OffsetSpec.latest());
        asked.put("largest time", OffsetSpec.maxTimestamp());
        for (int i = 0; i < 6; i++) asked.put("time " + i, OffsetSpec.forTimestamp(Writing.BASE_MS + i * 777));
        for (IsolationLevel isolation : IsolationLevel.values()) {
            for (Map.Entry<String, OffsetSpec> spec : asked.entrySet()) {
                var offsets = admin.listOffsets(
                    partitions.stream().collect(Collectors.toMap(one -> one, one -> spec.getValue())), new ListOffsetsOptions(isolation)).all().get();
                offsets.forEach((one, found) -> section.put(one + " " + isolation + " " + spec.getKey(),
                    found.offset() + " at " + found.timestamp() + " epoch " + (found.timestamp() < 0 ? "any" : found.leaderEpoch())));
            }
        }
    }

    private List<ConsumerRecord<byte[], byte[]>> read(String isolation, List<TopicPartition> from) {
        List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation, "check.crcs", "true", "max.poll.records", 5000);
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(from);
            consumer.seekToBeginning(from);
            Map<TopicPartition, Long> ends = consumer.endOffsets(from);
            for (long limit = System.nanoTime() + 30_000_000_000L; ends.entrySet().stream().anyMatch(one -> consumer.position(one.getKey()) < one.getValue());) {
                if (System.nanoTime() > limit) throw new AssertionError("the end is not reached " + isolation + ": " + ends);
                consumer.poll(Duration.ofMillis(200)).forEach(found::add);
            }
        }
        return found;
    }

    private void records(SortedMap<String, String> section, String isolation, List<TopicPartition> from) {
        for (ConsumerRecord<byte[], byte[]> one : read(isolation, from)) {
            epochs.computeIfAbsent(new TopicPartition(one.topic(), one.partition()), unused -> new TreeSet<>()).add(one.leaderEpoch().orElse(-1));
            section.put(String.format("%s-%d %08d", one.topic(), one.partition(), one.offset()), said(one) + " epoch " + one.leaderEpoch());
        }
    }

    private void epochs(SortedMap<String, String> section) throws Exception {
        for (var one : epochs.entrySet()) {
            for (int epoch : one.getValue()) section.put(one.getKey() + " epoch " + epoch, "ends at " + Raw.endOfEpoch(bootstrap, one.getKey(), epoch));
        }
    }

    private static String said(ConsumerRecord<byte[], byte[]> one) {
        String headers = Stream.of(one.headers().toArray()).map(header -> header.key() + "=" + text(header.value())).toList().toString();
        return text(one.key()) + " " + text(one.value()) + " " + headers + " " + one.timestampType() + " " + one.timestamp();
    }

    private static String text(byte[] bytes) {
        if (bytes == null) return "null";
        return bytes.length > 40 ? bytes.length + " bytes " + UUID.nameUUIDFromBytes(bytes) : new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    /** Of a compacted topic what counts is the latest of each key: the cleaner may come between two pictures. */
    private void latest(SortedMap<String, String> section) {
        for (ConsumerRecord<byte[], byte[]> one : read("read_uncommitted", compacted)) {
            section.put(one.topic() + " " + text(one.key()), one.offset() + " " + said(one));
        }
    }

    private void groups(SortedMap<String, String> section) throws Exception {
        List<String> names = admin.listConsumerGroups().all().get().stream().map(ConsumerGroupListing::groupId).sorted().toList();
        for (String name : names) {
            var offsets = new TreeMap<String, String>();
            admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().forEach((one, at) -> offsets.put(one.toString(), String.valueOf(at)));
            section.put(name, offsets.toString());
        }
    }

    private void shareGroups(SortedMap<String, String> section) throws Exception {
        needs("DESCRIBE_SHARE_GROUP_OFFSETS");
        for (GroupListing group : admin.listGroups(ListGroupsOptions.forShareGroups()).all().get()) {
            var offsets = admin.listShareGroupOffsets(Map.of(group.groupId(), new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(group.groupId()).get();
            offsets.forEach((partition, at) -> section.put(group.groupId() + " " + partition, String.valueOf(at)));
        }
    }

    private void newGroups(SortedMap<String, String> section) throws Exception {
        needs("CONSUMER_GROUP_DESCRIBE");
        List<String> names = admin.listConsumerGroups(new ListConsumerGroupsOptions().withTypes(Set.of(GroupType.CONSUMER))).all().get().stream()
            .map(ConsumerGroupListing::groupId).toList();
        admin.describeConsumerGroups(names).all().get().forEach((name, group) -> section.put(name, group.type() + " epoch " + group.groupEpoch()));
    }

    private void needs(String api) throws Exception {
        if (!Raw.apis(bootstrap).contains(api)) throw new ExecutionException(new org.apache.kafka.common.errors.UnsupportedVersionException(api));
    }

    /** Which of the directories a partition is in, and how large its log is. */
    private void logDirectories(SortedMap<String, String> section) throws Exception {
        admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).forEach((path, directory) -> {
            section.put(path.replaceFirst(".*/", ""), "error " + directory.error());
            directory.replicaInfos().forEach((partition, replica) -> {
                if (partitions.contains(partition) && !replica.isFuture()) section.put(partition.toString(), path.replaceFirst(".*/", "") + " " + replica.size() + " bytes");
            });
        });
    }

    private void transactions(SortedMap<String, String> section) throws Exception {
        List<String> names = admin.listTransactions().all().get().stream().map(TransactionListing::transactionalId).toList();
        admin.describeTransactions(names).all().get().forEach((name, one) -> section.put(name, one.state() + " producer " + one.producerId() + " epoch "
            + one.producerEpoch() + " timeout " + one.transactionTimeoutMs()
            + (one.state() == TransactionState.EMPTY ? " " : " since " + one.transactionStartTimeMs() + " ") // 4.0 tells that of the last one
            + one.topicPartitions().stream().map(TopicPartition::toString).sorted().toList()));
    }

    private void producers(SortedMap<String, String> section) throws Exception {
        admin.describeProducers(partitions).all().get().forEach((partition, producers) -> producers.activeProducers().forEach(one -> section.put(
            partition + " producer " + one.producerId(), "epoch " + one.producerEpoch() + " sequence " + one.lastSequence() + " last "
                + one.lastTimestamp() + " in transaction since " + one.currentTransactionStartOffset())));
    }
}
