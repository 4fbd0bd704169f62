"""A broker in a process of its own, on one data directory, that can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

START_LIMIT_S = 30
POLL_S = 0.01


class BrokerProcess:
    """`python -m pybroker --data-dir ...`, started as often as asked. `address` is (host, port) of the running one."""

    def __init__(self, directory: Path) -> None:
        self.data_dir = directory / "data"
        self.settings: list[str] = []  # name=value
        self.log_path = directory / "broker.log"
        self.ready_path = directory / "ready"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ("", 0)

    async def start(self) -> None:
        self.ready_path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pybroker", "--listen", "127.0.0.1:0", "--data-dir", str(self.data_dir)]
        command += ["--ready-file", str(self.ready_path), "--set", "group.initial.rebalance.delay.ms=0"]
        for setting in self.settings:
            command += ["--set", setting]
        self._spawn(command)
        with trio.fail_after(START_LIMIT_S):
            while not (self.ready_path.exists() and self.ready_path.read_text().strip()):
                if self._process is not None and self._process.poll() is not None:
                    raise AssertionError(f"the broker did not start:\n{self.log_path.read_text()[-2000:]}")
                await trio.sleep(POLL_S)  # the one clock here is another process
        host, _, port = self.ready_path.read_text().split()[0].rpartition(":")
        self.address = (host, int(port))

    def _spawn(self, command: list[str]) -> None:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def broker_process(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker on a fresh data directory, not yet started; killed at the end of the test."""
    process = BrokerProcess(tmp_path)
    yield process
    process.kill()
