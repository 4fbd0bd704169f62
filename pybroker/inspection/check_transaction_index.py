"""A transaction index as a start looks at it, by itself and by what it was when the log was closed, and as the markers tell it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pybroker.inspection.check_transactions import TransactionCheck
from pybroker.inspection.findings import Finding
from pybroker.storage import layout
from pybroker.storage.files import Files
from pybroker.storage.index_seals import Seal, decode_seals, why_not_believed
from pybroker.storage.transaction_index import decode_entries

if TYPE_CHECKING:
    from pybroker.inspection.check_log import LogCheck

ANEW = "makes the transaction indexes of the log anew from all markers in it"
BELIEVED = "believes it, so that readers of committed records may be given what was aborted, or not what was committed"
FROM_SNAPSHOT = "makes it anew from the last producer snapshot on, and believes what is before"


class WrongIndex(NamedTuple):
    """A finding whose fate hangs on all of the log. `end_offset`: of its segment. `is_doubted`: by a start that looks at it."""

    finding: Finding
    end_offset: int
    is_doubted: bool


def read_seals(files: Files, path: str) -> tuple[dict[int, Seal], list[Finding]]:
    """What the indexes of the log at `path` were when it was closed, and what keeps that from being known. Raises OSError."""
    path = os.path.join(path, layout.TRANSACTION_INDEX_CHECKPOINT)
    try:
        return decode_seals(files.read_file(path)), []
    except FileNotFoundError:
        return {}, []
    except ValueError as damage:
        return {}, [Finding(path, f"it does not tell what the transaction indexes were: {damage}", next_start=ANEW)]


def check_transaction_index(files: Files, check: LogCheck, base_offset: int, end_offset: int, transactions: TransactionCheck) -> None:
    """Of the segment that was met last, in which no marker lies at `end_offset` or behind it. Raises OSError."""
    path = os.path.join(check.path, layout.segment_file_name(base_offset, layout.TRANSACTION_INDEX))
    try:
        content = files.read_file(path)
    except FileNotFoundError:
        content = b""
    why = why_not_believed(content, check.seals.get(base_offset), base_offset, end_offset)
    wrong = [] if check.segments[-1].cuts else transactions.compare(list(decode_entries(content)))
    if why is None and not wrong:
        return
    check.wrong_transactions = True
    found = [*([why] if why is not None else []), *wrong]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    check.wrong_indexes.append(WrongIndex(Finding(path, found[0] + more), end_offset, why is not None))


def transaction_findings(check: LogCheck, names: Collection[str], bases: Sequence[int], *, sealed: bool) -> Iterator[Finding]:
    """Of all transaction indexes of a log; one that a start does not believe makes it doubt them all (`storage.recovery`).

    `names`: all in the directory; `bases`: of the segments; `sealed`: what the indexes were can be read.
    """
    outlook = check.outlook
    unread = layout.TRANSACTION_INDEX_CHECKPOINT in names and not sealed
    looked_at = [wrong.is_doubted and (outlook.clean or wrong.end_offset <= outlook.recovery_point) for wrong in check.wrong_indexes]
    is_doubted = unread or any(looked_at) or _has_lost_indexes(check, names, bases)
    for wrong in check.wrong_indexes:
        wrong.finding.next_start = ANEW if is_doubted else BELIEVED if outlook.clean else FROM_SNAPSHOT
        yield wrong.finding


def _has_lost_indexes(check: LogCheck, names: Collection[str], bases: Sequence[int]) -> bool:
    """Whether a start takes it that the transaction indexes may be gone with others that are."""
    if check.outlook.clean:
        return bool(check.unindexed)
    if layout.TRANSACTION_INDEX_CHECKPOINT in names or any(name.endswith(layout.LOG + layout.SWAP) for name in names):
        return False
    return any(base in check.unindexed and end <= check.outlook.recovery_point for base, end in pairwise(bases))
