"""Message sets of magic 0 and 1; what Kafka wrote is in the golden batches."""

import gzip
import json
from pathlib import Path

import pytest

from pybroker.records.errors import RecordsError
from pybroker.records.legacy import iter_messages, records_of, with_right_header_checksum

VECTORS = Path(__file__).parent.parent / "vectors" / "batches.jsonl.gz"


def old_message_sets():
    """Read the small sets of magic 0 and 1."""
    with gzip.open(VECTORS, "rt", encoding="utf-8") as lines:
        sets = {line["name"]: bytes.fromhex(line["hex"]) for line in map(json.loads, lines)}
    return {name: data for name, data in sets.items() if name.startswith(("v0/", "v1/")) and len(data) < 200}


def test_old_sets_cut_or_damaged_anywhere_raise_only_our_errors():
    """A cut set gives fewer messages, a changed byte fails the checksum or changes the offset, nothing else is raised."""
    for data in old_message_sets().values():
        whole = list(iter_messages(data))
        for at in range(len(data)):
            assert len(list(iter_messages(data[:at]))) < len(whole)
            damaged = bytearray(data)
            damaged[at] ^= 0x41
            try:
                for _, message in iter_messages(damaged):
                    records_of(message)
            except RecordsError:
                continue
            assert at < 12 or len(whole) > 1


def test_the_wrong_lz4_header_checksum_of_old_clients_is_made_right():
    """A right frame stays as it is, and a header that is cut short is an error."""
    import lz4.frame

    for size_stored in (True, False):
        frame = lz4.frame.compress(b"abc" * 50, store_size=size_stored)
        checksum_at = 14 if size_stored else 6
        wrong = bytearray(frame)
        wrong[checksum_at] ^= 0xFF
        assert with_right_header_checksum(wrong) == frame
    for cut in range(7):
        with pytest.raises(RecordsError):
            with_right_header_checksum(frame[:cut])
