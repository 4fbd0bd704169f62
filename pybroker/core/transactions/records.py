"""The record of a transactional id on `__transaction_state`, and the id out of its record.

Every record holds all that is known, so only the last one of an id counts, and compaction may take the others. Below level 1 of
`transaction.version` values are written with version 0, which has no place for producer ids before and after, unless the client speaks a
protocol that needs them (Kafka: TransactionLog).
"""

from __future__ import annotations

from pybroker.core.decision import CoordinatorRecord
from pybroker.core.transactions.transaction import Partition, State, Transaction
from pybroker.wire.messages import TransactionLogKey, TransactionLogValue

TAGGED_FIELDS_SINCE = 1


def transaction_record(transaction: Transaction, transaction_version: int) -> CoordinatorRecord:
    """The id as it shall be."""
    value = TransactionLogValue(
        producer_id=transaction.producer_id,
        producer_epoch=transaction.producer_epoch,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_status=transaction.state,
        transaction_partitions=None if transaction.state is State.EMPTY else _by_topic(transaction.partitions),
        transaction_last_update_timestamp_ms=transaction.update_timestamp_ms,
        transaction_start_timestamp_ms=transaction.start_timestamp_ms,
    )
    key = TransactionLogKey(transactional_id=transaction.transactional_id)
    if transaction_version < TAGGED_FIELDS_SINCE and not transaction.bumps_epoch:
        return CoordinatorRecord(key, value, 0, 0)
    value.previous_producer_id = transaction.previous_producer_id
    value.next_producer_id = transaction.next_producer_id
    value.client_transaction_version = transaction.client_transaction_version
    return CoordinatorRecord(key, value, 0, 1, transaction)


def tombstone(transactional_id: str) -> CoordinatorRecord:
    """The id is forgotten."""
    return CoordinatorRecord(TransactionLogKey(transactional_id=transactional_id), None, 0)


def transaction_from_record(transactional_id: str, value: TransactionLogValue) -> Transaction:
    """The id out of its record."""
    return Transaction(
        transactional_id=transactional_id,
        producer_id=value.producer_id,
        producer_epoch=value.producer_epoch,
        timeout_ms=value.transaction_timeout_ms,
        state=State(value.transaction_status),
        partitions=frozenset([(topic.topic, index) for topic in value.transaction_partitions or () for index in topic.partition_ids]),
        start_timestamp_ms=value.transaction_start_timestamp_ms,
        update_timestamp_ms=value.transaction_last_update_timestamp_ms,
        previous_producer_id=value.previous_producer_id,
        next_producer_id=value.next_producer_id,
        client_transaction_version=value.client_transaction_version,
    )


def by_topic(partitions: frozenset[Partition]) -> dict[str, list[int]]:
    """Partitions by topic, both in order."""
    topics: dict[str, list[int]] = {}
    for topic, index in sorted(partitions):
        topics.setdefault(topic, []).append(index)
    return topics


def _by_topic(partitions: frozenset[Partition]) -> list[TransactionLogValue.PartitionsSchema]:
    schema = TransactionLogValue.PartitionsSchema
    if len(partitions) <= 1:  # as in nearly every record: there is no order to be made
        return [schema(topic=topic, partition_ids=[index]) for topic, index in partitions]
    return [schema(topic=topic, partition_ids=indexes) for topic, indexes in by_topic(partitions).items()]
