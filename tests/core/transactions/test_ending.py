"""EndTxn by both protocols: what is decided, what a retry is told, and what is left after a crash."""

import pytest

from pybroker.core.transactions.transaction import Holder
from pybroker.wire.errors import ErrorCode as E

A = ("a", 0)
CLASSIC, BUMPING = 0, 2


def begun(desk, version):
    """The holder of a transaction with one partition."""
    _, holder = desk.init()
    desk.add(holder, A, version=version)
    return holder


@pytest.mark.parametrize("committed", [True, False])
def test_classic_end(desk, committed):
    """The epoch stays; sent again it is answered by the state alone."""
    holder = begun(desk, CLASSIC)
    assert desk.end(holder, committed, CLASSIC)[0] == 0
    assert desk.state == ("PREPARE_COMMIT" if committed else "PREPARE_ABORT")
    assert desk.end(holder, committed, CLASSIC)[0] == E.CONCURRENT_TRANSACTIONS
    assert desk.end(holder, not committed, CLASSIC)[0] == E.INVALID_TXN_STATE
    [ending] = desk.complete()
    assert (ending.committed, ending.producer_epoch, ending.transaction_version) == (committed, 0, 0)
    assert desk.end(holder, committed, CLASSIC) == (0, holder)
    assert desk.end(holder, not committed, CLASSIC)[0] == E.INVALID_TXN_STATE


@pytest.mark.parametrize("committed", [True, False])
def test_end_that_bumps(desk, committed):
    """The answer names the next epoch; so does a retry, and the epoch before is fenced once it is used."""
    holder = begun(desk, BUMPING)
    assert desk.end(holder, committed) == (0, Holder(500, 1))
    assert desk.end(holder, committed)[0] == E.CONCURRENT_TRANSACTIONS
    [ending] = desk.complete()
    assert (ending.committed, ending.producer_epoch, ending.transaction_version) == (committed, 1, 2)
    assert desk.end(holder, committed) == (0, Holder(500, 1))
    assert desk.end(holder, not committed)[0] == E.INVALID_TXN_STATE
    desk.add(Holder(500, 1), A, version=BUMPING)
    assert desk.end(holder, committed)[0] == E.PRODUCER_FENCED


def test_used_up_epochs(desk):
    """The end at the last epoch answers with another producer id, again and again."""
    desk.init()
    holder = desk.set_epoch(32766)
    desk.add(holder, A, version=BUMPING)
    assert desk.end(holder, True) == (0, Holder(501, 0))
    assert desk.complete()[0].producer_epoch == 32767
    assert desk.end(holder, True) == (0, Holder(501, 0))
    assert desk.end(holder, False)[0] == E.INVALID_TXN_STATE
    desk.restart()
    assert desk.end(holder, True) == (0, Holder(501, 0))
    assert desk.add(Holder(501, 0), A, version=BUMPING) == 0


def test_nothing_to_be_ended(desk):
    """An empty transaction cannot be committed; by version 2 it can be aborted, for its producer may not know that it is empty."""
    _, holder = desk.init()
    assert desk.end(holder, True, CLASSIC)[0] == E.INVALID_TXN_STATE
    assert desk.end(holder, False, CLASSIC)[0] == E.INVALID_TXN_STATE
    assert desk.end(holder, True)[0] == E.INVALID_TXN_STATE
    assert desk.end(holder, False) == (0, Holder(500, 1))
    assert desk.complete()[0].partitions == frozenset()
    assert desk.end(Holder(500, 1), False) == (0, Holder(500, 2))
    assert desk.state == "PREPARE_ABORT"


@pytest.mark.parametrize("version", [CLASSIC, BUMPING])
def test_who_may_end(desk, version):
    """The holder alone."""
    assert desk.end(Holder(9, 0), True, version)[0] == E.INVALID_PRODUCER_ID_MAPPING
    begun(desk, version)
    assert desk.end(Holder(9, 0), True, version)[0] == E.INVALID_PRODUCER_ID_MAPPING
    assert desk.end(Holder(500, 7), True, version)[0] == E.PRODUCER_FENCED


@pytest.mark.parametrize("version", [CLASSIC, BUMPING])
def test_a_restart_between_the_records(desk, version):
    """What was decided is ended by the next coordinator; what has been done is not done again."""
    holder = begun(desk, version)
    desk.end(holder, True, version)
    [ending] = desk.effects
    desk.effects.clear()
    desk.restart()
    assert desk.effects == [ending]
    assert not desk.shard.is_complete(ending)
    desk.complete()
    assert desk.shard.is_complete(ending)
    assert (desk.state, desk.shard.complete(desk.now_ms, ending).records) == ("COMPLETE_COMMIT", [])
    desk.restart()
    assert desk.effects == []


def test_a_bumped_end_may_be_gone_on_from(desk):
    """InitProducerId with the epoch before the bump is told the one after it, for the answer to the end may have been lost."""
    holder = begun(desk, BUMPING)
    desk.end(holder, True)
    desk.complete()
    assert desk.init(holder) == (0, Holder(500, 1))


def test_the_producer_id_before_the_last_change(desk):
    """A producer that used up its id is known until the next change: then its retry is one of an unknown producer (as Kafka 4.4.0)."""
    desk.init()
    last = desk.set_epoch(32766)
    _, rotated = desk.init(last)
    assert rotated == Holder(501, 0)
    assert desk.end(last, True)[0] == E.PRODUCER_FENCED
    desk.add(rotated, A)
    desk.end(rotated, True, CLASSIC)
    desk.complete()
    assert desk.end(last, True)[0] == E.INVALID_PRODUCER_ID_MAPPING
    assert desk.init(last)[0] == E.PRODUCER_FENCED


def test_a_fenced_producer_at_its_last_epoch(desk):
    """Its abort is a retry of the broker's, and names the producer id that took over."""
    desk.init()
    last = desk.set_epoch(32766)
    desk.add(last, A, version=BUMPING)
    desk.init()
    desk.complete()
    assert desk.end(last, True)[0] == E.INVALID_TXN_STATE
    assert desk.end(last, False) == (0, Holder(501, 0))
    assert desk.end(last, False, CLASSIC)[0] == E.INVALID_PRODUCER_ID_MAPPING


def test_the_epoch_before_after_a_classic_end(desk):
    """Also that of a producer which the last one replaced: version 2 looks at no more than the epoch (as Kafka 4.4.0)."""
    _, zombie = desk.init()
    _, holder = desk.init()
    desk.add(holder, A)
    desk.end(holder, True, CLASSIC)
    desk.complete()
    assert desk.end(zombie, False)[0] == E.INVALID_TXN_STATE
    assert desk.end(zombie, True) == (0, holder)
    assert desk.end(zombie, True, CLASSIC)[0] == E.PRODUCER_FENCED
