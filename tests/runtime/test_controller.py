"""The controller over a log: it writes KRaft's format, finds everything again, tells its listeners and waits for the disk."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, ClassVar

import pytest
import trio

from pybroker.core.cluster import METADATA_TOPIC, MetadataDelta
from pybroker.core.controller import FINALIZED_FEATURES
from pybroker.core.settings import Settings
from pybroker.records.control import ControlType, control_type
from pybroker.records.record import iter_records
from pybroker.runtime.clock import TrioClock
from pybroker.runtime.controller import Controller, open_controller
from pybroker.storage.errors import StorageError
from pybroker.storage.memory import MemoryLogStore
from pybroker.wire.codec import decode
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    BrokerRegistrationChangeRecord,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    IncrementalAlterConfigsRequest,
    LeaderChangeMessage,
)
from pybroker.wire.stored import decode_metadata_record


class FixedClock(TrioClock):
    """Always the same time, inside trio and outside."""

    def now_ms(self) -> int:
        return 1_700_000_000_000


def new_store() -> MemoryLogStore:
    """An empty store in memory."""
    return MemoryLogStore(cluster_id="c", node_id=1, rng=Random(0))


def opened(store: Any, durable: bool = False, **static: str) -> Controller:
    """A controller over `store`, with settings (underscores for dots)."""
    settings = Settings({name.replace("_", "."): value for name, value in static.items()})
    return open_controller(store, settings, FixedClock(), Random(1), 1, "c", durable=durable, endpoints=[("PLAINTEXT", "h", 9092)])


def create_request(*names: str) -> CreateTopicsRequest:
    """A request for topics of two partitions."""
    topic = CreateTopicsRequest.CreatableTopic
    return CreateTopicsRequest(topics=[topic(name=name, num_partitions=2, replication_factor=1) for name in names])


def run(function: Callable[[], Any]) -> Any:
    """Run an async function to its end."""
    return trio.run(function)


def test_a_new_log_begins_as_kafkas_does() -> None:
    """A LeaderChange control record at epoch 1, then features and the registration, all framed."""
    store = new_store()
    controller = opened(store)
    batches = list(store.get(METADATA_TOPIC, 0).batches(0))
    assert [(header.base_offset, header.partition_leader_epoch, header.is_control) for header, _ in batches] == [
        (0, 1, True),
        (1, 1, False),
    ]
    record = next(iter_records(batches[0][1].read()))
    assert control_type(record.key) == ControlType.LEADER_CHANGE
    change = decode(LeaderChangeMessage, 0, record.value)[0]
    assert (change.leader_id, [voter.voter_id for voter in change.voters]) == (1, [1])
    records = [decode_metadata_record(one.value) for one in iter_records(batches[1][1].read())]
    assert [type(one).__name__ for one, _ in records] == ["FeatureLevelRecord"] * 6 + ["ConfigRecord", "RegisterBrokerRecord"]
    assert records[-1][0].broker_epoch == controller.image.offset == 8
    assert (controller.epoch, controller.image.features) == (1, FINALIZED_FEATURES)


def test_a_restart_finds_everything_again_at_the_next_epoch() -> None:
    """Topics, configurations and features are replayed; leader epochs go up by one; ids are the same."""
    store = new_store()
    first = opened(store)

    async def story() -> None:
        await first.create_topics(create_request("a", "b"))
        await first.delete_topics(DeleteTopicsRequest(topic_names=["b"]), 5)

    run(story)
    second = opened(store)
    assert second.epoch == 2
    assert second.image.topics["a"].topic_id == first.image.topics["a"].topic_id
    assert [partition.leader_epoch for partition in second.image.topics["a"].partitions] == [1, 1]
    assert list(second.image.topics) == ["a"]
    assert second.image.features == FINALIZED_FEATURES
    assert second.image.offset == store.get(METADATA_TOPIC, 0).log_end_offset - 1


def test_a_clean_stop_fences_and_a_start_takes_back_the_lead() -> None:
    """After a stop the log says that the broker is gone, once; after the next start it is there again and leads."""
    store = new_store()
    first = opened(store)
    run(lambda: first.create_topics(create_request("a")))
    first.leave()
    end_offset = first.image.offset
    first.leave()
    assert first.image.offset == end_offset
    last = list(store.get(METADATA_TOPIC, 0).batches(end_offset))[-1][1].read()
    [(record, _)] = [decode_metadata_record(one.value) for one in iter_records(last)]
    assert record == BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=8, fenced=1)
    second = opened(store)
    assert not second.image.brokers[1].fenced
    assert [(partition.leader, partition.leader_epoch) for partition in second.image.topics["a"].partitions] == [(1, 1), (1, 1)]


def test_listeners_are_told_before_the_answer() -> None:
    """One delta for each request that changes anything."""
    controller = opened(new_store())
    told: list[MetadataDelta] = []
    controller.listeners.append(told.append)

    async def story() -> None:
        response = await controller.create_topics(create_request("a"))
        assert response.topics[0].error_code == 0
        assert [topic.name for topic in told[-1].created] == ["a"]
        await controller.create_topics(create_request("a"))

    run(story)
    assert len(told) == 1


def test_producer_ids_are_never_given_twice() -> None:
    """One block serves a thousand; a restart begins a new block."""
    store = new_store()
    first, second = opened(store), None
    ids = [first.allocate_producer_id() for _ in range(1001)]
    second = opened(store)
    assert ids == list(range(1001))
    assert second.allocate_producer_id() == 2000


def test_dynamic_settings_are_applied_at_once_and_after_a_restart() -> None:
    """The settings' dynamic layers follow the image."""
    store = new_store()
    controller = opened(store)

    async def story() -> None:
        config = IncrementalAlterConfigsRequest.AlterableConfig(name="message.max.bytes", config_operation=0, value="99")
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=4, resource_name="", configs=[config])
        await controller.incremental_alter_configs(IncrementalAlterConfigsRequest(resources=[resource]))

    run(story)
    assert controller.settings.get("message.max.bytes") == 99
    assert opened(store).settings.topic_config({}).max_message_bytes == 99


def test_topics_by_themselves() -> None:
    """An internal topic gets Kafka's settings and is made once; an auto-created one the broker's defaults."""
    controller = opened(new_store(), num_partitions="3", offsets_topic_num_partitions="5")

    async def story() -> None:
        topic = await controller.ensure_internal_topic("__consumer_offsets")
        assert await controller.ensure_internal_topic("__consumer_offsets") is topic
        assert (len(topic.partitions), topic.configs["cleanup.policy"], topic.is_internal) == (5, "compact", True)
        await controller.auto_create_topic("auto")
        await controller.auto_create_topic("auto")
        await controller.auto_create_topic("__transaction_state")
        assert (len(controller.image.topics["auto"].partitions), len(controller.image.topics["__transaction_state"].partitions)) == (3, 50)
        with pytest.raises(KafkaError):
            await controller.auto_create_topic("not a name")

    run(story)


class CountingLog:
    """A log whose flushes are counted, and fail when told to."""

    def __init__(self, log: Any) -> None:
        self.log = log
        self.flushes = 0
        self.broken = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)

    def append(self, *arguments: Any) -> None:
        if self.broken == "append":
            raise StorageError("full")
        self.log.append(*arguments)

    def flush(self) -> int:
        self.flushes += 1
        if self.broken == "flush":
            raise StorageError("gone")
        return int(self.log.log_end_offset)


class CountingStore:
    """A store of one such log."""

    unopened: ClassVar[dict[Any, Any]] = {}

    def __init__(self) -> None:
        self.log: Any = None

    def directories(self) -> list[Any]:
        return []

    def get(self, topic: str, partition: int) -> Any:
        return self.log

    def is_in_the_way(self, topic: str) -> bool:
        return False

    def create(self, *arguments: Any) -> Any:
        self.log = CountingLog(new_store().create(*arguments))
        return self.log


def test_one_flush_serves_all_who_wait() -> None:
    """A hundred requests at once wait for a few rounds; nobody is answered before a flush."""
    store = CountingStore()
    controller = opened(store, durable=True)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(controller.create_topics, create_request(f"t{number}"))

    run(story)
    assert len(controller.image.topics) == 100
    assert 1 <= store.log.flushes <= 3


@pytest.mark.parametrize("broken", ["append", "flush"])
def test_a_disk_that_fails_is_a_storage_error(broken: str) -> None:
    """The request is answered with KAFKA_STORAGE_ERROR; later ones are tried again."""
    store = CountingStore()
    controller = opened(store, durable=True)

    async def story() -> None:
        store.log.broken = broken
        with pytest.raises(KafkaError) as failed:
            await controller.create_topics(create_request("a"))
        assert failed.value.code is ErrorCode.KAFKA_STORAGE_ERROR
        store.log.broken = ""
        await controller.create_topics(create_request("b"))

    run(story)
    assert "b" in controller.image.topics
    assert ("a" in controller.image.topics) == (broken == "flush")
