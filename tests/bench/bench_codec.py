"""What the codecs cost: `python -m tests.bench.bench_codec` prints microseconds per operation, best of several rounds."""

import timeit
from collections.abc import Callable

from pybroker.wire.codec import decode, encode
from pybroker.wire.headers import parse_request_header, request_header
from pybroker.wire.messages import FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse

LOOPS = 20_000
ROUNDS = 7


def produce_request() -> ProduceRequest:
    """One record of 100 bytes to one partition."""
    partition = ProduceRequest.PartitionProduceData(index=3, records=bytes(168))
    topic = ProduceRequest.TopicProduceData(name="orders", partition_data=[partition])
    return ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic])


def produce_response() -> ProduceResponse:
    """The answer to it."""
    partition = ProduceResponse.PartitionProduceResponse(index=3, base_offset=1234, log_start_offset=0)
    topic = ProduceResponse.TopicProduceResponse(name="orders", partition_responses=[partition])
    return ProduceResponse(responses=[topic])


def fetch_request() -> FetchRequest:
    """One partition."""
    partition = FetchRequest.FetchPartition(partition=3, fetch_offset=1234, partition_max_bytes=1 << 20)
    return FetchRequest(max_wait_ms=500, min_bytes=1, topics=[FetchRequest.FetchTopic(topic="orders", partitions=[partition])])


def fetch_response() -> FetchResponse:
    """One partition with some records."""
    partition = FetchResponse.PartitionData(partition_index=3, high_watermark=1250, last_stable_offset=1250, records=bytes(168))
    return FetchResponse(responses=[FetchResponse.FetchableTopicResponse(topic="orders", partitions=[partition])])


def metadata_response() -> MetadataResponse:
    """One broker, one topic of six partitions."""
    kind = MetadataResponse.MetadataResponseTopic
    partitions = [
        MetadataResponse.MetadataResponsePartition(partition_index=index, leader_id=1, replica_nodes=[1], isr_nodes=[1])
        for index in range(6)
    ]
    broker = MetadataResponse.MetadataResponseBroker(node_id=1, host="localhost", port=9092)
    return MetadataResponse(brokers=[broker], cluster_id="x" * 22, controller_id=1, topics=[kind(name="a", partitions=partitions)])


def best_us(action: Callable[[], object]) -> float:
    """Microseconds of one call."""
    return min(timeit.repeat(action, number=LOOPS, repeat=ROUNDS)) / LOOPS * 1e6


def main() -> None:
    """Print the table."""
    metadata_request = MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name="orders")])
    cases = [
        (produce_request(), 9),
        (produce_response(), 9),
        (produce_response(), 10),
        (fetch_request(), 12),
        (fetch_response(), 12),
        (metadata_request, 12),
        (metadata_response(), 12),
    ]
    header = request_header(0, 9, 7, "bench-client")
    print(f"{'request header v2, parse':32} {best_us(lambda: parse_request_header(header)):6.2f} us")
    for message, version in cases:
        data = encode(message, version)
        cls = type(message)
        reading = best_us(lambda cls=cls, version=version, data=data: decode(cls, version, data))  # type: ignore[misc]
        writing = best_us(lambda message=message, version=version: encode(message, version))  # type: ignore[misc]
        print(f"{cls.__name__ + f' v{version}':32} decode {reading:6.2f} us   encode {writing:6.2f} us")
    print(f"{'ProduceResponse':32} build  {best_us(produce_response):6.2f} us")
    print(f"{'FetchResponse':32} build  {best_us(fetch_response):6.2f} us")


if __name__ == "__main__":
    main()
