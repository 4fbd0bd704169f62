"""What is fuzzed: each target takes any bytes and must end in a result or in an error that its room documents.

`fuzz_frames.py` drives them with atheris; `test_corpus.py` replays what that found worth keeping. Both load this file by its path.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import protocol_specs
from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.compression import decompress
from pybroker.records.errors import RecordsError
from pybroker.records.record import iter_records
from pybroker.records.validate import ProduceRules, check_produce
from pybroker.storage.store import DiskLogStore
from pybroker.wire.base import WireError
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import KafkaError
from pybroker.wire.framing import FrameBuffer
from pybroker.wire.headers import parse_request_header
from pybroker.wire.messages import message_class
from pybroker.wire.stored import COORDINATOR_RECORDS, decode_key, decode_metadata_record, decode_value

MAX_FRAME_BYTES = 1 << 16
MAX_DECOMPRESSED_BYTES = 1 << 20
FAST_DIRECTORY = "/dev/shm"  # a fuzzer opens thousands of stores
RULES = [
    ProduceRules(
        api_version=12, now_ms=1_790_000_000_000, full_check_records=1 << 30, max_decompressed_message_bytes=MAX_DECOMPRESSED_BYTES
    ),
    ProduceRules(api_version=3, now_ms=1_790_000_000_000, log_append_time=True),
    ProduceRules(api_version=9, now_ms=1_790_000_000_000, compression_type=0, compacted=True),
]


@cache
def messages(kind: str) -> list[str]:
    """Names of all requests, or of all responses, in order."""
    folder = Path(protocol_specs.__path__[0]) / "messages"
    return sorted(path.stem for path in folder.glob(f"*{kind}.json"))


@cache
def request_names() -> dict[int, str]:
    """Request names by API key."""
    apis = json.loads((Path(protocol_specs.__path__[0]) / "apis.json").read_text())
    return {api["key"]: f"{api['name']}Request" for api in apis}


def round_trip(name: str, version: int, body: bytes) -> None:
    """What can be read can be written, and says the same when it is read again."""
    message, _ = decode(message_class(name), version, body)
    written = encode(message, version)
    again, end = decode(message_class(name), version, written)
    assert end == len(written)
    assert encode(again, version) == written


def frames(data: bytes) -> None:
    """A stream of frames in two pieces, each with a request header and body, as a connection sees it."""
    buffer = FrameBuffer(MAX_FRAME_BYTES)
    half = len(data) // 2
    try:
        for piece in (data[:half], data[half:]):
            buffer.feed(piece)
            while (frame := buffer.next_frame()) is not None:
                header, at = parse_request_header(frame)
                name = request_names().get(header.api_key)
                if name is not None:
                    round_trip(name, header.api_version, bytes(frame[at:]))
    except WireError:
        return


def bodies(data: bytes) -> None:
    """One response or request body: the first byte chooses the message, the second the version."""
    if len(data) < 2:
        return
    names = messages("Response") + messages("Request")
    cls = message_class(names[data[0] % len(names)])
    if cls.MAX_VERSION < cls.MIN_VERSION:
        return  # a message that Kafka keeps the name of, without versions
    version = cls.MIN_VERSION + data[1] % (cls.MAX_VERSION - cls.MIN_VERSION + 1)
    try:
        round_trip(cls.__name__, version, data[2:])
    except WireError:
        return


def stored(data: bytes) -> None:
    """Records of the metadata log and of the coordinators' topics; the first byte chooses the topic and where the key ends."""
    if not data:
        return
    topics = sorted(COORDINATOR_RECORDS)
    choice, cut = data[0] % (len(topics) + 1), 1 + data[0] // (len(topics) + 1)
    try:
        if choice == len(topics):
            decode_metadata_record(data[1:])
        else:
            decode_value(decode_key(topics[choice], data[1 : 1 + cut]), data[1 + cut :])
    except WireError:
        return


def records(data: bytes) -> None:
    """Produce's checks on any bytes under three sets of rules; what they let through must be readable as records."""
    for rules in RULES:
        try:
            valid = check_produce(bytearray(data), rules)
        except KafkaError:
            continue
        assert len(list(iter_batches(valid.buffer))) == 1
        if rules is RULES[0]:
            assert sum(1 for _ in iter_records(valid.buffer)) == valid.header.record_count
    try:
        for at, _ in iter_batches(data):
            list(iter_records(data, at, max_bytes=MAX_DECOMPRESSED_BYTES))
    except RecordsError:
        return


def codecs(data: bytes) -> None:
    """Each codec's decompression, which must respect its limit; the first byte chooses the codec."""
    if not data:
        return
    try:
        assert len(decompress(data[0] % 5, data[1:], MAX_DECOMPRESSED_BYTES)) <= MAX_DECOMPRESSED_BYTES
    except RecordsError:
        return


def recovery(data: bytes) -> None:
    """A segment that holds any bytes: the store opens, cuts what is bad, and takes and gives records again."""
    shared = FAST_DIRECTORY if os.path.isdir(FAST_DIRECTORY) else None
    with tempfile.TemporaryDirectory(dir=shared) as directory:
        DiskLogStore.open([directory], cluster_id="fuzz", node_id=1, rng=Random(1)).abandon()
        log_directory = Path(directory) / "t-0"
        log_directory.mkdir()
        (log_directory / f"{0:020}.log").write_bytes(data)
        store = DiskLogStore.open([directory], cluster_id="fuzz", node_id=1, rng=Random(1))
        try:
            log = store.get("t", 0)
            assert log is not None
            for header, _ in log.batches(log.log_start_offset):
                assert header.last_offset < log.log_end_offset
            batch = bytearray(build_batch([(b"k", b"v")], base_offset=log.log_end_offset))
            end = log.log_end_offset
            log.append(batch, next(iter(iter_batches(batch)))[1], 0)
            assert log.log_end_offset == end + 1
            found = log.read(end, 1 << 20, end + 1, True)
            assert found is not None
            assert found.read().endswith(batch)
        finally:
            store.abandon()


TARGETS: dict[str, Callable[[bytes], None]] = {target.__name__: target for target in (frames, bodies, stored, records, codecs, recovery)}
