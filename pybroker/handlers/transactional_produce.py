"""Whether transactional batches may be written: their coordinator knows which partitions a transaction reaches (KIP-890)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from pybroker.core.transactions.transaction import Holder, Partition
from pybroker.handlers.context import RequestContext
from pybroker.handlers.produce_refusals import ToldRefusal
from pybroker.records.batch import PRODUCER_ID_AT, is_transactional_batch, read_header
from pybroker.runtime.partition import LivePartition
from pybroker.runtime.state import BrokerState
from pybroker.wire.errors import ErrorCode, KafkaError

ABORTABLE_SINCE = 11
ADDS_TO_TRANSACTION_SINCE = 12

Batches = list[tuple[LivePartition, memoryview]]

_unpack_holder = Struct(">qh").unpack_from  # producer id and epoch are neighbours in a batch
_COORDINATOR_AWAY = (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.NOT_COORDINATOR)


class Admission:
    """What the coordinator said about the transactional batches of one request.

    A batch of a transaction that is open in its partition goes without asking. Between the coordinator's word and the write nothing is
    awaited; a partition of which it was not asked, because a transaction was open there that has ended since, is refused. It is asked
    for all at once, so that what is added is one record; a long request, which is written in several turns, asks again in each.
    """

    __slots__ = ("_answers", "_asked", "_transactional_id")

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id
        self._asked: dict[Partition, Holder] = {}
        self._answers: dict[Partition, ErrorCode] = {}

    def note(self, batches: Batches) -> None:
        """These are to be asked for."""
        for live, records in batches:
            if is_transactional_batch(records) and not _is_open(live, records):
                self._asked[live.topic, live.partition] = _holder_of(records)

    async def ask(self, context: RequestContext) -> None:
        """Ask for all that were noted. Raises nothing: an error is the answer for each."""
        if len(set(self._asked.values())) > 1:
            self._answers = dict.fromkeys(self._asked, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        elif self._asked:
            self._answers = await self._ask(context, list(self._asked))

    async def ask_again(self, context: RequestContext, batches: Batches) -> None:
        """Others have run: whether these, if they were admitted, still are."""
        named = {(live.topic, live.partition) for live, _ in batches}
        admitted = [each for each in named if self._answers.get(each) is ErrorCode.NONE]
        if admitted:
            self._answers.update(await self._ask(context, admitted))

    async def _ask(self, context: RequestContext, partitions: list[Partition]) -> dict[Partition, ErrorCode]:
        adds = context.api_version >= ADDS_TO_TRANSACTION_SINCE
        if not adds and not context.state.settings.get("transaction.partition.verification.enable"):
            return dict.fromkeys(partitions, ErrorCode.NONE)
        return await _answers(context, self._transactional_id, self._asked[partitions[0]], partitions, adds=adds)

    def check(self, api_version: int, live: LivePartition, records: memoryview) -> None:
        """Raises KafkaError if the batch, unless it is a plain one, may not be written."""
        if not is_transactional_batch(records) or _is_open(live, records):
            return
        error = self._answers.get((live.topic, live.partition), ErrorCode.TRANSACTION_ABORTABLE)
        if error:
            raise _refusal(error, api_version, f"{live.topic}-{live.partition} is not in the transaction: {error.name}")


def admission_now(state: BrokerState, api_version: int, transactional_id: str, live: LivePartition) -> Callable[[bytes, int], bool]:
    """For the short way: whether the batch at a place in a message may be written, as far as that is known without waiting."""
    adds = api_version >= ADDS_TO_TRANSACTION_SINCE
    partition = frozenset({(live.topic, live.partition)})

    def may_write(message: bytes, at: int) -> bool:
        holder = Holder(*_unpack_holder(message, at + PRODUCER_ID_AT))
        if live.state.producers.is_in_transaction(*holder):
            return True
        return state.transactions.admits_now(transactional_id, holder, partition, adds=adds)

    return may_write


async def _answers(
    context: RequestContext, transactional_id: str, holder: Holder, partitions: list[Partition], *, adds: bool
) -> dict[Partition, ErrorCode]:
    try:
        return await context.state.transactions.admit(transactional_id, holder, partitions, adds=adds, flush=context.flush)
    except KafkaError as error:
        return dict.fromkeys(partitions, error.code)


def _holder_of(records: memoryview) -> Holder:
    header = read_header(records)
    return Holder(header.producer_id, header.producer_epoch)


def _is_open(live: LivePartition, records: memoryview) -> bool:
    return live.state.producers.is_in_transaction(*_holder_of(records))


def _refusal(error: ErrorCode, api_version: int, reason: str) -> KafkaError:
    """Kafka has words where it tells another code than the coordinator's, or that of a client which never asked."""
    code = _as_told(error, api_version)
    if code is ErrorCode.INVALID_TXN_STATE:
        return ToldRefusal(code, reason, "Partition was not added to the transaction")
    if code is ErrorCode.NOT_ENOUGH_REPLICAS:
        told = f"Unable to verify the partition has been added to the transaction. Underlying error: {error.name}"
        return ToldRefusal(code, reason, told)
    return KafkaError(code, reason)


def _as_told(error: ErrorCode, api_version: int) -> ErrorCode:
    """AddPartitionsToTxnManager and ReplicaManager: a fenced producer may still abort; what passes by itself is told as such."""
    if error is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if error is ErrorCode.TRANSACTION_ABORTABLE and api_version < ABORTABLE_SINCE:
        return ErrorCode.INVALID_TXN_STATE
    if error in _COORDINATOR_AWAY or (error is ErrorCode.CONCURRENT_TRANSACTIONS and api_version < ADDS_TO_TRANSACTION_SINCE):
        return ErrorCode.NOT_ENOUGH_REPLICAS
    return error
