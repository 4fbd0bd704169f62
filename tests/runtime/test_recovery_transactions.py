"""What a partition knows of transactions after a clean stop, and after a crash that the transaction index did not survive whole."""

from random import Random

import pytest

from pybroker.core.producers import Marker
from pybroker.records.builder import build_batch
from pybroker.runtime.clock import SystemClock
from pybroker.storage.interface import LogConfig
from pybroker.storage.store import DiskLogStore
from pybroker.testing.rooms import PartitionRoom

TOPIC_ID = b"i" * 16
ABORTED = [(1, 0, 2, 1), (2, 1, 3, 4), (1, 4, 5, 6)]
INDEX = "a-0/00000000000000000000.txnindex"


def open_room(directory):
    """A room over the directory, with the topic `a`."""
    store = DiskLogStore.open([str(directory)], cluster_id=None, node_id=1, rng=Random(1), config=LogConfig())
    room = PartitionRoom(store)
    room.create_topic("a", topic_id=TOPIC_ID)
    return room


def write(live, producer_id, sequence):
    """One record in a transaction, at the time at which markers are written: an old one would lie in a segment of its own."""
    now_ms = SystemClock().now_ms()
    batch = build_batch(
        [(None, b"x")],
        producer_id=producer_id,
        producer_epoch=0,
        base_sequence=sequence,
        transactional=True,
        timestamp=now_ms,
    )
    live.append_produced(memoryview(batch), 9, now_ms)


def tell_the_story(live):
    """Three aborts, of which the first two overlap; one that stays open."""
    write(live, 1, 0)
    write(live, 2, 0)
    live.append_marker(Marker(1, 0, False, 0))
    live.append_marker(Marker(2, 0, False, 0))
    write(live, 1, 1)
    live.append_marker(Marker(1, 0, False, 3))
    live.append_marker(Marker(2, 0, True, 0))
    write(live, 2, 1)


def what_is_known(live):
    """Aborted transactions, last stable offset, the coordinator that producer 1 knows, end."""
    state = live.state
    entry = state.producers.get(1)
    return list(map(tuple, state.aborted)), state.last_stable_offset, entry.coordinator_epoch, live.log_end_offset


@pytest.fixture
def directory(tmp_path):
    """A directory after the story, not closed: as a crash leaves it."""
    room = open_room(tmp_path)
    tell_the_story(room.partition("a"))
    assert what_is_known(room.partition("a")) == (ABORTED, 7, 3, 8)
    (tmp_path / ".lock").unlink()
    return tmp_path


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: None,
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:50]),
        lambda path: path.write_bytes(b"?" * 68),
    ],
    ids=["none", "lost", "torn", "nonsense"],
)
def test_after_a_crash(directory, damage):
    """The index is made anew from the markers in the log, and is right on disk, too."""
    damage(directory / INDEX)
    whole = len(ABORTED) * 34
    room = open_room(directory)
    assert what_is_known(room.partition("a")) == (ABORTED, 7, 3, 8)
    assert (directory / INDEX).stat().st_size == whole
    assert list(map(tuple, room.partition("a").log.aborted())) == ABORTED


def test_after_a_clean_stop(tmp_path):
    """The index is read, the log is not."""
    room = open_room(tmp_path)
    tell_the_story(room.partition("a"))
    room.partition("a").take_snapshot()
    room.partitions.store.close({})
    again = open_room(tmp_path).partition("a")
    assert what_is_known(again) == (ABORTED, 7, 3, 8)
    write(again, 2, 2)
    again.append_marker(Marker(2, 0, False, 3))
    assert list(again.state.aborted)[-1] == (2, 7, 9, 10)


def test_what_lies_before_the_start_is_not_kept(directory):
    """Aborted transactions whose records were deleted concern nobody."""
    room = open_room(directory)
    live = room.partition("a")
    live.delete_records(4)
    assert list(map(tuple, live.state.aborted)) == ABORTED[2:]
    room.partitions.store.close({})
    assert list(map(tuple, open_room(directory).partition("a").state.aborted)) == ABORTED[2:]
