"""What the metadata log says: its latest snapshot that is whole, and the batches after it; and who else writes it.

Where a snapshot reaches beyond the log's end, because the end was lost, the log goes on behind the snapshot. Nothing is written here, so a
log can be read before it is taken (`storage/resting`) as well as one of a store. `load` gives what is there, to whoever looks; `replay` is
what a start makes of it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from pybroker.core.cluster import METADATA_TOPIC, ClusterImage
from pybroker.records.batch import BatchHeader
from pybroker.records.control import ControlType
from pybroker.records.errors import RecordsError
from pybroker.runtime.metadata_codec import BatchReader
from pybroker.runtime.metadata_snapshot import KEPT_CONTROLS, DamagedSnapshot, Snapshot, control_records, decode_snapshot
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.storage.layout import QUORUM_STATE
from pybroker.storage.snapshot_files import SnapshotFiles, SnapshotId
from pybroker.wire import messages
from pybroker.wire.base import WireError
from pybroker.wire.codec import decode

log = logging.getLogger("pybroker.controller")

KRAFT_VERSION_VERSION = 0  # of the record, not what it says
VOTERS_VERSION = 0
MAX_EPOCH = 2**31 - 1  # an int32 in every batch


class BatchSlice(Protocol):
    """The bytes of a batch."""

    def read(self) -> bytes: ...


class Source(Protocol):
    """A log that can be read. See `storage.interface.Log`."""

    @property
    def log_start_offset(self) -> int: ...

    def batches(self, from_offset: int) -> Iterator[tuple[BatchHeader, Any]]: ...


class Quorum(NamedTuple):
    """What Kafka noted of those who write the log (`quorum-state`): an epoch, -1 for none, and the nodes that lead or vote."""

    epoch: int
    nodes: frozenset[int]


NOTHING_NOTED = Quorum(-1, frozenset())


ASK_VERIFY = "`pybroker verify` says what of it is whole."


class LostMetadata(Exception):
    """What is left of the metadata is not the whole story. The message is why, a clause; `remedy` is a sentence."""

    def __init__(self, why: str, remedy: str = ASK_VERIFY) -> None:
        super().__init__(why)
        self.remedy = remedy


class MetadataReading:
    """One pass over the log. All that it holds is true once `load`, or `replay`, came to its end.

    `bytes_since_snapshot`: how much of the log was read. `snapshot`: the latest whole one. `damaged`: why later ones are passed over, by
    name. `controls`: quorum records by type.

    Known to `replay` alone: `noted`. `bootstrap`: what a new cluster begins with because its directory was formatted so. `is_new`: nothing
    was written yet but perhaps the beginning of an epoch, after which the first start was stopped.
    """

    __slots__ = (
        "_reader",
        "_source",
        "bootstrap",
        "bytes_since_snapshot",
        "controls",
        "damaged",
        "epoch",
        "files",
        "is_new",
        "last_timestamp",
        "noted",
        "snapshot",
    )

    def __init__(self, source: Source, files: SnapshotFiles) -> None:
        self._source = source
        self._reader = BatchReader()
        self.files = files
        self.snapshot: SnapshotId | None = None
        self.damaged: dict[str, Exception] = {}
        self.controls: dict[int, bytes] = {}
        self.epoch = 0
        self.last_timestamp = 0
        self.bytes_since_snapshot = 0
        self.noted = NOTHING_NOTED
        self.bootstrap: list[Any] = []
        self.is_new = False

    @property
    def begin(self) -> int:
        """Where the log takes over from the snapshot."""
        return self.snapshot.end_offset if self.snapshot is not None else 0

    @property
    def met_unknown(self) -> bool:
        """Whether a record was passed over that a newer release wrote."""
        return self._reader.met_unknown

    @property
    def kraft_version(self) -> int:
        """Whether the quorum knows its voters from the log (1, KIP-853) or from the settings (0)."""
        value = self.controls.get(ControlType.KRAFT_VERSION)
        return 0 if value is None else decode(messages.KRaftVersionRecord, KRAFT_VERSION_VERSION, value)[0].kraft_version

    def voters(self) -> list[Any]:
        """The voters that the log names; none at `kraft_version` 0."""
        value = self.controls.get(ControlType.KRAFT_VOTERS)
        return [] if value is None else decode(messages.VotersRecord, VOTERS_VERSION, value)[0].voters

    def other_voters(self, node_id: int) -> set[int]:
        """Who else writes this log: by what the log says of its voters, and by what Kafka noted beside it."""
        return {*self.noted.nodes, *(voter.voter_id for voter in self.voters())} - {node_id}

    # --- reading

    def replay(self, image: ClusterImage) -> None:
        """Make an empty image what the log says. Raises DataDirectoryError."""
        try:
            self.noted = _noted(self.files)
            for next_offset, records in self.load():
                image.replay(records)
                image.offset = next_offset - 1
        except LostMetadata as lost:
            raise DataDirectoryError(f"the metadata cannot be read: {lost}. {lost.remedy}") from lost
        except StorageError as error:
            raise DataDirectoryError(f"the metadata log cannot be read: {error}. {ASK_VERIFY}") from error
        finally:
            for name, reason in self.damaged.items():
                log.warning("the snapshot %s of the metadata is passed over: %s", name, reason)
        self.is_new = not image.features and self.snapshot is None
        if self.is_new:
            self.bootstrap = self._bootstrap_records()
            image.replay(self.bootstrap)
        image.kraft_version = self.kraft_version

    def load(self) -> Iterator[tuple[int, list[Any]]]:
        """All that the log says: the offset that is reached with each piece, and its records. Records of newer releases are passed over.

        Raises LostMetadata, StorageError.
        """
        snapshot = self._latest_snapshot()
        if snapshot is not None:
            self.controls = snapshot.controls
            self.last_timestamp = snapshot.timestamp_ms
            for records in snapshot.records:
                yield self.begin, records
        yield from self._tail()

    def _bootstrap_records(self) -> list[Any]:
        try:
            content = self.files.bootstrap()
            return [] if content is None else [record for records in decode_snapshot(content, self._reader).records for record in records]
        except (DamagedSnapshot, StorageError) as error:
            raise DataDirectoryError(
                f"bootstrap.checkpoint cannot be read: {error}. Format the directory anew, or remove the file."
            ) from error

    def _latest_snapshot(self) -> Snapshot | None:
        """The latest that is whole and that the log goes on from."""
        start_offset = self._source.log_start_offset
        for candidate in self.files.ids():
            if candidate.end_offset < start_offset:
                break
            try:
                snapshot = decode_snapshot(self.files.read(candidate), self._reader)
            except (DamagedSnapshot, StorageError) as error:
                self.damaged[candidate.file_name] = error
                continue
            self.snapshot = candidate
            self.epoch = candidate.epoch
            return snapshot
        if start_offset > 0:
            raise LostMetadata(
                f"its log begins at offset {start_offset}, and there is no whole snapshot of what was before",
                f"Put a copy of a snapshot that ends at {start_offset} or later into {METADATA_TOPIC}-0.",
            )
        return None

    def _tail(self) -> Iterator[tuple[int, list[Any]]]:
        begin = self.begin
        for header, piece in self._source.batches(max(begin, self._source.log_start_offset)):
            if header.base_offset < begin:
                continue
            batch = piece.read()
            self.bytes_since_snapshot += len(batch)
            self.last_timestamp = header.max_timestamp
            self.epoch = max(self.epoch, header.partition_leader_epoch)
            try:
                yield header.next_offset, self._records(header.is_control, batch)
            except (RecordsError, WireError) as error:
                raise LostMetadata(f"at offset {header.base_offset}: {error}") from error

    def _records(self, is_control: bool, batch: bytes) -> list[Any]:
        if not is_control:
            return self._reader.read(batch)
        self.controls |= {kind: value for kind, value in control_records(batch).items() if kind in KEPT_CONTROLS}
        return []


def _noted(files: SnapshotFiles) -> Quorum:
    """Kafka itself does not start with a note that it cannot read. Raises DataDirectoryError, StorageError."""
    content = files.quorum_state()
    if content is None:
        return NOTHING_NOTED
    try:
        noted = json.loads(content)
        nodes = {int(noted["leaderId"]), *(int(voter["voterId"]) for voter in noted.get("currentVoters") or ())}
        epoch = int(noted["leaderEpoch"])
        if epoch >= MAX_EPOCH:
            raise ValueError(f"no epoch follows {epoch}")
        return Quorum(epoch, frozenset(node for node in nodes if node >= 0))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataDirectoryError(
            f"{QUORUM_STATE} in {METADATA_TOPIC}-0 cannot be read ({type(error).__name__}: {error}), so it is not known who else writes "
            "the metadata. If nobody does, as with a single node that is broker and controller, remove the file."
        ) from error
