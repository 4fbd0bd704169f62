"""Where the log of a partition lies or will lie, and why it cannot be used where it does.

What decides is what was found at the start, then what the metadata says. A log that is said to lie in a directory which cannot be used is
not made anew elsewhere: its records are there, and come back with the directory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pybroker.core.cluster import METADATA_TOPIC, ClusterImage, PartitionImage, TopicImage
from pybroker.core.log_directories import directory_of, is_assigned, may_lead
from pybroker.core.standalone import name_of
from pybroker.core.wording import counted, named, shown
from pybroker.storage.interface import LogStore, LostEnd, Owner
from pybroker.wire.uuids import ZERO_UUID, to_text


def owner_of(image: ClusterImage, node_id: int, paths: Mapping[bytes, str], topic: str, partition: int) -> Owner | None:
    """Whose a partition's log is, and in which of these directories (id to path) it is said to lie; None if there is no such."""
    if topic == METADATA_TOPIC:
        return Owner(ZERO_UUID)
    found = image.topics.get(topic)
    if found is None or partition >= len(found.partitions):
        return None
    return Owner(found.topic_id, paths.get(directory_of(found.partitions[partition], node_id)))


def assigned_directory(store: LogStore, topic: TopicImage, partition: int) -> str | None:
    """The path of the directory that the metadata gives a partition, None if it gives none that is there."""
    directory_id = directory_of(topic.partitions[partition], store.node_id)
    return next((directory.path for directory in store.directories() if directory.directory_id == directory_id), None)


def why_offline(store: LogStore, topic: TopicImage, partition: int) -> str | None:
    """Why the log of a partition cannot be opened or made; None if it can."""
    if is_of_others(topic.partitions[partition], store.node_id):
        return f"only other brokers ({_others(topic.partitions[partition], store.node_id)}) had it"
    log = store.get(topic.name, partition)
    if log is not None and log.topic_id in (topic.topic_id, ZERO_UUID):
        return None
    unopened = store.unopened.get((topic.name, partition))
    if unopened is not None:
        return unopened.reason
    directory_id = directory_of(topic.partitions[partition], store.node_id)
    directories = store.directories()
    for directory in directories:
        if directory.directory_id == directory_id:
            return directory.failure or _only_a_copy(store, topic, partition)
    failures = [directory.failure for directory in directories if directory.failure is not None]
    if is_assigned(directory_id):
        return failures[0] if failures else f"it lies in a log directory that this broker was not given, of the id {to_text(directory_id)}"
    return f"it may lie in a directory that is offline: {failures[0]}" if failures else None


def was_told(store: LogStore, topic: TopicImage, partition: int) -> bool:
    """Whether it was said of all that lie there why they are offline: by `lying_elsewhere`, `lying_on_others`, or of the directory."""
    if is_of_others(topic.partitions[partition], store.node_id):
        return True
    usable = {directory.directory_id for directory in store.directories() if directory.failure is None}
    return (topic.name, partition) not in store.unopened and directory_of(topic.partitions[partition], store.node_id) not in usable


def lying_elsewhere(store: LogStore, image: ClusterImage) -> Iterator[str]:
    """What to tell a person of partitions that the metadata has in directories that were not given."""
    directories = store.directories()
    known = {directory.directory_id for directory in directories}
    found: dict[bytes, list[str]] = {}
    for topic in sorted(image.topics.values(), key=lambda topic: topic.is_internal):  # what people wrote is named first
        for partition in topic.partitions:
            directory_id = directory_of(partition, store.node_id)
            if directory_id not in known and is_assigned(directory_id):
                found.setdefault(directory_id, []).append(name_of(topic, partition))
    where = "a data directory that " + ("cannot be used or " if any(one.failure for one in directories) else "") + "was not given"
    for directory_id, names in found.items():
        are, they_lie = ("is", "it lies") if len(names) == 1 else ("are", "they lie")
        yield f"{named(names, 'partition')} {are} offline: {they_lie} in {where} (id {to_text(directory_id)})"


def lying_on_others(image: ClusterImage, node_id: int) -> Iterator[str]:
    """The same of partitions that other brokers had, or had more of, when this one was made to stand alone."""
    found: dict[str, list[str]] = {}
    for topic in image.topics.values():
        for partition in topic.partitions:
            if is_of_others(partition, node_id):
                found.setdefault(_others(partition, node_id), []).append(name_of(topic, partition))
    for brokers, names in found.items():
        it = "it" if len(names) == 1 else "them"
        yield f"{named(names, 'partition')} of this cluster cannot be served: only other brokers ({brokers}) had {it}"


def lost_ends(store: LogStore, image: ClusterImage) -> Iterator[str]:
    """The same of logs that hold less than is known to have been on disk: a sentence for each directory."""
    found: dict[str, list[LostEnd]] = {}
    for lost in store.lost:
        if lost.end_offset is not None or _begins_anew(store, image, lost):
            found.setdefault(lost.directory, []).append(lost)
    for directory, logs in found.items():
        offsets = counted(sum(lost.known_offset - (lost.end_offset or 0) for lost in logs), "offset")
        ends = [f"{lost.topic}-{lost.partition} ends at {lost.end_offset or 0} instead of {lost.known_offset}" for lost in logs]
        yield (
            f"{counted(len(logs), 'log')} in {directory} lost {offsets} that were safe on disk: {shown(ends)}. New records are given those "
            "offsets again. To prevent that, stop the broker now, put back what is missing, and start it again"
        )


def _begins_anew(store: LogStore, image: ClusterImage, lost: LostEnd) -> bool:
    """Whether a log of which nothing is there belongs to a partition that there is, and will be made anew."""
    topic = image.topics.get(lost.topic)
    if topic is None or lost.partition >= len(topic.partitions) or store.get(lost.topic, lost.partition) is not None:
        return False
    return why_offline(store, topic, lost.partition) is None


def is_of_others(partition: PartitionImage, node_id: int) -> bool:
    """Whether a broker that stands alone has nothing of a partition, or less than others had."""
    return partition.leader != node_id and not may_lead(partition, node_id)


def _others(partition: PartitionImage, node_id: int) -> str:
    return ", ".join(str(replica) for replica in partition.replicas if replica != node_id)


def _only_a_copy(store: LogStore, topic: TopicImage, partition: int) -> str | None:
    future = store.future(topic.name, partition)
    if future is None or future.topic_id != topic.topic_id:
        return None
    return f"its log is gone, and the copy that was made of it in {future.directory} cannot be used"
