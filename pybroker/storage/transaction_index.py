"""The transaction index of one segment: the aborted transactions whose markers lie in it, in the order of their markers.

    entry: int16 version, 0; int64 producer id; int64 first offset; int64 last offset (the marker's); int64 last stable offset. Big-endian.

Rules
- The file is there only if something was aborted. An entry is one append, durable when the log is flushed.
- What cannot be an entry (a torn end, zeros, an unknown version, a marker out of order or not behind its records) ends the file: who opens
  the log after a crash adds anew what lies behind its last snapshot.

(Kafka: TransactionIndex, AbortedTxn.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from struct import Struct

from pybroker.storage.files import CREATE, READ_APPEND, Files
from pybroker.storage.interface import AbortedTransaction

VERSION = 0

_ENTRY = Struct(">hqqqq")
ENTRY_BYTES = _ENTRY.size


def encode_entries(entries: Iterable[AbortedTransaction]) -> bytes:
    """The content of a file."""
    return b"".join(_ENTRY.pack(VERSION, *entry) for entry in entries)


def decode_entries(content: bytes) -> Iterator[AbortedTransaction]:
    """The entries of a file, up to the first that cannot be one."""
    last_offset = -1
    for at in range(0, len(content) - ENTRY_BYTES + 1, ENTRY_BYTES):
        version, *fields = _ENTRY.unpack_from(content, at)
        entry = AbortedTransaction(*fields)
        if version != VERSION or not last_offset < entry.last_offset or entry.first_offset >= entry.last_offset:
            return
        last_offset = entry.last_offset
        yield entry


def read_entries(files: Files, path: str) -> list[AbortedTransaction]:
    """The entries of a file that may not be there. Raises OSError."""
    try:
        return list(decode_entries(files.read_file(path)))
    except FileNotFoundError:
        return []


def append_entry(files: Files, path: str, entry: AbortedTransaction) -> None:
    """Add an entry; all or nothing, for a part of one that cannot be taken back is written over by the next. Raises OSError."""
    _write_behind(files, path, None, encode_entries([entry]))


def rewrite_entries(files: Files, path: str, content: bytes, wanted: bytes) -> None:
    """Let a file that holds `content` (empty: it may not be there) hold `wanted`, both entries.

    Those that stay are not written anew: so a power failure leaves them as durable as they were. Raises OSError.
    """
    if not wanted:
        files.unlink(path)
        return
    common_bytes = min(len(content), len(wanted)) // ENTRY_BYTES * ENTRY_BYTES
    entries = range(0, common_bytes, ENTRY_BYTES)
    same_bytes = next((at for at in entries if content[at : at + ENTRY_BYTES] != wanted[at : at + ENTRY_BYTES]), common_bytes)
    _write_behind(files, path, same_bytes, wanted[same_bytes:])


def _write_behind(files: Files, path: str, kept_bytes: int | None, content: bytes) -> None:
    """Behind the first `kept_bytes` of a file (None: its whole entries); what lay there goes."""
    fd = files.open(path, READ_APPEND | CREATE, 0o644)
    try:
        size_bytes = files.size(path)
        kept_bytes = size_bytes - size_bytes % ENTRY_BYTES if kept_bytes is None else kept_bytes
        if kept_bytes < size_bytes:
            files.truncate(fd, kept_bytes)
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[files.write(fd, rest) :]
        except OSError:
            with suppress(OSError):
                files.truncate(fd, kept_bytes)
            raise
    finally:
        files.close(fd)
