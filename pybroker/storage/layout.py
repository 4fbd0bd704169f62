"""The names in a Kafka log directory.

    <topic>-<partition>/                       a log; the topic may hold dashes, the partition is what follows the last one
    <topic>-<partition>.<32 hex>-delete/       a deleted log, waiting for its files to be removed
    <topic>-<partition>.<32 hex>-future/       a copy of a log of another directory, to take its place when it is complete (KIP-113)
    <topic>-<partition>.<32 hex>-stray/        a log that nobody knows what to do with; left alone
    00000000000000000000.log                   a segment, by the offset it starts at; beside it .index, .timeindex, .txnindex
    00000000000000000042.snapshot              producers as of that offset
    <name>.deleted, .cleaned, .swap            a segment that waits for removal; what a compaction was writing; had written
    <name>.damaged-1                           what `pybroker verify --repair` took out, and kept; left alone

(Kafka: LogFileUtils, LocalLog, UnifiedLog.)
"""

from __future__ import annotations

import re

LOG = ".log"
INDEX = ".index"
TIME_INDEX = ".timeindex"
TRANSACTION_INDEX = ".txnindex"
SNAPSHOT = ".snapshot"
DELETED = ".deleted"
CLEANED = ".cleaned"
SWAP = ".swap"
SEGMENT_SUFFIXES = (LOG, INDEX, TIME_INDEX, TRANSACTION_INDEX)

META_PROPERTIES = "meta.properties"
LOCK = ".lock"
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"
RECOVERY_POINT_CHECKPOINT = "recovery-point-offset-checkpoint"
LOG_START_CHECKPOINT = "log-start-offset-checkpoint"
REPLICATION_CHECKPOINT = "replication-offset-checkpoint"
CLEANER_CHECKPOINT = "cleaner-offset-checkpoint"
OFFSET_CHECKPOINTS = (RECOVERY_POINT_CHECKPOINT, LOG_START_CHECKPOINT, REPLICATION_CHECKPOINT, CLEANER_CHECKPOINT)
BOOTSTRAP_CHECKPOINT = "bootstrap.checkpoint"
KNOWN_IN_LOG_DIRECTORY = frozenset(
    {
        META_PROPERTIES,
        LOCK,
        CLEAN_SHUTDOWN,
        RECOVERY_POINT_CHECKPOINT,
        LOG_START_CHECKPOINT,
        REPLICATION_CHECKPOINT,
        CLEANER_CHECKPOINT,
        BOOTSTRAP_CHECKPOINT,
    }
)

METADATA_LOG = "__cluster_metadata-0"
METADATA = ("__cluster_metadata", 0)

PARTITION_METADATA = "partition.metadata"
LEADER_EPOCH_CHECKPOINT = "leader-epoch-checkpoint"
TRANSACTION_INDEX_CHECKPOINT = "transaction-index-checkpoint"  # ours: see `index_seals`
QUORUM_STATE = "quorum-state"
METADATA_SNAPSHOT = ".checkpoint"  # snapshots of __cluster_metadata, which are the controller's

MAX_NAME_LENGTH = 255  # of a file name, on the file systems that Kafka and we run on

_LOG_DIRECTORY = re.compile(r"(?P<topic>[a-zA-Z0-9._-]{1,249})-(?P<partition>[0-9]{1,10})")
_DELETED_DIRECTORY = re.compile(r".*-[0-9]+\.[0-9a-f]{32}-delete")
_FUTURE_DIRECTORY = re.compile(r"(?P<log>.*-[0-9]+)\.[0-9a-f]{32}-future")
_STRAY_DIRECTORY = re.compile(r".*-[0-9]+\.[0-9a-f]{32}-stray")
_KEPT = re.compile(r".*\.damaged-[0-9]+")
_SEGMENT_FILE = re.compile(
    r"(?P<offset>[0-9]{20})(?P<suffix>\.(?:log|index|timeindex|txnindex|snapshot))(?P<state>\.(?:deleted|cleaned|swap))?"
)


def log_directory_name(topic: str, partition: int) -> str:
    """`orders-3`."""
    return f"{topic}-{partition}"


def parse_log_directory(name: str) -> tuple[str, int] | None:
    """Topic and partition, None if the name is no log's. `orders-03` is none: two directories must not mean one partition."""
    match = _LOG_DIRECTORY.fullmatch(name)
    if match is None:
        return None
    digits = match["partition"]
    if len(digits) > 1 and digits[0] == "0":
        return None
    return match["topic"], int(digits)


def deleted_directory_name(topic: str, partition: int, uuid: bytes) -> str:
    """The name under which a deleted log waits; the topic is cut so that the whole fits into a file name (as Kafka does)."""
    suffix = f"-{partition}.{uuid.hex()}-delete"
    return topic[: MAX_NAME_LENGTH - len(suffix)] + suffix


def future_directory_name(topic: str, partition: int, uuid: bytes) -> str | None:
    """The name of a copy that is being made; None if it would be too long for a file system."""
    name = f"{topic}-{partition}.{uuid.hex()}-future"
    return name if len(name) <= MAX_NAME_LENGTH else None


def parse_future_directory(name: str) -> tuple[str, int] | None:
    """Topic and partition of a copy, None if the name is none's."""
    match = _FUTURE_DIRECTORY.fullmatch(name)
    return None if match is None else parse_log_directory(match["log"])


def stray_directory_name(topic: str, partition: int, uuid: bytes) -> str:
    """The name under which a log is put aside for a person to look at."""
    suffix = f"-{partition}.{uuid.hex()}-stray"
    return topic[: MAX_NAME_LENGTH - len(suffix)] + suffix


def is_stray_directory(name: str) -> bool:
    """Whether the directory was put aside."""
    return _STRAY_DIRECTORY.fullmatch(name) is not None


def is_deleted_directory(name: str) -> bool:
    """Whether the directory waits for removal."""
    return _DELETED_DIRECTORY.fullmatch(name) is not None


def segment_file_name(offset: int, suffix: str) -> str:
    """Twenty digits, so that names sort as offsets do."""
    return f"{offset:020d}{suffix}"


def parse_segment_file(name: str) -> tuple[int, str, str] | None:
    """Offset, suffix (`.log`) and state (``, `.deleted`, `.cleaned`, `.swap`) of a file of a segment or a snapshot; None for others."""
    match = _SEGMENT_FILE.fullmatch(name)
    if match is None:
        return None
    return int(match["offset"]), match["suffix"], match["state"] or ""


def is_kept(name: str) -> bool:
    """Whether a file is what a repair took out and kept."""
    return _KEPT.fullmatch(name) is not None


def is_known_in_partition(name: str) -> bool:
    """Whether a file that is no segment's belongs into a log's directory; its unfinished copies do too."""
    stem = name.removesuffix(".tmp")
    if stem in (PARTITION_METADATA, LEADER_EPOCH_CHECKPOINT, TRANSACTION_INDEX_CHECKPOINT, QUORUM_STATE) or METADATA_SNAPSHOT in stem:
        return True
    return parse_segment_file(stem) is not None
