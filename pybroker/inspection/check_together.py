"""Data directories of one broker, looked at together: whether the metadata lies in one of them, knows what lies in the others, and what
of that which it knows lies in none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from pybroker.inspection.check_directory import METADATA_LOG, DirectoryCheck, compare_logs
from pybroker.inspection.check_metadata import Key, missing
from pybroker.inspection.findings import Finding, note
from pybroker.storage.checkpoints import DamagedFile
from pybroker.storage.files import Files
from pybroker.storage.given import Glance, glance
from pybroker.storage.metadata_files import read_meta_properties

Looks = list[tuple[DirectoryCheck, Glance]]


def check_together(files: Files, directories: Sequence[DirectoryCheck]) -> Iterator[Finding]:
    """Directories of the same cluster and node belong together; what has no owner that can be read is judged by itself."""
    groups: dict[tuple[str, int], Looks] = {}
    for check in {os.path.realpath(check.path): check for check in directories}.values():
        with suppress(DamagedFile, OSError):
            meta = read_meta_properties(files, check.path)
            if meta is not None:
                groups.setdefault((meta.cluster_id, meta.node_id), []).append((check, glance(files, check.path)))
    for looks in groups.values():
        yield from _check_group(files, looks)


def _check_group(files: Files, looks: Looks) -> Iterator[Finding]:
    holders = [check for check, look in looks if look.holds_metadata]
    for holder in holders[1:]:
        what = f"it holds metadata ({METADATA_LOG}), and so does {holders[0].path}, of the same cluster: one of them is not the cluster's"
        fate = f"with both is refused: move {METADATA_LOG} out of the one that is wrong"
        yield Finding(holder.path, what, next_start=fate)
    if not holders and all(look.is_known for _, look in looks):
        yield from _tell_missing(looks)
    if len(holders) == 1 and holders[0].metadata is not None:
        for check, look in looks:
            if not look.holds_metadata:
                yield from compare_logs(files, check, holders[0].metadata)
        yield from _missing_logs(looks, holders[0])


def _missing_logs(looks: Looks, holder: DirectoryCheck) -> Iterator[Finding]:
    metas = [look.meta for _, look in looks if look.meta is not None]
    given = {meta.directory_id for meta in metas if meta.directory_id is not None}
    ends: dict[Key, int] = {}
    for check, _ in looks:
        for offsets in check.checkpoints.values():
            for key, offset in offsets.items():
                ends[key] = max(ends.get(key, 0), offset)
    present = {key for check, _ in looks for key in check.present}
    if holder.metadata is not None and metas:
        yield from missing(holder.metadata, metas[0].node_id, given, present, ends)


def _tell_missing(looks: Looks) -> Iterator[Finding]:
    """A directory by itself may be one of several, of which another holds the metadata."""
    fate = "is refused, unless the directory that holds the metadata is given too"
    for check, look in looks:
        if look.log is None:
            continue
        if len(looks) == 1:
            yield note(check.path, f"it holds logs, but no metadata ({METADATA_LOG}); if it is one of several, look at them together", fate)
        else:
            yield Finding(check.path, f"it holds logs, but none of these directories holds the metadata ({METADATA_LOG})", next_start=fate)
