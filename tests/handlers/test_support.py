"""The table of APIs in the documentation says what the registry says."""

from __future__ import annotations

from pathlib import Path

from pybroker.handlers.registry import REGISTRY
from pybroker.handlers.support import support_table
from pybroker.wire.apis import APIS


def test_the_table_is_fresh() -> None:
    """docs/apis.md is what `python -m pybroker.handlers.support` writes."""
    path = Path(__file__).resolve().parent.parent.parent / "docs" / "apis.md"
    assert path.read_text("utf-8") == support_table(), "run: python -m pybroker.handlers.support > docs/apis.md"


def test_nothing_is_served_that_kafka_does_not_have() -> None:
    """Every registered range lies within the versions that Kafka's schemas have, and is advertised as Kafka does where it is whole."""
    for key, registration in REGISTRY.items():
        api = APIS[key]
        assert api.min_version <= registration.min_version <= registration.max_version <= api.max_version
        assert registration.advertised_min_version in (api.advertised_min_version, registration.min_version)
        assert registration.max_version <= api.advertised_max_version
