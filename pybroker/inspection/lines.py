"""Rows as lines for people: one a row, what is usual left out, times in UTC beside their milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable

from pybroker.core.wording import counted
from pybroker.inspection.decoders import Row

DAY_MS = 86_400_000
DAYS_BEFORE_EPOCH = 719_468  # from March 1 of the year 0 to January 1, 1970
ERA_DAYS = 146_097  # 400 years, after which the calendar repeats


def line_of(row: Row) -> str:
    """The line for a row; JSON for records."""
    write = WRITERS.get(row["kind"])
    return write(row) if write is not None else json.dumps(row, ensure_ascii=False)


def iso_time(timestamp_ms: int) -> str:
    """`2026-11-21T16:40:00.123Z` for milliseconds since the epoch, of any size; `no time` for those below 0.

    Computed here, since only the broker's clock knows the modules of time, and their years end at 9999.
    """
    if timestamp_ms < 0:
        return "no time"
    days, rest = divmod(timestamp_ms, DAY_MS)
    era, day = divmod(days + DAYS_BEFORE_EPOCH, ERA_DAYS)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153  # 0 is March
    day -= (153 * month + 2) // 5
    year += 400 * era + (month >= 10)
    month += 3 if month < 10 else -9
    seconds, millis = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    return f"{year:04d}-{month:02d}-{day + 1:02d}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{millis:03d}Z"


def _time(timestamp_ms: int) -> str:
    return f"{iso_time(timestamp_ms)} ({timestamp_ms})"


def _batch(row: Row) -> str:
    parts = [
        f"batch {row['baseOffset']}-{row['lastOffset']}",
        counted(row["count"], "record"),
        f"at {row['position']}",
        f"{row['size']} bytes",
        row["codec"],
        _batch_time(row),
        f"leader epoch {row['partitionLeaderEpoch']}",
    ]
    if row["producerId"] >= 0:
        sequence = f" sequence {row['baseSequence']}-{row['lastSequence']}" if row["baseSequence"] >= 0 else ""
        parts.append(f"producer {row['producerId']} epoch {row['producerEpoch']}{sequence}")
    parts += [word for word, is_so in (("transactional", row["isTransactional"]), ("control", row["isControl"])) if is_so]
    if row["deleteHorizonMs"] is not None:
        parts.append(f"delete horizon {_time(row['deleteHorizonMs'])}")
    parts.append("crc ok" if row["isValid"] else f"NOT VALID (crc {row['crc']:08x})")
    return "  ".join(parts)


def _batch_time(row: Row) -> str:
    appended = "appended " if row["timestampType"] == "LogAppendTime" else ""
    first, last = row["baseTimestamp"], row["maxTimestamp"]
    return f"{appended}{_time(last)}" if first is None or first == last else f"{appended}{_time(first)} to {_time(last)}"


def _message(row: Row) -> str:
    return (
        f"message {row['offset']}  magic {row['magic']}  at {row['position']}  {row['size']} bytes  {row['codec']}"
        f"  {_time(row['timestamp'])}  crc ok"
    )


def _damage(row: Row) -> str:
    return f"DAMAGE at byte {row['position']}, {row['size']} bytes: {row['what']}"


def _aborted(row: Row) -> str:
    return (
        f"aborted transaction  producer {row['producerId']}  offsets {row['firstOffset']} to {row['lastOffset']}"
        f"  last stable offset {row['lastStableOffset']}"
    )


def _producer(row: Row) -> str:
    text = f"producer {row['producerId']}  epoch {row['producerEpoch']}"
    if row["lastOffset"] >= 0:
        first = row["lastOffset"] - row["offsetDelta"]
        text += f"  last batch {first}-{row['lastOffset']}, last sequence {row['lastSequence']}"
    text += f"  {_time(row['lastTimestamp'])}  coordinator epoch {row['coordinatorEpoch']}"
    return text + (f"  open transaction from {row['currentTxnFirstOffset']}" if row["currentTxnFirstOffset"] >= 0 else "")


def _properties(row: Row) -> str:
    return "\n".join(f"{name} = {_plain(value)}" for name, value in row.items() if name not in ("kind", "file")) or "nothing in it"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _file(row: Row) -> str:
    where = row["file"]
    note = f" ({row['note']})" if row.get("note") else ""
    return f"== {where}: {row['what']}, {row['size']:,} bytes{note}" if "size" in row else f"== {where}: {row['what']}{note}"


WRITERS: dict[str, Callable[[Row], str]] = {
    "file": _file,
    "note": lambda row: f"note: {row['what']}",
    "batch": _batch,
    "message": _message,
    "damage": _damage,
    "index entry": lambda row: f"offset {row['offset']}  at {row['position']}",
    "time index entry": lambda row: f"{_time(row['timestamp'])}  offset {row['offset']}",
    "aborted transaction": _aborted,
    "producer": _producer,
    "leader epoch": lambda row: f"leader epoch {row['leaderEpoch']}  from offset {row['startOffset']}",
    "checkpoint": lambda row: f"{row['topic']}-{row['partition']}  {row['offset']}",
    "properties": _properties,
}
