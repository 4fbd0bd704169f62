"""The seams for more than one machine: what a handler may ask of the cluster and of a partition, whatever stands behind them.

Today one broker with files stands behind both (`core.cluster.ClusterImage`, `runtime.partition.LivePartition`). An engine over a consensus
store and an object store takes their place by keeping these promises:

- No node id and no leader epoch is a constant anywhere: both come from the view, and an epoch is raised at each start.
- Data first, commit second: `high_watermark` moves only over bytes that are safe by the flush policy of the engine.
- A conditional write whose outcome is not known is not a failure: it is REQUEST_TIMED_OUT, the producer asks again, and its sequence
  numbers tell whether the batch is there.

Errors of `PartitionLog` are `KafkaError`s: NOT_LEADER_OR_FOLLOWER (another broker leads), FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH
(the request is for another reign), KAFKA_STORAGE_ERROR (the bytes cannot be taken or given), REQUEST_TIMED_OUT (outcome unknown).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pybroker.core.cluster import BrokerImage, TopicImage
from pybroker.storage.interface import EpochEnd, Slice
from pybroker.wire.buffers import Buffer


class ClusterView(Protocol):
    """Which brokers there are, what topics, and who leads what at which epoch (`TopicImage.partitions`). For reading."""

    @property
    def cluster_id(self) -> str: ...

    @property
    def version(self) -> int:
        """Grows with every change: an answer made from the view is good for one version."""
        ...

    @property
    def offset(self) -> int:
        """How far the metadata log is followed: the epoch of the finalized features (KIP-584)."""
        ...

    @property
    def brokers(self) -> Mapping[int, BrokerImage]: ...

    @property
    def topics(self) -> Mapping[str, TopicImage]: ...

    @property
    def topics_by_id(self) -> Mapping[bytes, TopicImage]: ...

    @property
    def features(self) -> Mapping[str, int]: ...

    @property
    def kraft_version(self) -> int: ...

    @property
    def configs(self) -> Mapping[tuple[int, str], Mapping[str, str]]: ...

    def config_overrides(self, resource_type: int, name: str) -> Mapping[str, str]:
        """What a resource itself sets; empty if nothing."""
        ...


class PartitionLog(Protocol):
    """One partition as its leader serves it. Offsets: log start <= last stable <= high watermark <= log end."""

    @property
    def leader_epoch(self) -> int: ...

    @property
    def log_start_offset(self) -> int: ...

    @property
    def last_stable_offset(self) -> int: ...

    @property
    def high_watermark(self) -> int: ...

    @property
    def log_end_offset(self) -> int: ...

    def append_records(self, batch: Buffer) -> int:
        """Write a coordinator's batch; returns its base offset."""
        ...

    async def wait_committed(self, offset: int) -> None:
        """Until the high watermark is at or above `offset`."""
        ...

    def read(self, offset: int, max_bytes: int, isolation_level: int, min_one_batch: bool) -> Slice | None:
        """Whole batches from the one that holds `offset`; None if there is nothing to give."""
        ...

    def end_of_epoch(self, leader_epoch: int) -> EpochEnd | None:
        """Where a leader epoch ended; None if it is not known."""
        ...

    def delete_records(self, before_offset: int) -> int:
        """Forget what lies before the offset; returns the log start."""
        ...
