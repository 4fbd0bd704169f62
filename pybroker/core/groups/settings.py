"""What the coordinator asks of the broker's settings, read once: Kafka does not let any of these change while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, frozen=True)
class GroupSettings:
    """Times in milliseconds, by Kafka's names without their prefix (defaults: Kafka's, but no initial delay)."""

    min_session_timeout_ms: int = 6_000
    max_session_timeout_ms: int = 1_800_000
    initial_rebalance_delay_ms: int = 0
    max_size: int = 2_147_483_647
    offset_metadata_max_bytes: int = 4_096
    offsets_retention_ms: int = 10_080 * 60_000
    offsets_retention_check_interval_ms: int = 600_000
    # GroupCoordinatorConfig.CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS: a new member cannot send heartbeats while its join is parked, and a
    # client that gives up leaves no trace, so such a member is dropped after this time.
    new_member_join_timeout_ms: int = 300_000


def read_group_settings(get: Callable[[str], Any]) -> GroupSettings:
    """From the broker's settings, `get` being `Settings.get`."""
    return GroupSettings(
        min_session_timeout_ms=get("group.min.session.timeout.ms"),
        max_session_timeout_ms=get("group.max.session.timeout.ms"),
        initial_rebalance_delay_ms=get("group.initial.rebalance.delay.ms"),
        max_size=get("group.max.size"),
        offset_metadata_max_bytes=get("offset.metadata.max.bytes"),
        offsets_retention_ms=get("offsets.retention.minutes") * 60_000,
        offsets_retention_check_interval_ms=get("offsets.retention.check.interval.ms"),
    )
