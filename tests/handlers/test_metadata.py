"""Metadata, DescribeTopicPartitions and DescribeCluster, as Kafka 4.4.0 answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from pybroker.core.settings import Settings
from pybroker.handlers.cluster import describe_cluster
from pybroker.handlers.metadata import describe_topic_partitions, metadata
from pybroker.runtime.clock import SystemClock
from pybroker.runtime.controller import open_controller
from pybroker.storage.memory import MemoryLogStore
from pybroker.wire.codec import decode, encode
from pybroker.wire.messages import (
    CreateTopicsRequest,
    DescribeClusterRequest,
    DescribeTopicPartitionsRequest,
    MetadataRequest,
    MetadataResponse,
)
from pybroker.wire.uuids import ZERO_UUID

Asked = MetadataRequest.MetadataRequestTopic
Cursor = DescribeTopicPartitionsRequest.Cursor
NOBODY = b"n" * 16


class Room:
    """A broker's metadata without the broker: handlers are called with a context that it makes."""

    def __init__(self, topics: dict[str, int], **static: str) -> None:
        settings = Settings({name.replace("_", "."): value for name, value in static.items()})
        store = MemoryLogStore(cluster_id="c", node_id=1, rng=Random(0))
        self.controller = open_controller(store, settings, SystemClock(), Random(1), 1, "cluster", durable=False)
        self.image = self.controller.image
        self.state = SimpleNamespace(node_id=1, settings=settings, cluster=self.image, controller=self.controller)
        topic = CreateTopicsRequest.CreatableTopic
        wanted = [topic(name=name, num_partitions=partitions, replication_factor=1) for name, partitions in topics.items()]
        trio.run(self.controller.create_topics, CreateTopicsRequest(topics=wanted))

    def ask(self, handler: Callable[[Any, Any], Awaitable[Any]], request: Any, version: int) -> tuple[Any, Any]:
        """The answer and the context behind it."""
        context = SimpleNamespace(state=self.state, api_version=version, keep_answer=False)
        context.advertised_address = lambda: ("here", 9092)
        context.flush = trio.lowlevel.checkpoint

        async def call() -> Any:
            return await handler(context, request)

        return trio.run(call), context

    def metadata(self, topics: list[Any] | None, version: int = 12, **more: Any) -> Any:
        """Ask for metadata, with the answer encoded and decoded on the way; creating is forbidden unless said."""
        request = MetadataRequest(topics=topics, **{"allow_auto_topic_creation": False, **more})
        response, _ = self.ask(metadata, request, version)
        return decode(MetadataResponse, version, encode(response, version))[0]


def errors(response: Any) -> list[tuple[str | None, int]]:
    """Names and error codes, in order."""
    return [(topic.name, topic.error_code) for topic in response.topics]


@pytest.fixture
def room() -> Room:
    """Two topics."""
    return Room({"a": 1, "b": 2})


@pytest.mark.parametrize("version", range(14))
def test_a_topic_at_every_version(room: Room, version: int) -> None:
    """Brokers, leader, epoch, replicas."""
    response = room.metadata([Asked(name="b")], version)
    assert [(broker.node_id, broker.host, broker.port) for broker in response.brokers] == [(1, "here", 9092)]
    topic = response.topics[0]
    assert (topic.error_code, topic.name, topic.is_internal) == (0, "b", False)
    assert [(one.error_code, one.partition_index, one.leader_id, one.isr_nodes) for one in topic.partitions] == [
        (0, 0, 1, [1]),
        (0, 1, 1, [1]),
    ]
    if version >= 7:
        assert topic.partitions[0].leader_epoch == 0
    if version >= 10:
        assert topic.topic_id == room.image.topics["b"].topic_id


@pytest.mark.parametrize(("version", "topics", "names"), [(0, [], ["a", "b"]), (1, [], []), (1, None, ["a", "b"]), (13, None, ["a", "b"])])
def test_none_and_all(room: Room, version: int, topics: list[Any] | None, names: list[str]) -> None:
    """An empty list means all topics in version 0 alone, a null one from version 1."""
    assert [topic.name for topic in room.metadata(topics, version).topics] == names


def test_existing_topics_come_first_and_each_once(room: Room) -> None:
    """The order of the request, but what is missing last."""
    asked = [Asked(name=name) for name in ("b", "zz", "a", "b", "b ad")]
    assert errors(room.metadata(asked)) == [("b", 0), ("a", 0), ("zz", 3), ("b ad", 17)]


@pytest.mark.parametrize("name", ["", ".", "..", "sp ace", "sl/ash", "ünicode", "x" * 250])
@pytest.mark.parametrize("creating", [True, False])
def test_bad_names_are_refused_before_existence_is_asked(room: Room, name: str, creating: bool) -> None:
    """INVALID_TOPIC_EXCEPTION, whether creating is allowed or not."""
    assert errors(room.metadata([Asked(name=name)], 9, allow_auto_topic_creation=creating)) == [(name, 17)]


def test_ids_count_alone(room: Room) -> None:
    """A disagreeing name is passed over; what is asked for by name only is not answered; an unknown id has no name."""
    topic_id = room.image.topics["a"].topic_id
    asked = [Asked(topic_id=topic_id, name="b"), Asked(name="b"), Asked(topic_id=NOBODY, name=None)]
    response = room.metadata(asked)
    assert errors(response) == [("a", 0), (None, 100)]
    assert response.topics[1].topic_id == NOBODY


@pytest.mark.parametrize(("version", "code"), [(10, 42), (11, 42), (12, -1)])
def test_a_topic_without_name_and_id_spoils_the_request(room: Room, version: int, code: int) -> None:
    """No brokers, no controller, and the error at the topic."""
    response = room.metadata([Asked(topic_id=ZERO_UUID, name=None)], version)
    assert (errors(response), response.brokers, response.controller_id) == ([("", code)], [], -1)


def test_asking_creates_and_says_so_the_next_time(room: Room) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION at first; an answer that creates is not kept."""
    request = MetadataRequest(topics=[Asked(name="new")])
    response, context = room.ask(metadata, request, 9)
    assert (errors(response), context.keep_answer) == ([("new", 3)], False)
    response, context = room.ask(metadata, request, 9)
    assert (errors(response), context.keep_answer) == ([("new", 0)], True)


def test_creating_needs_both_sides() -> None:
    """auto.create.topics.enable and the client's consent."""
    room = Room({}, auto_create_topics_enable="false")
    room.metadata([Asked(name="new")], allow_auto_topic_creation=True)
    assert room.image.topics == {}
    room = Room({})
    room.metadata([Asked(name="new")])
    room.metadata(None, allow_auto_topic_creation=True)
    assert room.image.topics == {}


@pytest.mark.parametrize("name", ["__consumer_offsets", "__transaction_state", "__share_group_state"])
def test_internal_topics_are_there_at_once(name: str) -> None:
    """They are marked internal."""
    topic = Room({}).metadata([Asked(name=name)], allow_auto_topic_creation=True).topics[0]
    assert (topic.error_code, topic.is_internal) == (0, True)


def test_the_metadata_topic_cannot_be_had(room: Room) -> None:
    """Nor made by asking for it."""
    for _ in range(2):
        assert errors(room.metadata([Asked(name="__cluster_metadata")], allow_auto_topic_creation=True)) == [("__cluster_metadata", 3)]


def test_authorized_operations_only_when_asked(room: Room) -> None:
    """All that there is to do, for unknown topics too."""
    asked = [Asked(name="a"), Asked(name="nope")]
    response = room.metadata(asked, 8, include_topic_authorized_operations=True, include_cluster_authorized_operations=True)
    assert ([topic.topic_authorized_operations for topic in response.topics], response.cluster_authorized_operations) == (
        [3576, 3576],
        8096,
    )
    response = room.metadata(asked, 8)
    assert {topic.topic_authorized_operations for topic in response.topics} | {response.cluster_authorized_operations} == {-(1 << 31)}


def page(room: Room, limit: int, cursor: tuple[str, int] | None = None, names: tuple[str, ...] = ("b", "a")) -> Any:
    """A page of DescribeTopicPartitions: [(topic, error, partitions)], and the next cursor."""
    at = None if cursor is None else Cursor(topic_name=cursor[0], partition_index=cursor[1])
    topics = [DescribeTopicPartitionsRequest.TopicRequest(name=name) for name in names]
    request = DescribeTopicPartitionsRequest(topics=topics, response_partition_limit=limit, cursor=at)
    response, _ = room.ask(describe_topic_partitions, request, 0)
    encode(response, 0)
    following = response.next_cursor
    shown = [(topic.name, topic.error_code, [one.partition_index for one in topic.partitions]) for topic in response.topics]
    return shown, None if following is None else (following.topic_name, following.partition_index)


def test_pages_go_on_at_their_cursor() -> None:
    """Topics in order of name; a limit of 0 is raised to 1; an end at a topic's end points to the next topic."""
    room = Room({"a": 3, "b": 2})
    assert page(room, 2) == ([("a", 0, [0, 1])], ("a", 2))
    assert page(room, 2, ("a", 2)) == ([("a", 0, [2]), ("b", 0, [0])], ("b", 1))
    assert page(room, 2, ("b", 1)) == ([("b", 0, [1])], None)
    assert page(room, 3) == ([("a", 0, [0, 1, 2])], ("b", 0))
    assert page(room, 0, names=("a",)) == ([("a", 0, [0])], ("a", 1))
    assert page(room, 9, ("a", 9), names=("a",)) == ([("a", 0, [])], None)
    assert page(room, 100, names=()) == ([("a", 0, [0, 1, 2]), ("b", 0, [0, 1])], None)


def test_pages_with_errors(room: Room) -> None:
    """Unknown and illegal names; a cursor before the first partition."""
    assert page(room, 10, names=("nope", "b ad", "a")) == ([("a", 0, [0]), ("b ad", 17, []), ("nope", 3, [])], None)
    assert page(room, 10, ("a", -1), names=("a",)) == ([("a", 42, [])], None)


def test_the_cluster_is_described(room: Room) -> None:
    """Id, controller, brokers; operations when asked for."""
    response, context = room.ask(describe_cluster, DescribeClusterRequest(include_cluster_authorized_operations=True), 2)
    assert (response.cluster_id, response.controller_id, response.cluster_authorized_operations) == ("cluster", 1, 8096)
    assert [(one.broker_id, one.host, one.port, one.is_fenced) for one in response.brokers] == [(1, "here", 9092, False)]
    assert context.keep_answer


@pytest.mark.parametrize(("endpoint", "code"), [(0, 115), (2, 114), (3, 115)])
def test_a_broker_does_not_speak_for_controllers(room: Room, endpoint: int, code: int) -> None:
    """MISMATCHED_ENDPOINT_TYPE for controllers, UNSUPPORTED_ENDPOINT_TYPE for what nobody knows."""
    response, _ = room.ask(describe_cluster, DescribeClusterRequest(endpoint_type=endpoint), 1)
    assert (response.error_code, response.brokers, response.controller_id) == (code, [], -1)
