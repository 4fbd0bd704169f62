"""Settling what lies in the log directories twice, or for nobody.

Theory of operation
- What the directories tell by themselves is settled at once: of two logs of one topic id the longer one counts (see `futures`), a copy that
  is longer than its log takes its place, one that has nothing to go on from is dropped.
- What only the metadata can tell waits for `settle`: of two logs with different topic ids one is of a topic that was deleted and made anew
  while its directory was away; a log may be of a topic that is no more; a copy without a log may have its log in a directory that is away.
- What is not used is put aside under another name (`-stray`) and left alone, as its records may be all that is left of something. Where
  even that fails, it is told and not used.

(Kafka: LogManager.loadLogs, isStrayReplica, recoverAbandonedFutureLogs.)
"""

from __future__ import annotations

from random import Random

from pybroker.storage import layout
from pybroker.storage.checkpoints import Key
from pybroker.storage.directories import twice
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files
from pybroker.storage.futures import CopiedLog, put_aside, put_away
from pybroker.storage.home import LogHome
from pybroker.storage.interface import LogConfig, Owner, OwnerOf
from pybroker.storage.inventory import Inventory
from pybroker.storage.log import PartitionLog
from pybroker.storage.trash import Trash
from pybroker.wire.uuids import ZERO_UUID


class Settling:
    """The tools for it. What was found is given with each call, and changed."""

    __slots__ = ("_config", "_files", "_rng", "_trash")

    def __init__(self, files: Files, trash: Trash, rng: Random, config: LogConfig) -> None:
        self._files = files
        self._trash = trash
        self._rng = rng
        self._config = config

    # --- what is there twice

    def take_log(self, found: Inventory, key: Key, log: PartitionLog) -> None:
        """A log that is in two directories was put in the place of its original when the process died (see `futures`).

        An original that was never flushed may have lost its topic id when the power went; the copy has one.
        """
        other = found.logs.get(key)
        if other is None:
            found.logs[key] = log
            return
        ids = {log.topic_id, other.topic_id} - {ZERO_UUID}
        if not ids:
            raise twice(layout.log_directory_name(*key), other.directory, log.directory)
        if len(ids) > 1:
            found.seconds.append((key, log))
            return
        kept, rest = _longer_first(other, log)
        found.logs[key] = kept
        ends = "ends there" if kept.log_end_offset == rest.log_end_offset else f"goes on to offset {kept.log_end_offset}"
        self._put_aside(
            found, key, rest, f"it ends at offset {rest.log_end_offset}; a log of the same topic is in {kept.directory} and {ends}"
        )

    def take_future(self, found: Inventory, key: Key, log: CopiedLog) -> None:
        """Of two copies one had been put in place and was being copied in turn when the disk forgot its name: it has more."""
        other = found.futures.logs.get(key)
        if other is not None:
            first, second = _longer_first(other, log)
            self._put_aside(found, key, second, f"it is a copy of what lies in {first.directory}")
            log = log if first is log else other
        found.futures.logs[key] = log

    def settle_copies(self, found: Inventory) -> None:
        """Of each copy whose log is there: go on with it, let it take its place again, or drop it. The others wait for `settle`."""
        undecided = {key for key, _ in found.seconds}
        for key, future in list(found.futures.logs.items()):
            original = found.logs.get(key)
            if original is None or key in undecided:
                continue
            if not self._is_usable(found, future, original):
                found.futures.drop(key)
            elif future.log_end_offset > original.log_end_offset:
                del found.logs[key]
                put_away(self._files, self._trash, self._rng, original, self._config)
                found.logs[key] = found.futures.promote(key)

    def _is_usable(self, found: Inventory, future: CopiedLog, original: PartitionLog) -> bool:
        """Whether a copy can be gone on with. What is not sure of it goes: it may have holes, and is copied again."""
        if future.topic_id != original.topic_id or future.directory == original.directory or not future.extents():
            return False
        try:
            future.truncate_to(future.recovery_point)
        except StorageError as error:
            found.remarks.append(f"the copy of {future.topic}-{future.partition} in {future.directory} is begun anew: {error}")
            return False
        return True

    # --- what only the metadata tells

    def settle(self, found: Inventory, owner_of: OwnerOf) -> list[str]:
        """See `interface.LogStore.settle`."""
        said = len(found.remarks)
        seconds, found.seconds = found.seconds, []
        for key, log in seconds:
            self._choose(found, key, log, owner_of(*key))
        if seconds:
            self.settle_copies(found)
        for key, log in list(found.logs.items()):
            owner = owner_of(*key)
            if not _is_of(log, owner):
                del found.logs[key]
                self._put_aside(found, key, log, _why_of_nobody(owner))
        for key, future in list(found.futures.logs.items()):
            if key not in found.logs:
                self._settle_copy(found, key, future, owner_of(*key))
        return found.remarks[said:]

    def _choose(self, found: Inventory, key: Key, second: PartitionLog, owner: Owner | None) -> None:
        """Of two logs of different topics, which one is that of the topic of that name now."""
        first = found.logs[key]
        if _is_of(second, owner) and second.topic_id != ZERO_UUID and not (_is_of(first, owner) and first.topic_id != ZERO_UUID):
            first, second = second, first
            found.forget_offsets(key)
        found.logs[key] = first
        self._put_aside(found, key, second, "it is of another topic of that name, which is no more")

    def _settle_copy(self, found: Inventory, key: Key, future: CopiedLog, owner: Owner | None) -> None:
        """One whose log is not there.

        The log may have been replaced, and the disk forgot the name that the copy took: then the metadata has the partition where the copy
        lies, which it is told only of copies that are whole and durable. Or the log was never durable, and power failed: if it is said to
        lie in a directory that is there, and does not, the copy is what is left. Else it is away with its directory, and the copy waits.
        """
        if owner is None or not _is_of(future, owner):
            del found.futures.logs[key]
            self._put_aside(found, key, future, f"it is a copy, and {_why_of_nobody(owner)}")
        elif owner.directory is not None and key not in found.unopened:
            try:
                if owner.directory != future.directory:
                    future.truncate_to(future.recovery_point)  # see `futures`: there may be holes
                found.logs[key] = found.futures.promote(key)
            except StorageError as error:
                found.remarks.append(f"the copy of {future.topic}-{future.partition} in {future.directory} is not used: {error}")

    def put_aside(self, found: Inventory, key: Key) -> list[str]:
        """See `interface.LogStore.put_aside`."""
        said = len(found.remarks)
        why = "it is of a topic that the metadata does not know, and another one of that name is there now"
        for log in (found.logs.pop(key, None), found.futures.forget(key)):
            if log is not None:
                self._put_aside(found, key, log, why)
        unopened = found.unopened.pop(key, None)
        if unopened is not None:
            self._rename_aside(found, key, unopened.path, why)
        return found.remarks[said:]

    def _put_aside(self, found: Inventory, key: Key, log: PartitionLog, why: str) -> None:
        """Use it no more; it stays for whoever wants to look."""
        log.let_go()
        if key not in found.logs:
            found.forget_offsets(key)
        home = log.home
        assert isinstance(home, LogHome)
        if home.exists:
            self._rename_aside(found, key, home.directory, why)

    def _rename_aside(self, found: Inventory, key: Key, path: str, why: str) -> None:
        try:
            stray = put_aside(self._files, self._rng, path, key)
        except OSError as error:
            found.remarks.append(f"{path} is not used: {why}. It cannot be renamed: {error.strerror}")
            return
        found.remarks.append(f"{path} is called {stray} now, and not used: {why}")


def _is_of(log: PartitionLog, owner: Owner | None) -> bool:
    """Whether a log is, or may be, that of the partition that is there now."""
    return owner is not None and (ZERO_UUID in (log.topic_id, owner.topic_id) or log.topic_id == owner.topic_id)


def _why_of_nobody(owner: Owner | None) -> str:
    if owner is not None:
        return "its topic was deleted, and made anew under another id"
    return "the metadata does not know it: its topic was deleted, or the metadata lost what told of it"


def _longer_first(first: PartitionLog, second: PartitionLog) -> tuple[PartitionLog, PartitionLog]:
    """Which holds more; if both end at the same offset, which was used last: its start may have risen since."""
    one, other = (first.log_end_offset, first.log_start_offset), (second.log_end_offset, second.log_start_offset)
    return (second, first) if other > one else (first, second)
