"""Incremental fetch sessions (KIP-227, KIP-516): a consumer of many partitions names them once and then only what changes.

Rules
- Epoch 0 asks for a session and names everything; epoch -1 is a full fetch without one. Either ends the session whose id it carries.
- Any other epoch goes on with a session: 70 if it is unknown, 71 if the epoch is not the expected one (the session keeps its own), 106 if
  one made with topic names goes on with ids or the other way round. After 2147483647 comes 1.
- A session whose last partition was forgotten ends.
- An incremental answer holds the partitions that have records, an error, a diverging epoch, or another high watermark or log start than
  was last told. After an error the high watermark counts as not told, so the partition is sent when the error is gone.
- A partition that was answered with records goes to the end of its session, so that a small max_bytes does not starve the others.
- There is room for `slots` sessions. When all are taken the least recently used one goes if that is longer than two minutes ago; else
  the smallest of those older than two minutes, if the new one is larger; else the newcomer gets none (session id 0) and fetches in full.

Kafka: FetchSession, FetchSessionCache. Its privilege of followers is left out: nobody replicates from this broker.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from pybroker.wire.errors import ErrorCode, KafkaError

INITIAL_EPOCH = 0
FINAL_EPOCH = -1
NO_SESSION = 0
MAX_EPOCH = 2**31 - 1
EVICTION_MS = 120_000
"""Kafka's MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS: what was used so lately is left alone."""

Key = tuple[bytes | str, int]


class AskedPartition:
    """One partition that is asked for, with what the last answer told of it (-1: nothing). Offsets and sizes as in FetchRequest.

    `topic` is None as long as the topic of an id is not known; once it is, a session keeps the name (a topic deleted later is told
    apart from one that never was).
    """

    __slots__ = (
        "current_leader_epoch",
        "fetch_offset",
        "high_watermark",
        "last_fetched_epoch",
        "log_start_offset",
        "partition",
        "partition_max_bytes",
        "topic",
        "topic_id",
    )

    def __init__(self, topic: str | None, topic_id: bytes, asked: Any) -> None:
        self.topic = topic
        self.topic_id = topic_id
        self.partition: int = asked.partition
        self.high_watermark = -1
        self.log_start_offset = -1
        self.ask(asked)

    def ask(self, asked: Any) -> None:
        """Take over what a FetchRequest.FetchPartition asks."""
        self.fetch_offset: int = asked.fetch_offset
        self.partition_max_bytes: int = asked.partition_max_bytes
        self.current_leader_epoch: int = asked.current_leader_epoch
        self.last_fetched_epoch: int = asked.last_fetched_epoch

    def tell(self, data: Any) -> bool:
        """Note what `data` (a FetchResponse.PartitionData) tells; whether it tells anything new."""
        news = bool(data.records) or data.high_watermark != self.high_watermark or data.log_start_offset != self.log_start_offset
        self.high_watermark = data.high_watermark
        self.log_start_offset = data.log_start_offset
        if data.error_code or data.diverging_epoch.epoch >= 0:
            self.high_watermark = -1
            return True
        return news


Answer = tuple[AskedPartition, Any]


class FetchSession:
    """One session: its partitions in the order in which they are served."""

    __slots__ = ("by_id", "created_ms", "epoch", "last_used_ms", "partitions", "session_id")

    def __init__(self, session_id: int, by_id: bool, asked: Iterable[AskedPartition], now_ms: int) -> None:
        self.session_id = session_id
        self.by_id = by_id
        self.epoch = 1
        self.created_ms = now_ms
        self.last_used_ms = now_ms
        self.partitions = {key_of(one, by_id): one for one in asked}

    def update(self, topics: Iterable[Any], forgotten: Iterable[Any]) -> None:
        """Take over what an incremental request adds, changes and forgets."""
        for one in asked_partitions(topics, self.by_id):
            known = self.partitions.get(key := key_of(one, self.by_id))
            if known is None:
                self.partitions[key] = one
            else:
                known.ask(one)
        for topic in forgotten:
            for index in topic.partitions:
                self.partitions.pop((topic.topic_id if self.by_id else topic.topic, index), None)

    def move_to_end(self, one: AskedPartition) -> None:
        key = key_of(one, self.by_id)
        if self.partitions.pop(key, None) is not None:
            self.partitions[key] = one


class FetchContext:
    """One fetch: what it asks, and what of the answers is sent. Without a session, that is all."""

    __slots__ = ("asked",)

    def __init__(self, asked: Collection[AskedPartition]) -> None:
        self.asked = asked

    def finish(self, answers: list[Answer], now_ms: int) -> tuple[int, list[Answer]]:
        """The session id to answer, and the answers to send. Raises KafkaError if the session went on meanwhile."""
        return NO_SESSION, answers


class FullContext(FetchContext):
    """A full fetch that asks for a session."""

    __slots__ = ("_by_id", "_sessions")

    def __init__(self, asked: Collection[AskedPartition], sessions: FetchSessions, by_id: bool) -> None:
        self.asked = asked
        self._sessions = sessions
        self._by_id = by_id

    def finish(self, answers: list[Answer], now_ms: int) -> tuple[int, list[Answer]]:
        for one, data in answers:
            one.tell(data)
        return self._sessions.create(self.asked, self._by_id, now_ms), answers


class IncrementalContext(FetchContext):
    """A fetch that goes on with a session."""

    __slots__ = ("_expected_epoch", "_session")

    def __init__(self, session: FetchSession) -> None:
        self.asked = list(session.partitions.values())
        self._session = session
        self._expected_epoch = session.epoch

    def finish(self, answers: list[Answer], now_ms: int) -> tuple[int, list[Answer]]:
        session = self._session
        if session.epoch != self._expected_epoch:
            raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH, f"session {session.session_id} went on during this fetch")
        included = [answer for answer in answers if answer[0].tell(answer[1])]
        for one, data in included:
            if data.records:
                session.move_to_end(one)
        return session.session_id, included


class FetchSessions:
    """The sessions of one broker. `new_id` gives random numbers of 31 bits."""

    __slots__ = ("_new_id", "_sessions", "_slots")

    def __init__(self, slots: int, new_id: Callable[[], int]) -> None:
        self._slots = slots
        self._new_id = new_id
        self._sessions: dict[int, FetchSession] = {}
        """In the order in which they were last used."""

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, request: Any, by_id: bool, now_ms: int) -> FetchContext:
        """Read what a FetchRequest says of sessions; `by_id`: its version names topics by id. Raises KafkaError 70, 71 or 106."""
        if request.session_epoch in (INITIAL_EPOCH, FINAL_EPOCH):
            self._sessions.pop(request.session_id, None)
            asked = asked_partitions(request.topics, by_id)
            return FetchContext(asked) if request.session_epoch == FINAL_EPOCH else FullContext(asked, self, by_id)
        session = self._expected(request, by_id)
        session.update(request.topics, request.forgotten_topics_data)
        if not session.partitions:
            del self._sessions[session.session_id]
            return FetchContext([])
        session.epoch = session.epoch + 1 if session.epoch < MAX_EPOCH else 1
        self._touch(session, now_ms)
        return IncrementalContext(session)

    def _expected(self, request: Any, by_id: bool) -> FetchSession:
        session = self._sessions.get(request.session_id)
        if session is None:
            raise KafkaError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, f"fetch session {request.session_id} is not known")
        if session.epoch != request.session_epoch:
            raise KafkaError(
                ErrorCode.INVALID_FETCH_SESSION_EPOCH, f"session epoch {request.session_epoch} came, {session.epoch} was expected"
            )
        if session.by_id != by_id:
            raise KafkaError(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR, "a session is by topic name or by topic id, not by both")
        return session

    def create(self, asked: Collection[AskedPartition], by_id: bool, now_ms: int) -> int:
        """Make a session and return its id, or 0 if there is no room."""
        if len(self._sessions) >= self._slots and not self._evict(len(asked), now_ms):
            return NO_SESSION
        session_id = self._new_id()
        while session_id == NO_SESSION or session_id in self._sessions:
            session_id = self._new_id()
        self._sessions[session_id] = FetchSession(session_id, by_id, asked, now_ms)
        return session_id

    def _touch(self, session: FetchSession, now_ms: int) -> None:
        session.last_used_ms = now_ms
        del self._sessions[session.session_id]
        self._sessions[session.session_id] = session

    def _evict(self, size: int, now_ms: int) -> bool:
        if not self._sessions:
            return False
        victim = next(iter(self._sessions.values()))
        if now_ms - victim.last_used_ms <= EVICTION_MS:
            old = [one for one in self._sessions.values() if now_ms - one.created_ms > EVICTION_MS]
            if not old:
                return False
            victim = min(old, key=lambda one: len(one.partitions))
            if len(victim.partitions) >= size:
                return False
        del self._sessions[victim.session_id]
        return True


def asked_partitions(topics: Iterable[Any], by_id: bool) -> list[AskedPartition]:
    """The partitions of FetchRequest.topics in their order; one that is named twice counts once, as it was named last."""
    asked: dict[Key, AskedPartition] = {}
    for topic in topics:
        name, topic_id = (None, topic.topic_id) if by_id else (topic.topic, topic.topic_id)
        for one in topic.partitions:
            asked[topic_id if by_id else topic.topic, one.partition] = AskedPartition(name, topic_id, one)
    return list(asked.values())


def key_of(one: AskedPartition, by_id: bool) -> Key:
    """What a session knows a partition by."""
    return (one.topic_id if by_id else one.topic or "", one.partition)
