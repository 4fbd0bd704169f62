"""The group coordinator over real partitions in memory: making the topic, routing, loading, topics that go."""

from contextlib import asynccontextmanager
from random import Random
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from pybroker.core.cluster import MetadataDelta
from pybroker.handlers import find_coordinator, group_admin, group_membership, group_offsets
from pybroker.runtime.clock import TrioClock
from pybroker.runtime.groups import GroupCoordinator
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    DeleteGroupsRequest,
    DescribeGroupsRequest,
    FindCoordinatorRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    ListGroupsRequest,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
    message_class,
)

HANDLERS = {
    JoinGroupRequest: (group_membership.join_group, 0, 9),
    SyncGroupRequest: (group_membership.sync_group, 0, 5),
    HeartbeatRequest: (group_membership.heartbeat, 0, 4),
    LeaveGroupRequest: (group_membership.leave_group, 0, 5),
    OffsetCommitRequest: (group_offsets.offset_commit, 2, 10),
    OffsetFetchRequest: (group_offsets.offset_fetch, 1, 10),
    OffsetDeleteRequest: (group_offsets.offset_delete, 0, 0),
    DescribeGroupsRequest: (group_admin.describe_groups, 0, 6),
    ListGroupsRequest: (group_admin.list_groups, 0, 5),
    DeleteGroupsRequest: (group_admin.delete_groups, 0, 3),
    FindCoordinatorRequest: (find_coordinator.find_coordinator, 0, 6),
}
VERSIONS = [(cls, version) for cls, (_, low, high) in HANDLERS.items() for version in range(low, high + 1)]


class GroupRoom:
    """A coordinator whose topics the test makes and deletes."""

    def __init__(self, store):
        self.room = PartitionRoom(store, {"offsets.topic.num.partitions": "3"}, TrioClock())
        self.listeners = []
        self.ensured = []
        self.coordinator = self.room.state.groups = GroupCoordinator(
            clock=self.room.clock,
            rng=Random(1),
            settings=self.room.settings,
            cluster=self.room.cluster,
            controller=SimpleNamespace(listeners=self.listeners, ensure_internal_topic=self.ensure),
            partitions=self.room.partitions,
        )
        self.room.state.controller = SimpleNamespace(ensure_internal_topic=self.ensure)

    async def ensure(self, name, topic_id=None):
        self.ensured.append(name)
        await trio.lowlevel.checkpoint()
        if name not in self.room.cluster.topics:
            self.room.create_topic(name, 3, topic_id=topic_id)

    def delete_topic(self, name):
        topic = self.room.cluster.topics[name]
        self.room.delete_topic(name)
        for listener in self.listeners:
            listener(MetadataDelta(deleted=[topic]))

    async def send(self, request, version):
        """Through the handler and both codecs, as a client would meet it."""
        handler = HANDLERS[type(request)][0]
        context = self.room.context(version)
        context.client_id = "c"
        response = await handler(context, decode(type(request), version, encode(request, version))[0])
        answer = message_class(type(request).__name__.removesuffix("Request") + "Response")
        return decode(answer, version, encode(response, version))[0]

    async def commit(self, topic, offset, group="g"):
        partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
        request = OffsetCommitRequest(
            group_id=group, topics=[OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, partitions=[partition])]
        )
        return (await self.send(request, 9)).topics[0].partitions[0].error_code

    async def fetch(self, group="g"):
        request = OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id=group, topics=None)])
        topics = (await self.send(request, 9)).groups[0].topics
        return {topic.name: each.committed_offset for topic in topics for each in topic.partitions}


@pytest.fixture
def in_room():
    """Run a story in a room in virtual time; a second story begins over the first one's store."""

    def run(*stories):
        store = MemoryLogStore(cluster_id="x" * 22, node_id=1, rng=Random(1))
        topic_ids = {}

        async def main(story):
            async with opened(store, topic_ids) as room:
                await story(room)

        for story in stories:
            trio.run(main, story, clock=trio.testing.MockClock(autojump_threshold=0))

    return run


@asynccontextmanager
async def opened(store, topic_ids):
    """A broker's life over a store."""
    room = GroupRoom(store)
    for name, topic_id in topic_ids.items():
        await room.ensure(name, topic_id)
    async with trio.open_nursery() as nursery:
        room.coordinator.start(nursery)
        yield room
        room.coordinator.stop()
        nursery.cancel_scope.cancel()
    topic_ids.update({name: image.topic_id for name, image in room.room.cluster.topics.items()})


def test_topic_is_made_when_needed(in_room):
    """The first request that names a group makes `__consumer_offsets`, no later one does."""

    async def story(room):
        room.room.create_topic("t")
        assert (await room.commit("t", 5), await room.fetch(), room.ensured) == (0, {"t": 5}, ["__consumer_offsets"])

    in_room(story)


def test_listing_makes_nothing(in_room):
    """Without the topic there are no groups, and asking for them does not make it."""

    async def story(room):
        assert ((await room.send(ListGroupsRequest(), 5)).groups, room.ensured) == ([], [])

    in_room(story)


def test_groups_are_spread_and_found(in_room):
    """Groups live on the partition that Kafka would choose, and are listed from all."""

    async def story(room):
        room.room.create_topic("t")
        groups = [f"g{number}" for number in range(12)]
        for group in groups:
            await room.commit("t", 1, group)
        written = [room.room.partition("__consumer_offsets", index).log_end_offset for index in range(3)]
        assert (sum(written), all(written)) == (12, True)
        listed = await room.send(ListGroupsRequest(states_filter=["EMPTY"]), 5)
        assert sorted(each.group_id for each in listed.groups) == sorted(groups)

    in_room(story)


def test_restart(in_room):
    """While the log is read clients are told to come again, heartbeats that all is well; then everything is there."""

    async def before(room):
        room.room.create_topic("t")
        await room.commit("t", 5)

    async def after(room):
        with pytest.raises(KafkaError) as caught:
            room.coordinator.shard_for("g")
        assert caught.value.code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        assert (await room.send(HeartbeatRequest(group_id="g"), 4)).error_code == 0
        await trio.testing.wait_all_tasks_blocked()
        assert await room.fetch() == {"t": 5}

    in_room(before, after)


def test_deleted_topic(in_room):
    """The offsets of a deleted topic go with it, also those that are just being loaded."""

    async def before(room):
        for topic in ("t", "u", "v"):
            room.room.create_topic(topic)
            await room.commit(topic, 5)
        room.delete_topic("t")
        assert await room.fetch() == {"u": 5, "v": 5}

    async def after(room):
        room.delete_topic("u")
        await trio.testing.wait_all_tasks_blocked()
        assert await room.fetch() == {"v": 5}

    in_room(before, after)


def test_offsets_topic_is_deleted(in_room):
    """Whoever waits is told to look for the coordinator again, and the topic is made anew."""

    async def story(room):
        answers = []

        async def join():
            request = join_request()
            answers.append((await room.send(request, 3)).error_code)

        room.room.settings.set_dynamic({"group.initial.rebalance.delay.ms": "3000"}, {})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(join)
            await trio.testing.wait_all_tasks_blocked()
            room.delete_topic("__consumer_offsets")
        assert answers == [ErrorCode.NOT_COORDINATOR]
        room.room.create_topic("t")
        assert await room.commit("t", 1) == 0

    in_room(story)


def test_expiry_runs_by_itself(in_room):
    """Offsets are gone after a week and the check that follows."""

    async def story(room):
        room.room.create_topic("t")
        await room.commit("t", 5)
        await trio.sleep(7 * 86_400 + 601)
        assert await room.fetch() == {}

    in_room(story)


def test_four_members_find_together_without_delay(in_room):
    """Nothing but the members' own requests is waited for: the clock does not move."""

    async def story(room):
        assigned = {}

        async def member(number):
            member_id = ""
            while True:
                joined = await room.send(join_request(member_id), 5)
                member_id = joined.member_id
                if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
                    continue
                shares = [
                    SyncGroupRequest.SyncGroupRequestAssignment(member_id=each.member_id, assignment=b"mine") for each in joined.members
                ]
                request = SyncGroupRequest(group_id="g", member_id=member_id, generation_id=joined.generation_id, assignments=shares)
                if (await room.send(request, 3)).error_code:
                    continue
                assigned[number] = joined.generation_id
                if len(assigned) == 4 and len(set(assigned.values())) == 1:
                    nursery.cancel_scope.cancel()
                while not (
                    await room.send(HeartbeatRequest(group_id="g", member_id=member_id, generation_id=joined.generation_id), 3)
                ).error_code:
                    await trio.lowlevel.checkpoint()

        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(member, number)
        assert trio.current_time() == start

    in_room(story)


def join_request(member_id=""):
    """A plain consumer's join."""
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"x")
    return JoinGroupRequest(
        group_id="g",
        member_id=member_id,
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        protocol_type="consumer",
        protocols=[protocol],
    )


@pytest.mark.parametrize(("request_class", "version"), VERSIONS)
def test_every_version_is_answered(in_room, request_class, version):
    """The least a client can say is answered at each version, in bytes of that version."""

    async def story(room):
        request = join_request() if request_class is JoinGroupRequest else request_class()
        assert await room.send(request, version) is not None

    in_room(story)


@pytest.mark.parametrize("version", range(2, 11))
def test_commit_at_every_version(in_room, version):
    """Known partitions are committed, unknown ones fail alone; version 10 goes by topic id."""

    async def story(room):
        topic_id = room.room.create_topic("t")
        partition = OffsetCommitRequest.OffsetCommitRequestPartition
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(
            name="t", topic_id=topic_id, partitions=[partition(partition_index=index, committed_offset=7) for index in (3, 0)]
        )
        gone = OffsetCommitRequest.OffsetCommitRequestTopic(name="nope", topic_id=bytes(15) + b"9", partitions=[partition()])
        response = await room.send(OffsetCommitRequest(group_id="g", topics=[topic, gone]), version)
        codes = {(each.name or each.topic_id, one.partition_index): one.error_code for each in response.topics for one in each.partitions}
        known, unknown = (topic_id, bytes(15) + b"9") if version == 10 else ("t", "nope")
        assert codes == {(known, 0): 0, (known, 3): 3, (unknown, 0): 100 if version == 10 else 3}
        assert await room.fetch() == {"t": 7}

    in_room(story)


@pytest.mark.parametrize("version", range(1, 11))
def test_fetch_at_every_version(in_room, version):
    """Committed and missing offsets at each version, for one group or several, by name or by id."""

    async def story(room):
        topic_id = room.room.create_topic("t")
        await room.commit("t", 5)
        request = OffsetFetchRequest(
            group_id="g",
            topics=[OffsetFetchRequest.OffsetFetchRequestTopic(name="t", partition_indexes=[1, 0])],
            groups=[
                OffsetFetchRequest.OffsetFetchRequestGroup(
                    group_id="g",
                    topics=[OffsetFetchRequest.OffsetFetchRequestTopics(name="t", topic_id=topic_id, partition_indexes=[1, 0])],
                )
            ],
        )
        for absent in ("groups",) if version < 8 else ("topics", "group_id"):
            setattr(request, absent, [] if absent != "group_id" else "")
        response = await room.send(request, version)
        topics = response.topics if version < 8 else response.groups[0].topics
        found = [(each.partition_index, each.committed_offset, each.error_code) for topic in topics for each in topic.partitions]
        assert found == [(1, -1, 0), (0, 5, 0)]

    in_room(story)


def test_fetch_by_an_unknown_id(in_room):
    """An id that no topic has is an error; all topics by id leave out what is deleted."""

    async def story(room):
        topic_id = room.room.create_topic("t")
        await room.commit("t", 5)
        topic = OffsetFetchRequest.OffsetFetchRequestTopics(topic_id=bytes(16), partition_indexes=[0])
        groups = [OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=each) for each in ([topic], None)]
        one, everything = (await room.send(OffsetFetchRequest(groups=groups), 10)).groups
        assert one.topics[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
        assert [each.topic_id for each in everything.topics] == [topic_id]

    in_room(story)


def test_delete_offsets_by_handler(in_room):
    """Partitions that are not there are UNKNOWN_TOPIC_OR_PARTITION beside those that are."""

    async def story(room):
        room.room.create_topic("t")
        await room.commit("t", 5)
        partition = OffsetDeleteRequest.OffsetDeleteRequestPartition
        topics = [
            OffsetDeleteRequest.OffsetDeleteRequestTopic(name=name, partitions=[partition(partition_index=index) for index in (0, 7)])
            for name in ("t", "nope")
        ]
        response = await room.send(OffsetDeleteRequest(group_id="g", topics=topics), 0)
        codes = {(each.name, one.partition_index): one.error_code for each in response.topics for one in each.partitions}
        assert codes == {("t", 0): 0, ("t", 7): 3, ("nope", 0): 3, ("nope", 7): 3}

    in_room(story)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("g:AQIDBAUGBwgJCgsMDQ4PEA:0", 0),
        ("g:AQIDBAUGBwgJCgsMDQ4PEA:-1", 0),
        ("g", 42),
        ("g:x:0", 42),
        ("g:AQIDBAUGBwgJCgsMDQ4PEA", 42),
        ("g:AQIDBAUGBwgJCgsMDQ4PEA:x", 42),
        (":AQIDBAUGBwgJCgsMDQ4PEA:0", 42),
    ],
)
def test_share_keys(in_room, key, error):
    """A share partition's key is group, topic id and number."""

    async def story(room):
        response = await room.send(FindCoordinatorRequest(key_type=2, coordinator_keys=[key]), 6)
        assert (response.coordinators[0].error_code, response.coordinators[0].node_id) == (error, -1 if error else 1)

    in_room(story)


@pytest.mark.parametrize(("key_type", "version"), [(3, 1), (-1, 4), (100, 6), (2, 5)])
def test_key_types_that_are_not(in_room, key_type, version):
    """Only groups, transactions and, from version 6 on, share partitions have coordinators."""

    async def story(room):
        response = await room.send(
            FindCoordinatorRequest(key_type=key_type, **({"key": "x"} if version < 4 else {"coordinator_keys": ["x"]})), version
        )
        found = response if version < 4 else response.coordinators[0]
        assert (found.error_code, found.node_id, found.host, found.port) == (ErrorCode.INVALID_REQUEST, -1, "", -1)

    in_room(story)


def test_a_commit_larger_than_a_message_is_refused_whole(in_room):
    """As in Kafka: nothing is committed, and the group is not made."""

    async def story(room):
        room.room.create_topic("t", 300)
        partitions = [
            OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=index, committed_offset=5, committed_metadata="x" * 4000)
            for index in range(300)
        ]
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="t", partitions=partitions)
        response = await room.send(OffsetCommitRequest(group_id="g", topics=[topic]), 7)
        assert {each.error_code for each in response.topics[0].partitions} == {ErrorCode.UNKNOWN_SERVER_ERROR}
        assert await room.fetch() == {}
        assert (await room.send(ListGroupsRequest(), 4)).groups == []

    in_room(story)


def test_an_assignment_larger_than_a_message_starts_a_rebalance(in_room):
    """As in Kafka: whoever waited for it gets the error, and the next heartbeat tells the members to join again."""

    async def story(room):
        member_id = (await room.send(join_request(), 3)).member_id
        share = SyncGroupRequest.SyncGroupRequestAssignment(member_id=member_id, assignment=b"y" * 1_200_000)
        sync = SyncGroupRequest(group_id="g", member_id=member_id, generation_id=1, assignments=[share])
        assert (await room.send(sync, 3)).error_code == ErrorCode.UNKNOWN_SERVER_ERROR
        heartbeat = HeartbeatRequest(group_id="g", member_id=member_id, generation_id=1)
        assert (await room.send(heartbeat, 3)).error_code == ErrorCode.REBALANCE_IN_PROGRESS
        assert (await room.send(sync, 3)).error_code == ErrorCode.REBALANCE_IN_PROGRESS
        assert (await room.send(join_request(member_id), 3)).generation_id == 2

    in_room(story)


def test_topics_without_partitions_are_left_out_of_a_commit(in_room):
    """Nothing was asked of them, so nothing is answered."""

    async def story(room):
        room.room.create_topic("t")
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="t")
        assert (await room.send(OffsetCommitRequest(group_id="g", topics=[topic]), 7)).topics == []

    in_room(story)
