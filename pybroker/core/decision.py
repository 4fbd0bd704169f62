"""What a state machine hands to the runner: records to make safe first, then replies to release.

Rules
- A machine method reads its state and returns a `Decision`; durable state changes only in `replay`, when the record is written.
- A parked call is a number. Its reply appears in the `replies` of a later decision, exactly once.
- The runner carries out: append `records` as one batch and `replay` each at once, so that the next decision sees them; wait until they
  are safe; then release `replies`. If the append fails nothing is replayed, the callers get the error, and the machine decides again by
  `if_not_written`. (Kafka: CoordinatorResult and CoordinatorRuntime; etcd raft: Ready.)
- Records that belong together are `atomic`: one batch, refused as a whole if it is larger than max.message.bytes. Others, the tombstones of
  a clean-up, are written in as many batches as they need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class CoordinatorRecord(NamedTuple):
    """A key message and its value message (None: a tombstone), with the versions they are written at.

    `made_of`: what replay would read from the value, where the machine that made the record knows it. A log does not keep it.
    """

    key: Any
    value: Any | None
    key_version: int
    value_version: int = 0
    made_of: Any = None


class Reply(NamedTuple):
    """The answer to call number `call`: a response message, or an exception to raise where the call waits."""

    call: int
    response: Any


@dataclass(slots=True)
class Decision:
    """Records that must be safe before any of the replies is released. `if_not_written` takes the time, `now_ms`.

    `effects`: what the coordinator has to do elsewhere once the records are safe; data of the machine's own.
    """

    records: list[CoordinatorRecord] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    effects: list[Any] = field(default_factory=list)
    atomic: bool = True
    if_not_written: Callable[[int], Decision] | None = None
