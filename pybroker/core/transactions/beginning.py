"""InitProducerId and the adding of partitions: what the next value of a transactional id is, or why there is none.

These functions are pure; the shard writes down what they return.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pybroker.core.transactions.transaction import (
    LAST_PRODUCER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_TIMESTAMP,
    PREPARED,
    RESTING,
    Holder,
    Partition,
    State,
    Transaction,
)
from pybroker.wire.errors import ErrorCode


class Bump(NamedTuple):
    """The epoch that somebody had who asked to go on from it (`last_epoch`), and what came of it: a retry is answered with the same.

    Ends of version 2 are bumps too. It is not in the log: after a restart a retry is fenced, as with Kafka.
    """

    producer_id: int
    producer_epoch: int
    last_epoch: int


Begun = tuple[Transaction, Bump | None]


def begin(
    transaction: Transaction, holder: Holder | None, bump: Bump | None, timeout_ms: int, now_ms: int, new_producer_id: Callable[[], int]
) -> Begun | ErrorCode:
    """The id under its next epoch, and the bump to be remembered. CONCURRENT_TRANSACTIONS: what is open has to end first.

    `holder` goes on from what it has (KIP-360): it is fenced unless that is what the id is at, or the last bump was its own. Without it
    a new producer takes over from whoever was there. While a transaction is open only the holder's id is looked at, as in Kafka.
    """
    if holder is not None and not _may_go_on(transaction, holder):
        return ErrorCode.PRODUCER_FENCED
    if transaction.state not in RESTING:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    started = transaction._replace(
        state=State.EMPTY,
        partitions=frozenset(),
        timeout_ms=timeout_ms,
        start_timestamp_ms=NO_TIMESTAMP,
        update_timestamp_ms=now_ms,
        next_producer_id=NO_PRODUCER_ID,
    )
    if transaction.is_epoch_exhausted and _is_next(transaction, holder, bump):
        return _rotated(started, holder, new_producer_id())
    return _bumped(started, holder, bump)


def _may_go_on(transaction: Transaction, holder: Holder) -> bool:
    """An id that was just made takes anybody: its records were lost or have expired. The previous producer id is that of a retry."""
    return (
        transaction.producer_epoch == NO_PRODUCER_EPOCH
        or holder.producer_id == transaction.producer_id
        or (holder.producer_id == transaction.previous_producer_id and holder.producer_epoch >= LAST_PRODUCER_EPOCH)
    )


def _is_next(transaction: Transaction, holder: Holder | None, bump: Bump | None) -> bool:
    """Whether the one who asks may have what comes after the present epoch."""
    current = transaction.producer_epoch
    return holder is None or holder.producer_epoch == current or bump == (transaction.producer_id, current, holder.producer_epoch)


def _rotated(started: Transaction, holder: Holder | None, producer_id: int) -> Begun:
    rotated = started._replace(previous_producer_id=started.producer_id, producer_id=producer_id, producer_epoch=0)
    return rotated, None if holder is None else Bump(producer_id, 0, started.producer_epoch)


def _bumped(started: Transaction, holder: Holder | None, bump: Bump | None) -> Begun | ErrorCode:
    current = started.producer_epoch
    bumped = started._replace(previous_producer_id=started.producer_id, producer_epoch=current + 1)
    if holder is None:
        return bumped, None
    if current in (NO_PRODUCER_EPOCH, holder.producer_epoch):
        return bumped, Bump(started.producer_id, current + 1, current)
    if bump == (started.producer_id, current, holder.producer_epoch):
        return started, bump
    return ErrorCode.PRODUCER_FENCED


def check_current(transaction: Transaction | None, producer_id: int, producer_epoch: int) -> ErrorCode:
    """Whether a producer holds the id, and its transaction is not about to end."""
    if transaction is None or transaction.producer_id != producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if transaction.producer_epoch != producer_epoch:
        return ErrorCode.PRODUCER_FENCED
    return ErrorCode.CONCURRENT_TRANSACTIONS if transaction.state in PREPARED else ErrorCode.NONE


def add(transaction: Transaction, partitions: frozenset[Partition], client_transaction_version: int, now_ms: int) -> Transaction | None:
    """The transaction with these partitions, which begins with the first of them; None if they are all in it."""
    if transaction.state is State.ONGOING:
        if partitions <= transaction.partitions:
            return None
        start_ms, present = transaction.start_timestamp_ms, transaction.partitions
    else:
        start_ms, present = now_ms, frozenset()
    return transaction._replace(
        state=State.ONGOING,
        partitions=present | partitions,
        previous_producer_id=transaction.producer_id,
        start_timestamp_ms=start_ms,
        update_timestamp_ms=now_ms,
        client_transaction_version=client_transaction_version,
    )
