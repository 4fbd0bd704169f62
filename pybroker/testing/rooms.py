"""The produce and fetch room of a broker without the broker: partitions over a store, and topics that are made at will."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from pybroker.core.cluster import ClusterImage, MetadataDelta, PartitionImage, ResourceType, TopicImage
from pybroker.core.fetch_sessions import FetchSessions
from pybroker.core.settings import Settings
from pybroker.handlers.context import ConnectionInfo, RequestContext
from pybroker.runtime.clock import Clock, SystemClock
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.partitions import Partitions
from pybroker.runtime.state import BrokerState
from pybroker.storage.interface import LogStore

NODE_ID = 1


class ProducerIds:
    """The controller, as far as this room asks it."""

    def __init__(self) -> None:
        self._next = 1000

    def allocate_producer_id(self) -> int:
        """One more."""
        self._next += 1
        return self._next


class PartitionRoom:
    """`partitions` over `store`, and the `state` that handlers see; groups and the rest of the controller are not there."""

    def __init__(self, store: LogStore, static: Mapping[str, str] | None = None, clock: Clock | None = None) -> None:
        self.clock = SystemClock() if clock is None else clock
        self.rng = Random(1)  # noqa: S311  # tests want the same ids each time
        self.settings = Settings(dict(static or {}))
        self.cluster = ClusterImage("test")
        self.partitions = Partitions(store, self.settings, self.clock, self.cluster)
        missing: Any = ProducerIds()
        self.state = BrokerState(
            node_id=NODE_ID,
            clock=self.clock,
            rng=self.rng,
            settings=self.settings,
            cluster=self.cluster,
            controller=missing,
            partitions=self.partitions,
            groups=missing,
            transactions=missing,
            fetch_sessions=FetchSessions(1000, lambda: self.rng.getrandbits(31)),
            log_dirs=missing,
        )

    def create_topic(
        self,
        name: str,
        partitions: int = 1,
        configs: Mapping[str, str] | None = None,
        topic_id: bytes | None = None,
        leader_epoch: int = 0,
    ) -> bytes:
        """Make a topic, or open one that the store holds already; returns its id."""
        topic_id = self.rng.randbytes(16) if topic_id is None else topic_id
        images = [PartitionImage(index, NODE_ID, leader_epoch, 0, [NODE_ID], [NODE_ID]) for index in range(partitions)]
        topic = TopicImage(name, topic_id, images, dict(configs or {}), name.startswith("__"))
        self.cluster.topics[name] = self.cluster.topics_by_id[topic_id] = topic
        self.partitions.apply(MetadataDelta(created=[topic]))
        return topic_id

    def delete_topic(self, name: str) -> None:
        """Take a topic away."""
        topic = self.cluster.topics.pop(name)
        del self.cluster.topics_by_id[topic.topic_id]
        self.partitions.apply(MetadataDelta(deleted=[topic]))

    def configure(self, name: str, configs: Mapping[str, str]) -> None:
        """Change a topic's configuration."""
        self.cluster.topics[name].configs = dict(configs)
        self.partitions.apply(MetadataDelta(config_changed={(ResourceType.TOPIC, name)}))

    def partition(self, name: str, index: int = 0) -> LivePartition:
        """A partition that is there."""
        live = self.partitions.find(name, index)
        if live is None:
            raise LookupError(f"{name}-{index}")
        return live

    def context(self, api_version: int) -> RequestContext:
        """A request of that version on a connection that has nothing to flush."""
        info = ConnectionInfo("PLAINTEXT", "localhost", 9092, "localhost", 50000)
        return RequestContext(self.state, info, _nothing_to_flush, _nothing_to_flush, api_version)


async def _nothing_to_flush() -> None:
    return
