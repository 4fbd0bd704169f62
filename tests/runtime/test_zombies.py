"""What a transactional producer is told that another one has replaced, and what is refused before anybody is asked, as by Kafka 4.4.0."""

import pytest
import trio

from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import AddPartitionsToTxnRequest, WriteTxnMarkersRequest
from tests.runtime.transaction_room import BUMPING, CLASSIC, Producer

FENCED, BAD_EPOCH = ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_EPOCH


async def nothing(room, successor):
    """The successor has only begun."""


async def write(room, successor):
    """The successor has a transaction open."""
    assert await successor.produce(b"new") == 0


async def commit(room, successor):
    """The successor has committed one by the same protocol."""
    assert await successor.produce(b"new") == 0
    assert await successor.end(True) == 0
    await room.complete()


@pytest.mark.parametrize("before", [nothing, write, commit])
@pytest.mark.parametrize("was_open", [False, True])
def test_a_zombie_is_fenced(in_room, before, was_open):
    """Whatever it asks; and nothing of it is in the log or in the transaction."""

    async def story(room):
        zombie = await room.init()
        if was_open:
            assert await zombie.produce(b"old") == 0
        while (successor := await room.init()) is None:
            await trio.lowlevel.checkpoint()
        assert (successor.id, successor.epoch > zombie.epoch) == (zombie.id, True)
        await before(room, successor)
        state, sequence = await room.state_of(), zombie.sequence
        for version in (1, 2, 4):
            for committed in (True, False):
                assert await zombie.end(committed, version) == (BAD_EPOCH if version < 2 else FENCED)
        assert await zombie.end(True) == await zombie.end(False) == FENCED
        assert await zombie.add("a") == [FENCED]
        assert await zombie.commit_offset(5) == BAD_EPOCH
        for version in (CLASSIC, 11, BUMPING):
            zombie.sequence = sequence
            assert await zombie.produce(b"late", version) == BAD_EPOCH
        assert (await room.state_of(), await room.committed()) == (state, (0, -1))

    in_room(story)


def test_after_a_classic_end_the_epoch_before_is_taken_for_a_retry(in_room):
    """EndTxn 5 with it is answered by what was decided: Kafka looks at no more than the epoch."""

    async def story(room):
        zombie = await room.init()
        successor = await room.init()
        assert await successor.add("a") == [0]
        assert await successor.end(True, version=4) == 0
        await room.complete()
        again = Producer(room, "t", zombie.id, zombie.epoch)
        assert await again.end(False) == ErrorCode.INVALID_TXN_STATE
        assert await again.end(True) == 0
        assert (again.epoch, await room.state_of()) == (successor.epoch, "CompleteCommit")

    in_room(story)


def test_clients_do_not_write_to_internal_topics(in_room):
    """AddPartitionsToTxn up to version 3 refuses them, there or not; what brokers ask among themselves is not looked into."""

    async def story(room):
        await room.ensure("__consumer_offsets")
        producer = await room.init()
        forbidden = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        assert await producer.add("a", "__consumer_offsets", "__share_group_state", "nope") == [
            ErrorCode.OPERATION_NOT_ATTEMPTED,
            forbidden,
            forbidden,
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ]
        topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name="__consumer_offsets", partitions=[0])
        one = AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction(
            transactional_id="t", producer_id=producer.id, producer_epoch=producer.epoch, topics=[topic]
        )
        answer = await room.send(AddPartitionsToTxnRequest(transactions=[one]), 4)
        assert answer.results_by_transaction[0].topic_results[0].results_by_partition[0].partition_error_code == 0

    in_room(story)


def test_an_empty_transactional_id_is_nobody(in_room):
    """It is refused as such, not as a mapping that is not known."""

    async def story(room):
        producer = await room.init()
        nobody = Producer(room, "", producer.id, producer.epoch)
        assert [await nobody.produce(b"x", version) for version in (CLASSIC, 11, BUMPING)] == [ErrorCode.INVALID_REQUEST] * 3
        assert [await nobody.commit_offset(1, version) for version in (3, 5)] == [ErrorCode.INVALID_REQUEST] * 2
        assert await nobody.end(True) == ErrorCode.INVALID_REQUEST
        assert await nobody.add("a") == [ErrorCode.INVALID_REQUEST]

    in_room(story)


def test_a_marker_for_no_partition_is_not_answered(in_room):
    """Those beside it are."""

    async def story(room):
        topic = WriteTxnMarkersRequest.WritableTxnMarkerTopic
        markers = [
            WriteTxnMarkersRequest.WritableTxnMarker(producer_id=producer_id, topics=topics)
            for producer_id, topics in (
                (7, []),
                (8, [topic(name="a", partition_indexes=[])]),
                (9, [topic(name="a", partition_indexes=[0])]),
            )
        ]
        answer = await room.send(WriteTxnMarkersRequest(markers=markers), 1)
        assert [each.producer_id for each in answer.markers] == [9]

    in_room(story)
