import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.config.ConfigResource;

/** Logs that move between the directories of one broker: one that has moved when the broker goes, and one that it leaves half copied. */
final class Moves {
    static final String RATE = "replica.alter.log.dirs.io.max.bytes.per.second"; // one of those that DescribeConfigs does not tell (FINDINGS)
    private static final ConfigResource BROKER = new ConfigResource(ConfigResource.Type.BROKER, "1");

    private final Admin admin;

    Moves(Admin admin) {
        this.admin = admin;
    }

    /** Moves partition 0 of a topic, and begins with partition 1, too slowly ever to end. */
    void begin(String topic) throws Exception {
        move(topic, 0);
        waitUntilMoved(topic, 0);
        limit("1000");
        move(topic, 1);
        for (int tries = 0; place(topic, 1).getFutureReplicaLogDir() == null; tries++) pause(tries, "a copy is begun");
    }

    /** Another broker goes on with what was half copied. */
    void end(String topic) throws Exception {
        limit(null);
        waitUntilMoved(topic, 1);
    }

    private void waitUntilMoved(String topic, int partition) throws Exception {
        String first = null;
        for (int tries = 0;; tries++) {
            DescribeReplicaLogDirsResult.ReplicaLogDirInfo found = place(topic, partition);
            if (found.getFutureReplicaLogDir() == null) return;
            if (first == null) first = found.getFutureReplicaLogDir();
            Writing.same(first, found.getFutureReplicaLogDir());
            pause(tries, topic + "-" + partition + " has moved: " + found);
        }
    }

    private void move(String topic, int partition) throws Exception {
        String current = place(topic, partition).getCurrentReplicaLogDir();
        Set<String> others = new TreeSet<>(admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).keySet());
        others.remove(current);
        String other = others.iterator().next();
        admin.alterReplicaLogDirs(Map.of(new TopicPartitionReplica(topic, partition, 1), other)).all().get();
        for (int tries = 0; !other.equals(place(topic, partition).getFutureReplicaLogDir()) && !other.equals(place(topic, partition).getCurrentReplicaLogDir()); tries++) {
            pause(tries, topic + "-" + partition + " moves");
        }
    }

    private DescribeReplicaLogDirsResult.ReplicaLogDirInfo place(String topic, int partition) throws Exception {
        TopicPartitionReplica replica = new TopicPartitionReplica(topic, partition, 1);
        return admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica);
    }

    private void limit(String rate) throws Exception {
        AlterConfigOp.OpType operation = rate == null ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET;
        admin.incrementalAlterConfigs(Map.of(BROKER, List.of(new AlterConfigOp(new ConfigEntry(RATE, rate), operation)))).all().get();
    }

    private static void pause(int tries, String what) throws Exception {
        Writing.holds(what, tries < 300);
        Thread.sleep(100);
    }
}
