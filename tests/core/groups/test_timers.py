"""What comes due: sessions, rebalances, assignments never asked for, the first rebalance's delay."""

from pybroker.core.groups.classic import ClassicGroup, ClassicMember
from pybroker.core.groups.deadlines import Deadlines
from pybroker.wire.errors import ErrorCode as E


def test_silent_member_is_gone_after_its_session(play):
    """Heartbeats keep a member; silence of a session timeout ends it."""
    member = play.stable_member()
    play.pass_time(9_999)
    assert play.heartbeat(member, 1) == 0
    play.pass_time(9_999)
    assert play.state() == "Stable"
    play.pass_time(1)
    assert (play.state(), play.heartbeat(member, 1)) == ("Empty", E.UNKNOWN_MEMBER_ID)


def test_commits_keep_a_member_alive(play):
    """A commit counts as a heartbeat."""
    member = play.stable_member()
    play.pass_time(6_000)
    play.commit(("t", 0, 1), member=member, generation=1)
    play.pass_time(6_000)
    assert play.state() == "Stable"


def test_members_that_wait_need_no_heartbeat(play):
    """A parked join or sync of a known member outlives its session."""
    leader, follower = play.stable_pair()
    call = play.send_join(follower, metadata=b"new", session_timeout_ms=10_000, rebalance_timeout_ms=60_000)
    for _ in range(4):
        play.pass_time(5_000)
        play.heartbeat(leader, 2)
    assert call not in play.answers
    play.join(leader)
    waiting = play.send_sync(follower, 3)
    for _ in range(3):
        play.pass_time(5_000)
        play.heartbeat(leader, 3)
    assert waiting not in play.answers


def test_rebalance_timeout_drops_who_has_not_joined(play):
    """The others go on without a dynamic member that misses the rebalance."""
    play.stable_member(session_timeout_ms=60_000)
    call = play.send_join(session_timeout_ms=60_000)
    play.pass_time(19_999)
    assert call not in play.answers
    play.pass_time(1)
    assert [each.member_id for each in play.answers[call].members] == [play.answers[call].member_id]


def test_the_longest_rebalance_timeout_counts():
    """While one of the members that have it is there and has not changed its mind."""
    group = ClassicGroup("g", 0)
    members = [
        ClassicMember(name, None, "", "", time, 1, (("range", b""),), group.session_key(name))
        for name, time in (("a", 5), ("b", 9), ("c", 9))
    ]
    for member in members:
        group.add(member, "consumer")
    assert group.rebalance_timeout_ms == 9
    group.remove("b")
    assert group.rebalance_timeout_ms == 9
    group.set_rebalance_timeout(members[2], 3)
    assert group.rebalance_timeout_ms == 5
    group.remove("a")
    group.remove("c")
    assert group.rebalance_timeout_ms == 0


def test_assignment_never_asked_for(play):
    """A member that joined but does not sync within the rebalance timeout is dropped."""
    leader, follower = play.stable_pair()
    play.send_join(leader)
    play.join(follower)
    call = play.send_sync(follower, 3)
    for _ in range(2):
        play.pass_time(9_000)
        play.heartbeat(leader, 3)
    play.pass_time(2_000)
    assert play.answers[call].error_code == E.REBALANCE_IN_PROGRESS
    assert play.heartbeat(leader, 3) == E.UNKNOWN_MEMBER_ID
    assert play.join(follower).leader == follower


def test_new_member_whose_client_went_away(play_with):
    """A new member cannot send heartbeats; its parked join ends after five minutes."""
    play = play_with(initial_rebalance_delay_ms=400_000)
    call = play.send_join(rebalance_timeout_ms=1_000_000)
    play.pass_time(300_000)
    assert play.answers[call].error_code == E.UNKNOWN_MEMBER_ID


def test_initial_delay_waits_for_more_members(play_with):
    """The first rebalance waits, and waits again while new members come, up to the rebalance timeout (KIP-134)."""
    play = play_with(initial_rebalance_delay_ms=3_000)
    first = play.send_join(rebalance_timeout_ms=5_000)
    play.pass_time(2_000)
    second = play.send_join(rebalance_timeout_ms=5_000)
    play.pass_time(1_000)
    assert first not in play.answers
    play.pass_time(2_000)
    assert {len(play.answers[first].members), len(play.answers[second].members)} == {0, 2}
    assert play.answers[first].generation_id == 1


def test_initial_delay_without_more_members(play_with):
    """Nobody else comes: one delay is enough."""
    play = play_with(initial_rebalance_delay_ms=3_000)
    call = play.send_join()
    play.pass_time(2_999)
    assert call not in play.answers
    play.pass_time(1)
    assert play.answers[call].generation_id == 1


def test_deadlines_that_move():
    """A later deadline is not due at the old time, an earlier one is due at once, a cancelled one never."""
    deadlines = Deadlines()
    a, b, c = ("a", "", ""), ("b", "", ""), ("c", "", "")
    for key in (a, b, c):
        deadlines.set(key, 10)
    deadlines.set(a, 30)
    deadlines.set(b, 5)
    deadlines.cancel(c)
    assert deadlines.next_at() == 5
    assert [deadlines.pop_due(20), deadlines.pop_due(20), deadlines.pop_due(29)] == [b, None, None]
    assert [deadlines.pop_due(30), deadlines.next_at()] == [a, None]


def test_deadline_set_again_after_cancelling_is_due_once():
    """Entries left in the heap do not fire twice."""
    deadlines = Deadlines()
    key = ("a", "", "")
    for at_ms in (10, 20, 15):
        deadlines.set(key, at_ms)
        deadlines.cancel(key)
    deadlines.set(key, 12)
    assert [deadlines.pop_due(100), deadlines.pop_due(100)] == [key, None]
