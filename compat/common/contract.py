"""What the scenarios ask of a client library: each Python client wraps itself in these few verbs.

Times are milliseconds in records and seconds in waits. A broker's refusal reaches a scenario as `Refused(code)` with the
protocol's error code, whatever the library calls its exception. `Missing` says that the library cannot do a thing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Header = tuple[str, bytes | None]
TopicPartition = tuple[str, int]
Placed = tuple[int, int]  # partition and offset of a record that the broker took


class Refused(Exception):
    """The broker answered with this error code."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(f"error {code} {text}")
        self.code = code


class Missing(Exception):
    """The client library offers no such thing, so the scenario is left out."""


class NoOffset(Exception):
    """There is no committed offset, and the reset policy is none."""


@dataclass(slots=True)
class Record:
    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    headers: tuple[Header, ...] = ()
    timestamp_ms: int | None = None


@dataclass(slots=True)
class Message:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    timestamp_ms: int


@dataclass(slots=True)
class ProducerOptions:
    acks: int = -1
    codec: str = "none"
    idempotent: bool = False
    transactional_id: str | None = None
    max_request_bytes: int = 1_000_000


@dataclass(slots=True)
class ConsumerOptions:
    group: str | None = None
    reset: str = "earliest"
    auto_commit: bool = False
    committed_only: bool = False
    static_id: str | None = None
    protocol: str = "classic"


class Producer(Protocol):
    def send(self, topic: str, records: Iterable[Record]) -> list[Placed]: ...  # once all are acknowledged
    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...
    def send_offsets(self, offsets: Mapping[TopicPartition, int], consumer: Any) -> None: ...
    def close(self) -> None: ...


class Consumer(Protocol):
    def subscribe(self, topic: str) -> None: ...
    def assign(self, partitions: Iterable[TopicPartition]) -> None: ...
    def assignment(self) -> set[TopicPartition]: ...
    def poll(self, wait_s: float) -> list[Message]: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def position(self, partition: TopicPartition) -> int: ...
    def commit(self, offsets: Mapping[TopicPartition, int] | None = None) -> None: ...
    def committed(self, partition: TopicPartition) -> int | None: ...
    def offset_at(self, partition: TopicPartition, timestamp_ms: int) -> int | None: ...
    def bounds(self, partition: TopicPartition) -> tuple[int, int]: ...
    def close(self) -> None: ...


class Admin(Protocol):
    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None: ...
    def delete_topic(self, name: str) -> None: ...
    def topics(self) -> dict[str, int]: ...  # name to number of partitions
    def grow(self, name: str, partitions: int) -> None: ...
    def topic_config(self, name: str) -> dict[str, str]: ...
    def set_topic_config(self, name: str, key: str, value: str) -> None: ...
    def groups(self) -> set[str]: ...
    def describe_group(self, group: str) -> tuple[str, int]: ...  # state, number of members
    def delete_group(self, group: str) -> None: ...
    def delete_records(self, partition: TopicPartition, before: int) -> int: ...  # the low watermark
    def close(self) -> None: ...


class Client(Protocol):
    def producer(self, options: ProducerOptions) -> Producer: ...
    def consumer(self, options: ConsumerOptions) -> Consumer: ...
    def admin(self) -> Admin: ...
