"""The bank's orders and books: what a transfer is, how it is written, and who reads along."""

from __future__ import annotations

import random
from pathlib import Path

from pybroker.records.batch import iter_batches
from tests.crash.bank_client import Ask, Connection, fetch, values_of

WORKERS = 4
PARTITIONS = 4  # of the books: an account's is its number's remainder
ACCOUNTS = 20

Order = tuple[int, int, int]  # source, target, amount
Book = dict[int, bytes]  # offset: b"partition of the order/its offset account change"


def make_orders(rng: random.Random, transfers: int) -> list[list[Order]]:
    """Each partition's orders, as many for each worker."""

    def one() -> Order:
        source, target = rng.sample(range(ACCOUNTS), 2)
        return source, target, rng.randint(1, 1_000)

    return [[one() for _ in range(transfers // WORKERS)] for _ in range(WORKERS)]


def written(order: Order) -> bytes:
    """An order as its record."""
    return b"%d %d %d" % order


def parse_order(value: bytes) -> Order:
    """An order from its record."""
    source, target, amount = map(int, value.split())
    return source, target, amount


def entries_of(number: int, offset: int, order: Order) -> list[tuple[int, bytes]]:
    """(partition of the books, line): the debit and the credit, which say which order changes which account by how much."""
    source, target, amount = order
    return [
        (account % PARTITIONS, b"%d/%d %d %d" % (number, offset, account, change))
        for account, change in ((source, -amount), (target, amount))
    ]


def expected_books(orders: list[list[Order]], offsets: list[int]) -> list[list[bytes]]:
    """What each partition holds when all orders before the offsets were carried out, and no others."""
    books: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    for number, offset in enumerate(offsets):
        for at, order in enumerate(orders[number][:offset]):
            for partition, line in entries_of(number, at, order):
                books[partition].append(line)
    return [sorted(book) for book in books]


def total_of(books: list[Book]) -> int:
    """What all changes come to: nothing."""
    return sum(int(line.split()[2]) for book in books for line in book.values())


class Reader:
    """Reads the books on and on, committed records or all; an order is at most once in a partition for one account."""

    def __init__(self, ready_file: Path, *, committed: bool) -> None:
        self.committed = committed
        self.books: list[Book] = [{} for _ in range(PARTITIONS)]
        self._lines: list[set[bytes]] = [set() for _ in range(PARTITIONS)]
        self._ready_file = ready_file
        self._positions = [0] * PARTITIONS
        self._connection: Connection | None = None

    def read_on(self) -> bool:
        """To the end of every partition; False if the broker went away."""
        try:
            if self._connection is None:
                self._connection = Connection(self._ready_file)
            for partition in range(PARTITIONS):
                while self._read(self._connection.ask, partition):
                    pass
        except OSError:
            self.close()
            return False
        return True

    def _read(self, ask: Ask, partition: int) -> bool:
        at = self._positions[partition]
        data = fetch(ask, "books", partition, at, committed=self.committed)
        for offset, value in values_of(data, committed=self.committed):
            if offset >= at:
                assert not self.committed or value not in self._lines[partition], "a transfer is committed twice"
                self._lines[partition].add(value)
                self.books[partition][offset] = value
        for _, header in iter_batches(data.records):
            self._positions[partition] = header.base_offset + header.last_offset_delta + 1
        return self._positions[partition] > at

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
