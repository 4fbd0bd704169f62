"""A room with both coordinators, to tell stories in."""

from random import Random

import pytest
import trio
import trio.testing

from pybroker.storage.memory import MemoryLogStore
from tests.runtime.transaction_room import opened


@pytest.fixture
def in_room():
    """Run a story in a room in virtual time; a second story begins over the first one's store."""

    def run(*stories, real_time=False, **static):
        store, topic_ids = MemoryLogStore(cluster_id="x" * 22, node_id=1, rng=Random(1)), {}

        async def main(story):
            async with opened(store, topic_ids, **static) as room:
                await story(room)

        for story in stories:
            # A clock that jumps would not wait for the threads that flush.
            trio.run(main, story, clock=None if real_time else trio.testing.MockClock(autojump_threshold=0))

    return run
