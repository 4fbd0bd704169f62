"""Which offsets have had their time (`offsets.retention.minutes`), and which groups go with them (KIP-211).

- An empty group that once had members: all its offsets, when the retention has passed since it became empty.
- A stable consumer group: the offsets of topics that no member consumes, when the retention has passed since their commit.
- A simple consumer's group, which never had members: each offset, when the retention has passed since its commit.
- A group in a rebalance, or of another protocol type with members: none.
- An offset that was committed with an expiry of its own (OffsetCommit v2-4) goes by that.
- Never one with an open transaction. An empty group without offsets is deleted.
"""

from __future__ import annotations

from pybroker.core.groups.classic import ClassicGroup, State
from pybroker.core.groups.classic_records import group_tombstone
from pybroker.core.groups.offsets import NO_EXPIRY, CommittedOffset, OffsetStore, offset_tombstone
from pybroker.core.groups.turn import Turn


def expire_group(turn: Turn, store: OffsetStore, group: ClassicGroup) -> None:
    """Write the tombstones of one group's expired offsets, and of the group itself if it is empty and nothing is left."""
    nothing_left = not store.has_open_transaction(group.group_id)
    for topic, offsets in store.committed(group.group_id).items():
        is_subscribed = group.is_subscribed_to(topic)
        for partition, offset in offsets.items():
            if is_subscribed or not _is_expired(turn, store, group, topic, partition, offset):
                nothing_left = False
            else:
                turn.write(offset_tombstone(group.group_id, topic, partition))
    if nothing_left and group.state is State.EMPTY:
        turn.write(group_tombstone(group.group_id))


def _is_expired(turn: Turn, store: OffsetStore, group: ClassicGroup, topic: str, partition: int, offset: CommittedOffset) -> bool:
    since_ms = _retained_since_ms(group, offset)
    if since_ms is None or store.is_unstable(group.group_id, topic, partition):
        return False
    if offset.expire_timestamp_ms != NO_EXPIRY:
        return turn.now_ms >= offset.expire_timestamp_ms
    return turn.now_ms - since_ms >= turn.settings.offsets_retention_ms


def _retained_since_ms(group: ClassicGroup, offset: CommittedOffset) -> int | None:
    """From when the retention counts; None while the group keeps its offsets."""
    if group.protocol_type is None:
        return offset.commit_timestamp_ms
    if group.state is State.EMPTY:
        # Groups written before version 2 of their record do not know since when they are empty.
        return offset.commit_timestamp_ms if group.state_timestamp_ms == -1 else group.state_timestamp_ms
    if group.state is State.STABLE and group.uses_consumer_protocol and group.subscribed is not None:
        return offset.commit_timestamp_ms
    return None
