"""A store on a disk that fails, stops and loses power, beside a model: hundreds of lives here, thousands in the slow tests.

STORAGE_SEEDS=20000 python -m pytest -m slow tests/storage/test_lives.py     (what `make crash` does)
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator

import pytest

from pybroker.testing.simulated_disk import Plan, SimulatedDisk, Stop
from tests.storage.lives import Life
from tests.storage.lives_model import Wrong
from tests.storage.planted import PLANTED

SEEDS = int(os.environ.get("STORAGE_SEEDS", "1000"))
STRIDE = 1 if SEEDS > 1000 else 5  # of the steps at which one life is stopped
PARTS = 10  # tests that share the seeds, so that a failure is told before the end
LIVES_UNTIL_FOUND = 4000  # in how many lives a planted fault must be found; most are in the first fifty


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Damage is what these tests make: nobody needs to read of it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("power", [False, True], ids=["death", "power"])
@pytest.mark.parametrize("first", range(0, 60, 3))
def test_a_few_lives(first: int, power: bool) -> None:
    """Nothing acknowledged is lost, doubled or torn."""
    for seed in range(first, first + 3):
        Life(seed, power=power).run()


@pytest.mark.slow
@pytest.mark.parametrize("power", [False, True], ids=["death", "power"])
@pytest.mark.parametrize("part", range(PARTS))
def test_many_lives(part: int, power: bool) -> None:
    """Nothing acknowledged is lost, doubled or torn, in very many."""
    for seed in range(part, SEEDS, PARTS):
        Life(seed, power=power).run()


@pytest.mark.slow
@pytest.mark.parametrize("power", [False, True], ids=["death", "power"])
def test_stop_at_every_step(power: bool) -> None:
    """One session that does a bit of everything is stopped before and within the changes that it makes to the disk."""
    at, ended = 0, False
    while not ended:
        for part in (0.0, 0.4):
            life = OneStop(at, part, power=power)
            life.run()
            ended = life.disk_outlived_it
        at += STRIDE
    assert at > 300


class OneStop(Life):
    """Always the same life but for the step at which its first session is stopped."""

    def __init__(self, at: int, part: float, *, power: bool) -> None:
        super().__init__(12, power=power)
        self.stop = Plan(at, Stop(), part=part)
        self.disk_outlived_it = False

    def live_session(self, steps: int, *, troubled: bool) -> None:
        super().live_session(60 if self.session == 0 else 0, troubled=self.session == 0)
        self.disk_outlived_it |= self.session == 0 and self.stop.at >= 0

    def plan(self) -> Plan:
        return self.stop


@pytest.mark.slow
@pytest.mark.parametrize(("plant", "power"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_planted_faults_are_found(plant: Callable[[pytest.MonkeyPatch], None], power: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with that mistake does not live long, and the trace says where."""
    plant(monkeypatch)
    with pytest.raises(Wrong, match=r"(?s)seed \d+ .*\n.*the process is gone"):
        live_many(LIVES_UNTIL_FOUND, power=power)


def live_many(count: int, *, power: bool) -> None:
    """So many lives, until one goes wrong."""
    for seed in range(count):
        Life(seed, power=power).run()


def test_a_write_may_stop_halfway() -> None:
    """The simulated disk keeps the part that was written, and nothing happens after it."""
    disk = SimulatedDisk()
    fd = disk.open("/file", os.O_RDWR | os.O_CREAT)
    disk.plan = Plan(0, Stop(), part=0.5)
    with pytest.raises(Stop):
        disk.write(fd, b"12345678")
    with pytest.raises(Stop):
        disk.unlink("/file")
    disk.die()
    assert disk.content("/file") == b"1234"


def test_power_takes_what_was_not_synced() -> None:
    """Of two writes the synced one is there; of the other each sector is, or is not, or is zeros; the name was never durable."""
    from random import Random

    left = set()
    for seed in range(60):
        disk = SimulatedDisk()
        fd = disk.open("/file", os.O_RDWR | os.O_CREAT)
        disk.write(fd, b"a" * 512)
        disk.fsync(fd)
        disk.write(fd, b"b" * 1024)
        disk.lose_power(Random(seed))
        if disk.exists("/file"):
            content = bytes(disk.content("/file"))
            assert content[:512] == b"a" * 512
            left.add((content[512:1024][:1], content[1024:][:1]))
        else:
            left.add((b"-", b"-"))
    assert {(b"-", b"-"), (b"", b""), (b"b", b""), (b"b", b"b"), (b"\0", b"b"), (b"\0", b"\0")} <= left
