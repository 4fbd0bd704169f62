"""InitProducerId: epochs, fencing, going on (KIP-360); the adding and verifying of partitions."""

import pytest

from pybroker.core.transactions.transaction import Holder, State
from pybroker.wire.errors import ErrorCode as E

NOBODY = Holder(-1, -1)
A, B = ("a", 0), ("b", 3)


def test_each_beginning_has_the_next_epoch(desk):
    """Of the same producer id; whoever had the one before is fenced."""
    assert [desk.init() for _ in range(3)] == [(0, Holder(500, epoch)) for epoch in range(3)]
    assert desk.add(Holder(500, 1), A) == E.PRODUCER_FENCED
    assert desk.add(Holder(500, 2), A) == 0


@pytest.mark.parametrize(("timeout_ms", "error"), [(0, 50), (-1, 50), (1, 0), (900_000, 0), (900_001, 50)])
def test_the_timeout_has_bounds(desk, timeout_ms, error):
    """Above 0, and up to transaction.max.timeout.ms."""
    assert desk.init(timeout_ms=timeout_ms)[0] == error


def test_going_on_from_an_epoch(desk):
    """The holder is given the next one; asked again with the old one it is given the same; anybody else is fenced."""
    _, first = desk.init()
    _, second = desk.init(first)
    assert (second, desk.init(first), len(desk.log)) == (Holder(500, 1), (0, second), 3)
    assert desk.init(Holder(500, 7)) == (E.PRODUCER_FENCED, NOBODY)
    assert desk.init(Holder(501, 1)) == (E.PRODUCER_FENCED, NOBODY)
    assert desk.init() == (0, Holder(500, 2))
    assert desk.init(first) == (E.PRODUCER_FENCED, NOBODY)


def test_a_retry_is_not_known_after_a_restart(desk):
    """The last bump is not in the log."""
    _, first = desk.init()
    desk.init(first)
    desk.restart()
    assert desk.init(first) == (E.PRODUCER_FENCED, NOBODY)


def test_an_id_that_is_not_known_takes_anybody(desk):
    """It may have expired; the producer is given a new producer id."""
    assert desk.init(Holder(77, 5)) == (0, Holder(500, 0))


def test_used_up_epochs_bring_another_producer_id(desk):
    """And a retry by the one who had the last epoch is answered with the same."""
    desk.init()
    last = desk.set_epoch(32766)
    assert desk.init(last) == (0, Holder(501, 0))
    assert desk.init(last) == (0, Holder(501, 0))
    assert desk.shard.transactions["t"].previous_producer_id == 500
    desk.set_epoch(32766)
    assert desk.init() == (0, Holder(502, 0))


def test_what_is_open_is_aborted_first(desk):
    """By an epoch that nobody is given, and the client is told to come again."""
    _, holder = desk.init()
    desk.add(holder, A)
    assert desk.init() == (E.CONCURRENT_TRANSACTIONS, NOBODY)
    assert (desk.state, desk.init()[0]) == ("PREPARE_ABORT", E.CONCURRENT_TRANSACTIONS)
    [ending] = desk.complete()
    assert (ending.producer_epoch, ending.committed, ending.partitions) == (1, False, frozenset({A}))
    assert (desk.state, desk.init()) == ("COMPLETE_ABORT", (0, Holder(500, 2)))


@pytest.mark.parametrize("transaction_version", [0, 1, 2])
def test_fencing_at_the_last_epoch(make_desk, transaction_version):
    """32767 is never given to a client: the next one begins under another producer id, by version 2 from the end of the abort on."""
    desk = make_desk(transaction_version)
    desk.init()
    holder = desk.set_epoch(32766)
    desk.add(holder, A)
    desk.init()
    assert desk.complete()[0].producer_epoch == 32767
    assert desk.init() == (0, Holder(501, 0 if transaction_version < 2 else 1))


def test_adding_begins_a_transaction(desk):
    """With the first partition; what is in it already writes nothing."""
    _, holder = desk.init()
    assert desk.shard.transactions["t"].start_timestamp_ms == -1
    assert (desk.add(holder, A), desk.add(holder, B), desk.add(holder, A, B)) == (0, 0, 0)
    transaction = desk.shard.transactions["t"]
    assert (transaction.state, transaction.partitions, len(desk.log)) == (State.ONGOING, {A, B}, 3)
    assert transaction.start_timestamp_ms == desk.now_ms


def test_who_may_add(desk):
    """The holder, and not while the transaction ends."""
    assert desk.add(Holder(9, 0), A) == E.INVALID_PRODUCER_ID_MAPPING
    _, holder = desk.init()
    assert desk.add(Holder(9, 0), A) == E.INVALID_PRODUCER_ID_MAPPING
    assert desk.add(Holder(500, 3), A) == E.PRODUCER_FENCED
    desk.add(holder, A)
    desk.end(holder, True, version=0)
    assert desk.add(holder, A) == E.CONCURRENT_TRANSACTIONS
    desk.complete()
    assert desk.add(holder, B) == 0
    assert desk.shard.transactions["t"].partitions == {B}


def test_verifying_changes_nothing(desk):
    """TRANSACTION_ABORTABLE tells a client of version 2 that it may abort and go on."""
    _, holder = desk.init()
    desk.add(holder, A)
    assert desk.shard.verify_partitions("t", holder, [A, B]) == {A: 0, B: E.TRANSACTION_ABORTABLE}
    assert desk.shard.verify_partitions("t", Holder(500, 4), [A]) == {A: E.PRODUCER_FENCED}
    assert desk.shard.verify_partitions("u", holder, [A]) == {A: E.INVALID_PRODUCER_ID_MAPPING}
    desk.end(holder, False, version=0)
    assert desk.shard.verify_partitions("t", holder, [A]) == {A: E.CONCURRENT_TRANSACTIONS}


@pytest.mark.parametrize(("transaction_version", "value_version"), [(0, 0), (1, 1), (2, 1)])
def test_the_version_of_the_records(make_desk, transaction_version, value_version):
    """Tagged fields come with transaction.version 1."""
    desk = make_desk(transaction_version)
    desk.init()
    assert desk.log[0].value_version == value_version
