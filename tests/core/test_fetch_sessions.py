"""Incremental fetch sessions."""

from __future__ import annotations

from itertools import count

import pytest

from pybroker.core.fetch_sessions import EVICTION_MS, MAX_EPOCH, Answer, FetchContext, FetchSessions
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import FetchRequest, FetchResponse


def sessions_of(slots: int = 10) -> FetchSessions:
    """Sessions with the ids 1, 2, 3 ..."""
    numbers = count(1)
    return FetchSessions(slots, lambda: next(numbers))


def asking(session_id: int, epoch: int, *named: tuple[str, int], forget: tuple[tuple[str, int], ...] = (), offset: int = 0) -> FetchRequest:
    """A request for partitions by name."""
    topics = [
        FetchRequest.FetchTopic(topic=topic, partitions=[FetchRequest.FetchPartition(partition=index, fetch_offset=offset)])
        for topic, index in named
    ]
    forgotten = [FetchRequest.ForgottenTopic(topic=topic, partitions=[index]) for topic, index in forget]
    return FetchRequest(session_id=session_id, session_epoch=epoch, topics=topics, forgotten_topics_data=forgotten)


def answered(context: FetchContext, records: dict[int, bytes] | None = None, **fields: int) -> list[Answer]:
    """An answer for each partition asked for."""
    data = {"high_watermark": 5, "log_start_offset": 0, **fields}
    return [
        (one, FetchResponse.PartitionData(partition_index=one.partition, records=(records or {}).get(one.partition, b""), **data))
        for one in context.asked
    ]


def play(sessions: FetchSessions, request: FetchRequest, now_ms: int = 0, **answer: object) -> tuple[int, list[int]]:
    """The session id and the partitions that are sent."""
    context = sessions.begin(request, by_id=False, now_ms=now_ms)
    session_id, included = context.finish(answered(context, **answer), now_ms)
    return session_id, [one.partition for one, _ in included]


def refused(sessions: FetchSessions, request: FetchRequest, by_id: bool = False) -> ErrorCode:
    """How the request is refused."""
    with pytest.raises(KafkaError) as caught:
        sessions.begin(request, by_id, 0)
    return caught.value.code


def test_incremental_answers_hold_what_changed():
    """After the first answer a partition is sent with records, a new high watermark or a new log start, else not."""
    sessions = sessions_of()
    assert play(sessions, asking(0, 0, ("a", 0), ("a", 1))) == (1, [0, 1])
    assert play(sessions, asking(1, 1)) == (1, [])
    assert play(sessions, asking(1, 2), records={1: b"x"}) == (1, [1])
    assert play(sessions, asking(1, 3), high_watermark=6) == (1, [0, 1])
    assert play(sessions, asking(1, 4), high_watermark=6, log_start_offset=2) == (1, [0, 1])
    assert play(sessions, asking(1, 5), high_watermark=6, log_start_offset=2) == (1, [])


def test_errors_are_repeated_and_their_end_is_told():
    """An error comes each time; when it is gone the partition is sent once more."""
    sessions = sessions_of()
    play(sessions, asking(0, 0, ("a", 0)))
    assert play(sessions, asking(1, 1), error_code=3) == (1, [0])
    assert play(sessions, asking(1, 2), error_code=3) == (1, [0])
    assert play(sessions, asking(1, 3)) == (1, [0])
    assert play(sessions, asking(1, 4)) == (1, [])


def test_partition_with_records_goes_to_the_end():
    """So that a small max_bytes does not starve the others."""
    sessions = sessions_of()
    play(sessions, asking(0, 0, ("a", 0), ("a", 1), ("a", 2)))
    play(sessions, asking(1, 1), records={0: b"x"})
    assert [one.partition for one in sessions.begin(asking(1, 2), False, 0).asked] == [1, 2, 0]


def test_partitions_are_added_changed_and_forgotten():
    """A session takes what is named, keeps the rest and drops what is forgotten; without partitions it ends."""
    sessions = sessions_of()
    play(sessions, asking(0, 0, ("a", 0)))
    context = sessions.begin(asking(1, 1, ("b", 4), ("a", 0), offset=9), False, 0)
    assert [(one.topic, one.partition, one.fetch_offset) for one in context.asked] == [("a", 0, 9), ("b", 4, 9)]
    assert [one.topic for one in sessions.begin(asking(1, 2, forget=(("a", 0),)), False, 0).asked] == ["b"]
    assert play(sessions, asking(1, 3, forget=(("b", 4),))) == (0, [])
    assert len(sessions) == 0


def test_refusals():
    """70 unknown, 71 another epoch (the session keeps its own), 106 names and ids mixed."""
    sessions = sessions_of()
    assert refused(sessions, asking(12345, 1)) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    play(sessions, asking(0, 0, ("a", 0)))
    assert refused(sessions, asking(1, 2)) is ErrorCode.INVALID_FETCH_SESSION_EPOCH
    assert refused(sessions, asking(1, 1), by_id=True) is ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
    assert play(sessions, asking(1, 1)) == (1, [])
    assert refused(sessions, asking(1, 1)) is ErrorCode.INVALID_FETCH_SESSION_EPOCH


def test_session_that_went_on_meanwhile_refuses_the_late_answer():
    """Two fetches of one session at once: the one that was overtaken is told so."""
    sessions = sessions_of()
    play(sessions, asking(0, 0, ("a", 0)))
    late = sessions.begin(asking(1, 1), False, 0)
    sessions.begin(asking(1, 2), False, 0)
    with pytest.raises(KafkaError):
        late.finish([], 0)


def test_epoch_zero_replaces_and_minus_one_closes():
    """Both end the session whose id they carry; only epoch 0 makes another."""
    sessions = sessions_of()
    play(sessions, asking(0, 0, ("a", 0)))
    assert play(sessions, asking(1, 0, ("a", 0))) == (2, [0])
    assert refused(sessions, asking(1, 1)) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    assert play(sessions, asking(2, -1, ("a", 0))) == (0, [0])
    assert refused(sessions, asking(2, 1)) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_epoch_wraps_to_one():
    """0 would mean a new session."""
    sessions = sessions_of()
    play(sessions, asking(0, 0, ("a", 0)))
    sessions._sessions[1].epoch = MAX_EPOCH
    play(sessions, asking(1, MAX_EPOCH))
    assert play(sessions, asking(1, 1)) == (1, [])


def test_no_session_without_room():
    """When all slots are taken by sessions that are young, a newcomer gets none and still its answer."""
    sessions = sessions_of(slots=1)
    play(sessions, asking(0, 0, ("a", 0)))
    assert play(sessions, asking(0, 0, ("a", 0), ("a", 1)), now_ms=EVICTION_MS) == (0, [0, 1])


def test_stale_session_makes_room():
    """The least recently used one goes after two minutes."""
    sessions = sessions_of(slots=2)
    play(sessions, asking(0, 0, ("a", 0)))
    play(sessions, asking(0, 0, ("a", 0)), now_ms=1)
    play(sessions, asking(1, 1), now_ms=2)
    assert play(sessions, asking(0, 0, ("a", 0)), now_ms=EVICTION_MS + 2) == (3, [0])
    assert refused(sessions, asking(2, 1)) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_larger_session_takes_the_place_of_an_old_small_one():
    """One that is used but old yields to a newcomer with more partitions, not to one with as many."""
    sessions = sessions_of(slots=1)
    play(sessions, asking(0, 0, ("a", 0)))
    later = EVICTION_MS + 1
    play(sessions, asking(1, 1), now_ms=later)
    assert play(sessions, asking(0, 0, ("b", 0)), now_ms=later) == (0, [0])
    assert play(sessions, asking(0, 0, ("b", 0), ("b", 1)), now_ms=later) == (2, [0, 1])


def test_partition_named_twice_counts_once():
    """What was named last counts."""
    context = sessions_of().begin(asking(0, -1, ("a", 0), ("b", 1), ("a", 0)), False, 0)
    assert [(one.topic, one.partition) for one in context.asked] == [("a", 0), ("b", 1)]
