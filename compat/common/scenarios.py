"""What every Python client is put through. A scenario is named for what must hold."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from contract import Message, NoOffset, Record, Refused
from harness import Bench, eventually, gather, scenario, share_out

MESSAGE_TOO_LARGE = 10
TOPIC_ALREADY_EXISTS = 36
INVALID_PARTITIONS = 37
INVALID_CONFIG = 40
NON_EMPTY_GROUP = 68
UNKNOWN_TOPIC_OR_PARTITION = 3
INVALID_TOPIC = 17
GROUP_ID_NOT_FOUND = 69
TEN_MB = 10_000_000


def numbered(count: int, first: int = 0) -> list[Record]:
    return [Record(b"value-%06d" % index, b"key-%d" % (index % 7)) for index in range(first, first + count)]


def values(messages: list[Message]) -> list[bytes | None]:
    return [message.value for message in messages]


def refused(code: int, action: Callable[..., object], *arguments: object) -> None:
    try:
        action(*arguments)
    except Refused as error:
        answer = error.code
    else:
        raise AssertionError(f"accepted, though error {code} was due")
    assert answer == code, f"error {answer} instead of {code}"


def round_trip(bench: Bench, **options: object) -> None:
    topic, records = bench.topic(), numbered(500)
    sent = bench.producer(**options).send(topic, records)
    assert [offset for _, offset in sent] == list(range(500)), "offsets are not 0 to 499"
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    found = gather(consumer, 500)
    assert [(message.offset, message.key, message.value) for message in found] == [
        (index, record.key, record.value) for index, record in enumerate(records)
    ]


@scenario
def codec_none(bench: Bench) -> None:
    round_trip(bench, codec="none")


@scenario
def codec_gzip(bench: Bench) -> None:
    round_trip(bench, codec="gzip")


@scenario
def codec_snappy(bench: Bench) -> None:
    round_trip(bench, codec="snappy")


@scenario
def codec_lz4(bench: Bench) -> None:
    round_trip(bench, codec="lz4")


@scenario
def codec_zstd(bench: Bench) -> None:
    round_trip(bench, codec="zstd")


@scenario
def acks_one(bench: Bench) -> None:
    round_trip(bench, acks=1)


@scenario
def acks_none_still_arrives(bench: Bench) -> None:
    topic = bench.topic()
    bench.producer(acks=0).send(topic, numbered(50))
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    assert values(gather(consumer, 50)) == [record.value for record in numbered(50)]


@scenario
def idempotent_producer(bench: Bench) -> None:
    round_trip(bench, idempotent=True)


@scenario
def headers_keep_order_and_nulls(bench: Bench) -> None:
    topic, headers = bench.topic(), (("a", b"1"), ("b", b""), ("a", b"\x00\xff"))
    bench.producer().send(topic, [Record(b"v", b"k", headers=headers)])
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    assert gather(consumer, 1)[0].headers == headers


@scenario
def null_and_empty_keys_and_values(bench: Bench) -> None:
    topic = bench.topic()
    pairs = [(None, b"v"), (b"", b""), (b"k", None), (None, b"")]
    bench.producer().send(topic, [Record(value, key) for key, value in pairs])
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    assert [(message.key, message.value) for message in gather(consumer, 4)] == pairs


@scenario
def timestamps_come_back(bench: Bench) -> None:
    topic, now_ms = bench.topic(), int(time.time() * 1000)
    stamps = [now_ms - 3_600_000, now_ms - 1_000, now_ms]
    bench.producer().send(topic, [Record(b"v", timestamp_ms=stamp) for stamp in stamps])
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    assert [message.timestamp_ms for message in gather(consumer, 3)] == stamps


@scenario
def log_append_time(bench: Bench) -> None:
    topic, before_ms = bench.topic(message_timestamp_type="LogAppendTime"), int(time.time() * 1000)
    bench.producer().send(topic, [Record(b"v", timestamp_ms=before_ms - 60_000)])
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    assert gather(consumer, 1)[0].timestamp_ms >= before_ms - 1_000


@scenario
def offsets_by_time(bench: Bench) -> None:
    topic, base_ms = bench.topic(), int(time.time() * 1000) - 100_000
    producer = bench.producer()
    for index in range(5):
        producer.send(topic, [Record(b"v", timestamp_ms=base_ms + index * 1_000)])
    consumer, place = bench.consumer(), (topic, 0)
    consumer.assign([place])
    assert consumer.offset_at(place, base_ms) == 0
    assert consumer.offset_at(place, base_ms + 1_001) == 2
    assert consumer.offset_at(place, base_ms + 4_000) == 4
    assert consumer.offset_at(place, base_ms + 4_001) is None


@scenario
def watermarks(bench: Bench) -> None:
    topic = bench.topic(partitions=2)
    bench.producer().send(topic, [*numbered(7), Record(b"other", partition=1)])
    consumer = bench.consumer()
    assert [consumer.bounds((topic, index)) for index in (0, 1)] == [(0, 7), (0, 1)]


@scenario
def seek_and_replay(bench: Bench) -> None:
    topic, consumer = bench.topic(), bench.consumer()
    place = (topic, 0)
    bench.producer().send(topic, numbered(100))
    consumer.assign([place])
    gather(consumer, 100)
    for offset in (0, 42, 99):
        consumer.seek(place, offset)
        assert [message.offset for message in gather(consumer, 100 - offset)] == list(range(offset, 100))
    assert consumer.position(place) == 100


@scenario
def reset_to_earliest(bench: Bench) -> None:
    topic = bench.topic()
    bench.producer().send(topic, numbered(5))
    consumer = bench.consumer(group=bench.name("group"), reset="earliest")
    consumer.subscribe(topic)
    assert len(gather(consumer, 5)) == 5


@scenario
def reset_to_latest(bench: Bench) -> None:
    topic, producer = bench.topic(), bench.producer()
    producer.send(topic, numbered(5))
    consumer = bench.consumer(group=bench.name("group"), reset="latest")
    consumer.subscribe(topic)
    share_out([consumer], topic, 1)
    assert consumer.poll(0.5) == []
    eventually(lambda: consumer.poll(0.1) == [] and consumer.position((topic, 0)) == 5, "the position is the end")
    producer.send(topic, numbered(2, first=5))
    assert [message.offset for message in gather(consumer, 2)] == [5, 6]


@scenario
def reset_none_is_an_error(bench: Bench) -> None:
    topic = bench.topic()
    bench.producer().send(topic, numbered(5))
    consumer = bench.consumer(group=bench.name("group"), reset="none")
    consumer.subscribe(topic)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            assert consumer.poll(0.2) == [], "read without an offset to start from"
        except NoOffset:
            return
    raise AssertionError("no error came")


@scenario
def out_of_range_resets(bench: Bench) -> None:
    topic, consumer = bench.topic(), bench.consumer(reset="earliest")
    bench.producer().send(topic, numbered(5))
    consumer.assign([(topic, 0)])
    consumer.seek((topic, 0), 1_000)
    assert [message.offset for message in gather(consumer, 5)] == [0, 1, 2, 3, 4]


@scenario
def manual_commit_resumes(bench: Bench) -> None:
    topic, group = bench.topic(), bench.name("group")
    bench.producer().send(topic, numbered(20))
    first = bench.consumer(group=group)
    first.subscribe(topic)
    gather(first, 20)
    first.commit({(topic, 0): 13})
    assert first.committed((topic, 0)) == 13
    first.close()
    second = bench.consumer(group=group)
    second.subscribe(topic)
    assert [message.offset for message in gather(second, 7)] == list(range(13, 20))


@scenario
def auto_commit_resumes(bench: Bench) -> None:
    topic, group, producer = bench.topic(), bench.name("group"), bench.producer()
    producer.send(topic, numbered(10))
    first = bench.consumer(group=group, auto_commit=True)
    first.subscribe(topic)
    gather(first, 10)
    first.close()
    producer.send(topic, numbered(3, first=10))
    second = bench.consumer(group=group)
    second.subscribe(topic)
    assert [message.offset for message in gather(second, 3)] == [10, 11, 12]


@scenario
def commit_without_a_group_membership(bench: Bench) -> None:
    topic, group = bench.topic(), bench.name("group")
    bench.producer().send(topic, numbered(5))
    consumer = bench.consumer(group=group)
    consumer.assign([(topic, 0)])
    assert consumer.committed((topic, 0)) is None
    consumer.commit({(topic, 0): 4})
    other = bench.consumer(group=group)
    other.assign([(topic, 0)])
    assert other.committed((topic, 0)) == 4
    assert [message.offset for message in gather(other, 1)] == [4]


@scenario
def members_join_and_leave(bench: Bench) -> None:
    topic, group = bench.topic(partitions=6), bench.name("group")
    consumers = [bench.consumer(group=group) for _ in range(3)]
    joined = []
    for consumer in consumers:
        consumer.subscribe(topic)
        joined.append(consumer)
        shares = share_out(joined, topic, 6)
    assert [len(share) for share in shares] == [2, 2, 2]
    consumers[1].close()
    share_out([consumers[0], consumers[2]], topic, 6)


@scenario
def a_killed_member_is_replaced(bench: Bench) -> None:
    topic, group = bench.topic(partitions=4), bench.name("group")
    bench.producer().send(topic, [Record(b"v", partition=index % 4) for index in range(40)])
    child = bench.member_process(group, topic)
    survivor = bench.consumer(group=group)
    survivor.subscribe(topic)
    eventually(lambda: survivor.poll(0.1) is not None and len(survivor.assignment()) == 2, "the survivor has its half")
    os.kill(child.pid, signal.SIGKILL)
    killed = time.monotonic()
    share_out([survivor], topic, 4, patience_s=25)
    assert time.monotonic() - killed > 2, "the dead member was given up before its session ended"


@scenario
def a_static_member_returns(bench: Bench) -> None:
    topic, group = bench.topic(partitions=4), bench.name("group")
    steady = bench.consumer(group=group, static_id="steady")
    steady.subscribe(topic)
    share_out([steady], topic, 4)
    passing = bench.consumer(group=group, static_id="passing")
    passing.subscribe(topic)
    mine, theirs = share_out([steady, passing], topic, 4)
    passing.close()
    for _ in range(5):
        steady.poll(0.1)
    assert {index for _, index in steady.assignment()} == mine, "a rebalance ran, though the static member may return"
    again = bench.consumer(group=group, static_id="passing")
    again.subscribe(topic)
    assert share_out([steady, again], topic, 4) == [mine, theirs]


@scenario
def consumer_protocol_group(bench: Bench) -> None:
    topic, group = bench.topic(partitions=4), bench.name("group")
    bench.producer().send(topic, [Record(b"v", partition=index % 4) for index in range(40)])
    first, second = (bench.consumer(group=group, protocol="consumer") for _ in range(2))
    first.subscribe(topic)
    gather(first, 40)
    first.commit()
    second.subscribe(topic)
    share_out([first, second], topic, 4)
    first.close()
    share_out([second], topic, 4)
    assert second.committed((topic, 0)) == 10


@scenario
def ten_mb_message_where_allowed(bench: Bench) -> None:
    topic = bench.topic(max_message_bytes="12000000")
    payload = random.Random(7).randbytes(TEN_MB)
    bench.producer(max_request_bytes=11_000_000).send(topic, [Record(payload)])
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    assert gather(consumer, 1)[0].value == payload


@scenario
def ten_mb_message_where_refused(bench: Bench) -> None:
    topic = bench.topic()
    refused(MESSAGE_TOO_LARGE, bench.producer(max_request_bytes=11_000_000).send, topic, [Record(b"x" * TEN_MB)])
    consumer = bench.consumer()
    assert consumer.bounds((topic, 0)) == (0, 0)


@scenario
def small_fetches_still_progress(bench: Bench) -> None:
    topic, producer = bench.topic(), bench.producer()
    payload = random.Random(8).randbytes(700_000)
    for _ in range(6):
        producer.send(topic, [Record(payload)])
    consumer = bench.consumer()
    consumer.assign([(topic, 0)])
    assert all(message.value == payload for message in gather(consumer, 6))


@scenario
def transaction_commits(bench: Bench) -> None:
    topic, producer = bench.topic(partitions=2), bench.producer(transactional_id=bench.name("txn"))
    for _ in range(3):
        producer.begin()
        producer.send(topic, [Record(b"a", partition=0), Record(b"b", partition=1)])
        producer.commit()
    consumer = bench.consumer(committed_only=True)
    consumer.assign([(topic, 0), (topic, 1)])
    assert sorted(values(gather(consumer, 6))) == [b"a"] * 3 + [b"b"] * 3


@scenario
def transaction_aborts(bench: Bench) -> None:
    topic, producer = bench.topic(), bench.producer(transactional_id=bench.name("txn"))
    producer.begin()
    producer.send(topic, [Record(b"dropped")])
    producer.abort()
    producer.begin()
    producer.send(topic, [Record(b"kept")])
    producer.commit()
    committed, anything = bench.consumer(committed_only=True), bench.consumer()
    for consumer in (committed, anything):
        consumer.assign([(topic, 0)])
    assert values(gather(committed, 1)) == [b"kept"]
    assert values(gather(anything, 2)) == [b"dropped", b"kept"]


@scenario
def an_open_transaction_holds_readers_back(bench: Bench) -> None:
    topic, producer = bench.topic(), bench.producer(transactional_id=bench.name("txn"))
    producer.begin()
    producer.send(topic, [Record(b"open")])
    bench.producer().send(topic, [Record(b"plain")])
    consumer = bench.consumer(committed_only=True)
    consumer.assign([(topic, 0)])
    assert consumer.poll(1.0) == []
    producer.commit()
    assert values(gather(consumer, 2)) == [b"open", b"plain"]


@scenario
def offsets_inside_a_transaction(bench: Bench) -> None:
    source, group = bench.topic(), bench.name("group")
    bench.producer().send(source, numbered(5))
    producer, consumer = bench.producer(transactional_id=bench.name("txn")), bench.consumer(group=group)
    consumer.subscribe(source)
    gather(consumer, 5)
    producer.begin()
    producer.send_offsets({(source, 0): 3}, consumer)
    producer.abort()
    assert consumer.committed((source, 0)) is None
    producer.begin()
    producer.send_offsets({(source, 0): 4}, consumer)
    producer.commit()
    eventually(lambda: consumer.committed((source, 0)) == 4, "the committed offset is 4")


@scenario
def topics_are_created_and_deleted(bench: Bench) -> None:
    topic = bench.topic(partitions=3)
    assert bench.admin.topics()[topic] == 3
    refused(TOPIC_ALREADY_EXISTS, bench.admin.create_topic, topic)
    refused(INVALID_TOPIC, bench.admin.create_topic, "not/a topic")
    bench.admin.delete_topic(topic)
    eventually(lambda: topic not in bench.admin.topics(), "the topic is gone")
    refused(UNKNOWN_TOPIC_OR_PARTITION, bench.admin.delete_topic, topic)


@scenario
def a_topic_created_again_is_empty(bench: Bench) -> None:
    topic = bench.topic()
    bench.producer().send(topic, numbered(5))
    bench.admin.delete_topic(topic)
    eventually(lambda: topic not in bench.admin.topics(), "the topic is gone")
    bench.admin.create_topic(topic, 1)
    eventually(lambda: topic in bench.admin.topics(), "the topic is back")
    assert bench.consumer().bounds((topic, 0)) == (0, 0)


@scenario
def partitions_are_added(bench: Bench) -> None:
    topic = bench.topic(partitions=2)
    bench.admin.grow(topic, 5)
    eventually(lambda: bench.admin.topics()[topic] == 5, "five partitions are listed")
    refused(INVALID_PARTITIONS, bench.admin.grow, topic, 5)
    bench.producer().send(topic, [Record(b"v", partition=4)])


@scenario
def topic_configs_are_set(bench: Bench) -> None:
    topic = bench.topic(retention_ms="86400000")
    assert bench.admin.topic_config(topic)["retention.ms"] == "86400000"
    bench.admin.set_topic_config(topic, "max.message.bytes", "2000000")
    eventually(lambda: bench.admin.topic_config(topic)["max.message.bytes"] == "2000000", "the new limit is described")
    refused(INVALID_CONFIG, bench.admin.set_topic_config, topic, "max.message.bytes", "-5")


@scenario
def a_lower_message_limit_takes_effect(bench: Bench) -> None:
    topic, producer = bench.topic(), bench.producer()
    producer.send(topic, [Record(b"x" * 50_000)])
    bench.admin.set_topic_config(topic, "max.message.bytes", "10000")
    eventually(lambda: bench.admin.topic_config(topic)["max.message.bytes"] == "10000", "the new limit is described")
    refused(MESSAGE_TOO_LARGE, producer.send, topic, [Record(b"x" * 50_000)])


@scenario
def groups_are_listed_and_described(bench: Bench) -> None:
    topic, group = bench.topic(), bench.name("group")
    consumer = bench.consumer(group=group)
    consumer.subscribe(topic)
    share_out([consumer], topic, 1)
    assert group in bench.admin.groups()
    assert bench.admin.describe_group(group) == ("Stable", 1)


@scenario
def groups_are_deleted_when_empty(bench: Bench) -> None:
    topic, group = bench.topic(), bench.name("group")
    consumer = bench.consumer(group=group)
    consumer.subscribe(topic)
    share_out([consumer], topic, 1)
    consumer.commit({(topic, 0): 0})
    refused(NON_EMPTY_GROUP, bench.admin.delete_group, group)
    consumer.close()
    eventually(lambda: bench.admin.describe_group(group) == ("Empty", 0), "the group is empty")
    bench.admin.delete_group(group)
    assert group not in bench.admin.groups()
    refused(GROUP_ID_NOT_FOUND, bench.admin.delete_group, group)


@scenario
def records_are_deleted(bench: Bench) -> None:
    topic = bench.topic()
    place = (topic, 0)
    bench.producer().send(topic, numbered(10))
    assert bench.admin.delete_records(place, 6) == 6
    consumer = bench.consumer(reset="earliest")
    assert consumer.bounds(place) == (6, 10)
    consumer.assign([place])
    assert [message.offset for message in gather(consumer, 4)] == [6, 7, 8, 9]
    assert bench.admin.delete_records(place, -1) == 10


@scenario
def a_topic_appears_when_first_written(bench: Bench) -> None:
    topic = bench.name("auto")
    bench.producer().send(topic, numbered(3))
    assert topic in bench.admin.topics()


@scenario
def a_waiting_reader_is_woken(bench: Bench) -> None:
    topic, producer, consumer = bench.topic(), bench.producer(), bench.consumer()
    consumer.assign([(topic, 0)])
    consumer.poll(0.3)
    producer.send(topic, [Record(b"warm")])
    gather(consumer, 1)
    producer.send(topic, [Record(b"now")])
    began = time.monotonic()
    while not consumer.poll(1.0):
        assert time.monotonic() - began < 5, "the record never came"
