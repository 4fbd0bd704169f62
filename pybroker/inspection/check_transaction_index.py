"""A transaction index as a start looks at it, by itself and by what it was when the log was closed, and as the markers tell it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pybroker.inspection.check_transactions import TransactionCheck
from pybroker.inspection.findings import Finding
from pybroker.storage import layout
from pybroker.storage.files import Files
from pybroker.storage.index_seals import Seal, decode_seals, why_not_believed
from pybroker.storage.transaction_index import decode_entries

if TYPE_CHECKING:
    from pybroker.inspection.check_log import LogCheck

ANEW = "makes the transaction indexes of the log anew from all markers in it"


def read_seals(files: Files, path: str) -> tuple[dict[int, Seal], list[Finding]]:
    """What the indexes of the log at `path` were when it was closed. Raises OSError."""
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
    check.findings.append(Finding(path, found[0] + more, next_start=_hope(check, end_offset, is_doubted=why is not None)))


def _hope(check: LogCheck, end_offset: int, *, is_doubted: bool) -> str:
    clean = check.outlook.clean
    if (clean and (is_doubted or check.unindexed)) or (is_doubted and end_offset <= check.outlook.recovery_point):
        return ANEW
    if clean:
        return "believes it, so that readers of committed records may be given what was aborted, or not what was committed"
    return "makes it anew from the last producer snapshot on, and believes what is before"
