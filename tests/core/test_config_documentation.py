"""The words that DescribeConfigs has for a configuration."""

from __future__ import annotations

import pytest

from pybroker.core.config_definitions import facts
from pybroker.core.config_documentation import document


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("broker", "num.partitions", "A 32-bit number that is at least 1. Unless set, it is 1."),
        ("topic", "retention.ms", "A 64-bit number of milliseconds that is at least -1. Unless set, the broker's log.retention.ms counts."),
        ("broker", "ssl.key.password", "A password, never shown. It has no default."),
    ],
)
def test_what_is_said(kind: str, name: str, text: str) -> None:
    """Type, unit, bounds and what counts unless the value is set."""
    assert document(kind, name) == text


@pytest.mark.parametrize("kind", ["topic", "broker", "group", "client_metrics"])
def test_everything_is_documented(kind: str) -> None:
    """Every configuration that Kafka has comes with words, and no other."""
    assert all(document(kind, name) for name in facts(kind))
    assert document(kind, "no.such.name") is None
