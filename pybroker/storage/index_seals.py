"""What the transaction indexes of a log were when it was last closed, so that one that was lost or changed since is not believed.

The other indexes are compared with the log when they are used. A transaction index says what only reading all of the log could tell, so a
log that was closed keeps beside them, in `transaction-index-checkpoint`, how long each was and its checksum:

    0                              version
    1                              lines that follow
    0 68 2868171236                base offset of the segment, bytes of its index, CRC-32C of them

Rules
- An index only grows, so its first bytes must still have that checksum, whoever wrote on (Kafka knows nothing of the file, and leaves it).
- Where an index is written anew (truncation, compaction, recovery) the file goes first.
- Without the file, as in a log of Kafka's or after a kill of one that was never stopped, an index is believed if it can be one: whole
  entries, in order, of markers that lie in its segment. A segment that lost its other indexes too is looked at.
- What is not believed is made anew from the markers (`runtime.recovery`). Where nothing but those other indexes tells of a loss, and they
  are made anew sooner, the file says that there is a doubt, until it is settled: a kill in between would forget it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pybroker.records.checksum import crc32c
from pybroker.storage.transaction_index import ENTRY_BYTES, decode_entries

VERSION = "0"
DOUBT = b"doubt\n"  # in the place of all else


class Seal(NamedTuple):
    """Of the first `size_bytes` of an index."""

    size_bytes: int
    crc: int


def seal_of(content: bytes) -> Seal:
    """Of a whole index."""
    return Seal(len(content), crc32c(content))


def encode_seals(seals: Mapping[int, Seal]) -> bytes:
    """The content of the file, by base offset."""
    lines = [f"{base} {seal.size_bytes} {seal.crc}" for base, seal in sorted(seals.items())]
    return "\n".join([VERSION, str(len(lines)), *lines, ""]).encode()


def decode_seals(content: bytes) -> dict[int, Seal]:
    """By base offset. Raises ValueError."""
    if content == DOUBT:
        raise ValueError("a start that found indexes missing was stopped before it had made the transaction indexes anew")
    version, count, *lines = content.decode("ascii").splitlines()
    if version != VERSION or int(count) != len(lines):
        raise ValueError(f"no version {VERSION} of {len(lines)} lines")
    rows = [[int(number) for number in line.split(" ")] for line in lines]
    return {base: Seal(size_bytes, crc) for base, size_bytes, crc in rows}


def why_not_believed(content: bytes, seal: Seal | None, base_offset: int, end_offset: int) -> str | None:
    """What is wrong with the index (empty: it is not there) of a segment of the offsets from `base_offset` to before `end_offset`."""
    if seal is not None and len(content) < seal.size_bytes:
        return f"it has {len(content)} bytes, and had {seal.size_bytes} when the log was closed" if content else "it is gone"
    if seal is not None and crc32c(content[: seal.size_bytes]) != seal.crc:
        return "its checksum is not what it was when the log was closed"
    entries = list(decode_entries(content))
    if len(entries) * ENTRY_BYTES != len(content):
        return f"from byte {len(entries) * ENTRY_BYTES} on it holds no entries"
    for entry in entries:
        if not base_offset <= entry.last_offset < end_offset or entry.first_offset < 0 or entry.producer_id < 0:
            return f"it names a transaction that ended at offset {entry.last_offset}, which cannot be"
    return None
