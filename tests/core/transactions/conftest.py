"""A shard whose log is a list, and an id to begin with."""

import itertools

import pytest

from pybroker.core.decision import CoordinatorRecord
from pybroker.core.transactions.settings import TransactionSettings
from pybroker.core.transactions.shard import TransactionShard
from pybroker.core.transactions.transaction import Holder
from pybroker.wire.codec import decode, encode

CLASSIC, BUMPING = 0, 2


class Desk:
    """Asks a shard as its runner would: records are written and replayed, then the reply is looked at."""

    def __init__(self, transaction_version=2):
        self.log, self.now_ms, self.effects = [], 1_000_000, []
        self.producer_ids = itertools.count(500)
        self.transaction_version = transaction_version
        self.settings = TransactionSettings()
        self.shard = self.fresh()

    def fresh(self):
        shard = TransactionShard(self.settings, lambda: next(self.producer_ids), lambda: self.transaction_version)
        for record in self.log:
            shard.replay(record)
        return shard

    def restart(self):
        self.shard = self.fresh()
        return self.carry_out(self.shard.loaded(self.now_ms))

    def carry_out(self, decision):
        """The answer, if there is one; endings wait in `effects`."""
        for record in decision.records:
            value = record.value
            if value is not None:
                value = decode(type(value), record.value_version, encode(value, record.value_version))[0]
            self.log.append(CoordinatorRecord(record.key, value, 0, record.value_version))
            self.shard.replay(self.log[-1])
        self.effects += decision.effects
        return decision.replies[0].response if decision.replies else None

    def init(self, holder=None, timeout_ms=60_000):
        """(error, producer id and epoch)."""
        response = self.carry_out(self.shard.init_producer_id(self.now_ms, 1, "t", timeout_ms, holder))
        return response.error_code, Holder(response.producer_id, response.producer_epoch)

    def add(self, holder, *partitions, version=CLASSIC):
        return self.carry_out(self.shard.add_partitions(self.now_ms, 1, "t", holder, frozenset(partitions), version))

    def end(self, holder, committed, version=BUMPING):
        """(error, producer id and epoch)."""
        decision = self.shard.end(self.now_ms, 1, "t", holder, committed=committed, client_transaction_version=version)
        response = self.carry_out(decision)
        return response.error_code, Holder(response.producer_id, response.producer_epoch)

    def complete(self):
        """The markers of all that waits are safe."""
        endings, self.effects = self.effects, []
        for ending in endings:
            self.carry_out(self.shard.complete(self.now_ms, ending))
        return endings

    def expire(self, after_ms):
        self.now_ms += after_ms
        self.carry_out(self.shard.expire(self.now_ms))

    @property
    def state(self):
        return self.shard.transactions["t"].state.name

    def set_epoch(self, epoch):
        """As if the epochs up to this one had been used."""
        self.log[-1].value.producer_epoch = epoch
        self.shard.replay(self.log[-1])
        return Holder(self.log[-1].value.producer_id, epoch)


@pytest.fixture
def desk():
    """A desk at transaction.version 2."""
    return Desk()


@pytest.fixture
def make_desk():
    """Desks of any version."""
    return Desk
