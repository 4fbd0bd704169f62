import java.io.*;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.requests.*;

/** Asks a broker which APIs it serves: the admin client does not tell. */
final class Apis {
    private Apis() {}

    static Set<String> of(String bootstrap) throws Exception {
        String[] address = bootstrap.split(":");
        ByteBuffer request = RequestUtils.serialize(
            new RequestHeader(ApiKeys.API_VERSIONS, (short) 0, "apis", 1).data(), (short) 1, new ApiVersionsRequestData(), (short) 0);
        try (Socket socket = new Socket(address[0], Integer.parseInt(address[1]))) {
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(request.remaining());
            out.write(request.array(), request.arrayOffset() + request.position(), request.remaining());
            out.flush();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] answer = new byte[in.readInt()];
            in.readFully(answer);
            ByteBufferAccessor body = new ByteBufferAccessor(ByteBuffer.wrap(answer, 4, answer.length - 4));
            Set<String> names = new TreeSet<>();
            new ApiVersionsResponseData(body, (short) 0).apiKeys().forEach(one -> {
                if (ApiKeys.hasId(one.apiKey())) names.add(ApiKeys.forId(one.apiKey()).name());
            });
            return names;
        }
    }
}
