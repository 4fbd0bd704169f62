"""What first requests have to wait for, brought in beforehand: modules, the classes of messages, and their codecs.

All of it is made on first use, so that a broker is ready at once and holds only what it needs. But then the first member of a group would
wait for the whole of the group coordinator, some 50 ms. So a broker that runs on its own brings in the most usual things a short while
after it is ready: in steps of a few milliseconds, with a pause after each in which requests are served. Whatever is there already costs no
step. Nothing else depends on this: what is not brought in here comes with its first use, as before.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from importlib import import_module

from pybroker.handlers.registry import REGISTRY, find_registration
from pybroker.runtime.clock import Clock
from pybroker.wire import messages
from pybroker.wire.apis import find_api
from pybroker.wire.codec import decoder_of, encoder_of
from pybroker.wire.messages import message_class

logger = logging.getLogger("pybroker")

AFTER_MS = 250
"""A client that was started together with the broker has its first answers by then."""
PAUSE_MS = 3

MODULES = (
    "pybroker.handlers.metadata",
    "pybroker.handlers.produce",
    "pybroker.handlers.fetch",
    "pybroker.core.groups.classic",
    "pybroker.core.groups.classic_describe",
    "pybroker.core.groups.classic_rebalance",
    "pybroker.core.groups.classic_sync",
    "pybroker.core.groups.offsets",
    "pybroker.core.groups.offset_requests",
    "pybroker.core.groups.shard",
    "pybroker.core.transactions.ending",
    "pybroker.core.transactions.shard",
    "pybroker.handlers.transactional_produce",
)
"""Larger ones after those that they import: each is a step."""

APIS = (
    "Metadata",
    "Produce",
    "Fetch",
    "ListOffsets",
    "FindCoordinator",
    "JoinGroup",
    "SyncGroup",
    "Heartbeat",
    "OffsetFetch",
    "OffsetCommit",
    "LeaveGroup",
    "InitProducerId",
    "EndTxn",
)

RECORDS = (("GroupMetadata", 3), ("OffsetCommit", 3), ("TransactionLog", 1))
"""What the coordinators write: kinds of records, and the version of the value."""


async def bring_in(clock: Clock) -> None:
    """Take all steps. Raises nothing: what is wrong with a module is told by its first request, too."""
    await clock.sleep_until_ms(clock.now_ms() + AFTER_MS)
    try:
        for _ in steps():
            await clock.sleep_until_ms(clock.now_ms() + PAUSE_MS)
    except Exception:
        logger.exception("what requests will need could not all be brought in beforehand")


def steps() -> Iterator[None]:
    """Do one piece of work before each `yield`."""
    for api in APIS:
        yield from _classes(f"{api}Request", f"{api}Response")
    for kind, _ in RECORDS:
        yield from _classes(f"{kind}Key", f"{kind}Value")
    for name in MODULES:
        if name not in sys.modules:
            import_module(name)
            yield
    for api in APIS:
        yield from _handler(api)
    for kind, version in RECORDS:
        yield from _encoder(f"{kind}Key", 0)
        yield from _encoder(f"{kind}Value", version)


def _classes(*names: str) -> Iterator[None]:
    for name in names:
        if name not in vars(messages):
            message_class(name)
            yield


def _handler(api: str) -> Iterator[None]:
    """The module that serves it, and what reads and answers the version that a client of today speaks."""
    known = find_api(api)
    if known.key not in REGISTRY:
        find_registration(known.key)
        yield
    request, version = message_class(f"{api}Request"), known.advertised_max_version
    if version not in request._decoders:
        decoder_of(request, version)
        yield
    yield from _encoder(f"{api}Response", version)


def _encoder(name: str, version: int) -> Iterator[None]:
    message = message_class(name)
    if version not in message._encoders:
        encoder_of(message, version)
        yield
