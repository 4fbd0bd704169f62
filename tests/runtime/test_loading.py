"""Segment files of another broker, served: their records with their offsets, and clear words for what cannot be served."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from pybroker import Broker, BrokerConfig
from pybroker.config import ConfigError
from pybroker.records.builder import build_batch, build_control_batch
from pybroker.records.checksum import crc32
from pybroker.records.control import ControlType, encode_control_key, encode_marker
from pybroker.records.record import iter_records
from pybroker.runtime.loading import partition_of
from pybroker.runtime.partition import LivePartition


def batch(base_offset: int, count: int = 1, **options: Any) -> bytes:
    """A batch of leader epoch 7."""
    rows = [(b"k", b"value %d" % (base_offset + at)) for at in range(count)]
    return build_batch(rows, base_offset=base_offset, timestamp=1000, leader_epoch=7, **options)


def serve(look: Callable[[Callable[..., LivePartition]], Any], **options: Any) -> Any:
    """What `look` says of a broker's partitions; it is given a function that finds them."""

    async def main() -> Any:
        async with Broker(BrokerConfig(**options)) as broker:
            state = broker._open_rooms().state

            def find(topic: str, partition: int = 0) -> LivePartition:
                live = state.partitions.find(topic, partition)
                assert live is not None
                return live

            return look(find)

    return trio.run(main)


def values(live: LivePartition) -> dict[int, bytes | None]:
    """Records by offset, as a consumer that reads on gets them."""
    found: dict[int, bytes | None] = {}
    for _, piece in live.log.batches(live.log_start_offset):
        found |= {record.offset: record.value for record in iter_records(piece.read())}
    return found


@pytest.mark.parametrize("on_disk", [False, True])
def test_offsets_are_kept(tmp_path: Path, on_disk: bool) -> None:
    """The log starts where the file's name says, holes stay, the file stays as it is, and clients see this broker's leader epoch."""
    path = tmp_path / "00000000000000000100.log"
    content = batch(103, 2) + batch(110) + batch(120, 3)
    path.write_bytes(content)

    def look(find: Any) -> Any:
        live = find("orders")
        epochs = {header.partition_leader_epoch for header, _ in live.log.batches(0)}
        return live.log_start_offset, live.high_watermark, epochs, values(live), live.log.offset_for_timestamp(0, 200).offset

    data = tmp_path / "data" if on_disk else None
    start, end, epochs, found, first = serve(look, load_segments={"orders": path}, data_dir=data)
    assert (start, end, epochs, first) == (100, 123, {0}, 103)
    assert list(found) == [103, 104, 110, 120, 121, 122]
    assert found[104] == b"value 104"
    assert path.read_bytes() == content
    if on_disk:
        again = serve(lambda find: (find("orders").log_start_offset, list(values(find("orders")))), data_dir=data)
        assert again == (100, [103, 104, 110, 120, 121, 122])


def test_more_partitions_and_files(tmp_path: Path) -> None:
    """A topic gets as many partitions as its files need, or as it is to have; several files follow one another."""
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for at, path in enumerate(paths):
        path.write_bytes(batch(10 * at, 2))

    def look(find: Any) -> Any:
        return list(values(find("a-b", 2))), find("a-b", 0).log_end_offset, find("x", 4).log_end_offset, list(values(find("x", 1)))

    found = serve(look, load_segments={"a-b-2": paths[:2], "x-1": str(paths[2])}, topics={"x": 5})
    assert found == ([0, 1, 10, 11], 0, 0, [20, 21])


def test_transactions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was aborted is known as such; a transaction that the file leaves open is told, for it hides what follows."""
    producer = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    key, value = encode_control_key(ControlType.ABORT), encode_marker(0)
    marker = build_control_batch(key, value, timestamp=1, base_offset=2, producer_id=5, producer_epoch=0, transactional=True)
    path = tmp_path / "00000000000000000000.log"
    path.write_bytes(batch(0, 2, **producer) + marker + batch(3, 2, **{**producer, "base_sequence": 2}))

    def look(find: Any) -> Any:
        live = find("orders")
        return live.last_stable_offset, live.aborted_between(0, live.read(0, 10_000, 1, True)), list(live.log.aborted())

    with caplog.at_level(logging.INFO):
        stable, aborted, kept = serve(look, load_segments={"orders": path})
    assert (stable, aborted, len(kept)) == (3, [(5, 0)], 1)
    assert "a transaction is open at the end" in caplog.text
    assert "orders-0 holds offsets 0 to 4" in caplog.text


def test_a_torn_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of a file with a torn end the whole batches are served, and what is left out is said."""
    path = tmp_path / "00000000000000000000.log"
    path.write_bytes(batch(0, 2) + batch(2)[:-3])
    assert list(serve(lambda find: values(find("t")), load_segments={"t": path})) == [0, 1]
    assert "bytes are left out" in caplog.text


def old_message() -> bytes:
    """A message of magic 1."""
    body = b"\x01\x00" + (5).to_bytes(8) + (1).to_bytes(4) + b"k" + (1).to_bytes(4) + b"v"
    return bytes(8) + (len(body) + 4).to_bytes(4) + crc32(body).to_bytes(4) + body


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("orders-10000", batch(0), "--load-segment orders-10000: .* would need 10,001 partitions, and one change makes at most 10,000"),
        ("orders", old_message(), "messages of magic 1, the format of before Kafka 0.11"),
        ("orders", b"", "holds no whole batch, it is empty"),
        ("orders", b"\xff\xd8\xff\xe0" * 50, "holds no whole batch: magic -1"),
        ("orders", None, "No such file"),
        ("__consumer_offsets", batch(0), "is the broker's own"),
        ("a b", batch(0), "cannot be made"),
    ],
)
def test_what_cannot_be_served(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    """What holds no records that a broker of today serves is refused before anybody connects."""
    path = tmp_path / "00000000000000000000.log"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        serve(lambda find: None, load_segments={name: path})


def test_a_partition_that_holds_records(tmp_path: Path) -> None:
    """Nothing is loaded on top of records, from an earlier run or from another file."""
    path = tmp_path / "00000000000000000000.log"
    path.write_bytes(batch(0, 2))
    with pytest.raises(ConfigError, match="holds that already"):
        serve(lambda find: None, load_segments={"orders": [path, path]})
    data = tmp_path / "data"
    serve(lambda find: None, load_segments={"orders": path}, data_dir=data)
    for other in (batch(0, 3), build_batch([(b"k", b"another")] * 2, base_offset=0, timestamp=1000)):
        path.write_bytes(other)
        with pytest.raises(ConfigError, match="already holds records"):
            serve(lambda find: None, load_segments={"orders": path}, data_dir=data)
    with pytest.raises(ConfigError, match="has 1 partition, so"):
        serve(lambda find: None, load_segments={"orders-3": path}, data_dir=data)


def test_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same command starts the same broker a second time: a partition that holds just these batches keeps them."""
    first, second = (tmp_path / f"{offset:020d}.log" for offset in (100, 110))
    first.write_bytes(batch(103, 2) + batch(105))
    second.write_bytes(batch(110, 2))
    for _ in range(2):
        found = serve(lambda find: list(values(find("t"))), load_segments={"t": [first, second]}, data_dir=tmp_path / "data")
        assert found == [103, 104, 105, 110, 111]
        caplog.set_level(logging.INFO)
    assert "t-0 holds the records of" in caplog.text
    with pytest.raises(ConfigError, match="already holds records"):
        serve(lambda find: None, load_segments={"t": first}, data_dir=tmp_path / "data")


@pytest.mark.parametrize(("named", "begins"), [(100, 0), (0, 2**31)])
def test_a_name_that_does_not_fit(tmp_path: Path, named: int, begins: int) -> None:
    """A file whose batches cannot lie in a segment of its name is refused with the name that it should have."""
    path = tmp_path / f"{named:020d}.log"
    path.write_bytes(batch(begins))
    words = f"the name says {named}, its first batch says {begins}: rename it to {begins:020d}.log"
    with pytest.raises(ConfigError, match=words):
        serve(lambda find: None, load_segments={"orders": path})


def test_topics_that_are_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is made is said, for a slip of the pen makes a topic too; one that is to have fewer partitions is refused."""
    path = tmp_path / "a"
    path.write_bytes(batch(0))
    caplog.set_level(logging.INFO)
    serve(lambda find: find("orders-x"), load_segments={"orders-x": path, "orders-1": path})
    assert "made the topic orders-x with 1 partition" in caplog.messages
    assert "made the topic orders with 2 partitions" in caplog.messages
    with pytest.raises(ConfigError, match="orders is to have 2 partitions, so no segment can be loaded into orders-2"):
        serve(lambda find: None, load_segments={"orders-2": path}, topics={"orders": 2})


def test_names() -> None:
    """A number behind the last dash is the partition."""
    assert partition_of("orders") == ("orders", 0)
    assert partition_of("my-orders-3") == ("my-orders", 3)
    assert partition_of("my-orders") == ("my-orders", 0)
