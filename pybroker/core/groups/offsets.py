"""The committed offsets of the groups of one shard: durable state only, changed by replay and by nothing else.

Rules (Kafka: OffsetMetadataManager)
- A record of a transaction is *pending* until the transaction's marker: invisible, but the partition is unstable for those who ask
  (KIP-447).
- When a transaction commits, its offset counts unless a later record has committed the partition meanwhile. Order is the order of replay.
- A tombstone takes away the offset and whatever is pending for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pybroker.core.decision import CoordinatorRecord
from pybroker.wire.messages import OffsetCommitKey, OffsetCommitValue

NO_PRODUCER_ID = -1
NO_EXPIRY = -1

# Version 3 is the last without tagged fields; only version 1 can hold the expiry that OffsetCommit v2-4 may ask for.
OFFSET_COMMIT_VALUE_VERSION = 3
OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRY = 1


@dataclass(slots=True)
class CommittedOffset:
    """What a group has committed for one partition. `order` grows with every replayed record."""

    offset: int
    leader_epoch: int
    metadata: str
    commit_timestamp_ms: int
    expire_timestamp_ms: int
    topic_id: bytes
    order: int


Topics = dict[str, dict[int, CommittedOffset]]


def offset_record(
    group_id: str,
    topic: str,
    partition: int,
    value: OffsetCommitValue,
) -> CoordinatorRecord:
    """A commit, written as 4.4.0 writes it."""
    version = OFFSET_COMMIT_VALUE_VERSION if value.expire_timestamp == NO_EXPIRY else OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRY
    return CoordinatorRecord(OffsetCommitKey(group=group_id, topic=topic, partition=partition), value, 0, version)


def offset_tombstone(group_id: str, topic: str, partition: int) -> CoordinatorRecord:
    """The group has no offset for this partition any more."""
    return CoordinatorRecord(OffsetCommitKey(group=group_id, topic=topic, partition=partition), None, 0)


class OffsetStore:
    """Committed and pending offsets of all groups of a shard."""

    __slots__ = ("_committed", "_order", "_pending", "_unstable")

    def __init__(self) -> None:
        self._committed: dict[str, Topics] = {}
        self._pending: dict[int, dict[tuple[str, str, int], CommittedOffset]] = {}
        self._unstable: dict[str, dict[tuple[str, int], set[int]]] = {}
        self._order = 0

    # What is there

    def committed(self, group_id: str) -> Topics:
        """A group's offsets by topic and partition; not to be changed."""
        return self._committed.get(group_id, {})

    def find(self, group_id: str, topic: str, partition: int) -> CommittedOffset | None:
        return self._committed.get(group_id, {}).get(topic, {}).get(partition)

    def is_unstable(self, group_id: str, topic: str, partition: int) -> bool:
        """Whether a transaction that is still open has an offset for this partition."""
        unstable = self._unstable.get(group_id)
        return unstable is not None and (topic, partition) in unstable

    def has_open_transaction(self, group_id: str) -> bool:
        return bool(self._unstable.get(group_id))

    def known(self, group_id: str, topic: str, partition: int) -> bool:
        return self.find(group_id, topic, partition) is not None or self.is_unstable(group_id, topic, partition)

    def partitions(self, group_id: str) -> list[tuple[str, int]]:
        """Every partition for which the group has an offset, committed or pending."""
        found = {(topic, partition): None for topic, offsets in self.committed(group_id).items() for partition in offsets}
        found.update(dict.fromkeys(self._unstable.get(group_id, {})))
        return list(found)

    def group_ids(self) -> Iterator[str]:
        yield from dict.fromkeys((*self._committed, *self._unstable))

    def snapshot(self) -> dict[tuple[str, str, int], tuple[int, int, str, int, int]]:
        """All committed offsets as plain values, to compare two stores."""
        return {
            (group_id, topic, partition): (
                each.offset,
                each.leader_epoch,
                each.metadata,
                each.commit_timestamp_ms,
                each.expire_timestamp_ms,
            )
            for group_id, topics in self._committed.items()
            for topic, offsets in topics.items()
            for partition, each in offsets.items()
        }

    # Replay

    def replay(self, group_id: str, topic: str, partition: int, value: OffsetCommitValue | None, producer_id: int) -> None:
        self._order += 1
        if value is None:
            self._forget(group_id, topic, partition)
            return
        offset = CommittedOffset(
            value.offset,
            value.leader_epoch,
            value.metadata,
            value.commit_timestamp,
            value.expire_timestamp,
            value.topic_id,
            self._order,
        )
        if producer_id == NO_PRODUCER_ID:
            self._put(group_id, topic, partition, offset)
        else:
            self._pending.setdefault(producer_id, {})[group_id, topic, partition] = offset
            self._unstable.setdefault(group_id, {}).setdefault((topic, partition), set()).add(producer_id)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """A marker: what the producer has pending counts, or is gone."""
        for (group_id, topic, partition), offset in self._pending.pop(producer_id, {}).items():
            self._settle(group_id, topic, partition, producer_id)
            present = self.find(group_id, topic, partition)
            if committed and (present is None or present.order < offset.order):
                self._put(group_id, topic, partition, offset)

    def _put(self, group_id: str, topic: str, partition: int, offset: CommittedOffset) -> None:
        topics = self._committed.get(group_id)
        if topics is None:
            topics = self._committed[group_id] = {}
        offsets = topics.get(topic)
        if offsets is None:
            offsets = topics[topic] = {}
        offsets[partition] = offset

    def _forget(self, group_id: str, topic: str, partition: int) -> None:
        for producer_id in list(self._unstable.get(group_id, {}).get((topic, partition), ())):
            del self._pending[producer_id][group_id, topic, partition]
            self._settle(group_id, topic, partition, producer_id)
        topics = self._committed.get(group_id, {})
        offsets = topics.get(topic, {})
        if offsets.pop(partition, None) is not None and not offsets:
            del topics[topic]
            if not topics:
                del self._committed[group_id]

    def _settle(self, group_id: str, topic: str, partition: int, producer_id: int) -> None:
        unstable = self._unstable[group_id]
        producers = unstable[topic, partition]
        producers.discard(producer_id)
        if not producers:
            del unstable[topic, partition]
            if not unstable:
                del self._unstable[group_id]
