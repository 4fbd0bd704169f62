import java.time.Duration;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** What the Java client is put through; each name says what must hold. */
final class Scenarios {
    private static final Map<String, Check.Scenario> ALL = new LinkedHashMap<>();

    private Scenarios() {}

    static Map<String, Check.Scenario> all() {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            ALL.put("codec-" + codec, check -> roundTrip(check, "compression.type", codec));
        }
        for (String acks : List.of("0", "1", "all")) {
            ALL.put("acks-" + acks, check -> roundTrip(check, "acks", acks, "enable.idempotence", "all".equals(acks)));
        }
        records();
        groups();
        transactions();
        topics();
        groupAdmin();
        cluster();
        return ALL;
    }

    private static void roundTrip(Check check, Object... options) throws Exception {
        String topic = check.topic(1);
        check.send(check.producer(options), topic, 0, 500);
        Consumer<byte[], byte[]> consumer = check.consumer();
        consumer.assign(List.of(new TopicPartition(topic, 0)));
        List<ConsumerRecord<byte[], byte[]>> found = check.gather(consumer, 500);
        for (int i = 0; i < 500; i++) {
            Check.same((long) i, found.get(i).offset());
            Check.same("v" + i, new String(found.get(i).value()));
        }
    }

    private static void records() {
        ALL.put("headers-and-nulls", check -> {
            String topic = check.topic(1);
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, 0, null, null);
            record.headers().add("a", Check.bytes("1")).add("b", null).add("a", new byte[0]);
            check.producer().send(record).get();
            Consumer<byte[], byte[]> consumer = check.consumer();
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            ConsumerRecord<byte[], byte[]> back = check.gather(consumer, 1).get(0);
            Check.holds("key and value are null", back.key() == null && back.value() == null);
            Check.same(List.of(record.headers().toArray()), List.of(back.headers().toArray()));
        });
        ALL.put("offsets-by-time", check -> {
            String topic = check.topic(1);
            TopicPartition place = new TopicPartition(topic, 0);
            Producer<byte[], byte[]> producer = check.producer();
            long base = System.currentTimeMillis() - 100_000;
            for (int i = 0; i < 5; i++) producer.send(new ProducerRecord<>(topic, 0, base + i * 1000, null, Check.bytes("v"))).get();
            Consumer<byte[], byte[]> consumer = check.consumer();
            Check.same(2L, consumer.offsetsForTimes(Map.of(place, base + 1001)).get(place).offset());
            Check.same(null, consumer.offsetsForTimes(Map.of(place, base + 4001)).get(place));
            Check.same(4L, Check.get(check.admin.listOffsets(Map.of(place, OffsetSpec.maxTimestamp())).all()).get(place).offset());
        });
        ALL.put("seek-and-replay", check -> {
            String topic = check.topic(1);
            TopicPartition place = new TopicPartition(topic, 0);
            check.send(check.producer(), topic, 0, 100);
            Consumer<byte[], byte[]> consumer = check.consumer();
            consumer.assign(List.of(place));
            for (long offset : new long[] {42, 0, 99}) {
                consumer.seek(place, offset);
                Check.same(offset, check.gather(consumer, (int) (100 - offset)).get(0).offset());
            }
            consumer.seekToEnd(List.of(place));
            Check.same(100L, consumer.position(place));
        });
        ALL.put("reset-latest", check -> {
            String topic = check.topic(1);
            TopicPartition place = new TopicPartition(topic, 0);
            check.send(check.producer(), topic, 0, 3);
            Consumer<byte[], byte[]> consumer = check.consumer("auto.offset.reset", "latest", "group.id", check.name("g"));
            consumer.assign(List.of(place));
            Check.same(3L, consumer.position(place));
        });
        ALL.put("reset-none", check -> {
            String topic = check.topic(1);
            Consumer<byte[], byte[]> consumer = check.consumer("auto.offset.reset", "none", "group.id", check.name("g"));
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            Check.same("NoOffsetForPartitionException", Check.refusal(() -> consumer.poll(Duration.ofSeconds(10))));
        });
        ALL.put("ten-mb-where-allowed", check -> {
            String topic = check.topic(1, "max.message.bytes", "12000000");
            byte[] payload = new byte[10_000_000];
            new Random(7).nextBytes(payload);
            check.producer("max.request.size", 11_000_000).send(new ProducerRecord<>(topic, 0, null, payload)).get();
            Consumer<byte[], byte[]> consumer = check.consumer();
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            Check.holds("the bytes are the same", Arrays.equals(payload, check.gather(consumer, 1).get(0).value()));
        });
        ALL.put("ten-mb-where-refused", check -> {
            String topic = check.topic(1);
            Producer<byte[], byte[]> producer = check.producer("max.request.size", 11_000_000);
            Check.same("RecordTooLargeException", Check.refusal(() -> producer.send(new ProducerRecord<>(topic, new byte[10_000_000])).get()));
        });
        ALL.put("written-to-a-new-topic", check -> {
            String topic = check.name("auto");
            check.producer().send(new ProducerRecord<>(topic, Check.bytes("v"))).get();
            Check.holds("the topic is listed", Check.get(check.admin.listTopics().names()).contains(topic));
        });
    }

    private static void groups() {
        for (String protocol : List.of("classic", "consumer")) {
            ALL.put("members-join-and-leave-" + protocol, check -> joinAndLeave(check, protocol));
            ALL.put("commit-resumes-" + protocol, check -> commitResumes(check, protocol));
        }
        ALL.put("cooperative-assignor", check -> joinAndLeave(check, "classic", "partition.assignment.strategy",
            "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"));
        ALL.put("auto-commit-resumes", check -> {
            String topic = check.topic(1), group = check.name("g");
            Producer<byte[], byte[]> producer = check.producer();
            check.send(producer, topic, 0, 10);
            Consumer<byte[], byte[]> first = check.consumer("group.id", group, "enable.auto.commit", "true");
            first.subscribe(List.of(topic));
            check.gather(first, 10);
            first.close();
            check.send(producer, topic, 0, 3);
            Consumer<byte[], byte[]> second = check.consumer("group.id", group);
            second.subscribe(List.of(topic));
            Check.same(10L, check.gather(second, 3).get(0).offset());
        });
        ALL.put("share-group", check -> {
            String topic = check.topic(2), group = check.name("share");
            alter(check, new ConfigResource(ConfigResource.Type.GROUP, group), "share.auto.offset.reset", "earliest");
            Producer<byte[], byte[]> producer = check.producer();
            check.send(producer, topic, 0, 20);
            check.send(producer, topic, 1, 20);
            Set<String> seen = new HashSet<>();
            try (ShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(
                    check.settings("group.id", group), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                consumer.subscribe(List.of(topic));
                Check.eventually("all records are handed out", () -> {
                    consumer.poll(Check.TICK).forEach(record -> seen.add(record.partition() + "-" + record.offset()));
                    consumer.commitSync();
                    return seen.size() == 40;
                });
            }
        });
    }

    private static void joinAndLeave(Check check, String protocol, Object... more) throws Exception {
        String topic = check.topic(6), group = check.name("g");
        List<Consumer<byte[], byte[]>> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            List<Object> options = new ArrayList<>(List.of("group.id", group, "group.protocol", protocol));
            options.addAll(Arrays.asList(more));
            Consumer<byte[], byte[]> member = check.consumer(options.toArray());
            member.subscribe(List.of(topic));
            members.add(member);
            settle(members, 6);
        }
        for (Consumer<byte[], byte[]> member : members) Check.same(2, member.assignment().size());
        members.remove(1).close();
        settle(members, 6);
    }

    private static void settle(List<Consumer<byte[], byte[]>> members, int partitions) throws Exception {
        Check.eventually(members.size() + " members share " + partitions + " partitions", () -> {
            members.forEach(member -> member.poll(Duration.ofMillis(50)));
            List<TopicPartition> held = members.stream().flatMap(member -> member.assignment().stream()).toList();
            return held.size() == partitions && new HashSet<>(held).size() == partitions
                && members.stream().noneMatch(member -> member.assignment().isEmpty());
        });
    }

    private static void commitResumes(Check check, String protocol) throws Exception {
        String topic = check.topic(1), group = check.name("g");
        TopicPartition place = new TopicPartition(topic, 0);
        check.send(check.producer(), topic, 0, 20);
        Consumer<byte[], byte[]> first = check.consumer("group.id", group, "group.protocol", protocol);
        first.subscribe(List.of(topic));
        check.gather(first, 20);
        first.commitSync(Map.of(place, new OffsetAndMetadata(13, "note")));
        Check.same("note", first.committed(Set.of(place)).get(place).metadata());
        first.close();
        Consumer<byte[], byte[]> second = check.consumer("group.id", group, "group.protocol", protocol);
        second.subscribe(List.of(topic));
        Check.same(13L, check.gather(second, 7).get(0).offset());
    }

    private static void transactions() {
        ALL.put("transaction-commit-and-abort", check -> {
            String topic = check.topic(1);
            Producer<byte[], byte[]> producer = check.producer("transactional.id", check.name("t"));
            producer.initTransactions();
            for (String word : List.of("kept", "dropped", "kept")) {
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(topic, 0, null, Check.bytes(word))).get();
                if (word.equals("kept")) producer.commitTransaction(); else producer.abortTransaction();
            }
            Consumer<byte[], byte[]> committed = check.consumer("isolation.level", "read_committed"), all = check.consumer();
            for (Consumer<byte[], byte[]> consumer : List.of(committed, all)) consumer.assign(List.of(new TopicPartition(topic, 0)));
            check.gather(committed, 2).forEach(record -> Check.same("kept", new String(record.value())));
            check.gather(all, 3);
        });
        ALL.put("transaction-with-offsets", check -> {
            String topic = check.topic(1), group = check.name("g");
            TopicPartition place = new TopicPartition(topic, 0);
            check.send(check.producer(), topic, 0, 5);
            Consumer<byte[], byte[]> consumer = check.consumer("group.id", group);
            consumer.subscribe(List.of(topic));
            check.gather(consumer, 5);
            Producer<byte[], byte[]> producer = check.producer("transactional.id", check.name("t"));
            producer.initTransactions();
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(4)), consumer.groupMetadata());
            producer.commitTransaction();
            Check.eventually("the offset is 4", () -> {
                OffsetAndMetadata found = consumer.committed(Set.of(place)).get(place);
                return found != null && found.offset() == 4;
            });
        });
        ALL.put("an-older-producer-is-fenced", check -> {
            String topic = check.topic(1), id = check.name("t");
            Producer<byte[], byte[]> old = check.producer("transactional.id", id), current = check.producer("transactional.id", id);
            old.initTransactions();
            old.beginTransaction();
            old.send(new ProducerRecord<>(topic, Check.bytes("old"))).get();
            current.initTransactions();
            String why = Check.refusal(() -> {
                old.send(new ProducerRecord<>(topic, Check.bytes("late"))).get();
                old.commitTransaction();
                return null;
            });
            Check.holds("fenced, not " + why, List.of("ProducerFencedException", "InvalidProducerEpochException").contains(why));
        });
        ALL.put("transactions-are-described", check -> {
            String topic = check.topic(1), id = check.name("t");
            Producer<byte[], byte[]> producer = check.producer("transactional.id", id);
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, null, Check.bytes("v"))).get();
            Check.same(TransactionState.ONGOING, Check.get(check.admin.describeTransactions(List.of(id)).description(id)).state());
            Check.holds("it is listed", Check.get(check.admin.listTransactions().all()).stream().anyMatch(one -> one.transactionalId().equals(id)));
            TopicPartition place = new TopicPartition(topic, 0);
            Check.same(1, Check.get(check.admin.describeProducers(List.of(place)).partitionResult(place)).activeProducers().size());
            producer.commitTransaction();
        });
    }

    private static void topics() {
        ALL.put("topics-create-describe-delete", check -> {
            String topic = check.topic(3, "retention.ms", "86400000");
            TopicDescription found = Check.get(check.admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
            Check.same(3, found.partitions().size());
            Check.holds("every partition has a leader", found.partitions().stream().allMatch(one -> one.leader() != null && one.isr().size() == 1));
            Check.same("TopicExistsException", Check.refusal(() -> check.admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get()));
            Check.same("InvalidTopicException", Check.refusal(() -> check.admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all().get()));
            Check.same("InvalidReplicationFactorException",
                Check.refusal(() -> check.admin.createTopics(List.of(new NewTopic(check.name("x"), 1, (short) 3))).all().get()));
            check.admin.deleteTopics(TopicCollection.ofTopicIds(List.of(found.topicId()))).all().get();
            Check.eventually("it is gone", () -> !Check.get(check.admin.listTopics().names()).contains(topic));
            Check.same("UnknownTopicOrPartitionException", Check.refusal(() -> check.admin.deleteTopics(List.of(topic)).all().get()));
        });
        ALL.put("partitions-are-added", check -> {
            String topic = check.topic(2);
            check.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            Check.same("InvalidPartitionsException", Check.refusal(() -> check.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get()));
            Check.eventually("five are listed", () -> Check.get(check.admin.describeTopics(List.of(topic)).allTopicNames()).get(topic).partitions().size() == 5);
        });
        ALL.put("topic-configs", check -> {
            ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, check.topic(1));
            alter(check, topic, "max.message.bytes", "2000000");
            ConfigEntry entry = Check.get(check.admin.describeConfigs(List.of(topic)).all()).get(topic).get("max.message.bytes");
            Check.same("2000000", entry.value());
            Check.same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, entry.source());
            Check.same("InvalidConfigurationException", Check.refusal(() -> { alter(check, topic, "max.message.bytes", "-5"); return null; }));
            Check.same("InvalidConfigurationException", Check.refusal(() -> { alter(check, topic, "no.such.config", "1"); return null; }));
        });
        ALL.put("broker-configs", check -> {
            String node = Check.get(check.admin.describeCluster().nodes()).iterator().next().idString();
            ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, node);
            Check.same(ConfigEntry.ConfigSource.DEFAULT_CONFIG, Check.get(check.admin.describeConfigs(List.of(broker)).all()).get(broker).get("fetch.max.bytes").source());
            alter(check, broker, "log.cleaner.threads", "2");
            Check.eventually("the change is described", () ->
                "2".equals(Check.get(check.admin.describeConfigs(List.of(broker)).all()).get(broker).get("log.cleaner.threads").value()));
        });
        ALL.put("records-are-deleted", check -> {
            String topic = check.topic(1);
            TopicPartition place = new TopicPartition(topic, 0);
            check.send(check.producer(), topic, 0, 10);
            Check.same(6L, Check.get(check.admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(6))).lowWatermarks().get(place)).lowWatermark());
            Check.same(6L, Check.get(check.admin.listOffsets(Map.of(place, OffsetSpec.earliest())).all()).get(place).offset());
            Check.same("OffsetOutOfRangeException",
                Check.refusal(() -> check.admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(99))).all().get()));
        });
    }

    private static void groupAdmin() {
        ALL.put("groups-list-describe-delete", check -> {
            String topic = check.topic(1), group = check.name("g");
            TopicPartition place = new TopicPartition(topic, 0);
            Consumer<byte[], byte[]> consumer = check.consumer("group.id", group);
            consumer.subscribe(List.of(topic));
            settle(List.of(consumer), 1);
            consumer.commitSync(Map.of(place, new OffsetAndMetadata(0)));
            Check.holds("it is listed", Check.get(check.admin.listGroups().all()).stream().anyMatch(one -> one.groupId().equals(group)));
            ConsumerGroupDescription found = Check.get(check.admin.describeConsumerGroups(List.of(group)).all()).get(group);
            Check.same(GroupState.STABLE, found.groupState());
            Check.same(Set.of(place), found.members().iterator().next().assignment().topicPartitions());
            Check.same("GroupNotEmptyException", Check.refusal(() -> check.admin.deleteConsumerGroups(List.of(group)).all().get()));
            consumer.close();
            Check.same(0L, Check.get(check.admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).get(place).offset());
            check.admin.alterConsumerGroupOffsets(group, Map.of(place, new OffsetAndMetadata(7))).all().get();
            Check.same(7L, Check.get(check.admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).get(place).offset());
            check.admin.deleteConsumerGroupOffsets(group, Set.of(place)).all().get();
            check.admin.deleteConsumerGroups(List.of(group)).all().get();
            Check.same("GroupIdNotFoundException", Check.refusal(() -> check.admin.deleteConsumerGroups(List.of(group)).all().get()));
        });
        ALL.put("a-member-is-removed", check -> {
            String topic = check.topic(1), group = check.name("g");
            Consumer<byte[], byte[]> consumer = check.consumer("group.id", group, "group.instance.id", "static");
            consumer.subscribe(List.of(topic));
            settle(List.of(consumer), 1);
            consumer.close();
            check.admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("static")))).all().get();
            Check.same(0, Check.get(check.admin.describeConsumerGroups(List.of(group)).all()).get(group).members().size());
        });
    }

    private static void cluster() {
        ALL.put("cluster-features-quorum-logdirs", check -> {
            DescribeClusterResult cluster = check.admin.describeCluster();
            Check.same(1, Check.get(cluster.nodes()).size());
            Check.holds("the controller is known", Check.get(cluster.controller()) != null);
            Check.holds("the features are finalized", Check.get(check.admin.describeFeatures().featureMetadata()).finalizedFeatures().containsKey("metadata.version"));
            Check.holds("the quorum has a leader", Check.get(check.admin.describeMetadataQuorum().quorumInfo()).leaderId() >= 0);
            int node = Check.get(cluster.nodes()).iterator().next().id();
            String topic = check.topic(1);
            Check.holds("the topic is in a log directory", Check.get(check.admin.describeLogDirs(List.of(node)).allDescriptions()).get(node).values().stream()
                .anyMatch(one -> one.replicaInfos().containsKey(new TopicPartition(topic, 0))));
        });
        ALL.put("acls", check -> {
            ResourcePattern topic = new ResourcePattern(ResourceType.TOPIC, check.name("acl"), PatternType.LITERAL);
            AclBinding binding = new AclBinding(topic, new AccessControlEntry("User:nobody", "*", AclOperation.READ, AclPermissionType.ALLOW));
            check.admin.createAcls(List.of(binding)).all().get();
            AclBindingFilter filter = new AclBindingFilter(topic.toFilter(), AccessControlEntryFilter.ANY);
            Check.eventually("it is described", () -> Check.get(check.admin.describeAcls(filter).values()).contains(binding));
            Check.same(List.of(binding), List.copyOf(check.admin.deleteAcls(List.of(filter)).all().get()));
        });
        ALL.put("quotas-and-scram", check -> {
            String name = check.name("user");
            ClientQuotaEntity entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, name));
            check.admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1e6))))).all().get();
            ClientQuotaFilter filter = ClientQuotaFilter.containsOnly(List.of(ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.USER, name)));
            Check.eventually("the quota is described", () -> Check.get(check.admin.describeClientQuotas(filter).entities()).containsKey(entity));
            check.admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(name, new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all().get();
            Check.eventually("the user is described", () -> Check.get(check.admin.describeUserScramCredentials().users()).contains(name));
        });
    }

    private static void alter(Check check, ConfigResource resource, String key, String value) throws Exception {
        AlterConfigOp change = new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
        check.admin.incrementalAlterConfigs(Map.of(resource, List.of(change))).all().get();
    }
}
