"""Committing, fetching, deleting and expiring offsets."""

import pytest

from pybroker.core.decision import CoordinatorRecord
from pybroker.wire.errors import ErrorCode as E
from pybroker.wire.messages import GroupMetadataKey, GroupMetadataValue, LegacyOffsetCommitKey, LegacyOffsetCommitValue, OffsetCommitKey
from pybroker.wire.messages import OffsetCommitValue as Value

DAY_MS = 86_400_000


def pending(play, producer_id, offset, topic="t", group="g"):
    """Replay an offset of a transaction that is still open."""
    key = OffsetCommitKey(group=group, topic=topic, partition=0)
    play.shard.replay(CoordinatorRecord(key, Value(offset=offset, commit_timestamp=play.now_ms), 0, 3), producer_id)


def test_consumer_without_a_group(play):
    """A simple consumer commits and reads back; its group is listed, empty and of no protocol type."""
    assert play.commit(("t", 0, 5), ("u", 1, -5)) == [0, 0]
    assert play.fetch(("t", 0), ("t", 1), ("u", 1)) == [("t", 0, 5, 0), ("t", 1, -1, 0), ("u", 1, -5, 0)]
    assert play.fetch() == [("t", 0, 5, 0), ("u", 1, -5, 0)]
    assert (play.describe().group_state, play.describe().protocol_type) == ("Empty", "")


def test_empty_group_id_may_commit(play):
    """Offsets of the empty group id are accepted, as they always were."""
    assert play.commit(("t", 0, 5), group="") == [0]
    assert play.fetch(("t", 0), group="") == [("t", 0, 5, 0)]


def test_the_last_of_two_commits_in_one_counts(play):
    """One partition named twice: both are answered, the last one stays."""
    assert play.commit(("t", 0, 5), ("t", 0, 6)) == [0, 0]
    assert play.fetch(("t", 0)) == [("t", 0, 6, 0)]


def test_unknown_group_has_no_offsets(play):
    """Nothing committed is -1 without error, and no topics where all are asked for."""
    assert play.fetch(("t", 0)) == [("t", 0, -1, 0)]
    assert play.fetch() == []


@pytest.mark.parametrize(("version", "error"), [(8, E.ILLEGAL_GENERATION), (9, E.GROUP_ID_NOT_FOUND)])
@pytest.mark.parametrize("generation", [0, 3])
def test_generation_without_group(play, version, error, generation):
    """A commit with a generation into a group that is gone is refused, from version 9 on by name."""
    assert play.commit(("t", 0, 5), member="m", generation=generation, version=version) == [error]


def test_commit_in_a_group(play):
    """With members only their commits of this generation count."""
    member = play.stable_member()
    assert play.commit(("t", 0, 5), member=member, generation=1) == [0]
    assert play.commit(("t", 0, 6), member=member, generation=2) == [E.ILLEGAL_GENERATION]
    assert play.commit(("t", 0, 7), member="nobody", generation=1) == [E.UNKNOWN_MEMBER_ID]
    assert play.commit(("t", 0, 8)) == [E.UNKNOWN_MEMBER_ID]
    assert play.fetch(("t", 0)) == [("t", 0, 5, 0)]


def test_commit_during_a_rebalance(play):
    """While members join commits pass; while the assignment is awaited they do not (KAFKA-8104)."""
    member = play.join().member_id
    assert play.commit(("t", 0, 5), member=member, generation=1) == [E.REBALANCE_IN_PROGRESS]
    play.sync(member, 1)
    play.send_join()
    assert (play.state(), play.commit(("t", 0, 5), member=member, generation=1)) == ("PreparingRebalance", [0])


def test_fenced_static_member_cannot_commit(play):
    """A commit under the old id of a static member is fenced."""
    old = play.stable_member(version=5, group_instance_id="s1")
    play.join(version=5, group_instance_id="s1")
    assert play.commit(("t", 0, 5), member=old, generation=1, group_instance_id="s1") == [E.FENCED_INSTANCE_ID]


@pytest.mark.parametrize("character", ["m", "ö", "\N{GRINNING FACE}"])
def test_metadata_size(play, character):
    """`offset.metadata.max.bytes` counts neither bytes nor characters but UTF-16 units, as Kafka does."""
    largest = character * (2048 if character > "\uffff" else 4096)
    assert play.commit(("t", 0, 5), metadata=largest) == [0]
    assert play.commit(("t", 0, 5), metadata=largest + character) == [E.OFFSET_METADATA_TOO_LARGE]


def test_records_as_kafka_writes_them(play):
    """Version 3, or version 1 where a commit of version 2 to 4 brings its own retention."""
    play.commit(("t", 0, 5))
    play.commit(("t", 0, 6), retention_time_ms=1_000, version=2)
    assert [(each.value_version, each.value.expire_timestamp - play.now_ms) for each in play.log] == [(3, -1 - play.now_ms), (1, 1_000)]


# Transactions


def test_open_transaction_is_unstable(play):
    """What a transaction committed is invisible, and an error for those who want stable offsets (KIP-447)."""
    pending(play, 7, 5)
    assert play.fetch(("t", 0)) == [("t", 0, -1, 0)]
    assert play.fetch(("t", 0), stable=True) == [("t", 0, -1, E.UNSTABLE_OFFSET_COMMIT)]
    assert play.fetch(stable=True) == []
    play.shard.end_transaction(7, committed=True)
    assert play.fetch(("t", 0), stable=True) == [("t", 0, 5, 0)]


def test_aborted_transaction_leaves_nothing(play):
    """After an abort the old offset counts, and is stable."""
    play.commit(("t", 0, 1))
    pending(play, 7, 5)
    play.shard.end_transaction(7, committed=False)
    assert play.fetch(("t", 0), stable=True) == [("t", 0, 1, 0)]


def test_later_commit_outlives_an_older_transaction(play):
    """Offsets count in the order in which they were written, not in that of the markers."""
    pending(play, 7, 5)
    play.commit(("t", 0, 9))
    play.shard.end_transaction(7, committed=True)
    assert play.fetch(("t", 0)) == [("t", 0, 9, 0)]


def test_deletion_takes_pending_offsets_too(play):
    """A tombstone ends what was pending for its partition."""
    pending(play, 7, 5)
    assert play.delete() == 0
    play.shard.end_transaction(7, committed=True)
    assert play.fetch(("t", 0), stable=True) == [("t", 0, -1, 0)]


# Deleting


def test_offset_delete(play):
    """Offsets of topics that the group consumes stay; others go."""
    subscription = bytes.fromhex("0000 00000001 0001 62 ffffffff".replace(" ", ""))
    play.commit(("a", 0, 5), ("b", 0, 6))
    play.join(metadata=subscription)
    codes = [topic.partitions[0].error_code for topic in play.delete_offsets(("a", 0), ("b", 0), ("a", 3)).topics]
    assert codes == [0, E.GROUP_SUBSCRIBED_TO_TOPIC, 0]
    assert play.fetch() == [("b", 0, 6, 0)]


def test_offset_delete_where_the_subscription_cannot_be_read(play):
    """A consumer group whose metadata is something else keeps all its offsets."""
    play.commit(("a", 0, 5))
    play.join(metadata=b"?")
    assert play.delete_offsets(("a", 0)).topics[0].partitions[0].error_code == E.GROUP_SUBSCRIBED_TO_TOPIC


@pytest.mark.parametrize(("group", "error"), [("nope", E.GROUP_ID_NOT_FOUND), ("", E.INVALID_GROUP_ID), ("g", E.NON_EMPTY_GROUP)])
def test_offset_delete_refused(play, group, error):
    """Unknown groups, the empty id, and groups of another type with members."""
    play.join(protocol_type="connect")
    assert play.delete_offsets(("a", 0), group=group).error_code == error


def test_deleted_topics_are_forgotten(play):
    """When a topic is deleted no group keeps an offset for it."""
    play.commit(("a", 0, 5), ("b", 0, 6))
    play.commit(("a", 1, 5), group="h")
    play.carry_out(play.shard.forget_topics(play.now_ms, {"a"}))
    assert (play.fetch(), play.fetch(group="h")) == ([("b", 0, 6, 0)], [])


# Expiry


def test_simple_offsets_expire_by_their_commit(play):
    """Without members each offset lives for the retention after its commit, and the group as long as its last offset."""
    play.commit(("a", 0, 5))
    play.pass_time(DAY_MS)
    play.commit(("b", 0, 5))
    play.pass_time(6 * DAY_MS + 600_000)
    assert (play.fetch(), play.list()) == ([("b", 0, 5, 0)], ["g"])
    play.pass_time(DAY_MS)
    assert (play.fetch(), play.list()) == ([], [])


def test_offsets_of_an_emptied_group_expire_together(play):
    """The retention counts from when the last member left, however old the commit is (KIP-211)."""
    member = play.stable_member(session_timeout_ms=1_800_000)
    play.commit(("a", 0, 5), member=member, generation=1)
    for _ in range(8 * 48 + 1):
        play.pass_time(1_799_000)
        assert play.heartbeat(member, 1) == 0
    play.leave((member, None))
    play.pass_time(6 * DAY_MS)
    assert play.fetch() == [("a", 0, 5, 0)]
    play.pass_time(DAY_MS + 600_000)
    assert (play.fetch(), play.list()) == ([], [])


def test_stable_group_loses_offsets_of_topics_it_no_longer_consumes(play):
    """Members keep the offsets of what they consume, and of nothing else."""
    subscription = bytes.fromhex("0000000000010001" + "62" + "ffffffff")
    play.commit(("a", 0, 5), ("b", 0, 6))
    member = play.stable_member(session_timeout_ms=1_800_000, metadata=subscription)
    for _ in range(7 * 48 + 2):
        play.pass_time(1_799_000)
        play.heartbeat(member, 1)
    assert play.fetch() == [("b", 0, 6, 0)]


def test_connect_groups_with_members_keep_their_offsets(play):
    """What members of another type consume is not known."""
    play.commit(("a", 0, 5))
    member = play.stable_member(session_timeout_ms=1_800_000, protocol_type="connect")
    for _ in range(7 * 48 + 2):
        play.pass_time(1_799_000)
        play.heartbeat(member, 1)
    assert play.fetch() == [("a", 0, 5, 0)]


def test_expiry_of_its_own(play):
    """An offset committed with a retention goes by that alone."""
    play.commit(("a", 0, 5), retention_time_ms=DAY_MS, version=2)
    play.pass_time(DAY_MS - 600_000)
    assert play.fetch() == [("a", 0, 5, 0)]
    play.pass_time(1_200_000)
    assert play.fetch() == []


def test_open_transaction_stops_expiry(play):
    """A partition with a pending offset keeps its old one, and the group stays."""
    play.commit(("t", 0, 1))
    pending(play, 7, 5)
    play.pass_time(30 * DAY_MS)
    assert (play.fetch(), play.list()) == ([("t", 0, 1, 0)], ["g"])


def test_group_without_offsets_is_deleted(play):
    """An empty group that never committed is gone at the next check."""
    member = play.stable_member()
    play.leave((member, None))
    play.pass_time(600_000)
    assert play.list() == []


# Replay


def test_offsets_of_old_brokers_are_read(play):
    """Records of type 0, before Kafka 0.9, are offsets like the others."""
    key = LegacyOffsetCommitKey(group="g", topic="t", partition=0)
    play.shard.replay(CoordinatorRecord(key, LegacyOffsetCommitValue(offset=4, metadata="", commit_timestamp=1), 0))
    assert play.fetch(("t", 0)) == [("t", 0, 4, 0)]


def test_group_of_a_record_without_timestamp(play_with):
    """Before version 2 a record does not say since when the group is empty: the commits' times count."""
    play = play_with(offsets_retention_ms=DAY_MS)
    play.log.append(
        CoordinatorRecord(
            GroupMetadataKey(group="g"), GroupMetadataValue(protocol_type="consumer", generation=4, protocol=None, leader=None), 0
        )
    )
    play.load()
    play.commit(("t", 0, 1))
    play.pass_time(DAY_MS + 600_000)
    assert play.list() == []


def test_an_expiry_beyond_time_is_the_end_of_time(play):
    """The largest retention that a client can ask for keeps the offset, where a sum of 64 bits would wrap around."""
    assert play.commit(("t", 0, 5), retention_time_ms=2**63 - 1) == [0]
    play.pass_time(30 * 24 * 3_600_000)
    assert play.fetch(("t", 0)) == [("t", 0, 5, 0)]
    ((_, _, _, _, expire_ms),) = play.shard.offsets.snapshot().values()
    assert expire_ms == 2**63 - 1
