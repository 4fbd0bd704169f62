"""Which topics the members of a classic consumer group consume, out of the metadata that they join with (ConsumerProtocolSubscription)."""

from __future__ import annotations

from collections.abc import Iterable

from pybroker.wire.codec import decode
from pybroker.wire.errors import WireError
from pybroker.wire.messages import ConsumerProtocolSubscription

# An int16 version stands before the subscription. Every version begins as version 0 does, and topics are all that is needed.
_VERSION_SIZE = 2


def subscribed_topics(subscriptions: Iterable[bytes]) -> frozenset[str] | None:
    """All topics named by the members, or None if one member's metadata is something else."""
    topics: set[str] = set()
    for metadata in subscriptions:
        try:
            topics.update(decode(ConsumerProtocolSubscription, 0, metadata, _VERSION_SIZE)[0].topics)
        except WireError:
            return None
    return frozenset(topics)
