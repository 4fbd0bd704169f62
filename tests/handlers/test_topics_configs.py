"""The topic and configuration APIs through their handlers: whole answers, and what they look like on the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from pybroker.core.settings import Settings
from pybroker.handlers import configs, topics
from pybroker.runtime.clock import SystemClock
from pybroker.runtime.controller import open_controller
from pybroker.storage.memory import MemoryLogStore
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    AlterConfigsRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest,
)

Topic = CreateTopicsRequest.CreatableTopic
Config = CreateTopicsRequest.CreatableTopicConfig
Resource = DescribeConfigsRequest.DescribeConfigsResource


class Room:
    """The controller over memory, and contexts for its handlers."""

    def __init__(self, **static: str) -> None:
        settings = Settings({name.replace("_", "."): value for name, value in static.items()})
        store = MemoryLogStore(cluster_id="c", node_id=1, rng=Random(0))
        self.controller = open_controller(store, settings, SystemClock(), Random(1), 1, "cluster", durable=False)
        self.image = self.controller.image
        self.state = SimpleNamespace(node_id=1, settings=settings, cluster=self.image, controller=self.controller)

    def ask(self, handler: Callable[[Any, Any], Awaitable[Any]], request: Any, version: int) -> Any:
        """The answer, which must be writable in that version."""
        context = SimpleNamespace(state=self.state, api_version=version, keep_answer=False, flush=trio.lowlevel.checkpoint)

        async def call() -> Any:
            return await handler(context, request)

        response = trio.run(call)
        encode(response, version)
        return response

    def create(self, name: str, version: int = 7, **configs: str) -> Any:
        """Make a topic of one partition (underscores for dots in `configs`)."""
        own = [Config(name=key.replace("_", "."), value=value) for key, value in configs.items()]
        request = CreateTopicsRequest(topics=[Topic(name=name, num_partitions=1, replication_factor=1, configs=own)])
        return self.ask(topics.create_topics, request, version)

    def describe(self, kind: int, name: str, keys: list[str] | None = None, version: int = 4, synonyms: bool = False) -> Any:
        """The result for one resource."""
        resource = Resource(resource_type=kind, resource_name=name, configuration_keys=keys)
        request = DescribeConfigsRequest(resources=[resource], include_synonyms=synonyms)
        return self.ask(configs.describe_configs, request, version).results[0]

    def change(self, kind: int, name: str, key: str, value: str | None) -> int:
        """Set or delete one configuration; the error code."""
        config = IncrementalAlterConfigsRequest.AlterableConfig(name=key, config_operation=0 if value is not None else 1, value=value)
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=kind, resource_name=name, configs=[config])
        response = self.ask(configs.incremental_alter_configs, IncrementalAlterConfigsRequest(resources=[resource]), 1)
        return int(response.responses[0].error_code)


@pytest.mark.parametrize("version", range(2, 8))
def test_a_created_topic_is_told_at_every_version(version: int) -> None:
    """What is told reads back the same, with and without own configurations."""
    room = Room()
    for name, own in (("a", {}), ("b", {"retention_ms": "5"}), ("a", {})):
        response = room.create(name, version, **own)
        back = decode(CreateTopicsResponse, version, encode(response, version))[0]
        for told, read in zip(response.topics, back.topics, strict=True):
            assert (read.name, read.error_code) == (told.name, told.error_code)
            if version >= 5:
                assert (read.configs, read.num_partitions) == (told.configs, told.num_partitions)
            if version >= 7:
                assert read.topic_id == told.topic_id


def test_many_topics_share_what_is_told_of_their_configs() -> None:
    """A large answer reads back whole: each topic with its own configurations."""
    room = Room()
    wanted = [Topic(name=f"t{at}", num_partitions=1, replication_factor=1) for at in range(20)]
    wanted[7].configs = [Config(name="retention.ms", value="7")]
    wanted[9].num_partitions = 0
    response = room.ask(topics.create_topics, CreateTopicsRequest(topics=wanted), 7)
    assert encode(response, 7) == encode(CreateTopicsResponse(topics=response.topics), 7)
    back = decode(CreateTopicsResponse, 7, encode(response, 7))[0]
    assert back.topics == response.topics
    assert [len(topic.configs) for topic in back.topics] == [37] * 9 + [0] + [37] * 10
    retentions = [config.value for topic in back.topics for config in topic.configs if config.name == "retention.ms"]
    assert retentions.count("7") == 1


def test_forbidden_deletion_is_told_for_each_topic() -> None:
    """By name up to version 5, as asked for from version 6."""
    room = Room(delete_topic_enable="false")
    old = room.ask(topics.delete_topics, DeleteTopicsRequest(topic_names=["a", "b"]), 2)
    assert [(one.name, one.error_code) for one in old.responses] == [("a", 42), ("b", 42)]
    states = [DeleteTopicsRequest.DeleteTopicState(name=None, topic_id=b"x" * 16)]
    new = room.ask(topics.delete_topics, DeleteTopicsRequest(topics=states), 6)
    assert [(one.name, one.topic_id, one.error_code) for one in new.responses] == [(None, b"x" * 16, 73)]


def test_topics_grow_and_go() -> None:
    """Through the handlers to the image."""
    room = Room()
    room.create("a")
    more = CreatePartitionsRequest.CreatePartitionsTopic(name="a", count=3, assignments=None)
    assert room.ask(topics.create_partitions, CreatePartitionsRequest(topics=[more]), 3).results[0].error_code == 0
    assert len(room.image.topics["a"].partitions) == 3
    assert room.ask(topics.delete_topics, DeleteTopicsRequest(topic_names=["a"]), 1).responses[0].error_code == 0
    assert room.image.topics == {}


EACH_CHANGE = pytest.mark.parametrize(
    ("handler", "request_", "version", "answers"),
    [
        (topics.create_topics, CreateTopicsRequest(topics=[Topic(name="a")]), 5, "topics"),
        (topics.delete_topics, DeleteTopicsRequest(topic_names=["a"]), 5, "responses"),
        (
            topics.create_partitions,
            CreatePartitionsRequest(topics=[CreatePartitionsRequest.CreatePartitionsTopic(name="a", count=2)]),
            3,
            "results",
        ),
        (
            configs.alter_configs,
            AlterConfigsRequest(resources=[AlterConfigsRequest.AlterConfigsResource(resource_type=2, resource_name="a")]),
            2,
            "responses",
        ),
        (
            configs.incremental_alter_configs,
            IncrementalAlterConfigsRequest(
                resources=[IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=2, resource_name="a")]
            ),
            1,
            "responses",
        ),
    ],
)


@EACH_CHANGE
def test_a_broken_disk_is_told_for_each_part(handler: Any, request_: Any, version: int, answers: str) -> None:
    """An error of the whole request stands at each of its parts."""
    room = Room()

    async def broken(*_: Any) -> None:
        raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no disk")

    names = ("create_topics", "delete_topics", "create_partitions", "alter_configs", "incremental_alter_configs")
    room.state.controller = SimpleNamespace(**dict.fromkeys(names, broken))
    response = room.ask(handler, request_, version)
    assert [one.error_code for one in getattr(response, answers)] == [ErrorCode.KAFKA_STORAGE_ERROR]


@EACH_CHANGE
def test_a_change_that_is_too_long(monkeypatch: pytest.MonkeyPatch, handler: Any, request_: Any, version: int, answers: str) -> None:
    """More than is decided in one go is refused at each of its parts."""
    monkeypatch.setattr("pybroker.core.controller.MAX_ELEMENTS_PER_REQUEST", 0)
    [answer] = getattr(Room().ask(handler, request_, version), answers)
    assert answer.error_code == ErrorCode.POLICY_VIOLATION


@pytest.mark.parametrize("version", range(1, 5))
def test_a_topic_is_described_at_every_version(version: int) -> None:
    """37 configurations, the own one with its source, synonyms only when asked for."""
    room = Room()
    room.create("a", retention_ms="60000")
    result = room.describe(2, "a", version=version)
    assert (result.error_code, len(result.configs)) == (0, 37)
    own = next(config for config in result.configs if config.name == "retention.ms")
    assert (own.value, own.config_source, own.synonyms, own.config_type, own.documentation) == ("60000", 1, [], 5, None)
    some = room.describe(2, "a", ["cleanup.policy", "no.such"], version, synonyms=True)
    assert [(config.name, [(one.name, one.value, one.source) for one in config.synonyms]) for config in some.configs] == [
        ("cleanup.policy", [("log.cleanup.policy", "delete", 5)])
    ]


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (2, "nope", 3),
        (2, "", 17),
        (2, "b ad", 17),
        (4, "7777", 42),
        (4, "abc", 42),
        (4, "-1", 42),
        (8, "", 42),
        (8, "1", 0),
        (32, "", 42),
        (16, "", 42),
        (0, "x", 42),
        (64, "x", 42),
    ],
)
def test_what_cannot_be_described(kind: int, name: str, code: int) -> None:
    """Names that are illegal or unknown, types that do not exist."""
    result = Room().describe(kind, name)
    assert (result.error_code, result.configs) == (code, [])


def test_nothing_to_say_about_a_described_resource_is_an_empty_text() -> None:
    """Kafka's message is empty, not null, where all is well and where a topic is unknown."""
    room = Room()
    room.create("a")
    assert [room.describe(2, name).error_message for name in ("a", "nope")] == ["", ""]
    assert room.describe(2, "b ad").error_message


def test_brokers_groups_and_subscriptions_are_described() -> None:
    """Each with its defaults; all brokers together only with what was set while they run."""
    room = Room(num_partitions="4")
    broker = {config.name: config for config in room.describe(4, "1").configs}
    assert (broker["num.partitions"].value, broker["num.partitions"].read_only, broker["num.partitions"].config_source) == ("4", True, 4)
    assert [config.name for config in room.describe(4, "").configs] == ["min.insync.replicas"]
    assert room.describe(4, "", ["num.partitions"]).configs == []
    assert room.change(32, "g", "consumer.session.timeout.ms", "50000") == 0
    group = room.describe(32, "g", ["consumer.session.timeout.ms"]).configs[0]
    assert (group.value, group.config_source) == ("50000", 8)
    assert room.change(16, "m", "interval.ms", "100") == 0
    assert [(config.value, config.config_source) for config in room.describe(16, "m").configs] == [("100", 7), ("", 5), ("", 5)]


def test_resources_are_listed_by_type() -> None:
    """Version 0 knows subscriptions only; an unknown type is UNSUPPORTED_VERSION."""
    room = Room()
    room.create("a")
    room.change(16, "m", "interval.ms", "100")
    room.change(32, "g", "consumer.session.timeout.ms", "50000")

    def listed(version: int, *types: int) -> list[tuple[str, int]]:
        response = room.ask(configs.list_config_resources, ListConfigResourcesRequest(resource_types=list(types)), version)
        assert response.error_code == (35 if 99 in types else 0)
        return [(one.resource_name, one.resource_type) for one in response.config_resources]

    assert listed(0) == [("m", 16)]
    assert listed(1, 2) == [("a", 2)]
    assert listed(1, 4) == [("1", 4)]
    assert listed(1, 32) == [("g", 32)]
    assert listed(1) == [("a", 2), ("1", 4), ("1", 8), ("m", 16), ("g", 32)]
    assert listed(1, 99) == []
