"""What a producer is told of a batch that is refused, and what the broker says of it in its own log.

Rules
- Most failures are a code and a null message: then a Java client shows the text that it has for the code. There is a message only where
  Kafka's LogAppendResult has one of its own: for records that are named one by one, and for a partition that its transaction does not
  have, or of which its coordinator cannot be asked.
- A batch that cannot even begin so spoils the whole request, as in Kafka, which looks for transactional batches first: every partition
  gets that error, with its message.
- Our own reason is a line of the log, at debug. Of acks 0 nobody is told; there it is the reason why the connection is closed.
"""

from __future__ import annotations

import logging
from typing import Any

from pybroker.handlers.context import CloseConnection, RequestContext
from pybroker.records.batch import LENGTH_AT, LOG_OVERHEAD, MAGIC_AT, MIN_LENGTH, begins_transaction
from pybroker.records.errors import CorruptRecords
from pybroker.records.validate import KEYLESS, InvalidBatch
from pybroker.runtime.partition import LivePartition
from pybroker.wire.errors import ErrorCode, KafkaError
from pybroker.wire.messages import ProduceRequest, ProduceResponse

log = logging.getLogger(__name__)

NOT_TOLD = -1
SHOWN_RECORDS = 3
"""So many of the bad records are in the message of a batch."""

_PartitionResponse = ProduceResponse.PartitionProduceResponse
_RecordError = ProduceResponse.BatchIndexAndErrorMessage
NO_LEADER = ProduceResponse.LeaderIdAndEpoch()
"""Shared by all answers, never changed: it is not encoded."""


class ToldRefusal(KafkaError):
    """A batch is refused, and the producer is told so in words: `told`. The message is for the log."""

    def __init__(self, code: ErrorCode, message: str, told: str) -> None:
        super().__init__(code, message)
        self.told = told


def refuse_all(request: ProduceRequest) -> KafkaError | None:
    """What is wrong with the request as a whole, by how its batches begin, up to the first transactional one. Nothing: None."""
    refusal, is_transactional = None, False
    for topic in request.topic_data:
        for one in topic.partition_data:
            records = one.records
            if records is None:
                raise CloseConnection("Produce with null records")
            if refusal is None and not is_transactional:
                try:
                    is_transactional = begins_transaction(records)
                except CorruptRecords as error:
                    refusal = ToldRefusal(ErrorCode.CORRUPT_MESSAGE, str(error), _why_corrupt(records))
    if is_transactional and request.transactional_id is None:
        return KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "a transactional batch without a transactional id")
    return refusal


def _why_corrupt(records: memoryview) -> str:
    length = int.from_bytes(records[LENGTH_AT:LOG_OVERHEAD], signed=True)
    if length < MIN_LENGTH:
        return f"Record size {length} is less than the minimum record overhead ({MIN_LENGTH})"
    return f"Invalid magic found in record: {int.from_bytes(records[MAGIC_AT : MAGIC_AT + 1], signed=True)}"


def refused(
    context: RequestContext, request: ProduceRequest, topic: Any, one: Any, error: KafkaError, log_start_offset: int = NOT_TOLD
) -> Any:
    """The answer for one partition; `topic` and `one` as the request names them."""
    where = f"{_name_of(context, topic)}-{one.index}"
    _note(context, where, error)
    record_errors = _record_errors(error, where)
    return _PartitionResponse(
        index=one.index,
        error_code=error.code,
        base_offset=-1,
        log_start_offset=log_start_offset,
        record_errors=[_RecordError(batch_index=at, batch_index_error_message=text) for at, text in record_errors],
        error_message=_message(error, record_errors) if request.acks != 0 else error.message,
        current_leader=NO_LEADER,
    )


def refuse_late(context: RequestContext, answer: Any, live: LivePartition, error: KafkaError) -> None:
    """The batch was written and could not be made safe: turn its answer into the error."""
    _note(context, f"{live.topic}-{live.partition}", error)
    answer.error_code = error.code
    answer.base_offset = answer.log_start_offset = answer.log_append_time_ms = NOT_TOLD


def close_on_error(responses: list[Any]) -> None:
    """After acks 0: raises CloseConnection, with the reason, if a batch was refused."""
    for topic in responses:
        for answer in topic.partition_responses:
            if answer.error_code:
                raise CloseConnection(f"Produce with acks 0 to {topic.name or 'a topic id'}-{answer.index} failed: {answer.error_message}")


def _note(context: RequestContext, where: str, error: KafkaError) -> None:
    log.debug("Produce of client %r to %s is refused: %s", context.client_id, where, error)


def _name_of(context: RequestContext, topic: Any) -> str:
    return topic.name or context.state.partitions.name_of(topic.topic_id) or topic.topic_id.hex()


def _record_errors(error: KafkaError, where: str) -> list[tuple[int, str]]:
    if not isinstance(error, InvalidBatch):
        return []
    return [(at, f"{text} in topic partition {where}" if text is KEYLESS else text) for at, text in error.record_errors]


def _message(error: KafkaError, record_errors: list[tuple[int, str]]) -> str | None:
    if isinstance(error, ToldRefusal):
        return error.told
    if not record_errors:
        return None
    if error.code is ErrorCode.INVALID_TIMESTAMP:
        return "One or more records have been rejected due to invalid timestamp"
    shown = ", ".join(f"RecordError(batchIndex={at}, message='{text}')" for at, text in record_errors[:SHOWN_RECORDS])
    summary = f"One or more records have been rejected due to {len(record_errors)} record errors in total"
    return f"{summary}, and only showing the first three errors at most: [{shown}]"
