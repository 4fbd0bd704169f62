"""pybroker: a small Kafka broker in Python. `Broker` and `BrokerConfig` are all that a program that embeds one needs."""

from typing import TYPE_CHECKING, Any

from pybroker.version import __version__

if TYPE_CHECKING:
    from pybroker.broker import Broker, RunningBroker
    from pybroker.config import BrokerConfig, ConfigError

__all__ = ["Broker", "BrokerConfig", "ConfigError", "RunningBroker", "__version__"]


def __getattr__(name: str) -> Any:
    """Importing pybroker costs nothing; the broker comes in when it is asked for."""
    if name in ("Broker", "RunningBroker"):
        from pybroker import broker

        return getattr(broker, name)
    if name in ("BrokerConfig", "ConfigError"):
        from pybroker import config

        return getattr(config, name)
    raise AttributeError(f"module 'pybroker' has no attribute {name!r}")
