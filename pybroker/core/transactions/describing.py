"""DescribeTransactions and ListTransactions: what is told of a transactional id, and which ones pass the filters."""

from __future__ import annotations

from dataclasses import dataclass

from pybroker.core.patterns.matcher import Pattern
from pybroker.core.patterns.program import BadPattern
from pybroker.core.transactions.records import by_topic
from pybroker.core.transactions.transaction import STATES_BY_TITLE, State, Transaction
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import DescribeTransactionsResponse, ListTransactionsRequest, ListTransactionsResponse

NO_DURATION = -1


def describe(transactional_id: str, transaction: Transaction | None) -> DescribeTransactionsResponse.TransactionState:
    """A transactional id as it is, or why it cannot be told."""
    response = DescribeTransactionsResponse
    if transaction is None:
        error = ErrorCode.TRANSACTIONAL_ID_NOT_FOUND if transactional_id else ErrorCode.INVALID_REQUEST
        return response.TransactionState(transactional_id=transactional_id, error_code=error)
    return response.TransactionState(
        transactional_id=transactional_id,
        transaction_state=transaction.state.title,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_start_time_ms=transaction.start_timestamp_ms,
        producer_id=transaction.producer_id,
        producer_epoch=transaction.producer_epoch,
        topics=[response.TopicData(topic=topic, partitions=partitions) for topic, partitions in by_topic(transaction.partitions).items()],
    )


@dataclass(slots=True, frozen=True)
class Filters:
    """What ListTransactions asks for; an empty filter lets all pass. `unknown_states`: names of states that there are none of.

    `pattern` is for the handler: to match it may take long, so it is not done in one go with the others.
    """

    producer_ids: frozenset[int]
    states: frozenset[State] | None
    longer_than_ms: int
    pattern: Pattern | None
    unknown_states: list[str]

    def let_pass(self, transaction: Transaction, now_ms: int) -> bool:
        if self.producer_ids and transaction.producer_id not in self.producer_ids:
            return False
        if self.states is not None and transaction.state not in self.states:
            return False
        return self.longer_than_ms <= NO_DURATION or now_ms - transaction.start_timestamp_ms > self.longer_than_ms


def read_filters(request: ListTransactionsRequest) -> Filters:
    """The filters of a request. Raises KafkaError: INVALID_REGULAR_EXPRESSION."""
    names = request.state_filters
    return Filters(
        producer_ids=frozenset(request.producer_id_filters),
        states=frozenset(STATES_BY_TITLE[name] for name in names if name in STATES_BY_TITLE) if names else None,
        longer_than_ms=request.duration_filter,
        pattern=_compile(request.transactional_id_pattern) if request.transactional_id_pattern else None,
        unknown_states=[name for name in dict.fromkeys(names) if name not in STATES_BY_TITLE],
    )


def _compile(pattern: str) -> Pattern:
    try:
        return Pattern(pattern)
    except BadPattern as error:
        raise KafkaError(ErrorCode.INVALID_REGULAR_EXPRESSION, f"{pattern!r}: {error}") from error


def listed(transaction: Transaction) -> ListTransactionsResponse.TransactionState:
    """A line of ListTransactions."""
    return ListTransactionsResponse.TransactionState(
        transactional_id=transaction.transactional_id,
        producer_id=transaction.producer_id,
        transaction_state=transaction.state.title,
    )
