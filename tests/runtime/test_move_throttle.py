"""How long moves wait for a throttle."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from pybroker.runtime.compaction_round import UNLIMITED
from pybroker.runtime.move_throttle import Throttle
from pybroker.runtime.pacing import Pace


@pytest.mark.parametrize(
    ("rate", "size_bytes", "length_s"), [(0, 3, 3), (1, 3, 3), (3, 10, 10 / 3), (1_000_000, 250_000, 0.25), (1 << 62, 1 << 20, 0)]
)
def test_each_byte_has_its_time(rate: float, size_bytes: int, length_s: float) -> None:
    """However slow it is; at no byte a second it is one, so that a wait that is long ends where the throttle is lifted."""

    async def main() -> None:
        began_s = trio.current_time()
        await Throttle(lambda: rate).wait_for(size_bytes, Pace(), lambda: True)
        assert trio.current_time() - began_s == pytest.approx(length_s)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_new_rate_counts_at_once() -> None:
    """Set while a move waits, and to none at all."""
    rates = [0.0]

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            began_s = trio.current_time()
            nursery.start_soon(Throttle(lambda: rates[0]).wait_for, 1 << 20, Pace(), lambda: True)
            await trio.sleep(5)
            rates[0] = 1.0
            await trio.sleep(5)
            rates[0] = UNLIMITED
        assert trio.current_time() - began_s <= 10.25

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
