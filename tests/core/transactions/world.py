"""A coordinator and three partitions among producers whose requests are late, lost, doubled and out of order, on a broker that crashes.

The world is made of the deciding parts alone: `TransactionShard`, `PartitionState`, and lists for logs. What lies between them in a broker
(runner, produce handler, markers) is told here once more, in its simplest form and with random delays, and `faults` plants mistakes in it.
"""

from heapq import heappop

from pybroker.core.decision import CoordinatorRecord, Decision, Reply
from pybroker.core.partition import PartitionState
from pybroker.core.producers import Marker
from pybroker.core.transactions.settings import TransactionSettings
from pybroker.core.transactions.shard import TransactionShard
from pybroker.core.transactions.transaction import PREPARED, Holder, State
from pybroker.records.batch import CONTROL_BIT, TRANSACTIONAL_BIT, BatchHeader
from pybroker.wire.codec import decode, encode
from pybroker.wire.errors import ErrorCode as E
from pybroker.wire.errors import KafkaError
from tests.core.simulated import Broken, Simulated
from tests.core.transactions.clients import PARTITIONS, Producer


def header_of(holder, base_sequence, count, *, control=False):
    """The header of a transactional batch, or of a marker."""
    return BatchHeader(
        base_offset=0,
        batch_length=0,
        partition_leader_epoch=0,
        magic=2,
        crc=0,
        attributes=TRANSACTIONAL_BIT | (CONTROL_BIT if control else 0),
        last_offset_delta=count - 1,
        base_timestamp=0,
        max_timestamp=0,
        producer_id=holder.producer_id,
        producer_epoch=holder.producer_epoch,
        base_sequence=base_sequence,
        record_count=count,
    )


class Partition:
    """A log of (header, base offset, what): `what` is the transaction that the records are of, or the marker."""

    def __init__(self, world):
        self.world, self.log, self.seen = world, [], []
        self.recover()

    def recover(self):
        self.state = PartitionState(0)
        for header, base_offset, what in self.log:
            self.apply(header, base_offset, what)
        self.state.raise_high_watermark(self.state.log_end_offset)

    def apply(self, header, base_offset, what):
        if isinstance(what, Marker):
            aborted = self.state.advance_marker(header, base_offset, what.coordinator_epoch, committed=what.committed)
            if aborted is not None and "forgets what was aborted" in self.world.faults:
                self.state.aborted = None
        else:
            self.state.advance(header, base_offset)

    def append(self, header, what):
        base_offset = self.state.log_end_offset
        self.log.append((header, base_offset, what))
        self.apply(header, base_offset, what)
        self.world.later(self.world.rng.choice((0, 0, 2, 150)), self.make_safe, self.state, self.state.log_end_offset)
        return base_offset

    def make_safe(self, state, offset):
        if state is self.state:
            state.raise_high_watermark(offset)

    def crash(self):
        """Lose some of what is not below the high watermark."""
        safe = self.state.high_watermark
        unsafe = [at for at, (_, base_offset, _) in enumerate(self.log) if base_offset >= safe]
        if unsafe:
            del self.log[self.world.rng.choice([*unsafe, len(self.log)]) :]
        self.recover()

    def read_committed(self, offset):
        """What a consumer makes of the answer to a fetch: transactions of the records that it hands out, in order."""
        upper = self.state.last_stable_offset
        aborted = sorted((first, pid) for pid, first in self.state.aborted.between(offset, upper)) if self.state.aborted else []
        skipped, found = set(), []
        for header, base_offset, what in self.log:
            if header.last_offset_delta + base_offset < offset or base_offset >= upper:
                continue
            while aborted and aborted[0][0] <= base_offset:
                skipped.add(aborted.pop(0)[1])
            if isinstance(what, Marker):
                if not what.committed:
                    skipped.discard(header.producer_id)
            elif header.producer_id not in skipped:
                found.append((base_offset, what))
        return found


class World(Simulated):
    """Network, logs, and the broker between them."""

    def __init__(self, seed, faults=frozenset()):
        super().__init__(seed, faults)
        self.log, self.safe, self.parked, self.coordinator_epoch = [], 0, {}, 0
        self.acknowledged, self.told, self.given, self.next_producer_id = {}, {}, {}, 100
        self.settings = TransactionSettings(abort_interval_ms=1_000, expiration_ms=60_000, remove_interval_ms=5_000)
        self.partitions = {where: Partition(self) for where in PARTITIONS}
        self.start_broker()
        self.producers = [
            Producer(self, f"{name}{at}", name, bumping) for name, bumping in (("classic", False), ("bumping", True)) for at in range(2)
        ]
        for producer in self.producers:
            producer.later(producer.start)

    def new_producer_id(self):
        self.next_producer_id += 1
        return self.next_producer_id

    # The broker

    def fresh_shard(self):
        shard = TransactionShard(self.settings, self.new_producer_id, lambda: 2)
        for record in self.log:
            shard.replay(record)
        return shard

    def start_broker(self):
        self.coordinator_epoch += 1
        self.safe = len(self.log)
        self.unreleased, self.highest = [], {}
        for record in self.log:
            self.check_epoch(record)
        self.shard = self.fresh_shard()
        self.carry_out(self.shard.loaded(self.now_ms))

    def crash(self):
        del self.log[self.rng.randint(self.safe, len(self.log)) :]
        for partition in self.partitions.values():
            partition.crash()
        self.note(f"the broker crashes; {len(self.log)} records are left, {len(self.parked)} calls are lost")
        self.parked.clear()
        self.start_broker()

    def deliver(self, on_reply, producer, number, kind, holder, arguments):
        call = self.next_number()
        self.parked[call] = lambda error, answer=None: self.answer(producer, number, kind, on_reply, error, answer)
        getattr(self, "do_" + kind)(call, producer, holder, *arguments)

    def answer(self, producer, number, kind, on_reply, error, answer):
        self.note(f"  #{number} {kind} of {producer.name} is answered {E(error).name} {answer or ''}")
        if kind == "init" and not error:
            self.check_given(producer, number, answer)
        if self.rng.random() < 0.95 or not producer.bumping:
            self.later(self.rng.choice((1, 1, 300)) if producer.bumping else 1, producer.receive, number, on_reply, error, answer)

    def check_given(self, producer, number, holder):
        """A producer id at an epoch is given out to one process, and to it alone."""
        owner = self.given.setdefault(holder, (producer, producer.incarnation))
        if owner[0] is not producer:
            raise Broken(f"{holder} is given to {producer.name}, and was given to {owner[0].name}")

    def reply(self, call, error, answer=None):
        """Answer a call, once."""
        if call not in self.parked:
            raise Broken(f"call {call} is answered though nobody waits")
        self.parked.pop(call)(error, answer)

    def do_init(self, call, producer, holder):
        decision = self.shard.init_producer_id(self.now_ms, call, producer.transactional_id, 4_000, holder)
        if "forgets to bump" in self.faults and not decision.effects:
            for changed in (*(each.value for each in decision.records), decision.replies[0].response):
                changed.producer_epoch -= changed.producer_epoch > 0
        self.carry_out(decision)

    def do_add(self, call, producer, holder, partitions):
        self.carry_out(self.shard.add_partitions(self.now_ms, call, producer.transactional_id, holder, partitions, 0))

    def do_end(self, call, producer, holder, committed, transaction):
        version = 2 if producer.bumping else 0
        decision = self.shard.end(
            self.now_ms, call, producer.transactional_id, holder, committed=committed, client_transaction_version=version
        )
        self.carry_out(decision)

    def do_produce(self, call, producer, holder, where, sequence, count, transaction):
        partition = self.partitions[where]
        if partition.state.producers.is_in_transaction(*holder) or "does not verify" in self.faults:
            self.append(call, holder, where, sequence, count, transaction)
            return
        inner = self.next_number()
        if producer.bumping:
            decision = self.shard.add_partitions(self.now_ms, inner, producer.transactional_id, holder, frozenset({where}), 2)
        else:
            decision = Decision(replies=[Reply(inner, E.NONE)])
        self.parked[inner] = lambda error, _=None: self.verified(call, producer, holder, where, sequence, count, transaction, error)
        self.carry_out(decision)

    def verified(self, call, producer, holder, where, sequence, count, transaction, error):
        error = error or self.shard.verify_partitions(producer.transactional_id, holder, [where])[where]
        if error:
            self.reply(call, error)
        else:
            self.append(call, holder, where, sequence, count, transaction)

    def append(self, call, holder, where, sequence, count, transaction):
        partition = self.partitions[where]
        header = header_of(holder, sequence, count)
        try:
            duplicate = partition.state.admit(header)
        except KafkaError as error:
            self.reply(call, error.code)
            return
        if duplicate is None:
            partition.append(header, transaction)
        self.when_safe(partition, partition.state.log_end_offset, self.reply, call, E.NONE)

    def when_safe(self, partition, offset, action, *arguments, epoch=0):
        epoch = epoch or self.coordinator_epoch
        if epoch != self.coordinator_epoch:
            return
        if partition.state.high_watermark >= offset:
            action(*arguments)
        else:
            self.later(3, lambda: self.when_safe(partition, offset, action, *arguments, epoch=epoch))

    # Carrying out

    def carry_out(self, decision):
        for record in decision.records:
            if not self.goes_wrong("forgets a record", 0.05):
                self.log.append(stored(record))
            self.check_epoch(record)
            self.shard.replay(stored(record))
            self.check_made_of(record)
        if "writes markers before it is decided" in self.faults:
            for ending in decision.effects:
                self.end_transaction(ending)
            decision.effects.clear()
        self.unreleased.append((len(self.log), decision))
        delay_ms = self.rng.choice((0, 0, 0, 2, 200)) if decision.records else 0
        if "answers before it is safe" in self.faults:
            self.release(decision)
            decision.replies.clear()
        self.later(delay_ms, self.make_safe, self.coordinator_epoch, len(self.log)) if delay_ms else self.make_safe(
            self.coordinator_epoch, len(self.log)
        )

    def make_safe(self, epoch, size):
        if epoch != self.coordinator_epoch:
            return
        self.safe = max(self.safe, size)
        while self.unreleased and self.unreleased[0][0] <= self.safe:
            self.release(self.unreleased.pop(0)[1])

    def release(self, decision):
        if self.goes_wrong("answers twice", 0.02):
            decision.replies += decision.replies[:1]
        if self.goes_wrong("loses an answer", 0.02):
            decision.replies.clear()
        for reply in decision.replies:
            self.reply(reply.call, *plain(reply.response))
        for ending in decision.effects if not decision.records or self.safe else ():
            self.end_transaction(ending)

    def end_transaction(self, ending):
        self.note(
            f"  {ending.transactional_id}: {'commit' if ending.committed else 'abort'} of {ending.producer_id}:{ending.producer_epoch}"
        )
        left = sorted(ending.partitions)
        if "forgets a marker" in self.faults and self.rng.random() < 0.3:
            left = left[1:]
        self.later(self.rng.choice((0, 1, 400)), self.write_markers, self.coordinator_epoch, ending, left)

    def write_markers(self, epoch, ending, left):
        if epoch != self.coordinator_epoch:
            return
        if not left:
            self.carry_out(self.shard.complete(self.now_ms, ending))
            return
        partition = self.partitions[left[0]]
        holder = Holder(ending.producer_id, ending.producer_epoch)
        marker = Marker(*holder, ending.committed, epoch, ending.transaction_version)
        partition.state.admit_marker(marker)
        partition.append(header_of(holder, -1, 1, control=True), marker)
        self.when_safe(partition, partition.state.log_end_offset, self.write_markers, epoch, ending, left[1:])

    def expire(self):
        due_ms = self.shard.next_deadline()
        if due_ms is not None and due_ms <= self.now_ms:
            self.carry_out(self.shard.expire(self.now_ms))

    # What must hold

    def check_epoch(self, record):
        """In the log, an id's epochs grow while its producer id stays."""
        value = record.value
        if value is not None:
            highest = self.highest.get(value.producer_id, -1)
            if value.producer_epoch < highest:
                raise Broken(f"producer {value.producer_id} goes back from epoch {highest} to {value.producer_epoch}")
            self.highest[value.producer_id] = value.producer_epoch

    def check_readers(self):
        """What was read once is read again, and nothing that was told to be aborted; from any offset."""
        for where, partition in self.partitions.items():
            found = partition.read_committed(0)
            if found[: len(partition.seen)] != partition.seen:
                raise Broken(f"{where} showed {partition.seen[-3:]}, and now {found[: len(partition.seen)][-3:]}")
            partition.seen = found
            for _, transaction in found:
                if self.told.get(transaction) is False:
                    raise Broken(f"{where} shows records of {transaction}, which was aborted")
            offset = self.rng.randrange(partition.state.log_end_offset + 1)
            if partition.read_committed(offset) != [each for each in found if each[0] + self.size_at(partition, each[0]) > offset]:
                raise Broken(f"{where} shows something else from {offset} on")

    def size_at(self, partition, base_offset):
        return next(header.last_offset_delta + 1 for header, at, _ in partition.log if at == base_offset)

    def check_made_of(self, record):
        if record.made_of not in (None, self.shard.transactions.get(record.key.transactional_id)):
            raise Broken(f"the record of {record.made_of} reads as another transaction")

    def check_replay(self):
        if self.fresh_shard().transactions != self.shard.transactions:
            raise Broken("replaying the log gives other transactions")

    def check_end(self):
        """Nothing hangs, and every transaction is there as a whole or not at all."""
        for transaction in self.shard.transactions.values():
            if transaction.state is State.ONGOING or transaction.state in PREPARED:
                raise Broken(f"{transaction} hangs")
        for where, partition in self.partitions.items():
            if partition.state.last_stable_offset != partition.state.log_end_offset:
                raise Broken(f"{where} is stable up to {partition.state.last_stable_offset} only: {list(partition.state.producers)}")
        shown = {(where, transaction) for where, partition in self.partitions.items() for _, transaction in partition.read_committed(0)}
        for transaction, partitions in self.acknowledged.items():
            whole = [(where, transaction) in shown for where in partitions]
            if any(whole) != all(whole) or self.told.get(transaction, whole[0]) != whole[0]:
                raise Broken(f"{transaction} ended as {self.told.get(transaction)}, and of {partitions} there is {whole}")

    # The story

    def play(self, steps):
        for step in range(steps):
            self.happen_next()
            if self.rng.random() < 0.004:
                self.crash()
            if self.rng.random() < 0.004:
                self.now_ms += self.rng.choice((500, 5_000, 70_000))
                self.note("the clock jumps")
                self.expire()
            if step % 25 == 0:
                self.check_readers()
                self.check_replay()
        self.settle()

    def settle(self):
        """The producers are gone: what they left ends by itself."""
        for producer in self.producers:
            producer.waiting_for, producer.send, producer.later = 0, lambda *_: None, lambda *_: None
        end_ms = self.now_ms + 30_000
        while self.events and self.now_ms < end_ms:
            self.happen_next()
        self.advance(end_ms)
        while self.events:
            at_ms, _, action, arguments = heappop(self.events)
            self.now_ms = max(self.now_ms, at_ms)
            action(*arguments)
        if self.parked:
            raise Broken(f"{len(self.parked)} calls were never answered")
        self.check_readers()
        self.check_replay()
        self.check_end()


def stored(record):
    """A record as it comes back from the log."""
    value = record.value
    if value is not None:
        value = decode(type(value), record.value_version, encode(value, record.value_version))[0]
    return CoordinatorRecord(record.key, value, 0, record.value_version)


def plain(response):
    """Error code, and the producer id and epoch to go on with."""
    if isinstance(response, E):
        return response, None
    return E(response.error_code), Holder(response.producer_id, response.producer_epoch)
