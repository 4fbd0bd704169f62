"""What the write path asks of a topic's configuration, worked out once and shared by its partitions."""

from __future__ import annotations

from pybroker.core.topic_config import TopicConfig
from pybroker.records.batch import BatchHeader
from pybroker.records.compression import Codec
from pybroker.records.single import check_single
from pybroker.records.validate import ProduceRules, check_produce
from pybroker.storage.interface import LogConfig

CODECS: dict[str, int | None] = {
    "producer": None,
    "uncompressed": Codec.NONE,
    "gzip": Codec.GZIP,
    "snappy": Codec.SNAPPY,
    "lz4": Codec.LZ4,
    "zstd": Codec.ZSTD,
}

Checked = tuple[bytearray | memoryview, BatchHeader, int]


class TopicRules:
    """One topic's configuration, ready to use."""

    __slots__ = ("_after_max_ms", "_before_max_ms", "_produce", "_single_max_bytes", "config", "flush_messages", "log_config")

    def __init__(self, config: TopicConfig) -> None:
        self.config = config
        self.log_config: LogConfig = config.log_config()
        self.flush_messages = config.flush_messages
        self._produce = ProduceRules(
            api_version=0,
            now_ms=0,
            compression_type=CODECS[config.compression_type],
            levels={
                Codec.GZIP: config.compression_gzip_level,
                Codec.LZ4: config.compression_lz4_level,
                Codec.ZSTD: config.compression_zstd_level,
            },
            log_append_time=config.log_append_time,
            timestamp_before_max_ms=config.message_timestamp_before_max_ms,
            timestamp_after_max_ms=config.message_timestamp_after_max_ms,
            compacted=config.compact,
            max_message_bytes=config.max_message_bytes,
            segment_bytes=config.segment_bytes,
            max_decompressed_message_bytes=config.max_decompressed_message_bytes,
        )
        self._before_max_ms = config.message_timestamp_before_max_ms
        self._after_max_ms = config.message_timestamp_after_max_ms
        changed = config.log_append_time or config.compact or config.compression_type not in ("producer", "uncompressed")
        self._single_max_bytes = 0 if changed else min(config.max_message_bytes, config.segment_bytes)

    def check(self, records: memoryview, api_version: int, now_ms: int) -> Checked:
        """The batch to write (writable), its header, and the append time to answer (-1: the client's times stand). Raises InvalidBatch."""
        if len(records) <= self._single_max_bytes and not records.readonly:
            header = check_single(records, now_ms, self._before_max_ms, self._after_max_ms)
            if header is not None:
                return records, header, -1
        rules = self._produce
        rules.api_version = api_version
        rules.now_ms = now_ms
        checked = check_produce(records, rules)
        batch = checked.buffer
        if isinstance(batch, bytes) or (isinstance(batch, memoryview) and batch.readonly):
            batch = bytearray(batch)
        return batch, checked.header, now_ms if rules.log_append_time else -1
