"""Both coordinators over real partitions, reached through the handlers and both codecs: for tests of transactions."""

from contextlib import asynccontextmanager
from random import Random
from types import SimpleNamespace

import trio
import trio.testing

from pybroker.handlers import fetch, group_offsets, producer_ids, transaction_markers, transactional_offsets, transactions
from pybroker.handlers import offsets as list_offsets
from pybroker.handlers import produce as produce_handler
from pybroker.records.batch import iter_batches
from pybroker.records.builder import build_batch
from pybroker.records.record import iter_records
from pybroker.runtime.clock import TrioClock
from pybroker.runtime.groups import GroupCoordinator
from pybroker.runtime.transactions import TransactionCoordinator
from pybroker.testing.rooms import PartitionRoom
from pybroker.wire.codec import decode, encode, encode_parts
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    DescribeTransactionsRequest,
    EndTxnRequest,
    FetchRequest,
    InitProducerIdRequest,
    ListOffsetsRequest,
    ListTransactionsRequest,
    OffsetFetchRequest,
    ProduceRequest,
    TxnOffsetCommitRequest,
    WriteTxnMarkersRequest,
    message_class,
)

HANDLERS = {
    AddOffsetsToTxnRequest: transactions.add_offsets_to_txn,
    AddPartitionsToTxnRequest: transactions.add_partitions_to_txn,
    DescribeTransactionsRequest: transactions.describe_transactions,
    EndTxnRequest: transactions.end_txn,
    FetchRequest: fetch.fetch,
    InitProducerIdRequest: producer_ids.init_producer_id,
    ListOffsetsRequest: list_offsets.list_offsets,
    ListTransactionsRequest: transactions.list_transactions,
    OffsetFetchRequest: group_offsets.offset_fetch,
    ProduceRequest: produce_handler.produce,
    TxnOffsetCommitRequest: transactional_offsets.txn_offset_commit,
    WriteTxnMarkersRequest: transaction_markers.write_txn_markers,
}
CLASSIC, BUMPING = 9, 12


class TransactionRoom:
    """Both coordinators, over topics that the test makes."""

    def __init__(self, store, **static):
        self.room = room = PartitionRoom(store, static, TrioClock())
        room.cluster.features["transaction.version"] = 2
        self.listeners = []
        controller = room.state.controller = SimpleNamespace(
            listeners=self.listeners, ensure_internal_topic=self.ensure, allocate_producer_id=room.state.controller.allocate_producer_id
        )
        shared = {"clock": room.clock, "settings": room.settings, "cluster": room.cluster, "controller": controller}
        self.groups = room.state.groups = GroupCoordinator(rng=Random(1), partitions=room.partitions, **shared)
        self.transactions = room.state.transactions = TransactionCoordinator(partitions=room.partitions, groups=self.groups, **shared)

    async def ensure(self, name):
        await trio.lowlevel.checkpoint()
        if name not in self.room.cluster.topics:
            self.room.create_topic(name, 3)

    async def send(self, request, version):
        """Through the handler and both codecs, as a client would meet it."""
        context = self.room.context(version)
        response = await HANDLERS[type(request)](context, decode(type(request), version, encode(request, version))[0])
        answer = message_class(type(request).__name__.removesuffix("Request") + "Response")
        parts = encode_parts(response, version)
        return decode(answer, version, b"".join(part if isinstance(part, bytes) else part.read() for part in parts))[0]

    async def init(self, transactional_id="t", timeout_ms=60_000, **holder):
        response = await self.send(InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=timeout_ms, **holder), 4)
        assert response.error_code in (0, ErrorCode.CONCURRENT_TRANSACTIONS)
        return None if response.error_code else Producer(self, transactional_id, response.producer_id, response.producer_epoch)

    async def read(self, isolation_level=1, offset=0, topic="a"):
        """(values a consumer of that isolation level would hand out, last stable offset, aborted transactions named)."""
        partition = FetchRequest.FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=1 << 20)
        topics = [FetchRequest.FetchTopic(topic=topic, partitions=[partition])]
        response = await self.send(FetchRequest(isolation_level=isolation_level, topics=topics, max_wait_ms=0), 12)
        found = response.responses[0].partitions[0]
        return values(found), found.last_stable_offset, [(each.producer_id, each.first_offset) for each in found.aborted_transactions or ()]

    async def described(self, transactional_id="t"):
        return (await self.send(DescribeTransactionsRequest(transactional_ids=[transactional_id]), 0)).transaction_states[0]

    async def state_of(self, transactional_id="t"):
        return (await self.described(transactional_id)).transaction_state

    async def complete(self):
        """Until the transaction has ended everywhere."""
        with trio.fail_after(10):
            while not (await self.state_of()).startswith("Complete"):
                await trio.lowlevel.checkpoint()

    async def committed(self, require_stable=False):
        topic = OffsetFetchRequest.OffsetFetchRequestTopic(name="a", partition_indexes=[0])
        response = await self.send(OffsetFetchRequest(group_id="g", topics=[topic], require_stable=require_stable), 7)
        found = response.topics[0].partitions[0]
        return found.error_code, found.committed_offset


class Producer:
    """One transactional producer and what it says."""

    def __init__(self, room, transactional_id, producer_id, epoch):
        self.room, self.transactional_id, self.id, self.epoch = room, transactional_id, producer_id, epoch
        self.sequence = 0

    async def add(self, *topics, partitions=(0,)):
        response = await self.room.send(
            AddPartitionsToTxnRequest(
                v3_and_below_transactional_id=self.transactional_id,
                v3_and_below_producer_id=self.id,
                v3_and_below_producer_epoch=self.epoch,
                v3_and_below_topics=[
                    AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=each, partitions=list(partitions)) for each in topics
                ],
            ),
            3,
        )
        return [one.partition_error_code for each in response.results_by_topic_v3_and_below for one in each.results_by_partition]

    async def produce(self, value, version=BUMPING, topic="a"):
        [error] = await self._produce(self._batch(value, self.sequence), 1, version, topic)
        self.sequence += not error
        return error

    async def produce_to_all(self, count, version=BUMPING, topic="a"):
        """The first batch for each of so many partitions, in one request; their errors."""
        return await self._produce(self._batch(b"first", 0), count, version, topic)

    def _batch(self, value, sequence):
        return build_batch(
            [(None, value)],
            timestamp=self.room.room.clock.now_ms(),
            producer_id=self.id,
            producer_epoch=self.epoch,
            base_sequence=sequence,
            transactional=True,
        )

    async def _produce(self, batch, count, version, topic):
        partitions = [ProduceRequest.PartitionProduceData(index=index, records=batch) for index in range(count)]
        topics = [ProduceRequest.TopicProduceData(name=topic, partition_data=partitions)]
        response = await self.room.send(ProduceRequest(transactional_id=self.transactional_id, acks=-1, topic_data=topics), version)
        return [each.error_code for each in response.responses[0].partition_responses]

    async def end(self, committed, version=5):
        request = EndTxnRequest(transactional_id=self.transactional_id, producer_id=self.id, producer_epoch=self.epoch, committed=committed)
        response = await self.room.send(request, version)
        if version >= 5 and not response.error_code:
            self.id, self.epoch, self.sequence = response.producer_id, response.producer_epoch, 0
        return response.error_code

    async def commit_offset(self, offset, version=5):
        partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(
            partition_index=0, committed_offset=offset, committed_metadata=""
        )
        topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(name="a", partitions=[partition])
        request = TxnOffsetCommitRequest(
            transactional_id=self.transactional_id, group_id="g", producer_id=self.id, producer_epoch=self.epoch, topics=[topic]
        )
        return (await self.room.send(request, version)).topics[0].partitions[0].error_code


def values(partition):
    """What a consumer does with the answer to a fetch."""
    aborted = sorted((each.first_offset, each.producer_id) for each in partition.aborted_transactions or ())
    skipped, found = [], []
    records = bytes(partition.records)
    for at, header in iter_batches(records):
        while aborted and aborted[0][0] <= header.base_offset:
            skipped.append(aborted.pop(0)[1])
        if header.is_control:
            if header.producer_id in skipped:
                skipped.remove(header.producer_id)
        elif header.producer_id not in skipped:
            found += [record.value for record in iter_records(records[at : at + header.size_bytes])]
    return found


@asynccontextmanager
async def opened(store, topic_ids, **static):
    """A broker's life over a store; the topic `a` is there from the start."""
    room = TransactionRoom(store, **static)
    for name, topic_id in (topic_ids or {"a": b"a" * 16}).items():
        room.room.create_topic(name, 3 if name.startswith("__") else 1, topic_id=topic_id)
    async with trio.open_nursery() as nursery:
        room.room.partitions.start(nursery)
        room.groups.start(nursery)
        room.transactions.start(nursery)
        yield room
        room.transactions.stop()
        room.groups.stop()
        nursery.cancel_scope.cancel()
    topic_ids.update({name: image.topic_id for name, image in room.room.cluster.topics.items()})
