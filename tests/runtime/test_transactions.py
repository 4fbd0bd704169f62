"""The transaction coordinator over real partitions in memory: handlers, markers, offsets, restarts, and what goes wrong in between."""

import pytest
import trio
import trio.testing

from pybroker.core.cluster import MetadataDelta
from pybroker.records.hashes import coordinator_partition
from pybroker.runtime.flusher import Flusher
from pybroker.storage.errors import DiskFullError, NoDescriptorError, StorageError
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import (
    InitProducerIdRequest,
    ListTransactionsRequest,
    WriteTxnMarkersRequest,
)
from tests.runtime.transaction_room import BUMPING, CLASSIC, Producer


def test_classic_commit_and_abort(in_room):
    """What was committed is read, what was aborted is named; and until the end nobody who reads what is committed sees a thing."""

    async def story(room):
        producer = await room.init()
        assert await producer.produce(b"early", CLASSIC) == ErrorCode.INVALID_TXN_STATE
        assert await producer.add("a") == [0]
        assert await producer.produce(b"one", CLASSIC) == 0
        assert await room.read() == ([], 0, [])
        assert (await room.read(isolation_level=0))[0] == [b"one"]
        assert await producer.end(True, 3) == 0
        assert await room.read() == ([b"one"], 2, [])
        assert await producer.add("a") == [0]
        assert await producer.produce(b"two", CLASSIC) == 0
        assert await producer.end(False, 3) == 0
        assert await room.read() == ([b"one"], 4, [(producer.id, 2)])
        assert await room.read(offset=3) == ([], 4, [(producer.id, 2)])
        assert (await room.read(isolation_level=0))[0] == [b"one", b"two"]

    in_room(story)


def test_version_2_adds_and_bumps(in_room):
    """The first batch adds its partition; after each end the old epoch may write no more (KIP-890)."""

    async def story(room):
        producer = await room.init()
        assert await producer.produce(b"one") == 0
        zombie = Producer(room, "t", producer.id, producer.epoch)
        zombie.sequence = 1
        assert (await producer.end(True), producer.epoch) == (0, 1)
        assert await zombie.produce(b"late") == ErrorCode.INVALID_PRODUCER_EPOCH
        assert await producer.produce(b"two") == 0
        assert await room.read() == ([b"one"], 2, [])
        assert await zombie.end(True) == ErrorCode.PRODUCER_FENCED
        assert await producer.end(False) == 0
        assert await room.read() == ([b"one"], 4, [(producer.id, 2)])

    in_room(story)


def test_one_without_partitions_takes_the_others_along(in_room):
    """A partition that is not there: nothing is added."""

    async def story(room):
        producer = await room.init()
        assert await producer.add("a", "nope") == [ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
        assert await room.state_of() == "Empty"

    in_room(story)


def test_offsets_count_with_the_commit(in_room):
    """Pending offsets are seen by nobody, and make the partition unstable for those who ask; an abort drops them."""

    async def story(room):
        producer = await room.init()
        assert await producer.commit_offset(5, version=4) == ErrorCode.TRANSACTION_ABORTABLE
        assert await producer.commit_offset(5) == 0
        assert await room.committed() == (0, -1)
        assert await room.committed(require_stable=True) == (ErrorCode.UNSTABLE_OFFSET_COMMIT, -1)
        assert await producer.end(True) == 0
        assert await room.committed(require_stable=True) == (0, 5)
        assert await producer.commit_offset(9) == 0
        assert await producer.end(False) == 0
        assert await room.committed(require_stable=True) == (0, 5)

    in_room(story)


def test_a_restart_finds_what_is_open(in_room):
    """Partitions, pending offsets, epochs and aborted transactions are read back, and the transaction can be ended."""
    held = {}

    async def before(room):
        producer = await room.init()
        assert await producer.produce(b"gone") == 0
        assert await producer.end(False) == 0
        assert await producer.produce(b"one") == 0
        assert await producer.commit_offset(5) == 0
        held.update(id=producer.id, epoch=producer.epoch)

    async def after(room):
        await trio.testing.wait_all_tasks_blocked()
        producer = Producer(room, "t", held["id"], held["epoch"])
        producer.sequence = 1
        assert await room.state_of() == "Ongoing"
        assert await room.read() == ([], 2, [(producer.id, 0)])
        assert await room.committed(require_stable=True) == (ErrorCode.UNSTABLE_OFFSET_COMMIT, -1)
        assert await producer.produce(b"two") == 0
        assert await producer.end(True) == 0
        assert await room.read() == ([b"one", b"two"], 5, [(producer.id, 0)])
        assert await room.committed(require_stable=True) == (0, 5)

    async def at_last(room):
        await trio.testing.wait_all_tasks_blocked()
        assert (await room.read())[0] == [b"one", b"two"]
        assert await room.state_of() == "CompleteCommit"

    in_room(before, after, at_last)


def fail_markers(live, failing):
    """Let a partition take no markers while `failing` is set."""
    append = live.append_marker

    def fail(marker):
        if failing[0]:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no space")
        return append(marker)

    return append, fail


def test_a_marker_that_cannot_be_written_is_written_later(in_room, monkeypatch):
    """The end is decided, and told; it is complete when all markers are there. Meanwhile the producer has to wait."""

    async def story(room):
        failing = [True]
        room.room.create_topic("b")
        _, fail = fail_markers(room.room.partition("a"), failing)
        monkeypatch.setattr(
            type(room.room.partition("a")), "append_marker", lambda live, marker: fail(marker) if live.topic == "a" else None
        )
        producer = await room.init()
        assert await producer.produce(b"one") == 0
        assert await producer.end(True) == 0
        assert await room.state_of() == "PrepareCommit"
        assert await producer.produce(b"two") == ErrorCode.CONCURRENT_TRANSACTIONS
        assert await room.read() == ([], 0, [])
        failing[0] = False
        await trio.sleep(6)
        assert await room.state_of() == "CompleteCommit"
        assert await room.read() == ([b"one"], 2, [])
        assert await producer.produce(b"two") == 0

    in_room(story)


def test_a_restart_ends_what_was_only_decided(in_room, monkeypatch):
    """The record of the decision is enough."""

    async def before(room):
        _, fail = fail_markers(room.room.partition("a"), [True])
        with monkeypatch.context() as patch:
            patch.setattr(type(room.room.partition("a")), "append_marker", lambda live, marker: fail(marker))
            producer = await room.init()
            assert await producer.produce(b"one") == 0
            assert await producer.end(True) == 0
            assert await room.state_of() == "PrepareCommit"

    async def after(room):
        await trio.sleep(1)
        assert await room.state_of() == "CompleteCommit"
        assert await room.read() == ([b"one"], 2, [])

    in_room(before, after)


def test_many_ends_take_turns(in_room, monkeypatch):
    """A start that finds many transactions only decided, as a timer that aborts many, ends them one after another and lets others run."""
    names = [str(number) for number in range(30)]

    async def before(room):
        _, fail = fail_markers(room.room.partition("a"), [True])
        with monkeypatch.context() as patch:
            patch.setattr(type(room.room.partition("a")), "append_marker", lambda live, marker: fail(marker))
            for name in names:
                producer = await room.init(name)
                assert await producer.produce(b"one") == 0
                assert await producer.end(True) == 0

    async def after(room):
        turns = [0]
        append = type(room.room.partition("a")).append_marker

        def note(live, marker):
            turns[-1] += 1
            return append(live, marker)

        monkeypatch.setattr(type(room.room.partition("a")), "append_marker", note)
        while sum(turns) < len(names):
            turns.append(0)
            await trio.lowlevel.checkpoint()
        assert max(turns) <= 2 * 3  # partitions of the topic, and who comes first in a turn is not said
        assert {await room.state_of(name) for name in names} == {"CompleteCommit"}
        assert len((await room.read())[0]) == len(names)

    in_room(before, after)


@pytest.mark.parametrize("version", [CLASSIC, BUMPING])
def test_a_long_request_asks_anew_in_each_turn(in_room, version):
    """A transaction that ends while a request of many batches is being written takes no more of them: none is left open without an end."""
    count = 500

    async def story(room):
        room.room.create_topic("many", count)
        producer = await room.init()
        if version < BUMPING:
            assert set(await producer.add("many", partitions=range(count))) == {0}
        first = room.room.partition("many")
        errors = []

        async def produce():
            errors.extend(await producer.produce_to_all(count, version, "many"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(produce)
            while not first.log_end_offset:
                await trio.lowlevel.checkpoint()
            assert not errors
            assert await Producer(room, "t", producer.id, producer.epoch).end(False, 3 if version < BUMPING else 5) == 0
        assert 0 < errors.count(0) < count
        await room.complete()
        lives = [room.room.partitions.find("many", index) for index in range(count)]
        assert all(live.last_stable_offset == live.log_end_offset for live in lives)
        assert [live.log_end_offset for live in lives] == [1 if error else 2 for error in errors]

    in_room(story)


def test_a_transaction_of_a_deleted_topic_ends(in_room):
    """There is nothing to be marked any more."""

    async def story(room):
        room.room.create_topic("b")
        producer = await room.init()
        assert await producer.produce(b"one", topic="b") == 0
        topic = room.room.cluster.topics["b"]
        room.room.delete_topic("b")
        for listener in room.listeners:
            listener(MetadataDelta(deleted=[topic]))
        assert await producer.end(True) == 0
        assert await room.state_of() == "CompleteCommit"

    in_room(story)


@pytest.mark.parametrize("topic", ["a", "__transaction_state"])
def test_what_is_not_on_disk_is_not_told(in_room, topic):
    """With flush.messages = 1 every answer waits for the flush, and the completion for that of the markers."""

    async def story(room):
        await room.ensure("__transaction_state")
        room.room.configure(topic, {"flush.messages": "1"})
        producer = await room.init()
        for committed in (True, False, True):
            assert await producer.produce(b"yes" if committed else b"no") == 0
            assert await producer.end(committed) == 0
            await room.complete()
        assert (await room.read())[0] == [b"yes", b"yes"]
        live = room.room.partition(topic)
        assert live.log.recovery_point == live.high_watermark == live.log_end_offset

    in_room(story, real_time=True)


def test_no_answer_leaves_before_its_record_is_safe(in_room, monkeypatch):
    """Nor is a batch written before the partition is safely in the transaction, nor a marker before the end is safely decided."""
    held, ask = [], Flusher.ask

    async def story(room):
        await room.ensure("__transaction_state")
        room.room.configure("__transaction_state", {"flush.messages": "1"})
        monkeypatch.setattr(Flusher, "ask", lambda flusher, partition: held.append((flusher, partition)))
        live, answers = room.room.partition("a"), []

        async def note(request):
            answers.append(await request)

        async def held_back(request):
            written = live.log_end_offset
            async with trio.open_nursery() as nursery:
                nursery.start_soon(note, request)
                await trio.testing.wait_all_tasks_blocked()
                assert (answers, live.log_end_offset) == ([], written)
                assert [partition.high_watermark for _, partition in held] == [partition.log_end_offset - 1 for _, partition in held]
                while not answers:
                    for one in held:
                        ask(*one)
                    held.clear()
                    await trio.testing.wait_all_tasks_blocked(0.01)
            return answers.pop()

        producer = await held_back(room.init())
        assert await held_back(producer.produce(b"one")) == 0
        assert await held_back(producer.end(True)) == 0
        assert await held_back(room.state_of()) == "CompleteCommit"
        assert await room.read() == ([b"one"], 2, [])

    in_room(story, real_time=True)


def fill_disk_of(monkeypatch, live):
    """A list that says whether the disk of a partition's log is full."""
    full, append = [False], type(live.log).append

    def refuse(log, *batch):
        if full[0] and log is live.log:
            raise DiskFullError("no space left")
        return append(log, *batch)

    monkeypatch.setattr(type(live.log), "append", refuse)
    return full


def test_what_does_not_fit_changes_nothing(in_room, monkeypatch):
    """Where `__transaction_state` takes no record, the request is refused and the id stays as it was; with room again it goes on."""

    async def story(room):
        producer = await room.init()
        live = room.room.partition("__transaction_state", coordinator_partition("t", 3))
        full = fill_disk_of(monkeypatch, live)

        async def refused(request):
            before, written, full[0] = await room.described(), live.log_end_offset, True
            told = await request
            full[0] = False
            assert (await room.described(), live.log_end_offset) == (before, written)
            return told

        assert await refused(producer.produce(b"one")) == ErrorCode.NOT_ENOUGH_REPLICAS
        assert await refused(producer.add("a")) == [ErrorCode.NOT_COORDINATOR]
        assert room.room.partition("a").log_end_offset == 0
        assert await producer.produce(b"one") == 0
        assert await refused(producer.end(True)) == ErrorCode.NOT_COORDINATOR
        assert (await room.described()).transaction_state == "Ongoing"
        assert (await room.read())[0] == []
        assert await producer.end(True) == 0
        assert await room.read() == ([b"one"], 2, [])
        again = InitProducerIdRequest(transactional_id="t", transaction_timeout_ms=1)
        assert (await refused(room.send(again, 4))).error_code == ErrorCode.NOT_COORDINATOR
        assert await producer.produce(b"two") == 0

    in_room(story)


def test_a_completion_that_does_not_fit_is_written_later(in_room, monkeypatch):
    """The markers are there, once; the id goes on when the last record is."""

    async def story(room):
        producer = await room.init()
        full = fill_disk_of(monkeypatch, room.room.partition("__transaction_state", coordinator_partition("t", 3)))
        append = type(room.room.partition("a")).append_marker

        def fill(live, marker):
            full[0] = True
            return append(live, marker)

        monkeypatch.setattr(type(room.room.partition("a")), "append_marker", fill)
        assert await producer.produce(b"one") == 0
        assert await producer.end(True) == 0
        assert await room.state_of() == "PrepareCommit"
        assert await producer.produce(b"two") == ErrorCode.CONCURRENT_TRANSACTIONS
        full[0] = False
        await room.complete()
        assert await room.read() == ([b"one"], 2, [])
        assert await producer.produce(b"two") == 0

    in_room(story)


def test_a_transaction_past_its_timeout_is_aborted(in_room):
    """Within the interval of the scan; the producer is fenced, and by version 2 may abort and go on."""

    async def story(room):
        producer = await room.init(timeout_ms=1_000)
        assert await producer.produce(b"slow") == 0
        await trio.sleep(12)
        assert await room.state_of() == "CompleteAbort"
        assert await room.read() == ([], 2, [(producer.id, 0)])
        assert await producer.end(True) == ErrorCode.INVALID_TXN_STATE
        assert (await producer.end(False), producer.epoch) == (0, 1)
        assert await producer.produce(b"again") == 0

    in_room(story)


def test_a_new_beginning_aborts_what_is_open(in_room):
    """CONCURRENT_TRANSACTIONS at first; then an epoch above the one that fenced."""

    async def story(room):
        old = await room.init()
        assert await old.produce(b"old") == 0
        assert await room.init() is None
        new = await room.init()
        assert (new.id, new.epoch) == (old.id, old.epoch + 2)
        assert await old.produce(b"late") == ErrorCode.INVALID_PRODUCER_EPOCH
        assert await room.read() == ([], 2, [(old.id, 0)])

    in_room(story)


def test_unused_ids_are_forgotten(in_room):
    """After transactional.id.expiration.ms, when the scan comes by."""

    async def story(room):
        await room.init()
        await trio.sleep(7)
        assert await room.state_of() == ""
        assert (await room.send(ListTransactionsRequest(), 2)).transaction_states == []

    in_room(story, **{"transactional.id.expiration.ms": "1000", "transaction.remove.expired.transaction.cleanup.interval.ms": "2000"})


def test_listing_makes_nothing(in_room):
    """Without `__transaction_state` there are no transactions, and asking for all of them does not make it."""

    async def story(room):
        assert (await room.send(ListTransactionsRequest(), 2)).transaction_states == []
        assert "__transaction_state" not in room.room.cluster.topics

    in_room(story)


@pytest.mark.parametrize(
    ("pattern", "found"), [("t", ["t"]), ("t.*", ["t", "t2"]), ("[^t]", ["x"]), ("", ["t", "t2", "x"]), (None, ["t", "t2", "x"])]
)
def test_listing_by_pattern(in_room, pattern, found):
    """The whole id must match; an empty pattern is none."""

    async def story(room):
        for transactional_id in ("t", "t2", "x"):
            await room.init(transactional_id)
        response = await room.send(ListTransactionsRequest(transactional_id_pattern=pattern), 2)
        assert sorted(each.transactional_id for each in response.transaction_states) == found
        assert (
            await room.send(ListTransactionsRequest(transactional_id_pattern="(bad"), 2)
        ).error_code == ErrorCode.INVALID_REGULAR_EXPRESSION

    in_room(story)


def marker_request(**fields):
    """An ABORT of producer 7 in `a` and in a partition that is not there."""
    topic = WriteTxnMarkersRequest.WritableTxnMarkerTopic(name="a", partition_indexes=[0, 5])
    fields = {"producer_id": 7, "producer_epoch": 0, "transaction_result": False, "coordinator_epoch": 3, **fields}
    return WriteTxnMarkersRequest(markers=[WriteTxnMarkersRequest.WritableTxnMarker(topics=[topic], **fields)])


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, 0),
        ({"producer_epoch": -1}, ErrorCode.INVALID_PRODUCER_EPOCH),
        ({"coordinator_epoch": 2}, ErrorCode.TRANSACTION_COORDINATOR_FENCED),
    ],
)
def test_markers_from_outside(in_room, fields, error):
    """An old epoch, or that of an old coordinator, is refused."""

    async def story(room):
        first = await room.send(marker_request(), 1)
        assert [each.error_code for each in first.markers[0].topics[0].partitions] == [0, 3]
        second = await room.send(marker_request(**fields), 2)
        assert [each.error_code for each in second.markers[0].topics[0].partitions] == [error, 3]

    in_room(story)


def test_a_caller_that_goes_away_takes_nothing_with_it(in_room):
    """EndTxn is decided although nobody waits for the answer any more."""

    async def story(room):
        await room.ensure("__transaction_state")
        room.room.configure("__transaction_state", {"flush.messages": "1"})
        producer = await room.init()
        assert await producer.produce(b"one") == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(producer.end, True)
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        await room.complete()
        assert (await room.read())[0] == [b"one"]

    in_room(story, real_time=True)


def test_without_verification_old_clients_write_at_will(in_room):
    """transaction.partition.verification.enable=false: as it was before KIP-890."""

    async def story(room):
        producer = await room.init()
        assert await producer.produce(b"one", CLASSIC) == 0
        assert await room.read() == ([], 0, [])

    in_room(story, **{"transaction.partition.verification.enable": "false"})


def test_many_aborted_transactions_are_named_where_they_matter(in_room):
    """A fetch that ends early does not name what comes after it."""

    async def story(room):
        producer = await room.init()
        for number in range(100):
            assert await producer.produce(b"%d" % number) == 0
            assert await producer.end(False) == 0
        assert len((await room.read())[2]) == 100
        live = room.room.partition("a")
        records = live.log.read(4, 1, live.last_stable_offset, True)
        assert live.aborted_between(4, records) == [(producer.id, 4)]
        for error, goes_offline in ((NoDescriptorError("no descriptor is left"), False), (StorageError("input/output error"), True)):
            with pytest.raises(KafkaError) as caught:
                live.aborted_between(4, Unreadable(records, error))
            assert (caught.value.code, live.offline) == (ErrorCode.KAFKA_STORAGE_ERROR, goes_offline)

    in_room(story)


class Unreadable:
    """Records that the disk does not give."""

    def __init__(self, records, error):
        self.records, self.error = records, error

    def __len__(self):
        return len(self.records)

    def read(self):
        raise self.error
