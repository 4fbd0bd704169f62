"""From key to the last offset it was written at, in memory that is bounded whatever the number and the length of the keys.

Rules
- A key is known by 128 bits of BLAKE2b: two keys that agree there would lose a record, and nobody will find two (Kafka takes MD5).
- A place is 24 bytes: two halves of the hash, and the offset plus one, so that zeroed memory is empty and untouched pages cost nothing.
- Open addressing with double hashing over a prime number of places: at a load of 0.9 a new key is compared with 2.6 others on average.
- When it is full the round ends where it came to; the next one goes on from there (`latest_offset`).

Kafka: SkimpyOffsetMap; log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.load.factor.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct

PLACE_BYTES = 24
MIN_PLACES = 3
NOT_FOUND = -1

_HALVES = Struct("<QQ").unpack


class OffsetMap:
    """At most `memory_bytes` for at most `records` records: the smaller counts."""

    __slots__ = ("_highs", "_lows", "_offsets", "_places", "capacity", "latest_offset", "size")

    def __init__(self, memory_bytes: int, load_factor: float, records: int) -> None:
        load_factor = min(max(load_factor, 0.05), 0.95)
        self._places = places = min(_prime(int(records / load_factor) + MIN_PLACES, 1), _prime(memory_bytes // PLACE_BYTES, -1))
        self.capacity = max(1, int(places * load_factor))  # below `places`, so a search ends
        memory = memoryview(bytearray(places * PLACE_BYTES))
        self._highs = memory[: 8 * places].cast("Q")
        self._lows = memory[8 * places : 16 * places].cast("Q")
        self._offsets = memory[16 * places :].cast("q")
        self.size = 0
        self.latest_offset = NOT_FOUND

    @property
    def is_full(self) -> bool:
        """Whether no further key may be put in."""
        return self.size >= self.capacity

    def put(self, key: bytes, offset: int) -> None:
        """Note that `key` was written at `offset`, which is above all that were put in before. Not when full."""
        place, high, low = self._find(key)
        if not self._offsets[place]:
            self._highs[place] = high
            self._lows[place] = low
            self.size += 1
        self._offsets[place] = offset + 1
        self.latest_offset = offset

    def get(self, key: bytes) -> int:
        """The last offset of `key`, -1 if it was not put in."""
        return self._offsets[self._find(key)[0]] - 1

    def _find(self, key: bytes) -> tuple[int, int, int]:
        """The place of a key, or the empty one where it would be, and the halves of its hash."""
        high, low = _HALVES(blake2b(key, digest_size=16).digest())
        place = high % self._places
        while self._offsets[place] and (self._highs[place] != high or self._lows[place] != low):
            place = (place + low % (self._places - 1) + 1) % self._places
        return place, high, low


def _prime(number: int, step: int) -> int:
    """The next prime from `number` on, upwards or downwards, 3 or more: then every stride visits every place."""
    number = max(number, MIN_PLACES)
    number += step if number % 2 == 0 else 0
    while any(number % divisor == 0 for divisor in range(3, int(number**0.5) + 1, 2)):
        number += 2 * step
    return number
