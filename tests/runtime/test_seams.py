"""The embedded engine keeps the promises of the seams; mypy holds the signatures, this the rest."""

from __future__ import annotations

from random import Random

import pytest

from pybroker.core.cluster import ClusterImage
from pybroker.records.builder import build_batch
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.seams import ClusterView, PartitionLog
from pybroker.storage.memory import MemoryLogStore
from pybroker.testing.rooms import NODE_ID, PartitionRoom


def view_of(image: ClusterImage) -> ClusterView:
    """Checked by mypy: the image is a view."""
    return image


def log_of(live: LivePartition) -> PartitionLog:
    """Checked by mypy: a live partition is a partition's log."""
    return live


@pytest.fixture
def room() -> PartitionRoom:
    """A room with the topic `t`."""
    room = PartitionRoom(MemoryLogStore(cluster_id="c", node_id=NODE_ID, rng=Random(0)))
    room.create_topic("t")
    return room


def test_a_partition_through_its_seam(room: PartitionRoom) -> None:
    """What is written is committed, readable and under the epoch of its leader."""
    log = log_of(room.partition("t"))
    base_offset = log.append_records(build_batch([(None, b"v", 1), (None, b"w", 2)]))
    assert (base_offset, log.log_start_offset, log.last_stable_offset, log.high_watermark, log.log_end_offset) == (0, 0, 2, 2, 2)
    assert log.read(0, 1, 0, True) is not None
    end = log.end_of_epoch(log.leader_epoch)
    assert end is not None
    assert end.end_offset == 2
    assert log.delete_records(1) == 1


def test_the_cluster_through_its_seam(room: PartitionRoom) -> None:
    """Leader and epoch of a partition come from the view."""
    view = view_of(room.cluster)
    topic = view.topics["t"]
    assert view.topics_by_id[topic.topic_id] is topic
    assert (topic.partitions[0].leader, topic.partitions[0].leader_epoch) == (NODE_ID, room.partition("t").leader_epoch)
    assert view.config_overrides(2, "t") == {}
