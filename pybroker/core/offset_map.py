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

from collections.abc import Iterable
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

from pybroker.core.offset_marks import SUPERSEDED, TOMBSTONE, OffsetMarks
from pybroker.records.keyed import KeyedRecord

PLACE_BYTES = 24
MIN_PLACES = 3
NOT_FOUND = -1
SECOND = b"\x01"


class OffsetMap:
    """At most `memory_bytes` for at most `records` records: the smaller counts."""

    __slots__ = ("_memory", "_places", "capacity", "latest_offset", "size")

    def __init__(self, memory_bytes: int, load_factor: float, records: int) -> None:
        load_factor = min(max(load_factor, 0.05), 0.95)
        wanted, most = int(records / load_factor) + MIN_PLACES, _prime(memory_bytes // PLACE_BYTES, -1)
        # Where offsets are missing more places may be wanted than there are numbers to try for a prime.
        self._places = places = most if wanted >= most else _prime(wanted, 1)
        self.capacity = max(1, int(places * load_factor))  # below `places`, so a search ends
        # Offset plus one, then the halves of the hash. Mapped, not a bytearray: to write 128 MiB of zeros would stop everybody for 0.1 s.
        self._memory = memoryview(mmap(-1, places * PLACE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS)).cast("q")
        self.size = 0
        self.latest_offset = NOT_FOUND

    def put_all(self, records: Iterable[KeyedRecord], base_offset: int, marks: OffsetMarks) -> bool:
        """Note at which offset each key was written, and what that means for the records before; offsets must rise from call to call.

        False if a key came that found the map full: what is noted ends at `latest_offset`. All in one loop: calls would double its time.
        """
        memory, places, latest_offset = self._memory, self._places, self.latest_offset
        noted, start_offset, last_delta = marks.noted, marks.start_offset, marks.last_delta
        room, is_full = self.capacity - self.size, False
        for _, _, delta, key, has_value in records:
            if delta <= last_delta:
                marks.give_up()
            last_delta = delta
            offset = base_offset + delta
            if key is not None:
                if not room:
                    is_full = True
                    break
                high, low = hash(key), hash(key + SECOND)
                number = high % places
                place = 3 * number
                while before := memory[place]:
                    if memory[place + 1] == high and memory[place + 2] == low:
                        if 0 <= (at := before - 1 - start_offset) < len(noted):
                            noted[at] = SUPERSEDED
                        break
                    number = (number + low % (places - 1) + 1) % places
                    place = 3 * number
                else:
                    memory[place + 1] = high
                    memory[place + 2] = low
                    room -= 1
                memory[place] = offset + 1
                latest_offset = offset
                if has_value:
                    continue
            if 0 <= (at := offset - start_offset) < len(noted):
                noted[at] = SUPERSEDED if key is None else TOMBSTONE
        self.size, self.latest_offset, marks.last_delta = self.capacity - room, latest_offset, last_delta
        return not is_full

    def get(self, key: bytes) -> int:
        """The last offset of `key`, -1 if it was not put in. It looks for it as `put_all` does: who changes one changes both."""
        high, low = hash(key), hash(key + SECOND)
        memory, places = self._memory, self._places
        number = high % places
        place = 3 * number
        while memory[place] and (memory[place + 1] != high or memory[place + 2] != low):
            number = (number + low % (places - 1) + 1) % places
            place = 3 * number
        return memory[place] - 1


def _prime(number: int, step: int) -> int:
    """The next prime from `number` on, upwards or downwards, 3 or more: then every stride visits every place."""
    number = max(number, MIN_PLACES)
    number += step if number % 2 == 0 else 0
    while any(number % divisor == 0 for divisor in range(3, int(number**0.5) + 1, 2)):
        number += 2 * step
    return number
