"""What the transaction coordinator asks of the broker's settings, read once: Kafka does not let any of these change while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, frozen=True)
class TransactionSettings:
    """Times in milliseconds; defaults are Kafka's."""

    max_timeout_ms: int = 900_000
    abort_interval_ms: int = 10_000
    expiration_ms: int = 604_800_000
    remove_interval_ms: int = 3_600_000


def read_transaction_settings(get: Callable[[str], Any]) -> TransactionSettings:
    """From the broker's settings, `get` being `Settings.get`."""
    return TransactionSettings(
        max_timeout_ms=get("transaction.max.timeout.ms"),
        abort_interval_ms=get("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
        expiration_ms=get("transactional.id.expiration.ms"),
        remove_interval_ms=get("transaction.remove.expired.transaction.cleanup.interval.ms"),
    )
