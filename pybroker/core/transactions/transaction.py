"""A transactional id: who holds it, at which epoch, and in which state its transaction is.

States (Kafka: TransactionState), each with what it answers and where it leads:

    EMPTY                nobody has written yet under this epoch.
        init: the epoch is bumped               -> EMPTY
        add partitions                          -> ONGOING
        end: INVALID_TXN_STATE; an abort of version 2 (KIP-890) is taken all the same   -> PREPARE_ABORT
        unused for transactional.id.expiration.ms -> DEAD
    ONGOING              partitions have been added; data may lie in them.
        add partitions                          -> ONGOING
        end                                     -> PREPARE_COMMIT or PREPARE_ABORT
        init, timeout: the epoch is bumped, which fences the producer  -> PREPARE_ABORT (init answers CONCURRENT_TRANSACTIONS)
    PREPARE_COMMIT       decided, and not to be changed any more: markers are being written.
        init, add partitions, end with the same result: CONCURRENT_TRANSACTIONS      end with the other: INVALID_TXN_STATE
        all markers are safe                    -> COMPLETE_COMMIT
    PREPARE_ABORT        as PREPARE_COMMIT      -> COMPLETE_ABORT
    COMPLETE_COMMIT      nothing is open.
        end with the same result, sent again: answered as before        otherwise as EMPTY
    COMPLETE_ABORT       as COMPLETE_COMMIT.
    DEAD                 forgotten. Kafka shows nobody an id in this state; here none is kept in it.
    PREPARE_EPOCH_FENCE  Kafka's name for the moment between the bump that fences and the record of PREPARE_ABORT. Here both are one
                         decision, so no id rests in it.

Rules
- A value here never changes: a decision makes another one and writes it down; replay puts it in place.
- A client sees epochs up to 32766. Whoever ends or begins at that one gets another producer id, at epoch 0; 32767 is for fencing.
- Version 2 bumps the epoch with each end, so a late batch of a transaction that is over cannot join the next one (KIP-890).

(Kafka: TransactionMetadata.)
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_TIMESTAMP = -1

LAST_PRODUCER_EPOCH = 32766
"""The last epoch that a client is given; 32767 may still be needed to fence it."""

BUMPS_EPOCH_SINCE = 2
"""The level of `transaction.version` from which every end of a transaction bumps the epoch (KIP-890)."""

Partition = tuple[str, int]


class Holder(NamedTuple):
    """The producer id and epoch that somebody has, or believes to have (KIP-360)."""

    producer_id: int
    producer_epoch: int


class State(IntEnum):
    """The states by their numbers in the log; `title` is what DescribeTransactions and ListTransactions show."""

    EMPTY = 0
    ONGOING = 1
    PREPARE_COMMIT = 2
    PREPARE_ABORT = 3
    COMPLETE_COMMIT = 4
    COMPLETE_ABORT = 5
    DEAD = 6
    PREPARE_EPOCH_FENCE = 7

    @property
    def title(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_"))


PREPARED = (State.PREPARE_COMMIT, State.PREPARE_ABORT)
RESTING = (State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT)

STATES_BY_TITLE = {state.title: state for state in State}


class Transaction(NamedTuple):
    """What is known of a transactional id. Times in milliseconds; -1 is none.

    `previous_producer_id`: who held the id before the last change, most often the same.
    `next_producer_id`: who it will be when the markers are written, if the epochs are used up.
    `client_transaction_version`: by which protocol the client speaks, 0 or 2.
    """

    transactional_id: str
    producer_id: int
    producer_epoch: int = NO_PRODUCER_EPOCH
    timeout_ms: int = 0
    state: State = State.EMPTY
    partitions: frozenset[Partition] = frozenset()
    start_timestamp_ms: int = NO_TIMESTAMP
    update_timestamp_ms: int = NO_TIMESTAMP
    previous_producer_id: int = NO_PRODUCER_ID
    next_producer_id: int = NO_PRODUCER_ID
    client_transaction_version: int = 0

    @property
    def is_epoch_exhausted(self) -> bool:
        return self.producer_epoch >= LAST_PRODUCER_EPOCH

    @property
    def bumps_epoch(self) -> bool:
        return self.client_transaction_version >= BUMPS_EPOCH_SINCE

    def is_past_timeout(self, now_ms: int) -> bool:
        return self.state is State.ONGOING and self.start_timestamp_ms + self.timeout_ms < now_ms

    def is_unused_since(self, timestamp_ms: int) -> bool:
        return self.state in RESTING and self.update_timestamp_ms <= timestamp_ms


class Ending(NamedTuple):
    """What has to be done once a prepared transaction is safe: write markers into these partitions, then `TransactionShard.complete`."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    committed: bool
    partitions: frozenset[Partition]
    transaction_version: int


def ending_of(transaction: Transaction) -> Ending:
    """What is left to do for a transaction in PREPARE_COMMIT or PREPARE_ABORT."""
    return Ending(
        transaction.transactional_id,
        transaction.producer_id,
        transaction.producer_epoch,
        transaction.state is State.PREPARE_COMMIT,
        transaction.partitions,
        transaction.client_transaction_version,
    )
