"""Segment files of another broker as partitions of this one, for tests: the very records that made a client stumble, served again.

A partition that holds nothing yet is given the batches of the files, with their offsets; what the files call the start is its log start
offset. Leader epochs become those of this broker, since clients ask it about them. The files are read and left as they are. What a broker
would cut off at a start, behind the first batch that is not whole, is left out here too, with a warning. A partition that holds just these
batches has them from an earlier start, and keeps them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pybroker.config import ConfigError
from pybroker.core.cluster import INTERNAL_TOPICS, METADATA_TOPIC
from pybroker.core.controller import MAX_PARTITIONS_PER_REQUEST
from pybroker.core.wording import counted
from pybroker.records.batch import BatchHeader, patch_base_offset_and_epoch
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.recovery import recover
from pybroker.runtime.state import BrokerState
from pybroker.runtime.threads import in_thread
from pybroker.storage import layout
from pybroker.storage.files import READ_ONLY, Files, OpenFile, storage_error
from pybroker.storage.scan import MAX_RELATIVE_OFFSET
from pybroker.storage.walk import SegmentWalk
from pybroker.wire.messages import CreateTopicsRequest

log = logging.getLogger("pybroker")

KEEP_FOREVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""Of a topic made for old records: the first look of retention, or of the cleaner, would take them away."""

EPOCH_BYTES = slice(12, 16)
"""Of a batch: its leader epoch, which is each broker's own."""


class Loaded(NamedTuple):
    """A segment file and the offset at which it begins; None if its name does not say."""

    path: str
    base_offset: int | None


def partition_of(text: str) -> tuple[str, int]:
    """Topic and partition of `orders-3`; without a number it is partition 0."""
    return layout.parse_log_directory(text) or (text, 0)


async def load_segments(state: BrokerState, segments: Mapping[str, Sequence[str]], partitions: Mapping[str, int]) -> None:
    """Give each partition, `topic` or `topic-partition`, the records of its files, in their order.

    A topic that is missing is made, with as many partitions as it needs, or as `partitions` says.

    Raises ConfigError, StorageError, KafkaError.
    """
    wanted: dict[tuple[str, int], list[Loaded]] = {}
    for name, paths in segments.items():
        wanted.setdefault(partition_of(name), []).extend(map(_look_at, paths))
    counts: dict[str, int] = {}
    for topic, partition in wanted:
        counts[topic] = max(counts.get(topic, 0), partition + 1)
    for topic, count in counts.items():
        await _have_topic(state, topic, count, partitions.get(topic))
    for (topic, partition), files in wanted.items():
        live = state.partitions.find(topic, partition)
        assert live is not None
        await in_thread(_fill, state, live, files)


def _look_at(path: str) -> Loaded:
    """Refuse what cannot be served before anything is made."""
    parsed = layout.parse_segment_file(os.path.basename(path))
    files = Files()
    try:
        file = OpenFile(files, path, READ_ONLY)
        first = next(iter(SegmentWalk(files, file, files.size(path), None)), None)
    except OSError as error:
        raise ConfigError(str(storage_error("load the segment", path, error))) from error
    if first is not None and first.message is not None:
        raise ConfigError(
            f"{path} holds messages of magic {first.message.magic}, the format of before Kafka 0.11, which no broker of today serves: "
            "read them with a client of that time and produce them anew (`pybroker dump --records` shows them)"
        )
    if first is None or first.header is None or first.fault is not None:
        raise ConfigError(f"{path} holds no whole batch{f': {first.fault}' if first is not None else ', it is empty'}")
    base_offset = parsed[0] if parsed is not None else None
    if base_offset is not None and not 0 <= first.header.base_offset - base_offset <= MAX_RELATIVE_OFFSET - first.header.last_offset_delta:
        right = layout.segment_file_name(first.header.base_offset, layout.LOG)
        raise ConfigError(f"{path}: the name says {base_offset}, its first batch says {first.header.base_offset}: rename it to {right}")
    return Loaded(path, base_offset)


async def _have_topic(state: BrokerState, topic: str, count: int, asked: int | None) -> None:
    """`count`: partitions that the files need. `asked`: those that the topic is to have, if that was said."""
    if topic in INTERNAL_TOPICS or topic == METADATA_TOPIC:
        raise ConfigError(f"{topic} is the broker's own: load the segment into a topic of another name")
    image = state.cluster.topics.get(topic)
    if image is None:
        await _make_topic(state, topic, count, asked)
    elif len(image.partitions) < count:
        has = counted(len(image.partitions), "partition")
        raise ConfigError(f"{topic} has {has}, so no segment can be loaded into {topic}-{count - 1}")


async def _make_topic(state: BrokerState, topic: str, count: int, asked: int | None) -> None:
    """With retention that leaves its records alone. Raises ConfigError."""
    if asked is not None and asked < count:
        raise ConfigError(f"{topic} is to have {counted(asked, 'partition')}, so no segment can be loaded into {topic}-{count - 1}")
    if count > MAX_PARTITIONS_PER_REQUEST:
        raise ConfigError(
            f"--load-segment {topic}-{count - 1}: the topic {topic} would need {counted(count, 'partition')}, "
            f"and one change makes at most {MAX_PARTITIONS_PER_REQUEST:,}"
        )
    wanted = CreateTopicsRequest.CreatableTopic(name=topic, num_partitions=asked or count, replication_factor=-1)
    wanted.configs = [CreateTopicsRequest.CreatableTopicConfig(name=name, value=value) for name, value in KEEP_FOREVER.items()]
    result = (await state.controller.create_topics(CreateTopicsRequest(topics=[wanted]))).topics[0]
    if result.error_code:
        raise ConfigError(f"the topic {topic} cannot be made: {result.error_message}")
    log.info("made the topic %s with %s", topic, counted(asked or count, "partition"))


def _fill(state: BrokerState, live: LivePartition, files: Sequence[Loaded]) -> None:
    """Blocking. Nobody else writes: the broker does not listen yet."""
    name = f"{live.topic}-{live.partition}"
    if live.log_end_offset:
        if not _holds(live, files):
            has = f"{live.log_start_offset} to {live.log_end_offset - 1}"
            raise ConfigError(f"{name} already holds records ({has}): load into an empty one")
        log.info("%s holds the records of %s already: nothing is loaded", name, ", ".join(one.path for one in files))
        return
    start: int | None = None
    for loaded in files:
        for header, batch in _whole_batches(loaded):
            if start is None:
                start = header.base_offset if loaded.base_offset is None else min(loaded.base_offset, header.base_offset)
            if header.base_offset < live.log.log_end_offset:
                raise ConfigError(f"{loaded.path} begins at offset {header.base_offset}, and {name} holds that already")
            header.partition_leader_epoch = live.leader_epoch
            patch_base_offset_and_epoch(batch, 0, header.base_offset, live.leader_epoch)
            live.log.append(batch, header, state.clock.now_ms())
    live.log.raise_log_start_offset(start or 0)
    live.log.flush()
    live.state, _ = recover(live.log, live.leader_epoch, state.clock.now_ms(), state.settings.get("producer.id.expiration.ms"))
    log.info("%s holds offsets %d to %d of %s", name, live.log_start_offset, live.log_end_offset - 1, ", ".join(one.path for one in files))
    if live.last_stable_offset < live.log_end_offset:
        log.warning(
            "%s: a transaction is open at the end, so readers of committed records get nothing from %d on", name, live.last_stable_offset
        )


def _holds(live: LivePartition, files: Sequence[Loaded]) -> bool:
    """Whether an earlier start loaded these files: the same range of offsets, with the same first and last batch."""
    first, last = None, None
    for loaded in files:
        for header, batch in _whole_batches(loaded):
            last = header, batch
            first = first or last
    if first is None or last is None:
        return False
    start = first[0].base_offset if files[0].base_offset is None else files[0].base_offset
    if (start, last[0].next_offset) != (live.log_start_offset, live.log_end_offset):
        return False
    return all(_same_batch(live, header.base_offset, batch) for header, batch in (first, last))


def _same_batch(live: LivePartition, offset: int, batch: bytearray) -> bool:
    """But for the leader epoch."""
    found = next(((header, piece) for header, piece in live.log.batches(offset)), None)
    if found is None or found[0].base_offset != offset:
        return False
    held = bytearray(found[1].read())
    held[EPOCH_BYTES] = batch[EPOCH_BYTES]
    return held == batch


def _whole_batches(loaded: Loaded) -> Iterator[tuple[BatchHeader, bytearray]]:
    files = Files()
    walk = SegmentWalk(files, OpenFile(files, loaded.path, READ_ONLY), files.size(loaded.path), loaded.base_offset)
    for piece in walk:
        if piece.fault is not None or piece.header is None:
            left = walk.size_bytes - piece.position
            why = piece.fault or "a message of an old format"
            log.warning("%s: its last %d bytes are left out: at byte %d %s", loaded.path, left, piece.position, why)
            return
        yield piece.header, bytearray(walk.read(piece))
