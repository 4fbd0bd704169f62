"""The transactional ids of one partition of `__transaction_state`: every request and every timer comes in here.

Theory
- A shard is a state machine. Its verbs decide and return a `Decision`; the runner appends the records, replays them here, and releases the
  replies when the records are safe. Nothing here waits, reads a clock or draws by itself.
- The end of a transaction is two records. The first (PREPARE_COMMIT, PREPARE_ABORT) decides; with it comes an `Ending`, an effect that the
  coordinator carries out when the record is safe: markers into every partition of the transaction. When those are safe, `complete`
  writes the second. A coordinator that starts anew finds what was only prepared and ends it (`loaded`).
- Durable is all but the memory of the last bump of an id (`Bump`), which only makes a retry of InitProducerId look like its first try.

Rules
- Verbs raise nothing: an error is an answer. Which code a version of an API knows is the handler's business.
- An epoch never goes down while the producer id stays, and nobody ever gets an id and epoch that another one has had.
- Timers are data: `next_deadline`, `expire`. Transactions past their timeout are looked for every
  `transaction.abort.timed.out.transaction.cleanup.interval.ms` while one is open, unused ids every
  `transaction.remove.expired.transaction.cleanup.interval.ms` while there are any.

(Kafka: TransactionCoordinator, TransactionStateManager.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from pybroker.core.decision import CoordinatorRecord, Decision, Reply
from pybroker.core.transactions.beginning import Bump, add, begin, check_current
from pybroker.core.transactions.describing import Filters, describe, listed
from pybroker.core.transactions.ending import Ended, completed, end_bumping, end_classic, fence, holder_after
from pybroker.core.transactions.records import tombstone, transaction_from_record, transaction_record
from pybroker.core.transactions.settings import TransactionSettings
from pybroker.core.transactions.transaction import (
    BUMPS_EPOCH_SINCE,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    PREPARED,
    Ending,
    Holder,
    Partition,
    State,
    Transaction,
    ending_of,
)
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import EndTxnResponse, InitProducerIdResponse, TransactionLogKey

MOST_PER_TURN = 20
"""How many timers run out in one decision: its records are one batch, which `max.message.bytes` limits."""


class TransactionShard:
    """State machine for the transactional ids of one partition.

    `new_producer_id` is the controller's; `transaction_version` tells the level of the cluster's feature of that name.
    """

    __slots__ = ("_abort_at_ms", "_bumps", "_new_producer_id", "_remove_at_ms", "_settings", "_transaction_version", "transactions")

    def __init__(self, settings: TransactionSettings, new_producer_id: Callable[[], int], transaction_version: Callable[[], int]) -> None:
        self.transactions: dict[str, Transaction] = {}
        self._settings = settings
        self._new_producer_id = new_producer_id
        self._transaction_version = transaction_version
        self._bumps: dict[str, Bump] = {}
        self._abort_at_ms: int | None = None
        self._remove_at_ms: int | None = None

    # Beginning

    def init_producer_id(self, now_ms: int, call: int, transactional_id: str, timeout_ms: int, holder: Holder | None) -> Decision:
        """Give the id to a new producer, or its next epoch to the one that has it. Answers InitProducerIdResponse.

        An open transaction is aborted first: CONCURRENT_TRANSACTIONS, and the client asks again.
        """
        if not 0 < timeout_ms <= self._settings.max_timeout_ms:
            return _refused_init(call, ErrorCode.INVALID_TRANSACTION_TIMEOUT)
        transaction = self.transactions.get(transactional_id)
        if transaction is None:
            transaction = Transaction(transactional_id, self._new_producer_id())
        begun = begin(transaction, holder, self._bumps.get(transactional_id), timeout_ms, now_ms, self._new_producer_id)
        if isinstance(begun, ErrorCode):
            refused = _refused_init(call, begun)
            must_end = begun is ErrorCode.CONCURRENT_TRANSACTIONS and transaction.state is State.ONGOING
            return self._fence([transaction], now_ms, refused) if must_end else refused
        started, bump = begun
        self._remember(transactional_id, bump)
        self._watch_unused(now_ms)
        response = InitProducerIdResponse(producer_id=started.producer_id, producer_epoch=started.producer_epoch)
        return Decision(records=[self._record(started)], replies=[Reply(call, response)])

    def add_partitions(
        self,
        now_ms: int,
        call: int,
        transactional_id: str,
        holder: Holder,
        partitions: frozenset[Partition],
        client_transaction_version: int,
    ) -> Decision:
        """Let the transaction, begun with the first of them, reach these partitions. Answers an error code for all."""
        transaction = self.transactions.get(transactional_id)
        error = check_current(transaction, *holder)
        if error or transaction is None:
            return _answer(call, error)
        added = add(transaction, partitions, client_transaction_version, now_ms)
        if added is None:
            return _answer(call, ErrorCode.NONE)
        self._watch_open(now_ms)
        return Decision(records=[self._record(added)], replies=[Reply(call, ErrorCode.NONE)])

    def verify_partitions(self, transactional_id: str, holder: Holder, partitions: Iterable[Partition]) -> dict[Partition, ErrorCode]:
        """Whether the transaction reaches these partitions: TRANSACTION_ABORTABLE for one that it does not. Changes nothing (KIP-890)."""
        transaction = self.transactions.get(transactional_id)
        error = check_current(transaction, *holder)
        if error or transaction is None:
            return dict.fromkeys(partitions, error)
        present = transaction.partitions
        return {each: ErrorCode.NONE if each in present else ErrorCode.TRANSACTION_ABORTABLE for each in partitions}

    # Ending

    def end(
        self, now_ms: int, call: int, transactional_id: str, holder: Holder, *, committed: bool, client_transaction_version: int
    ) -> Decision:
        """Decide how the transaction ends. Answers EndTxnResponse; under version 2 with the producer id and epoch to go on with."""
        transaction = self.transactions.get(transactional_id)
        if transaction is None:
            return _refused_end(call, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        ended: Ended
        if client_transaction_version >= BUMPS_EPOCH_SINCE:
            ended = end_bumping(transaction, *holder, committed, now_ms, self._new_producer_id)
        else:
            ended = end_classic(transaction, *holder, committed, now_ms)
        if isinstance(ended, ErrorCode):
            return _refused_end(call, ended) if ended else _answer(call, _ended_as(transaction.producer_id, transaction.producer_epoch))
        reply = Reply(call, _ended_as(*self._remember_end(transaction, ended)))
        return Decision(records=[self._record(ended)], replies=[reply], effects=[ending_of(ended)])

    def complete(self, now_ms: int, ending: Ending) -> Decision:
        """The markers are safe."""
        transaction = self.transactions.get(ending.transactional_id)
        if transaction is None or not _is_of(ending, transaction):
            return Decision()
        self._watch_unused(now_ms)
        return Decision(records=[self._record(completed(transaction, now_ms))])

    def is_complete(self, ending: Ending) -> bool:
        """Whether there is nothing left to do."""
        transaction = self.transactions.get(ending.transactional_id)
        return transaction is None or not _is_of(ending, transaction)

    def _fence(self, transactions: Iterable[Transaction], now_ms: int, decision: Decision) -> Decision:
        """Abort open transactions in the name of the broker, as part of a decision."""
        for transaction in transactions:
            fenced = fence(transaction, self._transaction_version(), now_ms, self._new_producer_id)
            self._remember_end(transaction, fenced)
            decision.records.append(self._record(fenced))
            decision.effects.append(ending_of(fenced))
        return decision

    def _remember_end(self, transaction: Transaction, ended: Transaction) -> Holder:
        """Returns who has the id after that end."""
        holder = holder_after(ended)
        if ended.bumps_epoch:
            self._remember(ended.transactional_id, Bump(*holder, transaction.producer_epoch))
        return holder

    def _remember(self, transactional_id: str, bump: Bump | None) -> None:
        """It counts only while the id is at what the bump led to, so one whose record could not be written does no harm."""
        if bump is None:
            self._bumps.pop(transactional_id, None)
        else:
            self._bumps[transactional_id] = bump

    # Administration

    def describe(self, call: int, transactional_id: str) -> Decision:
        """Answers a line of DescribeTransactionsResponse."""
        return _answer(call, describe(transactional_id, self.transactions.get(transactional_id)))

    def list(self, now_ms: int, call: int, filters: Filters) -> Decision:
        """Answers the lines of ListTransactionsResponse."""
        return _answer(call, [listed(each) for each in self.transactions.values() if filters.let_pass(each, now_ms)])

    # Replay

    def replay(self, record: CoordinatorRecord, producer_id: int = NO_PRODUCER_ID) -> None:
        """Apply one written record. `producer_id` is for topics that hold records of transactions, which this one does not."""
        key, value = record.key, record.value
        if not isinstance(key, TransactionLogKey):
            return
        if value is None:
            self.transactions.pop(key.transactional_id, None)
            self._bumps.pop(key.transactional_id, None)
        else:
            self.transactions[key.transactional_id] = record.made_of or transaction_from_record(key.transactional_id, value)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """A marker in the log: nothing here is part of a transaction."""

    def loaded(self, now_ms: int) -> Decision:
        """The log is read: end what was only prepared, and keep time from now on."""
        states = {each.state for each in self.transactions.values()}
        if State.ONGOING in states:
            self._watch_open(now_ms)
        if self.transactions:
            self._watch_unused(now_ms)
        return Decision(effects=[ending_of(each) for each in self.transactions.values() if each.state in PREPARED])

    def _record(self, transaction: Transaction) -> CoordinatorRecord:
        return transaction_record(transaction, self._transaction_version())

    # Time

    def _watch_open(self, now_ms: int) -> None:
        if self._abort_at_ms is None:
            self._abort_at_ms = now_ms + self._settings.abort_interval_ms

    def _watch_unused(self, now_ms: int) -> None:
        if self._remove_at_ms is None:
            self._remove_at_ms = now_ms + self._settings.remove_interval_ms

    def next_deadline(self) -> int | None:
        abort_at_ms, remove_at_ms = self._abort_at_ms, self._remove_at_ms
        if abort_at_ms is None or remove_at_ms is None:
            return remove_at_ms if abort_at_ms is None else abort_at_ms
        return min(abort_at_ms, remove_at_ms)

    def expire(self, now_ms: int) -> Decision:
        """Do whatever is due at `now_ms`; what is too much for one decision is due again at once."""
        decision = Decision()
        if self._abort_at_ms is not None and self._abort_at_ms <= now_ms:
            self._abort_at_ms = self._abort_timed_out(now_ms, decision)
        if self._remove_at_ms is not None and self._remove_at_ms <= now_ms:
            self._remove_at_ms = self._remove_unused(now_ms, decision)
        return decision

    def _abort_timed_out(self, now_ms: int, decision: Decision) -> int | None:
        """Returns when to look again."""
        late = list(islice((each for each in self.transactions.values() if each.is_past_timeout(now_ms)), MOST_PER_TURN))
        self._fence(late, now_ms, decision)
        if len(late) == MOST_PER_TURN:
            return now_ms
        open_count = sum(each.state is State.ONGOING for each in self.transactions.values())
        return now_ms + self._settings.abort_interval_ms if open_count > len(late) else None

    def _remove_unused(self, now_ms: int, decision: Decision) -> int | None:
        """Returns when to look again."""
        horizon_ms = now_ms - self._settings.expiration_ms
        unused = list(islice((each for each in self.transactions.values() if each.is_unused_since(horizon_ms)), MOST_PER_TURN))
        decision.records += [tombstone(each.transactional_id) for each in unused]
        if len(unused) == MOST_PER_TURN:
            return now_ms
        return now_ms + self._settings.remove_interval_ms if len(self.transactions) > len(unused) else None


def _is_of(ending: Ending, transaction: Transaction) -> bool:
    held = (transaction.producer_id, transaction.producer_epoch)
    return transaction.state in PREPARED and held == (ending.producer_id, ending.producer_epoch)


def _ended_as(producer_id: int, producer_epoch: int) -> EndTxnResponse:
    return EndTxnResponse(producer_id=producer_id, producer_epoch=producer_epoch)


def _answer(call: int, response: object) -> Decision:
    return Decision(replies=[Reply(call, response)])


def _refused_init(call: int, error: ErrorCode) -> Decision:
    return _answer(call, InitProducerIdResponse(error_code=error, producer_id=NO_PRODUCER_ID, producer_epoch=NO_PRODUCER_EPOCH))


def _refused_end(call: int, error: ErrorCode) -> Decision:
    return _answer(call, EndTxnResponse(error_code=error, producer_id=NO_PRODUCER_ID, producer_epoch=NO_PRODUCER_EPOCH))
