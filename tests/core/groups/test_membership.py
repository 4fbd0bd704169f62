"""Joining, syncing, heartbeats, leaving: the stories of the classic protocol as Kafka 4.4.0 tells them."""

import pytest

from pybroker.wire.errors import ErrorCode as E


def test_alone(play):
    """A member joins, leads, gets its own assignment, lives and leaves; the group stays, empty and one generation older."""
    joined = play.join()
    member = joined.member_id
    assert (joined.error_code, joined.generation_id, joined.protocol_name, joined.leader) == (0, 1, "range", member)
    assert [(each.member_id, each.metadata) for each in joined.members] == [(member, b"x")]
    assert play.sync(member, 1, {member: b"mine"}).assignment == b"mine"
    assert play.heartbeat(member, 1) == 0
    assert play.leave((member, None)).members[0].error_code == 0
    assert play.heartbeat(member, 1) == E.UNKNOWN_MEMBER_ID
    assert (play.state(), play.join(protocol_type="other").generation_id) == ("Empty", 3)


def test_member_ids_begin_with_who_asks(play):
    """A dynamic member's id begins with its client id, a static one's with its instance id."""
    assert play.join(client="billing").member_id.startswith("billing-")
    assert play.join(group="h", version=5, group_instance_id="till-4", client="billing").member_id.startswith("till-4-")


@pytest.mark.parametrize("version", [4, 5, 9])
def test_member_id_required(play, version):
    """From version 4 on a first join is told its id, which is good for joining (KIP-394)."""
    refused = play.join(version=version)
    assert (refused.error_code, refused.generation_id, refused.protocol_name) == (E.MEMBER_ID_REQUIRED, -1, None)
    assert play.state() == "Empty"
    assert play.join(refused.member_id, version=version).member_id == refused.member_id


def test_id_that_is_never_used_expires(play):
    """An id given away is forgotten after the session timeout."""
    member = play.join(version=4).member_id
    play.pass_time(10_000)
    assert play.join(member, version=4).error_code == E.UNKNOWN_MEMBER_ID


def test_pending_member_holds_the_rebalance_until_it_expires(play):
    """A rebalance waits for an id that was given away, but only for the session timeout."""
    leader = play.stable_member()
    play.join(version=4)
    call = play.send_join(leader)
    assert call not in play.answers
    play.pass_time(10_000)
    assert play.answers[call].generation_id == 2


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"group": ""}, E.INVALID_GROUP_ID),
        ({"session_timeout_ms": 5_999}, E.INVALID_SESSION_TIMEOUT),
        ({"session_timeout_ms": 1_800_001}, E.INVALID_SESSION_TIMEOUT),
        ({"protocol_type": ""}, E.INCONSISTENT_GROUP_PROTOCOL),
        ({"names": []}, E.INCONSISTENT_GROUP_PROTOCOL),
        ({"member_id": "nobody"}, E.UNKNOWN_MEMBER_ID),
    ],
)
def test_refused_joins_of_a_new_group(play, fields, error):
    """What a first join may not say."""
    assert play.join(**fields).error_code == error


@pytest.mark.parametrize("fields", [{"protocol_type": "connect"}, {"names": ["sticky"]}, {"names": []}])
def test_inconsistent_protocol(play, fields):
    """A group takes only members of its type that share a protocol with everyone."""
    play.join()
    assert play.join(**fields).error_code == E.INCONSISTENT_GROUP_PROTOCOL


def test_two_members(play):
    """The second makes the first rejoin; the leader learns of both, the follower of none, and its sync waits for the leader's."""
    leader = play.stable_member(metadata=b"one")
    call = play.send_join(metadata=b"two")
    assert play.heartbeat(leader, 1) == E.REBALANCE_IN_PROGRESS
    told = play.join(leader, metadata=b"one")
    follower = play.answers[call].member_id
    assert [each.metadata for each in told.members] == [b"one", b"two"]
    assert (play.answers[call].members, play.answers[call].leader, told.generation_id) == ([], leader, 2)
    waiting = play.send_sync(follower, 2)
    assert waiting not in play.answers
    assert play.heartbeat(leader, 2) == 0
    assert play.sync(leader, 2, {leader: b"half one", follower: b"half two"}).assignment == b"half one"
    assert play.answers[waiting].assignment == b"half two"
    assert play.heartbeat(leader, 1) == E.ILLEGAL_GENERATION
    assert play.state() == "Stable"


def test_leaving_ends_a_rebalance(play):
    """Whoever was waited for and leaves lets the others go on."""
    first = play.stable_member()
    call = play.send_join()
    assert play.sync(first, 1).error_code == E.REBALANCE_IN_PROGRESS
    play.leave((first, None))
    assert (play.answers[call].generation_id, play.answers[call].leader) == (2, play.answers[call].member_id)


def test_protocol_by_votes(play):
    """Among protocols that all have, the one most members like best."""
    first = play.join(names=["range", "sticky"]).member_id
    call = play.send_join(names=["sticky", "other"])
    assert play.join(first, names=["range", "sticky"]).protocol_name == "sticky"
    assert play.answers[call].protocol_name == "sticky"


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("range", "roundrobin"), "range"),
        (("range", "sticky"), "sticky"),
        (("range", "cooperative-sticky"), "range"),
        (("roundrobin", "sticky"), "sticky"),
        (("sticky", "cooperative-sticky"), "sticky"),
        (("b", "a"), "a"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_protocol_of_equal_votes(play, names, chosen, turned):
    """Of protocols with as many votes Kafka takes the one whose hash is first, whoever asked for it."""
    names = names[::-1] if turned else names
    first = play.join(names=names).member_id
    call = play.send_join(names=names[::-1])
    assert play.join(first, names=names).protocol_name == chosen
    assert play.answers[call].protocol_name == chosen


def test_pending_member_that_calls_itself_static(play):
    """An id that was given to a dynamic member is not for a static one; it stays good for the dynamic one."""
    member = play.join(version=5).member_id
    assert play.join(member, version=5, group_instance_id="s1").error_code == E.UNKNOWN_SERVER_ERROR
    assert play.join(member, version=5).error_code == E.NONE


def test_rejoin_unchanged(play):
    """A follower that rejoins unchanged is told the same generation; the leader starts a rebalance."""
    leader, follower = play.stable_pair()
    assert (play.join(follower).generation_id, play.state()) == (2, "Stable")
    call = play.send_join(leader)
    assert (call in play.answers, play.state()) == (False, "PreparingRebalance")


def test_rejoin_while_awaiting_the_assignment(play):
    """In CompletingRebalance an unchanged join is a lost answer told again; a changed one starts anew."""
    member = play.join().member_id
    assert (play.join(member).generation_id, len(play.join(member).members)) == (1, 1)
    assert play.join(member, metadata=b"new").generation_id == 2


def test_sync_waits_are_cut_short_by_a_new_member(play):
    """Members that wait for their assignment are sent back to join when somebody comes."""
    leader, follower = play.stable_pair()
    play.send_join(leader)
    call = play.send_join(follower)
    generation = play.answers[call].generation_id
    waiting = play.send_sync(follower, generation)
    play.send_join()
    assert play.answers[waiting].error_code == E.REBALANCE_IN_PROGRESS


def test_a_repeated_join_takes_the_place_of_the_parked_one(play):
    """A member that asks again on another connection gets its answer there; the first call is sent away."""
    leader, follower = play.stable_pair()
    first = play.send_join(follower, metadata=b"new")
    second = play.send_join(follower, metadata=b"new")
    assert play.answers[first].error_code == E.REBALANCE_IN_PROGRESS
    play.send_join(leader)
    assert play.answers[second].generation_id == 3


def test_leader_forgets_a_member(play):
    """Whom the leader does not name gets nothing, and a second assignment changes nothing."""
    member = play.join().member_id
    assert play.sync(member, 1).assignment == b""
    assert play.sync(member, 1, {member: b"late"}).assignment == b""


@pytest.mark.parametrize("fields", [{"protocol_type": "connect"}, {"protocol_name": "other"}])
def test_sync_of_another_protocol(play, fields):
    """A sync that names a protocol must name the group's (KIP-559)."""
    member = play.join().member_id
    assert play.sync(member, 1, **fields).error_code == E.INCONSISTENT_GROUP_PROTOCOL


def test_leave_several(play):
    """Each member that should leave has its own answer."""
    member = play.join(version=5, group_instance_id="s1").member_id
    codes = [each.error_code for each in play.leave(("other", "s1"), ("nobody", None), ("", "s9")).members]
    assert codes == [E.FENCED_INSTANCE_ID, E.UNKNOWN_MEMBER_ID, E.UNKNOWN_MEMBER_ID]
    codes = [each.error_code for each in play.leave(("", "s1"), (member, None)).members]
    assert (codes, play.state()) == ([0, E.UNKNOWN_MEMBER_ID], "Empty")


def test_who_is_taken_out_while_awaiting_the_assignment_is_told(play):
    """A parked sync of a member that an administrator removes is answered: the member need not wait for its own time-out to join anew."""
    first = play.stable_member()
    call = play.send_join()
    play.join(first)
    second = play.answers[call].member_id
    parked = play.send_sync(second, 2)
    play.leave((second, None))
    assert play.answers[parked].error_code == E.UNKNOWN_MEMBER_ID


def test_empty_group_id(play):
    """The empty group id is refused by everything that has to do with membership."""
    assert play.sync("m", 1, group="").error_code == E.INVALID_GROUP_ID
    assert play.heartbeat("m", 1, group="") == E.INVALID_GROUP_ID
    assert (play.leave(("m", None), group="").error_code, play.leave(("m", None), group="").members) == (E.INVALID_GROUP_ID, [])


@pytest.mark.parametrize("generation", [0, 2, -1])
def test_illegal_generation(play, generation):
    """Only the current generation counts."""
    member = play.join().member_id
    assert play.sync(member, generation).error_code == E.ILLEGAL_GENERATION
    assert play.heartbeat(member, generation) == E.ILLEGAL_GENERATION


def test_full_group(play_with):
    """A group of `group.max.size` members takes no other, but its own may rejoin (KIP-389)."""
    play = play_with(max_size=1)
    member = play.stable_member()
    assert play.join().error_code == E.GROUP_MAX_SIZE_REACHED
    assert play.join(member).generation_id == 2


def test_version_0_rebalances_within_the_session(play):
    """Version 0 has no rebalance timeout: the session timeout takes its place."""
    member = play.join(version=0, rebalance_timeout_ms=-1).member_id
    assert play.shard.groups["g"].members[member].rebalance_timeout_ms == 10_000
