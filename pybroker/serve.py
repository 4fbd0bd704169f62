"""Runs one broker in the foreground until a signal ends it: what the command line does."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import signal
from collections.abc import AsyncIterator

import trio

from pybroker.broker import Broker
from pybroker.config import BrokerConfig, ConfigError
from pybroker.handlers.ahead import bring_in
from pybroker.runtime.clock import SystemClock
from pybroker.runtime.log_dirs import BrokerCannotGoOn
from pybroker.server.addresses import ListenError
from pybroker.storage.errors import DataDirectoryError, StorageError
from pybroker.version import __version__
from pybroker.wire.errors import KafkaError

log = logging.getLogger("pybroker")

# Objects made and not yet freed before the collector looks at the youngest: a few thousand parked requests are no reason to.
_COLLECT_EVERY = 20_000

_EXPECTED = (ListenError, DataDirectoryError, StorageError, ConfigError, KafkaError, ValueError, OSError)


def run(config: BrokerConfig) -> str | None:
    """Serve until a signal ends it; a second one ends the process at once. Returns why the broker could not start, or None."""
    raise_open_file_limit()
    return trio.run(_serve, config)


async def _serve(config: BrokerConfig) -> str | None:
    broker = Broker(config)
    with trio.open_signal_receiver(*_ending_signals()) as signals:
        try:
            async with broker, trio.open_nursery() as nursery:
                _calm_the_collector()
                _announce(broker)
                nursery.start_soon(bring_in, SystemClock())
                await _wait_for_signal(signals)
                nursery.cancel_scope.cancel()
        except _EXPECTED as error:
            return _words(_cause_of(error) or error)
        except BaseExceptionGroup as group:  # of the broker's tasks: one of them found that it cannot go on
            cause = _cause_of(group)
            if cause is None:
                raise
            return _words(cause)
    return None


def _ending_signals() -> list[signal.Signals]:
    """As for Kafka, also that the terminal was closed; not under nohup, which has the process ignore that."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM] if ignored else [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def _cause_of(error: BaseException | None) -> BaseException | None:
    """Why the broker gave up, if it did: what closing found after that is beside the point."""
    while error is not None:
        found: BaseException | None = error
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if isinstance(found, BrokerCannotGoOn):
            return found
        error = error.__context__
    return None


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _calm_the_collector() -> None:
    """What the start made stays and need not be walked through again; after that, next to nothing that a request makes is a cycle."""
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 20, 20)


def _announce(broker: Broker) -> None:
    directories = list(map(os.path.abspath, broker.directories))
    where = f"in {', '.join(directories)}" if directories else "in memory"
    address, listening = broker.bootstrap_servers, broker.listening_on
    beneath = "" if address == listening else f" (listening on {listening})"
    log.info("pybroker %s is ready, data %s; connect with bootstrap.servers=%s%s", __version__, where, address, beneath)


async def _wait_for_signal(signals: AsyncIterator[int]) -> None:
    async for number in signals:
        log.info("%s: stopping", signal.Signals(number).name)
        for ending in _ending_signals():
            signal.signal(ending, signal.SIG_DFL)
        return


def raise_open_file_limit() -> None:
    """Connections and segments are open files, and the usual soft limit of 1024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # some systems name a hard limit that they do not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
