"""The table of APIs in the documentation says what the registry says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pybroker.handlers import offers
from pybroker.handlers.registry import REGISTRY, find_registration
from pybroker.handlers.support import support_table
from pybroker.handlers.table import offers_source
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


def test_the_offers_are_fresh() -> None:
    """What is advertised before any handler is imported is what the handlers declare."""
    path = Path(offers.__file__)
    assert path.read_text("utf-8") == offers_source(), "run: python -m pybroker.handlers.table"
    assert all(find_registration(key) is REGISTRY[key] for key in offers.OFFERS)


@pytest.mark.slow
def test_handlers_come_when_asked_for() -> None:
    """A dispatcher imports no handler; the first request for an API imports its module."""
    script = (
        "import sys, pybroker.server.dispatch; from pybroker.handlers.registry import find_registration;"
        "assert 'pybroker.handlers.produce' not in sys.modules;"
        "assert find_registration(0).handler.__name__ == 'produce' and find_registration(9999) is None"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[2])
