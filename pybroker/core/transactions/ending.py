"""EndTxn by both protocols, the abort that fences, and the completion once the markers are written.

Classic (EndTxn 0 to 4): the epoch stays. So an end that comes again looks like the first, and is told from it by the state alone.
Version 2 (EndTxn 5, KIP-890): every end bumps the epoch. An end that comes with the epoch before is a retry and is answered as before,
also where what bumped the epoch was a new beginning and the last end a classic one, which Kafka does not look into; one with the current
epoch is about the transaction after that, which may be empty: such may be aborted, for a producer whose first batch failed does not know
whether it began one.

These functions are pure; the shard writes down what they return. (Kafka: TransactionCoordinator.endTransaction.)
"""

from __future__ import annotations

from collections.abc import Callable

from pybroker.core.transactions.transaction import (
    BUMPS_EPOCH_SINCE,
    LAST_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    PREPARED,
    Holder,
    Partition,
    State,
    Transaction,
)
from pybroker.wire.errors import ErrorCode

_RESULT_OF = {State.PREPARE_COMMIT: True, State.COMPLETE_COMMIT: True, State.PREPARE_ABORT: False, State.COMPLETE_ABORT: False}

Ended = Transaction | ErrorCode
"""The prepared transaction, or the answer: NONE for what has been done before."""


def end_classic(transaction: Transaction, producer_id: int, producer_epoch: int, committed: bool, now_ms: int) -> Ended:
    """An end of EndTxn 0 to 4."""
    if transaction.producer_id != producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if transaction.producer_epoch != producer_epoch:
        return ErrorCode.PRODUCER_FENCED
    if transaction.state is State.ONGOING:
        return _prepared(transaction, committed, now_ms, client_transaction_version=0)
    if _RESULT_OF.get(transaction.state) is not committed:
        return ErrorCode.INVALID_TXN_STATE
    return ErrorCode.CONCURRENT_TRANSACTIONS if transaction.state in PREPARED else ErrorCode.NONE


def end_bumping(
    transaction: Transaction, producer_id: int, producer_epoch: int, committed: bool, now_ms: int, new_producer_id: Callable[[], int]
) -> Ended:
    """An end of EndTxn 5. `new_producer_id` is called when the epochs of the present one are used up."""
    after_overflow = _is_retry_after_overflow(transaction, producer_id, producer_epoch)
    if transaction.producer_id != producer_id and not after_overflow:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    is_retry = after_overflow or transaction.producer_epoch == producer_epoch + 1
    if not _is_epoch_right(transaction, producer_epoch, is_retry):
        return ErrorCode.PRODUCER_FENCED
    if transaction.state is not State.ONGOING:
        error = _check_not_ongoing(transaction, committed, is_retry)
        if error is not None:
            return error
    return _bumped(transaction, committed, now_ms, new_producer_id)


def _is_retry_after_overflow(transaction: Transaction, producer_id: int, producer_epoch: int) -> bool:
    """The first try used up the last epoch, so the id has another producer id by now."""
    is_after = transaction.producer_epoch == 0 and transaction.previous_producer_id == producer_id
    return is_after and producer_epoch == LAST_PRODUCER_EPOCH


def _is_epoch_right(transaction: Transaction, producer_epoch: int, is_retry: bool) -> bool:
    if transaction.state in PREPARED:
        return is_retry
    if transaction.state in (State.COMPLETE_COMMIT, State.COMPLETE_ABORT) and is_retry:
        return True
    return transaction.producer_epoch == producer_epoch


def _check_not_ongoing(transaction: Transaction, committed: bool, is_retry: bool) -> ErrorCode | None:
    """The answer to an end where no transaction is open; None if it is the abort of an empty one."""
    if transaction.state in PREPARED:
        is_same = _RESULT_OF[transaction.state] is committed
        return ErrorCode.CONCURRENT_TRANSACTIONS if is_same else ErrorCode.INVALID_TXN_STATE
    if is_retry:
        return ErrorCode.NONE if _RESULT_OF.get(transaction.state) is committed else ErrorCode.INVALID_TXN_STATE
    return ErrorCode.INVALID_TXN_STATE if committed else None


def fence(transaction: Transaction, transaction_version: int, now_ms: int, new_producer_id: Callable[[], int]) -> Transaction:
    """Abort an open transaction in the name of the broker; its producer has the epoch no more.

    The bump is the only one, by either protocol. It may reach 32767, which no client is ever given: by version 2 the next producer id
    takes over when the markers are written.
    """
    if transaction_version >= BUMPS_EPOCH_SINCE:
        return _bumped(transaction, False, now_ms, new_producer_id)
    bumped = transaction._replace(producer_epoch=transaction.producer_epoch + 1)
    return _prepared(bumped, False, now_ms, client_transaction_version=0)


def _prepared(transaction: Transaction, committed: bool, now_ms: int, *, client_transaction_version: int) -> Transaction:
    return transaction._replace(
        state=State.PREPARE_COMMIT if committed else State.PREPARE_ABORT,
        previous_producer_id=transaction.producer_id,
        update_timestamp_ms=now_ms,
        client_transaction_version=client_transaction_version,
    )


def _bumped(transaction: Transaction, committed: bool, now_ms: int, new_producer_id: Callable[[], int]) -> Transaction:
    """Prepared, with the next epoch. An empty transaction begins and ends at once."""
    is_open = transaction.state is State.ONGOING
    no_partitions: frozenset[Partition] = frozenset()
    return transaction._replace(
        producer_epoch=transaction.producer_epoch + 1,
        previous_producer_id=transaction.producer_id,
        next_producer_id=new_producer_id() if transaction.is_epoch_exhausted else NO_PRODUCER_ID,
        state=State.PREPARE_COMMIT if committed else State.PREPARE_ABORT,
        start_timestamp_ms=transaction.start_timestamp_ms if is_open else now_ms,
        update_timestamp_ms=now_ms,
        partitions=transaction.partitions if is_open else no_partitions,
        client_transaction_version=BUMPS_EPOCH_SINCE,
    )


def holder_after(prepared: Transaction) -> Holder:
    """Who has the id once a prepared transaction is completed."""
    if prepared.next_producer_id == NO_PRODUCER_ID:
        return Holder(prepared.producer_id, prepared.producer_epoch)
    return Holder(prepared.next_producer_id, 0)


def completed(prepared: Transaction, now_ms: int) -> Transaction:
    """What a prepared transaction becomes when its markers are safe; now the next producer id, if there is one, takes over."""
    done = prepared._replace(
        state=State.COMPLETE_COMMIT if prepared.state is State.PREPARE_COMMIT else State.COMPLETE_ABORT,
        partitions=frozenset(),
        previous_producer_id=prepared.producer_id,
        update_timestamp_ms=now_ms,
    )
    if prepared.next_producer_id == NO_PRODUCER_ID:
        return done
    producer_id, producer_epoch = holder_after(prepared)
    return done._replace(
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        next_producer_id=NO_PRODUCER_ID,
    )
