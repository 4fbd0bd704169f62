"""`pybroker dump`: what it shows of each kind of file, and what it says of damage."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pybroker.cli import main
from pybroker.inspection.lines import iso_time
from pybroker.records.checksum import crc32
from pybroker.testing.output import NowhereToWrite
from tests.inspection.log_room import Batches, Command, running


def rows(text: str) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_batches_of_kafka(dump: Command, kafka_logs: Path) -> None:
    """Each batch of a segment that Kafka wrote is a line with all that its header says."""
    status, out, err = dump(kafka_logs / "orders-0" / "00000000000000000000.log")
    lines = out.splitlines()
    assert (status, err, len(lines)) == (0, "", 11)
    assert lines[1] == (
        "batch 6-11  6 records  at 197  154 bytes  gzip  "
        "2026-11-21T16:43:22.255Z (1795279402255) to 2026-11-21T16:43:22.256Z (1795279402256)  leader epoch 0  crc ok"
    )
    assert "producer 0 epoch 0 sequence 0-2  transactional  crc ok" in lines[5]
    assert lines[6].endswith("transactional  control  crc ok")


def test_records_of_every_codec(dump: Command, kafka_logs: Path) -> None:
    """Records are JSON, one a line, with text where bytes are text and base64 where not; markers are decoded."""
    status, out, err = dump("--records", kafka_logs / "orders-0")
    found = rows(out)
    assert (status, err) == (0, "")
    assert [row["offset"] for row in found] == list(range(42))
    assert found[0]["value"] == "/wAA"
    assert found[0]["valueEncoding"] == "base64"
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    assert [found[at]["value"] for at in (1, 7, 13, 19, 25)] == [f"value 1 of {codec}" for codec in codecs]
    assert found[7]["headers"] == [{"key": "h", "value": "x"}]
    assert [found[at]["control"] for at in (33, 37, 41)] == ["COMMIT", "ABORT", "COMMIT"]
    assert (found[36]["sequence"], found[36]["topic"], found[36]["partition"]) == (5, "orders", 0)


def test_offsets_and_limit(dump: Command, kafka_logs: Path) -> None:
    """A stretch of offsets, both ends included, and no more rows than asked for."""
    where = kafka_logs / "orders-0"
    assert [row["offset"] for row in rows(dump("--records", "--from-offset", "4", "--to-offset", "8", where)[1])] == [4, 5, 6, 7, 8]
    assert [row["offset"] for row in rows(dump("--records", "--from-offset", "30", "--max", "2", where)[1])] == [30, 31]
    assert len(dump("--max", "3", where / "00000000000000000000.log")[1].splitlines()) == 3


def test_internal_topics(dump: Command, kafka_logs: Path, tmp_path: Path) -> None:
    """Records of internal topics are read by their schemas: by the directory's name, or by --decode, or not."""
    commits = rows(dump("--records", kafka_logs / "__consumer_offsets-28")[1])
    assert {row["type"] for row in commits} == {"GroupMetadata", "OffsetCommit"}
    commit = next(row for row in commits if row["type"] == "OffsetCommit" and row["key"]["partition"] == 0)
    assert (commit["key"]["group"], commit["value"]["offset"], commit["version"]) == ("readers", 42, 4)
    states = rows(dump("--records", kafka_logs / "__transaction_state-16")[1])
    assert (states[1]["key"], states[1]["value"]["transactionStatus"]) == ({"transactionalId": "tx"}, 1)
    copy = tmp_path / "copied"
    copy.write_bytes((kafka_logs / "__transaction_state-16" / "00000000000000000000.log").read_bytes())
    assert "type" not in rows(dump("--records", copy)[1])[0]
    assert rows(dump("--records", "--decode", "transaction-state", copy)[1])[0]["type"] == "TransactionLog"
    assert "type" not in rows(dump("--records", "--decode", "none", kafka_logs / "__transaction_state-16")[1])[0]
    assert "frame version" in rows(dump("--records", "--decode", "metadata", copy)[1])[0]["fault"]


def test_metadata(dump: Command, kafka_logs: Path) -> None:
    """The metadata log and its snapshots are read by the records of KRaft."""
    where = kafka_logs / "__cluster_metadata-0"
    found = rows(dump("--records", where / "00000000000000000000.log")[1])
    assert found[0]["control"] == "LEADER_CHANGE" or found[0]["control"] == "SNAPSHOT_HEADER"
    topics = {row["value"]["name"] for row in found if row.get("type") == "TopicRecord"}
    assert topics == {"orders", "__consumer_offsets", "__transaction_state"}
    snapshot = rows(dump("--records", where / "00000000000000000000-0000000000.checkpoint")[1])
    assert (snapshot[0]["control"], snapshot[-1]["control"]) == ("SNAPSHOT_HEADER", "SNAPSHOT_FOOTER")
    assert snapshot[1]["value"] == {"name": "metadata.version", "featureLevel": 33}


def test_all_small_files(dump: Command, kafka_logs: Path) -> None:
    """A data directory is shown file by file."""
    status, out, err = dump(kafka_logs)
    assert (status, err) == (0, "")
    for words in (
        "cluster.id = 4L6g3nShT-eMCtK--X86sw",
        "orders-0  42",
        "leader epoch 0  from offset 0",
        "topic_id = wTWjSfXnS3eQx2bOPEuwKQ",
        "2026-11-21T16:43:25.937Z (1795279405937)  offset 41",
        "aborted transaction  producer 0  offsets 34 to 37  last stable offset 38",
        "producer 0  epoch 0  last batch 38-40, last sequence 8",
        "brokerEpoch = 19",
        "currentVoters",
    ):
        assert words in out


@pytest.mark.slow
def test_everything_as_json(dump: Command, kafka_logs: Path) -> None:
    """With --json each line is an object that says its kind and its file."""
    found = rows(dump("--json", "--records", kafka_logs)[1])
    kinds = {row["kind"] for row in found}
    assert {"file", "batch", "record", "producer", "aborted transaction", "time index entry", "leader epoch", "checkpoint"} <= kinds
    assert all("file" in row for row in found)
    batch = next(row for row in found if row["kind"] == "batch" and row["file"].endswith("orders-0/00000000000000000000.log"))
    assert (batch["baseOffset"], batch["lastOffset"], batch["isValid"], batch["codec"]) == (0, 5, True, "none")


def test_damage_is_passed_over(dump: Command, batches: Batches, tmp_path: Path) -> None:
    """What is damaged is said with its place, what is whole behind it is shown, and the status is 1."""
    path = tmp_path / "00000000000000000000.log"
    parts = batches(2, 3, 1)
    path.write_bytes(parts[0] + parts[1][:-4] + b"????" + parts[2])
    status, out, err = dump(path)
    lines = out.splitlines()
    assert status == 1
    assert "NOT VALID" in lines[1]
    assert lines[2] == f"DAMAGE at byte {len(parts[0])}, {len(parts[1])} bytes: the batch of offset 2 has a wrong checksum"
    assert lines[3].startswith("batch 5-5")
    status, out, err = dump("--records", path)
    assert (status, "wrong checksum" in err) == (1, True)
    assert [row["offset"] for row in rows(out)][-1] == 5


def test_an_index_that_points_elsewhere(dump: Command, batches: Batches, tmp_path: Path) -> None:
    """The entries of an index are compared with the segment beside it."""
    content = b"".join(batches(1, 1, 1))
    (tmp_path / "00000000000000000000.log").write_bytes(content)
    index = tmp_path / "00000000000000000000.index"
    size = len(content) // 3
    index.write_bytes((1).to_bytes(4) + size.to_bytes(4) + (2).to_bytes(4) + (size + 9).to_bytes(4))
    status, out, _ = dump(index)
    assert status == 1
    assert out.splitlines()[0] == f"offset 1  at {size}"
    assert "no batch of offset 2" in out
    for suffix, content in (("index", b"abc"), ("timeindex", b"abc"), ("txnindex", b"abc"), ("snapshot", b"abc")):
        (tmp_path / f"00000000000000000000.{suffix}").write_bytes(content)
        assert dump(tmp_path / f"00000000000000000000.{suffix}")[0] == 1


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(range(100)), 2, "is no file of a Kafka data directory"),
        ("photo.log", b"\xff\xd8\xff\xe0" + bytes(range(100)), 1, "magic 12 where a batch of magic 2 should begin"),
        ("empty", b"", 2, "is empty, and its name does not say"),
        ("00000000000000000000.log", b"", 0, ""),
        ("00000000000000000000.log", bytes(2 << 20), 1, "zeros where a batch should begin"),
        ("00000000000000000000.log", Random(1).randbytes(3000), 1, "DAMAGE at byte 0, 3000 bytes"),
        ("zeros", bytes(5000), 2, "begins with zeros"),
        ("recovery-point-offset-checkpoint", b"0\n2\na 0 1\n", 1, "has 1 entries"),
        ("recovery-point-offset-checkpoint", b"", 0, ""),
        ("leader-epoch-checkpoint", b"0\n2\n1 5\n0 3\n", 1, "does not follow"),
        ("meta.properties", b"hello", 1, "is not there"),
        ("partition.metadata", b"hello", 1, "are expected"),
        ("quorum-state", b"[", 1, "no JSON"),
    ],
)
def test_nonsense(dump: Command, tmp_path: Path, name: str, content: bytes, status: int, words: str) -> None:
    """Whatever a file holds, the answer is a sentence and a status, not a traceback."""
    (tmp_path / name).write_bytes(content)
    found, out, err = dump(tmp_path / name)
    assert (found, words in out + err) == (status, True)


def test_paths_that_cannot_be_read(dump: Command, tmp_path: Path) -> None:
    """What is not there, an empty directory and a foreign one have status 2; other paths are shown all the same."""
    (tmp_path / "foreign").mkdir()
    assert dump(tmp_path / "foreign")[0] == 2
    (tmp_path / "foreign" / "a.txt").write_text("a")
    status, out, err = dump(tmp_path / "foreign", tmp_path / "nowhere")
    assert (status, out) == (2, "")
    assert "holds nothing of a Kafka data directory" in err
    assert "nowhere: No such file" in err


def test_old_messages(dump: Command, tmp_path: Path) -> None:
    """Messages of magic 1 are shown as what they are, with their records."""
    body = b"\x01\x00" + (5).to_bytes(8) + (1).to_bytes(4) + b"k" + (1).to_bytes(4) + b"v"
    path = tmp_path / "00000000000000000007.log"
    path.write_bytes((7).to_bytes(8) + (len(body) + 4).to_bytes(4) + crc32(body).to_bytes(4) + body)
    assert dump(path)[1].startswith("message 7  magic 1  at 0  ")
    assert rows(dump("--records", path)[1])[0]["value"] == "v"


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="only Linux tells who holds a lock")
def test_a_broker_that_runs(dump: Command, kafka_logs: Path) -> None:
    """That a broker has the directory is said, also of a log in it, and keeps nobody from looking."""
    with running(kafka_logs):
        assert dump(kafka_logs)[1].startswith("note: a broker runs on")
        assert dump(kafka_logs / "orders-0")[1].startswith("note: a broker runs on")
    assert "a broker runs on" not in dump(kafka_logs)[1]


@pytest.mark.parametrize(
    ("timestamp_ms", "text"),
    [
        (-1, "no time"),
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
        (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
    ],
)
def test_times(timestamp_ms: int, text: str) -> None:
    """Milliseconds as a date in UTC, leap days and far years too."""
    assert iso_time(timestamp_ms) == text


@pytest.mark.parametrize(("number", "status", "said"), [(errno.ENOSPC, 2, "cannot write: No space left on device"), (errno.EPIPE, 0, "")])
@pytest.mark.parametrize("words", [[], ["--json"], ["--records"]])
def test_output_that_cannot_be_written(
    words: list[str],
    number: int,
    status: int,
    said: str,
    tmp_path: Path,
    kafka_logs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A full disk is said in one line; a reader that has seen enough is nothing to speak of."""
    with NowhereToWrite(tmp_path / "out", number) as nowhere:
        monkeypatch.setattr("sys.stdout", nowhere)
        assert main(["dump", *words, str(kafka_logs / "orders-0")]) == status
    assert capsys.readouterr().err == (f"pybroker: {said}\n" if said else "")


def test_an_empty_segment(dump: Command, tmp_path: Path) -> None:
    """A file with nothing in it is said to be that."""
    path = tmp_path / "00000000000000000000.log"
    path.write_bytes(b"")
    assert dump(path) == (0, f"== {path}: segment, 0 bytes\n", "")


def test_offsets_the_wrong_way_round(dump: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """No offset lies between 5 and 2, so that was not meant."""
    with pytest.raises(SystemExit, match="2"):
        dump("--from-offset", "5", "--to-offset", "2", "x")
    assert "--from-offset 5 lies behind --to-offset 2" in capsys.readouterr().err
