"""Static members (KIP-345) and their return without a rebalance (KIP-814)."""

import pytest

from pybroker.wire.errors import ErrorCode as E


@pytest.mark.parametrize("version", [5, 7, 9])
def test_return_to_a_stable_group(play, version):
    """The member takes its place under a new id without a rebalance, and the old id is fenced."""
    old = play.stable_member(version=version, group_instance_id="s1")
    again = play.join(version=version, group_instance_id="s1")
    new = again.member_id
    assert (again.error_code, again.generation_id, again.skip_assignment) == (0, 1, version == 9)
    assert again.leader == (new if version == 9 else old)
    assert [each.member_id for each in again.members] == ([new] if version == 9 else [])
    assert play.heartbeat(old, 1, "s1") == E.FENCED_INSTANCE_ID
    assert play.sync(old, 1, group_instance_id="s1").error_code == E.FENCED_INSTANCE_ID
    assert play.join(old, version=version, group_instance_id="s1").error_code == E.FENCED_INSTANCE_ID
    assert play.sync(new, 1, group_instance_id="s1").assignment == b"all"
    assert play.heartbeat(new, 1, "nobody") == E.UNKNOWN_MEMBER_ID
    assert [each.member_id for each in play.describe().members] == [new]


def test_the_new_id_outlives_the_broker(play):
    """The exchange of ids is written down."""
    play.stable_member(version=9, group_instance_id="s1")
    new = play.join(version=9, group_instance_id="s1").member_id
    play.load()
    assert play.heartbeat(new, 1, "s1") == 0


def test_return_while_the_assignment_is_awaited(play):
    """The leader may be assigning to the old id, so the group has to rebalance; a sync parked under it is fenced."""
    leader = play.stable_member()
    call = play.send_join(version=5, group_instance_id="s1")
    play.join(leader)
    old = play.answers[call].member_id
    waiting = play.send_sync(old, 2, group_instance_id="s1")
    again = play.send_join(version=5, group_instance_id="s1")
    assert play.answers[waiting].error_code == E.FENCED_INSTANCE_ID
    assert (again in play.answers, play.state()) == (False, "PreparingRebalance")


def test_return_while_joining(play):
    """A parked join under the old id is fenced, and the new one takes part in the rebalance."""
    leader = play.stable_member()
    first = play.send_join(version=5, group_instance_id="s1")
    second = play.send_join(version=5, group_instance_id="s1")
    assert play.answers[first].error_code == E.FENCED_INSTANCE_ID
    assert [each.group_instance_id for each in play.join(leader).members] == [None, "s1"]
    assert play.answers[second].generation_id == 2


def test_return_with_another_protocol(play):
    """If the chosen protocol would change, everyone has to join."""
    play.stable_member(version=5, group_instance_id="s1", names=["range", "sticky"])
    assert play.join(version=5, group_instance_id="s1", names=["sticky", "range"]).generation_id == 2


def test_static_members_outlive_a_missed_rebalance(play):
    """When the rebalance timeout is over dynamic members are dropped and static ones stay."""
    static = play.stable_member(version=5, group_instance_id="s1", session_timeout_ms=60_000)
    call = play.send_join(session_timeout_ms=60_000)
    play.pass_time(20_000)
    assert {each.member_id for each in play.answers[call].members} == {static, play.answers[call].member_id}
    assert play.answers[call].leader == play.answers[call].member_id
