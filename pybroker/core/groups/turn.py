"""One turn of the machine: a request or a timer, and what it brings about."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from pybroker.core.decision import CoordinatorRecord, Decision, Reply
from pybroker.core.groups.deadlines import Deadlines
from pybroker.core.groups.settings import GroupSettings


@dataclass(slots=True, frozen=True)
class Caller:
    """Who sent a request, as far as groups care. `client_host` is in Java's form, `/127.0.0.1`."""

    client_id: str
    client_host: str
    api_version: int


@dataclass(slots=True)
class Turn:
    """What the functions that decide share: the time of the request, the timers they may set, the decision they add to."""

    now_ms: int
    settings: GroupSettings
    deadlines: Deadlines
    rng: Random
    decision: Decision = field(default_factory=Decision)

    def reply(self, call: int | None, response: Any) -> None:
        """Answer a call; None is a call that was answered before."""
        if call is not None:
            self.decision.replies.append(Reply(call, response))

    def write(self, record: CoordinatorRecord) -> None:
        self.decision.records.append(record)

    def later(self, now_ms: int) -> Turn:
        """Another turn of the same machine."""
        return Turn(now_ms, self.settings, self.deadlines, self.rng)

    def new_uuid(self) -> str:
        """A random UUID (version 4) out of the seeded generator."""
        return str(UUID(int=self.rng.getrandbits(128), version=4))


def answer(call: int, response: Any) -> Decision:
    """A decision that is nothing but an answer."""
    return Decision(replies=[Reply(call, response)])
