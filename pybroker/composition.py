"""Puts the rooms of one broker together, bottom up: store, metadata, partitions, groups, transactions."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from random import Random
from typing import TYPE_CHECKING

import trio

from pybroker.config import BrokerConfig
from pybroker.core.controller import new_uuid
from pybroker.core.fetch_sessions import FetchSessions
from pybroker.core.settings import Settings
from pybroker.core.wording import counted
from pybroker.runtime.clock import Clock
from pybroker.runtime.controller import open_controller
from pybroker.runtime.groups import GroupCoordinator
from pybroker.runtime.log_dirs import LogDirs
from pybroker.runtime.log_places import lost_ends, lying_elsewhere, lying_on_others
from pybroker.runtime.partitions import Partitions
from pybroker.runtime.state import BrokerState
from pybroker.runtime.threads import in_thread
from pybroker.runtime.transactions import TransactionCoordinator
from pybroker.server.addresses import Address
from pybroker.storage.errors import DataDirectoryError
from pybroker.storage.interface import LogStore
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import CreateTopicsRequest
from pybroker.wire.uuids import to_text

if TYPE_CHECKING:
    from pybroker.runtime.first_look import FirstLook
    from pybroker.storage.store import DiskLogStore

log = logging.getLogger("pybroker")


@dataclass(slots=True)
class Rooms:
    """An open broker without its listeners."""

    state: BrokerState

    async def start(self, nursery: trio.Nursery) -> None:
        """Start the tasks that keep time."""
        self.state.controller.keep_snapshots(nursery)
        self.state.partitions.start(nursery)
        self.state.log_dirs.start(nursery)
        self.state.groups.start(nursery)
        self.state.transactions.start(nursery)

    async def stop(self) -> None:
        """End what waits for a coordinator, and leave the cluster.

        The connections of parked members are closed by then (`Server.drain`), as Kafka closes them.
        """
        self.state.transactions.stop()
        self.state.groups.stop()
        with suppress(KafkaError):  # told in the log; the next start registers the broker anew, fenced or not
            self.state.controller.leave()

    async def close(self) -> None:
        """Flush, write checkpoints, leave the data directory."""
        await self.state.partitions.close()

    async def create_topic(self, name: str, partitions: int, configs: dict[str, str]) -> None:
        """Make a topic. Raises KafkaError."""
        topic = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=partitions, replication_factor=-1)
        topic.configs = [CreateTopicsRequest.CreatableTopicConfig(name=key, value=value) for key, value in configs.items()]
        response = await self.state.controller.create_topics(CreateTopicsRequest(topics=[topic]))
        result = response.topics[0]
        if result.error_code:
            raise KafkaError(ErrorCode(result.error_code), f"topic {name}: {result.error_message or ErrorCode(result.error_code).name}")


async def open_rooms(config: BrokerConfig, listener_name: str, advertised: Address, clock: Clock) -> Rooms:
    """Open the store that `config` names and replay what it holds. Raises DataDirectoryError, StorageError, SettingError."""
    for name, value in config.settings.items():
        Settings.check(name, value)
    settings = Settings(_static_settings(config, listener_name, advertised))
    if not config.directories():
        return _assemble(config, settings, (listener_name, advertised.host, advertised.port), clock)
    # A large directory takes its time after a crash; whoever embeds the broker goes on meanwhile.
    return await in_thread(_assemble, config, settings, (listener_name, advertised.host, advertised.port), clock)


def _assemble(config: BrokerConfig, settings: Settings, endpoint: tuple[str, str, int], clock: Clock) -> Rooms:
    node_id = config.broker_id()
    rng = Random(config.seed)  # noqa: S311 - makes ids, which are no secrets, and with a seed the same ones again
    store, cluster_id, directory_ids, look = _open_store(config, settings, rng, node_id)
    try:
        controller = open_controller(
            store,
            settings,
            clock,
            rng,
            node_id,
            cluster_id,
            durable=bool(config.directories()),
            log_dirs=directory_ids,
            endpoints=[endpoint],
            standalone=config.standalone,
            look=look,
        )
        partitions = Partitions(store, settings, clock, controller.image)
        partitions.apply(controller.image.everything())
        image = controller.image
        for remark in chain(lying_elsewhere(store, image), lying_on_others(image, node_id), lost_ends(store, image)):
            log.warning("%s", remark)
    except DataDirectoryError:  # it is not ours to say that all is well with it
        store.abandon()
        raise
    except BaseException:
        store.close(store.high_watermarks)
        raise
    controller.listeners.append(partitions.apply)
    groups = GroupCoordinator(
        clock=clock, rng=rng, settings=settings, cluster=controller.image, controller=controller, partitions=partitions
    )
    transactions = TransactionCoordinator(
        clock=clock, settings=settings, cluster=controller.image, controller=controller, partitions=partitions, groups=groups
    )
    sessions = FetchSessions(settings.get("max.incremental.fetch.session.cache.slots"), partial(rng.randrange, 1, 1 << 31))
    log_dirs = LogDirs(store, partitions, controller)
    state = BrokerState(node_id, clock, rng, settings, controller.image, controller, partitions, groups, transactions, sessions, log_dirs)
    if config.advertise_text() is not None:
        state.advertised_address = endpoint[1:]
    return Rooms(state)


def _open_store(config: BrokerConfig, settings: Settings, rng: Random, node_id: int) -> tuple[LogStore, str, list[bytes], FirstLook | None]:
    """The store, the id of the cluster, the ids of the data directories that can be used, and what was read before they were taken."""
    directories = config.directories()
    if not directories:
        from pybroker.storage.memory import MemoryLogStore

        memory = MemoryLogStore(cluster_id=to_text(new_uuid(rng)), node_id=node_id, rng=rng, directory_id=new_uuid(rng))
        return memory, memory.cluster_id, [directory.directory_id for directory in memory.directories()], None
    from pybroker.runtime.first_look import look_at
    from pybroker.storage.files import Files
    from pybroker.storage.given import check_given
    from pybroker.storage.store import DiskLogStore

    look = look_at(Files(), check_given(Files(), directories), node_id, standalone=config.standalone)
    store = DiskLogStore.open(directories, cluster_id=None, node_id=node_id, rng=rng, config=settings.topic_config({}).log_config())
    _tell_of_damage(store)
    return store, store.cluster_id, store.directory_ids, look


def _tell_of_damage(store: DiskLogStore) -> None:
    for remark in store.remarks:
        log.warning("%s", remark)
    for directory in store.directories():
        if directory.failure is not None:
            log.error("a data directory is offline, and with it all that lies in it: %s", directory.failure)
    for opened in store.logs():
        for remark in opened.recovery.remarks:
            log.warning("%s", remark)
        if opened.recovery.cut_reason is not None:
            cut, reason = counted(opened.recovery.cut_bytes, "byte"), opened.recovery.cut_reason
            log.warning("%s-%d was cut by %s: %s", opened.topic, opened.partition, cut, reason)


def _static_settings(config: BrokerConfig, listener_name: str, advertised: Address) -> dict[str, str]:
    """The settings given, with what was found out at start: DescribeConfigs shows where the broker listens, whoever said so."""
    found = {
        "node.id": str(config.broker_id()),
        "listeners": f"{listener_name}://{config.listen_text()}",
        "advertised.listeners": f"{listener_name}://{advertised}",
    }
    if config.directories():
        found["log.dirs"] = ",".join(config.directories())
    return {**config.settings, **found}
