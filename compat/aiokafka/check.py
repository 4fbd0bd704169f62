"""aiokafka behind the contract of the scenarios: its event loop runs in a thread of its own, each verb waits for its answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as Place
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NoOffsetForPartitionError
from contract import ConsumerOptions, Message, Missing, NoOffset, Placed, ProducerOptions, Record, Refused, TopicPartition
from harness import main

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
logging.getLogger("asyncio").setLevel(logging.CRITICAL)

T = TypeVar("T")
WAIT_S = 40
LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, daemon=True).start()


@contextlib.contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except NoOffsetForPartitionError as error:
        raise NoOffset from error
    except KafkaError as error:
        raise Refused(getattr(error, "errno", -1), str(error)) from error


def wait(work: Coroutine[Any, Any, T]) -> T:
    future = asyncio.run_coroutine_threadsafe(work, LOOP)
    try:
        with translated():
            return future.result(WAIT_S)
    except BaseException:
        future.cancel()
        raise


async def made(kind: Any, *arguments: Any, **options: Any) -> Any:
    return kind(*arguments, **options)


def refuse(code: int, text: str | None = None) -> None:
    if code:
        raise Refused(code, text or "")


class AioProducer:
    def __init__(self, bootstrap: str, options: ProducerOptions) -> None:
        settings: dict[str, Any] = {"acks": "all" if options.acks == -1 or options.idempotent else options.acks}
        if options.transactional_id:
            settings = {"transactional_id": options.transactional_id}
        self.producer = wait(
            made(
                AIOKafkaProducer,
                bootstrap_servers=bootstrap,
                compression_type=None if options.codec == "none" else options.codec,
                enable_idempotence=options.idempotent or options.transactional_id is not None,
                max_request_size=options.max_request_bytes,
                linger_ms=2,
                **settings,
            )
        )
        wait(self.producer.start())

    def send(self, topic: str, records: Iterable[Record]) -> list[Placed]:
        return wait(self._send(topic, records))

    async def _send(self, topic: str, records: Iterable[Record]) -> list[Placed]:
        futures = [
            await self.producer.send(topic, record.value, record.key, record.partition, record.timestamp_ms, list(record.headers))
            for record in records
        ]
        sent = [await future for future in futures]
        await self.producer.flush()
        return [(metadata.partition, metadata.offset) for metadata in sent if metadata is not None]

    def begin(self) -> None:
        wait(self.producer.begin_transaction())

    def commit(self) -> None:
        wait(self.producer.commit_transaction())

    def abort(self) -> None:
        wait(self.producer.abort_transaction())

    def send_offsets(self, offsets: Mapping[TopicPartition, int], consumer: AioConsumer) -> None:
        plain = {Place(*place): offset for place, offset in offsets.items()}
        wait(self.producer.send_offsets_to_transaction(plain, consumer.group))

    def close(self) -> None:
        wait(self.producer.stop())


class AioConsumer:
    def __init__(self, bootstrap: str, options: ConsumerOptions) -> None:
        if options.protocol != "classic":
            raise Missing("the library speaks the classic group protocol only")
        self.group = options.group
        self.consumer = wait(
            made(
                AIOKafkaConsumer,
                bootstrap_servers=bootstrap,
                group_id=options.group,
                group_instance_id=options.static_id,
                auto_offset_reset=options.reset,
                enable_auto_commit=options.auto_commit,
                isolation_level="read_committed" if options.committed_only else "read_uncommitted",
                session_timeout_ms=6_000,
                heartbeat_interval_ms=500,
                metadata_max_age_ms=2_000,
            )
        )
        wait(self.consumer.start())

    def subscribe(self, topic: str) -> None:
        LOOP.call_soon_threadsafe(self.consumer.subscribe, [topic])

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        wait(self._assign([Place(*place) for place in partitions]))

    async def _assign(self, places: list[Place]) -> None:
        self.consumer.assign(places)
        await self.consumer._client.force_metadata_update()  # it fetches nothing before its next metadata refresh

    def assignment(self) -> set[TopicPartition]:
        return {(place.topic, place.partition) for place in self.consumer.assignment()}

    def poll(self, wait_s: float) -> list[Message]:
        batches = wait(self.consumer.getmany(timeout_ms=int(wait_s * 1000)))
        return [
            Message(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers), record.timestamp)
            for batch in batches.values()
            for record in batch
        ]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        LOOP.call_soon_threadsafe(self.consumer.seek, Place(*partition), offset)

    def position(self, partition: TopicPartition) -> int:
        return int(wait(self.consumer.position(Place(*partition))))

    def commit(self, offsets: Mapping[TopicPartition, int] | None = None) -> None:
        wait(self.consumer.commit(offsets and {Place(*place): offset for place, offset in offsets.items()}))

    def committed(self, partition: TopicPartition) -> int | None:
        found: int | None = wait(self.consumer.committed(Place(*partition)))
        return found

    def offset_at(self, partition: TopicPartition, timestamp_ms: int) -> int | None:
        found = wait(self.consumer.offsets_for_times({Place(*partition): timestamp_ms}))[Place(*partition)]
        return None if found is None or found.offset < 0 else int(found.offset)

    def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        place = Place(*partition)
        first, end = wait(self.consumer.beginning_offsets([place])), wait(self.consumer.end_offsets([place]))
        return first[place], end[place]

    def close(self) -> None:
        wait(self.consumer.stop())


class AioAdmin:
    def __init__(self, bootstrap: str) -> None:
        self.admin = wait(made(AIOKafkaAdminClient, bootstrap_servers=bootstrap))
        wait(self.admin.start())

    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        answer = wait(self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(configs or {}))]))
        refuse(answer.topic_errors[0][1], answer.topic_errors[0][2])

    def delete_topic(self, name: str) -> None:
        refuse(wait(self.admin.delete_topics([name])).topic_error_codes[0][1])

    def topics(self) -> dict[str, int]:
        return {topic["topic"]: len(topic["partitions"]) for topic in wait(self.admin.describe_topics())}

    def grow(self, name: str, partitions: int) -> None:
        answer = wait(self.admin.create_partitions({name: NewPartitions(partitions)}))
        refuse(answer.topic_errors[0][1], answer.topic_errors[0][2])

    def topic_config(self, name: str) -> dict[str, str]:
        answer = wait(self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)]))[0]
        refuse(answer.resources[0][0])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}

    def set_topic_config(self, name: str, key: str, value: str) -> None:
        answer = wait(self.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {key: value})]))[0]
        refuse(answer.resources[0][0], answer.resources[0][1])

    def groups(self) -> set[str]:
        return {group[0] for group in wait(self.admin.list_consumer_groups())}

    def describe_group(self, group: str) -> tuple[str, int]:
        code, _, state, _, _, members, *_ = wait(self.admin.describe_consumer_groups([group]))[0].groups[0]
        refuse(code)
        return state, len(members)

    def delete_group(self, group: str) -> None:
        raise Missing("the library cannot delete groups")

    def delete_records(self, partition: TopicPartition, before: int) -> int:
        return int(wait(self.admin.delete_records({Place(*partition): RecordsToDelete(before)}))[Place(*partition)])

    def close(self) -> None:
        wait(self.admin.close())


class AioClient:
    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def producer(self, options: ProducerOptions) -> AioProducer:
        return AioProducer(self.bootstrap, options)

    def consumer(self, options: ConsumerOptions) -> AioConsumer:
        return AioConsumer(self.bootstrap, options)

    def admin(self) -> AioAdmin:
        return AioAdmin(self.bootstrap)


if __name__ == "__main__":
    main(AioClient, __file__)
