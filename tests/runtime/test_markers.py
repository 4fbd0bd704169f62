"""The markers of one transaction: how many at once, and what becomes of those that cannot be written."""

import logging
from itertools import pairwise

import trio

from pybroker.core.producers import Marker
from pybroker.runtime.markers import MOST_AT_ONCE, Marking, Written
from pybroker.wire.errors import ErrorCode, KafkaError

PARTITIONS = [("t", index) for index in range(5 * MOST_AT_ONCE // 2)]


class Log:
    """Everything in it is safe."""

    high_watermark = 10


class Writer:
    """Notes what is written; `fails` says where it cannot be."""

    def __init__(self):
        self.written, self.fails = [], {}

    def write(self, topic, partition, marker):
        if partition in self.fails:
            raise KafkaError(self.fails[partition])
        self.written.append(partition)
        return Written(Log(), 10)


def test_many_markers_let_others_run():
    """So many at once, and then it is somebody else's turn."""

    async def main():
        writer = Writer()
        marking = Marking(writer, Marker(1, 0, True, 0, 2), PARTITIONS)
        marking.write()
        seen = [len(writer.written)]

        async def other():
            while not marking.is_safe:
                await trio.lowlevel.checkpoint()
                seen.append(len(writer.written))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            await marking.write_rest()
        assert writer.written == [index for _, index in PARTITIONS]
        assert max(after - before for before, after in pairwise(seen)) <= 2 * MOST_AT_ONCE
        assert seen[0] == MOST_AT_ONCE

    trio.run(main)


def test_what_fails_is_tried_again(caplog):
    """Not before it is said, and not where there is nothing to be ended. Of each a person is told once, however long it is tried."""
    writer = Writer()
    writer.fails = {0: ErrorCode.KAFKA_STORAGE_ERROR, 2: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    marking = Marking(writer, Marker(1, 0, True, 0, 2), PARTITIONS[:4])
    marking.write()
    marking.write()
    assert (writer.written, marking.is_safe) == ([1, 3], False)
    for _ in range(3):
        marking.try_again()
        marking.write()
    told = [record.getMessage()[:3] for record in caplog.records if record.levelno >= logging.WARNING]
    assert (marking.is_safe, told) == (False, ["t-0", "t-2"])
    writer.fails.clear()
    marking.try_again()
    marking.write()
    assert (writer.written, marking.is_safe) == ([1, 3, 0], True)
