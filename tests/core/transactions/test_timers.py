"""Transactions past their timeout, ids that nobody uses, and what describing and listing tell."""

import pytest

from pybroker.core.transactions.describing import describe, read_filters
from pybroker.core.transactions.transaction import Holder
from pybroker.wire.errors import ErrorCode as E
from pybroker.wire.errors import KafkaError
from pybroker.wire.messages import ListTransactionsRequest

A, B = ("a", 0), ("a", 1)


def test_no_timer_without_need(desk):
    """Nothing is due before there is an id, and no scan for timeouts before a transaction is open."""
    assert desk.shard.next_deadline() is None
    _, holder = desk.init()
    assert desk.shard.next_deadline() == desk.now_ms + 3_600_000
    desk.add(holder, A)
    assert desk.shard.next_deadline() == desk.now_ms + 10_000


@pytest.mark.parametrize("transaction_version", [0, 2])
def test_a_transaction_past_its_timeout(make_desk, transaction_version):
    """It is aborted by the scan after that, its producer fenced; the scan goes on while another is open."""
    desk = make_desk(transaction_version)
    _, holder = desk.init(timeout_ms=15_000)
    desk.add(holder, A)
    desk.expire(10_000)
    assert desk.state == "ONGOING"
    desk.expire(10_000)
    assert desk.state == "PREPARE_ABORT"
    assert desk.complete()[0].producer_epoch == 1
    assert desk.add(holder, A) == E.PRODUCER_FENCED
    assert desk.shard.next_deadline() > desk.now_ms + 10_000


def test_a_fenced_producer_of_version_2_may_go_on(desk):
    """Its abort is answered as if it were the first, with the epoch that fenced it."""
    _, holder = desk.init(timeout_ms=1_000)
    desk.add(holder, A, version=2)
    desk.expire(10_000)
    desk.complete()
    assert desk.end(holder, True)[0] == E.INVALID_TXN_STATE
    assert desk.end(holder, False) == (0, Holder(500, 1))


def test_a_restart_keeps_time(desk):
    """Open transactions and ids are watched from the load on."""
    _, holder = desk.init(timeout_ms=1_000)
    desk.add(holder, A)
    desk.restart()
    desk.expire(10_000)
    assert desk.state == "PREPARE_ABORT"


def test_ids_that_nobody_uses(desk):
    """They go when nothing is open, after transactional.id.expiration.ms; the next producer begins anew."""
    _, holder = desk.init()
    desk.expire(604_800_000 - 1)
    assert "t" in desk.shard.transactions
    desk.add(holder, A)
    desk.expire(3_600_000)
    desk.complete()
    desk.expire(604_800_000 + 3_600_000)
    assert (desk.shard.transactions, desk.log[-1].value) == ({}, None)
    assert desk.shard.next_deadline() is None
    assert desk.init(holder) == (0, Holder(501, 0))


def test_much_that_is_due_comes_in_turns(desk):
    """One decision is one batch, so it does not take all; the rest is due at once."""
    for number in range(30):
        desk.carry_out(desk.shard.init_producer_id(desk.now_ms, 1, f"t{number}", 1_000, None))
        desk.carry_out(desk.shard.add_partitions(desk.now_ms, 1, f"t{number}", Holder(500 + number, 0), frozenset({A}), 0))
    desk.expire(10_000)
    assert (len(desk.effects), desk.shard.next_deadline()) == (20, desk.now_ms)
    desk.expire(0)
    assert len(desk.effects) == 30


def test_describing(desk):
    """What is known, or why nothing is."""
    assert [describe(name, None).error_code for name in ("t", "")] == [E.TRANSACTIONAL_ID_NOT_FOUND, E.INVALID_REQUEST]
    _, holder = desk.init()
    desk.add(holder, B, A)
    told = desk.carry_out(desk.shard.describe(1, "t"))
    assert (told.transaction_state, told.producer_id, told.transaction_timeout_ms) == ("Ongoing", 500, 60_000)
    assert [(each.topic, each.partitions) for each in told.topics] == [("a", [0, 1])]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, True),
        ({"state_filters": ["Ongoing", "Empty"]}, True),
        ({"state_filters": ["Empty"]}, False),
        ({"state_filters": ["Nonsense"]}, False),
        ({"producer_id_filters": [1, 500]}, True),
        ({"producer_id_filters": [1]}, False),
        ({"duration_filter": 4_999}, True),
        ({"duration_filter": 5_000}, False),
        ({"transactional_id_pattern": "u"}, True),
    ],
)
def test_listing(desk, fields, found):
    """Each filter by itself; a pattern is looked at later."""
    _, holder = desk.init()
    desk.add(holder, A)
    desk.now_ms += 5_000
    filters = read_filters(ListTransactionsRequest(**fields))
    listed = desk.carry_out(desk.shard.list(desk.now_ms, 1, filters))
    assert [each.transactional_id for each in listed] == (["t"] if found else [])
    assert filters.unknown_states == [name for name in fields.get("state_filters", ()) if name == "Nonsense"]


@pytest.mark.parametrize("pattern", ["(bad", "(a)\\1", "a(?=b)", "a(?!b)", "(?<=a)b", "a*+", "a{2}+"])
def test_patterns_that_are_none(pattern):
    """What does not compile, and what RE2 would not compile."""
    with pytest.raises(KafkaError) as caught:
        read_filters(ListTransactionsRequest(transactional_id_pattern=pattern))
    assert caught.value.code is E.INVALID_REGULAR_EXPRESSION
