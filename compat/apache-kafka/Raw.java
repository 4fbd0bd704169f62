import java.io.*;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.requests.*;

/** Asks a broker what the admin client does not ask. */
final class Raw {
    private Raw() {}

    private static ByteBufferAccessor ask(String bootstrap, ApiKeys api, short version, ApiMessage body) throws Exception {
        String[] address = bootstrap.split(":");
        short header = api.requestHeaderVersion(version);
        ByteBuffer request = RequestUtils.serialize(new RequestHeader(api, version, "raw", 1).data(), header, body, version);
        try (Socket socket = new Socket(address[0], Integer.parseInt(address[1]))) {
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(request.remaining());
            out.write(request.array(), request.arrayOffset() + request.position(), request.remaining());
            out.flush();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] answer = new byte[in.readInt()];
            in.readFully(answer);
            ByteBufferAccessor found = new ByteBufferAccessor(ByteBuffer.wrap(answer));
            new ResponseHeaderData(found, api.responseHeaderVersion(version));
            return found;
        }
    }

    /** The names of the APIs that the broker says it serves. */
    static Set<String> apis(String bootstrap) throws Exception {
        ByteBufferAccessor answer = ask(bootstrap, ApiKeys.API_VERSIONS, (short) 0, new ApiVersionsRequestData());
        Set<String> names = new TreeSet<>();
        new ApiVersionsResponseData(answer, (short) 0).apiKeys().forEach(one -> {
            if (ApiKeys.hasId(one.apiKey())) names.add(ApiKeys.forId(one.apiKey()).name());
        });
        return names;
    }

    /** Where a leader epoch ended, or -1. */
    static long endOfEpoch(String bootstrap, TopicPartition partition, int epoch) throws Exception {
        var topic = new OffsetForLeaderEpochRequestData.OffsetForLeaderTopic().setTopic(partition.topic()).setPartitions(List.of(
            new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition().setPartition(partition.partition()).setLeaderEpoch(epoch)));
        var topics = new OffsetForLeaderEpochRequestData.OffsetForLeaderTopicCollection(List.of(topic).iterator());
        short version = 4;
        ByteBufferAccessor answer = ask(bootstrap, ApiKeys.OFFSET_FOR_LEADER_EPOCH, version, new OffsetForLeaderEpochRequestData().setReplicaId(-1).setTopics(topics));
        return new OffsetForLeaderEpochResponseData(answer, version).topics().iterator().next().partitions().get(0).endOffset();
    }
}
