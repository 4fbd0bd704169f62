"""kafka-python behind the contract of the scenarios."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping

from contract import ConsumerOptions, Message, Missing, NoOffset, Placed, ProducerOptions, Record, Refused, TopicPartition
from harness import main
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, errors
from kafka import TopicPartition as Place
from kafka.admin import ConfigResource
from kafka.errors import KafkaError, NoOffsetForPartitionError
from kafka.structs import OffsetAndMetadata, OffsetAndTimestamp

logging.getLogger("kafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except NoOffsetForPartitionError as error:
        raise NoOffset from error
    except KafkaError as error:
        raise Refused(getattr(error, "errno", -1), str(error)) from error


class PythonProducer:
    def __init__(self, bootstrap: str, options: ProducerOptions) -> None:
        idempotent = options.idempotent or options.transactional_id is not None
        self.producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all" if idempotent or options.acks == -1 else options.acks,
            compression_type=None if options.codec == "none" else options.codec,
            enable_idempotence=idempotent,
            transactional_id=options.transactional_id,
            max_request_size=options.max_request_bytes,
            linger_ms=2,
            retries=3,
        )
        if options.transactional_id:
            self.producer.init_transactions()

    def send(self, topic: str, records: Iterable[Record]) -> list[Placed]:
        with translated():
            futures = [
                self.producer.send(topic, record.value, record.key, list(record.headers), record.partition, record.timestamp_ms)
                for record in records
            ]
            self.producer.flush(30)
            sent = [future.get(30) for future in futures]
        return [(metadata.partition, metadata.offset) for metadata in sent]

    def begin(self) -> None:
        self.producer.begin_transaction()

    def commit(self) -> None:
        with translated():
            self.producer.commit_transaction()

    def abort(self) -> None:
        with translated():
            self.producer.abort_transaction()

    def send_offsets(self, offsets: Mapping[TopicPartition, int], consumer: PythonConsumer) -> None:
        with translated():
            plain = {Place(*place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
            self.producer.send_offsets_to_transaction(plain, consumer.consumer.group_metadata())

    def close(self) -> None:
        self.producer.close(5)


class PythonConsumer:
    def __init__(self, bootstrap: str, options: ConsumerOptions) -> None:
        if options.protocol != "classic":
            raise Missing("the library speaks the classic group protocol only")
        self.consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=options.group,
            group_instance_id=options.static_id,
            auto_offset_reset=options.reset,
            enable_auto_commit=options.auto_commit,
            isolation_level="read_committed" if options.committed_only else "read_uncommitted",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=500,
            metadata_max_age_ms=5_000,
        )

    def subscribe(self, topic: str) -> None:
        self.consumer.subscribe([topic])

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self.consumer.assign([Place(*place) for place in partitions])

    def assignment(self) -> set[TopicPartition]:
        return {(place.topic, place.partition) for place in self.consumer.assignment()}

    def poll(self, wait_s: float) -> list[Message]:
        # A poll that ends just as the SyncGroup answer arrives loses the assignment for good (FINDINGS.md): let the join finish.
        patience_s = wait_s if self.consumer.assignment() else max(wait_s, 2.0)
        with translated():
            batches = self.consumer.poll(int(patience_s * 1000))
        return [
            Message(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers), record.timestamp)
            for batch in batches.values()
            for record in batch
        ]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.consumer.seek(Place(*partition), offset)

    def position(self, partition: TopicPartition) -> int:
        return int(self.consumer.position(Place(*partition)))

    def commit(self, offsets: Mapping[TopicPartition, int] | None = None) -> None:
        with translated():
            self.consumer.commit(offsets and {Place(*place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()})

    def committed(self, partition: TopicPartition) -> int | None:
        with translated():
            found: int | None = self.consumer.committed(Place(*partition))
        return found

    def offset_at(self, partition: TopicPartition, timestamp_ms: int) -> int | None:
        with translated():
            found: OffsetAndTimestamp | None = self.consumer.offsets_for_times({Place(*partition): timestamp_ms})[Place(*partition)]
        return None if found is None or found.offset < 0 else found.offset

    def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        place = Place(*partition)
        with translated():
            return self.consumer.beginning_offsets([place])[place], self.consumer.end_offsets([place])[place]

    def close(self) -> None:
        self.consumer.close()


class PythonAdmin:
    def __init__(self, bootstrap: str) -> None:
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)

    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        with translated():
            self.admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": dict(configs or {})}})

    def delete_topic(self, name: str) -> None:
        with translated():
            self.admin.delete_topics([name])

    def topics(self) -> dict[str, int]:
        with translated():
            return {topic["name"]: len(topic["partitions"]) for topic in self.admin.describe_topics()}

    def grow(self, name: str, partitions: int) -> None:
        with translated():
            self.admin.create_partitions({name: partitions})

    def topic_config(self, name: str) -> dict[str, str]:
        with translated():
            found = self.admin.describe_configs([ConfigResource("TOPIC", name)], config_filter="all")
        return {key: entry["value"] for key, entry in found["topic"][name].items()}

    def set_topic_config(self, name: str, key: str, value: str) -> None:
        with translated():
            answer = self.admin.alter_configs([ConfigResource("TOPIC", name, {key: value})])
        result = answer["topic"][name]
        if result != "OK":  # the library gives the text alone: "[Error 40] ..."
            raise Refused(int(result.split("]")[0].split()[-1]), result)

    def groups(self) -> set[str]:
        with translated():
            return {group["group_id"] for group in self.admin.list_groups()}

    def describe_group(self, group: str) -> tuple[str, int]:
        with translated():
            found = self.admin.describe_groups([group])[group]
        return found["group_state"], len(found["members"])

    def delete_group(self, group: str) -> None:
        with translated():
            result = self.admin.delete_groups([group])[group]
        if result != "OK":
            raise Refused(getattr(errors, result).errno, result)

    def delete_records(self, partition: TopicPartition, before: int) -> int:
        with translated():
            return int(self.admin.delete_records({Place(*partition): before})[Place(*partition)]["low_watermark"])

    def close(self) -> None:
        self.admin.close()


class PythonClient:
    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def producer(self, options: ProducerOptions) -> PythonProducer:
        return PythonProducer(self.bootstrap, options)

    def consumer(self, options: ConsumerOptions) -> PythonConsumer:
        return PythonConsumer(self.bootstrap, options)

    def admin(self) -> PythonAdmin:
        return PythonAdmin(self.bootstrap)


if __name__ == "__main__":
    main(PythonClient, __file__)
