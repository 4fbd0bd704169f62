"""What a state machine hands to the runner: records to make safe first, then replies to release.

Rules
- A machine method reads its state and returns a `Decision`; durable state changes only in `replay`, when the record is written.
- A parked call is a number. Its reply appears in the `replies` of a later decision, exactly once.
- The runner carries out: append `records` as one batch and `replay` each at once, so that the next decision sees them; wait until they
  are safe; then release `replies`. If the append fails nothing is replayed, and `on_failure`, or the error, is what the callers get.
  (Kafka: CoordinatorResult and CoordinatorRuntime; etcd raft: Ready.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class CoordinatorRecord(NamedTuple):
    """A key message and its value message (None: a tombstone), with the versions they are written at."""

    key: Any
    value: Any | None
    key_version: int
    value_version: int = 0


class Reply(NamedTuple):
    """The answer to call number `call`: a response message, or an exception to raise where the call waits."""

    call: int
    response: Any


@dataclass(slots=True)
class Decision:
    """Records that must be safe before any of the replies is released."""

    records: list[CoordinatorRecord] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    on_failure: list[Reply] = field(default_factory=list)
