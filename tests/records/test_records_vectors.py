"""Golden bytes of Apache Kafka 4.4.0."""

import gzip
import json
from pathlib import Path

import pytest

from pybroker.records.vectors import check_line

VECTORS = Path(__file__).parent.parent / "vectors"


def golden_lines(name):
    """Read the lines of one file."""
    with gzip.open(VECTORS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["batches", "hashes"])
def test_every_golden_line_holds(name):
    """Each batch is read as Kafka read it, written again byte for byte, or refused for Kafka's reason; each hash is Kafka's."""
    failures = [failure for failure in map(check_line, golden_lines(name)) if failure]
    assert failures == []


def test_a_line_that_lies_is_told_of():
    """The check fails on a wrong hash, a wrong record and a batch that ought to be refused."""
    murmur2 = next(line for line in golden_lines("hashes") if line["kind"] == "murmur2")
    assert check_line(murmur2 | {"hash": murmur2["hash"] ^ 1})
    batch = golden_lines("batches")[0]
    assert "instead of" in check_line(batch | {"batches": []})
    assert "is due" in check_line({"name": "x", "refused": "CorruptRecordException", "hex": batch["hex"]})
