"""From key to the last offset it was written at, in memory that is bounded whatever the number and the length of the keys.

Rules
- A key is known by 128 bits: two times the interpreter's own keyed hash (SipHash), of the key and of the key with a byte more. Two keys
  that agree there would lose a record; no accident makes two, and the hash's secret is another one in each process. A map does not outlive
  its round, so nobody else needs to get the same bits. (Kafka takes MD5; BLAKE2b would take half of the cleaner's time.)
- A place is 24 bytes: two halves of the hash, and the offset plus one, so that zeroed memory is empty and untouched pages cost nothing.
  The three lie together: with a million keys every look is a miss of the processor's cache, and should be only one.
- Open addressing with double hashing over a prime number of places: at a load of 0.9 a new key is compared with 2.6 others on average.
- When it is full the round ends where it came to; the next one goes on from there (`latest_offset`).

Kafka: SkimpyOffsetMap; log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.load.factor.
"""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

PLACE_BYTES = 24
MIN_PLACES = 3
NOT_FOUND = -1
SECOND = b"\x01"


class OffsetMap:
    """At most `memory_bytes` for at most `records` records: the smaller counts."""

    __slots__ = ("_memory", "_places", "capacity", "latest_offset", "size")

    def __init__(self, memory_bytes: int, load_factor: float, records: int) -> None:
        load_factor = min(max(load_factor, 0.05), 0.95)
        self._places = places = min(_prime(int(records / load_factor) + MIN_PLACES, 1), _prime(memory_bytes // PLACE_BYTES, -1))
        self.capacity = max(1, int(places * load_factor))  # below `places`, so a search ends
        # Offset plus one, then the halves of the hash. Mapped, not a bytearray: to write 128 MiB of zeros would stop everybody for 0.1 s.
        self._memory = memoryview(mmap(-1, places * PLACE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS)).cast("q")
        self.size = 0
        self.latest_offset = NOT_FOUND

    @property
    def is_full(self) -> bool:
        """Whether no further key may be put in."""
        return self.size >= self.capacity

    def put(self, key: bytes, offset: int) -> None:
        """Note that `key` was written at `offset`, which is above all that were put in before. Not when full."""
        place, high, low = self._find(key)
        memory = self._memory
        if not memory[place]:
            memory[place + 1] = high
            memory[place + 2] = low
            self.size += 1
        memory[place] = offset + 1
        self.latest_offset = offset

    def get(self, key: bytes) -> int:
        """The last offset of `key`, -1 if it was not put in."""
        return self._memory[self._find(key)[0]] - 1

    def _find(self, key: bytes) -> tuple[int, int, int]:
        """Where the place of a key begins, or the empty one where it would be, and the halves of its hash."""
        high, low = hash(key), hash(key + SECOND)
        memory, places = self._memory, self._places
        number = high % places
        place = 3 * number
        while memory[place] and (memory[place + 1] != high or memory[place + 2] != low):
            number = (number + low % (places - 1) + 1) % places
            place = 3 * number
        return place, high, low


def _prime(number: int, step: int) -> int:
    """The next prime from `number` on, upwards or downwards, 3 or more: then every stride visits every place."""
    number = max(number, MIN_PLACES)
    number += step if number % 2 == 0 else 0
    while any(number % divisor == 0 for divisor in range(3, int(number**0.5) + 1, 2)):
        number += 2 * step
    return number
