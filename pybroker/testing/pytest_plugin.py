"""Fixtures for everybody's tests: a broker in memory, in this process, on a free port, within milliseconds.

`kafka_broker` is new for every test; `kafka_broker_session` is one for the whole run. Both are `pybroker.RunningBroker`: give your client
`kafka_broker.bootstrap_servers`. To choose settings, override `kafka_broker_config` with a fixture of your own that returns a BrokerConfig.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pybroker import BrokerConfig, RunningBroker


@pytest.fixture(scope="session")
def kafka_broker_config() -> BrokerConfig:
    """How the brokers of the other fixtures are set up."""
    from pybroker import BrokerConfig

    return BrokerConfig()


@pytest.fixture
def kafka_broker(kafka_broker_config: BrokerConfig) -> Iterator[RunningBroker]:
    """A Kafka broker for one test."""
    from pybroker import Broker

    with Broker(kafka_broker_config) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_broker_session(kafka_broker_config: BrokerConfig) -> Iterator[RunningBroker]:
    """A Kafka broker for the whole test run."""
    from pybroker import Broker

    with Broker(kafka_broker_config) as broker:
        yield broker
