"""confluent-kafka (librdkafka) behind the contract of the scenarios."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic
from contract import ConsumerOptions, Message, NoOffset, Placed, ProducerOptions, Record, Refused
from contract import TopicPartition as Place
from harness import main

STATES = {"STABLE": "Stable", "EMPTY": "Empty", "DEAD": "Dead"}
NOT_YET = -1001  # librdkafka's marker for an offset that is not there
WAIT_S = 30


@contextlib.contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise Refused(error.args[0].code(), str(error)) from error


class ConfluentProducer:
    def __init__(self, bootstrap: str, options: ProducerOptions) -> None:
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "acks": options.acks,
            "compression.type": options.codec,
            "enable.idempotence": options.idempotent,
            "message.max.bytes": options.max_request_bytes,
            "linger.ms": 2,
            "message.timeout.ms": 30_000,
        }
        if options.transactional_id:
            settings |= {"transactional.id": options.transactional_id, "enable.idempotence": True}
        self.producer = Producer(settings)
        if options.transactional_id:
            self.producer.init_transactions(WAIT_S)

    def send(self, topic: str, records: Iterable[Record]) -> list[Placed]:
        reports: list[tuple[KafkaError | None, Any]] = []
        for record in records:
            self.producer.produce(
                topic,
                record.value,
                record.key,
                partition=record.partition,
                headers=list(record.headers),
                timestamp=record.timestamp_ms or 0,
                on_delivery=lambda error, message: reports.append((error, message)),
            )
        self.producer.flush(WAIT_S)
        for error, _ in reports:
            if error is not None:
                raise Refused(error.code(), error.str())
        return [(message.partition(), message.offset()) for _, message in reports]

    def begin(self) -> None:
        self.producer.begin_transaction()

    def commit(self) -> None:
        with translated():
            self.producer.commit_transaction(WAIT_S)

    def abort(self) -> None:
        with translated():
            self.producer.abort_transaction(WAIT_S)

    def send_offsets(self, offsets: Mapping[Place, int], consumer: ConfluentConsumer) -> None:
        with translated():
            places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
            self.producer.send_offsets_to_transaction(places, consumer.consumer.consumer_group_metadata(), WAIT_S)

    def close(self) -> None:
        self.producer.flush(2)


class ConfluentConsumer:
    def __init__(self, bootstrap: str, options: ConsumerOptions) -> None:
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "group.id": options.group or f"no-group-{time.monotonic_ns()}",
            "auto.offset.reset": {"none": "error"}.get(options.reset, options.reset),
            "enable.auto.commit": options.auto_commit,
            "isolation.level": "read_committed" if options.committed_only else "read_uncommitted",
            "topic.metadata.refresh.interval.ms": 2_000,
            "group.protocol": options.protocol,
        }
        if options.protocol == "classic":
            settings |= {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500}
        if options.static_id:
            settings["group.instance.id"] = options.static_id
        self.consumer = Consumer(settings)
        self.grouped = options.group is not None

    def subscribe(self, topic: str) -> None:
        self.consumer.subscribe([topic])

    def assign(self, partitions: Iterable[Place]) -> None:
        self.consumer.assign([TopicPartition(*place) for place in partitions])

    def assignment(self) -> set[Place]:
        return {(place.topic, place.partition) for place in self.consumer.assignment()}

    def poll(self, wait_s: float) -> list[Message]:
        found = []
        message = self.consumer.poll(wait_s)
        while message is not None:
            if message.error() is None:
                found.append(self._message(message))
            elif message.error().code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError._NO_OFFSET):
                raise NoOffset
            elif not message.error().retriable() and message.error().code() != KafkaError._PARTITION_EOF:
                raise Refused(message.error().code(), message.error().str())
            message = self.consumer.poll(0)
        return found

    @staticmethod
    def _message(message: Any) -> Message:
        headers, stamp = tuple(message.headers() or ()), message.timestamp()[1]
        return Message(message.topic(), message.partition(), message.offset(), message.key(), message.value(), headers, stamp)

    def seek(self, partition: Place, offset: int) -> None:
        with translated():
            self.consumer.poll(0.2)  # a seek needs the fetcher to be running
            self.consumer.seek(TopicPartition(*partition, offset))

    def position(self, partition: Place) -> int:
        place = self.consumer.position([TopicPartition(*partition)])[0]
        return self.bounds(partition)[1] if place.offset == NOT_YET else int(place.offset)

    def commit(self, offsets: Mapping[Place, int] | None = None) -> None:
        with translated():
            if offsets is None:
                self.consumer.commit(asynchronous=False)
            else:
                places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
                self.consumer.commit(offsets=places, asynchronous=False)

    def committed(self, partition: Place) -> int | None:
        with translated():
            offset = self.consumer.committed([TopicPartition(*partition)], WAIT_S)[0].offset
        return None if offset == NOT_YET else int(offset)

    def offset_at(self, partition: Place, timestamp_ms: int) -> int | None:
        with translated():
            offset = self.consumer.offsets_for_times([TopicPartition(*partition, timestamp_ms)], WAIT_S)[0].offset
        return None if offset < 0 else int(offset)

    def bounds(self, partition: Place) -> tuple[int, int]:
        with translated():
            first, end = self.consumer.get_watermark_offsets(TopicPartition(*partition), WAIT_S)
        return int(first), int(end)

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed twice
            self.consumer.close()


class ConfluentAdmin:
    def __init__(self, bootstrap: str) -> None:
        self.admin = AdminClient({"bootstrap.servers": bootstrap})

    @staticmethod
    def one(futures: Mapping[Any, Future[Any]]) -> Any:
        with translated():
            return next(iter(futures.values())).result(WAIT_S)

    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        self.one(self.admin.create_topics([NewTopic(name, partitions, 1, config=dict(configs or {}))]))

    def delete_topic(self, name: str) -> None:
        self.one(self.admin.delete_topics([name]))

    def topics(self) -> dict[str, int]:
        with translated():
            return {name: len(topic.partitions) for name, topic in self.admin.list_topics(timeout=WAIT_S).topics.items()}

    def grow(self, name: str, partitions: int) -> None:
        self.one(self.admin.create_partitions([NewPartitions(name, partitions)]))

    def topic_config(self, name: str) -> dict[str, str]:
        found = self.one(self.admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]))
        return {key: entry.value for key, entry in found.items()}

    def set_topic_config(self, name: str, key: str, value: str) -> None:
        change = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=[change])
        self.one(self.admin.incremental_alter_configs([resource]))

    def groups(self) -> set[str]:
        with translated():
            return {group.group_id for group in self.admin.list_consumer_groups().result(WAIT_S).valid}

    def describe_group(self, group: str) -> tuple[str, int]:
        found = self.one(self.admin.describe_consumer_groups([group]))
        return STATES.get(found.state.name, found.state.name), len(found.members)

    def delete_group(self, group: str) -> None:
        self.one(self.admin.delete_consumer_groups([group]))

    def delete_records(self, partition: Place, before: int) -> int:
        return int(self.one(self.admin.delete_records([TopicPartition(*partition, before)])).low_watermark)

    def close(self) -> None:
        """The library closes an admin client when it is forgotten."""


class ConfluentClient:
    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def producer(self, options: ProducerOptions) -> ConfluentProducer:
        return ConfluentProducer(self.bootstrap, options)

    def consumer(self, options: ConsumerOptions) -> ConfluentConsumer:
        return ConfluentConsumer(self.bootstrap, options)

    def admin(self) -> ConfluentAdmin:
        return ConfluentAdmin(self.bootstrap)


if __name__ == "__main__":
    main(ConfluentClient, __file__)
