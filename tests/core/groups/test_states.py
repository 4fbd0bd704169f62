"""Every state with every request, as one table; describing, listing and deleting; and what a restart finds."""

import pytest

from pybroker.wire.errors import ErrorCode as E

PARKED = "parked"


def unknown(play):
    """No such group."""
    return "nobody", 1


def empty(play):
    """Its last member has left."""
    member = play.stable_member()
    play.leave((member, None))
    return member, 2


def preparing(play):
    """A second member is joining."""
    member = play.stable_member()
    play.send_join()
    return member, 1


def completing(play):
    """The leader has not assigned yet."""
    return play.join().member_id, 1


def stable(play):
    """One member with its assignment."""
    return play.stable_member(), 1


def sync_code(play, member, generation):
    """The error of a sync, or that it waits."""
    response = play.sync(member, generation, {member: b"x"})
    return PARKED if response is None else response.error_code


def join_code(play, member, generation):
    """The error of a join, or that it waits."""
    response = play.join(member)
    return PARKED if response is None else response.error_code


REQUESTS = {
    "join": join_code,
    "sync": sync_code,
    "heartbeat": lambda play, member, generation: play.heartbeat(member, generation),
    "leave": lambda play, member, generation: play.leave((member, None)).members[0].error_code,
    "commit": lambda play, member, generation: play.commit(("t", 0, 1), member=member, generation=generation)[0],
    "simple commit": lambda play, member, generation: play.commit(("t", 0, 1))[0],
    "fetch": lambda play, member, generation: play.fetch(("t", 0))[0][3],
    "delete offsets": lambda play, member, generation: play.delete_offsets(("t", 0)).error_code,
    "describe": lambda play, member, generation: play.describe(version=6).error_code,
    "delete group": lambda play, member, generation: play.delete(),
}
STATES = [unknown, empty, preparing, completing, stable]
NOT_FOUND, NON_EMPTY, UNKNOWN, REBALANCE = E.GROUP_ID_NOT_FOUND, E.NON_EMPTY_GROUP, E.UNKNOWN_MEMBER_ID, E.REBALANCE_IN_PROGRESS
TABLE = {
    #                  unknown    empty      preparing  completing stable
    "join":           [UNKNOWN,   UNKNOWN,   0,         0,         0],
    "sync":           [UNKNOWN,   UNKNOWN,   REBALANCE, 0,         0],
    "heartbeat":      [UNKNOWN,   UNKNOWN,   REBALANCE, 0,         0],
    "leave":          [UNKNOWN,   UNKNOWN,   0,         0,         0],
    "commit":         [NOT_FOUND, UNKNOWN,   0,         REBALANCE, 0],
    "simple commit":  [0,         0,         UNKNOWN,   UNKNOWN,   UNKNOWN],
    "fetch":          [0,         0,         0,         0,         0],
    "delete offsets": [NOT_FOUND, 0,         0,         0,         0],
    "describe":       [NOT_FOUND, 0,         0,         0,         0],
    "delete group":   [NOT_FOUND, 0,         NON_EMPTY, NON_EMPTY, NON_EMPTY],
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("request_name", TABLE)
def test_state_by_request(play, state, request_name):
    """What each request is answered in each state, by one who is a member there."""
    member, generation = state(play)
    assert REQUESTS[request_name](play, member, generation) == TABLE[request_name][STATES.index(state)]


def test_describe(play):
    """Metadata and protocol show when the group is stable, the group's type as soon as it has one."""
    assert (play.describe().group_state, play.describe().error_code) == ("Dead", 0)
    assert (play.describe(version=6).error_code, play.describe(version=6).error_message) == (NOT_FOUND, "Group g not found.")
    member = play.join(client="me").member_id
    before = play.describe()
    assert (before.group_state, before.protocol_type, before.protocol_data) == ("CompletingRebalance", "consumer", "")
    assert (before.members[0].member_metadata, before.members[0].client_id, before.members[0].client_host) == (b"", "me", "/127.0.0.1")
    play.sync(member, 1, {member: b"all"})
    after = play.describe()
    assert (after.group_state, after.protocol_data) == ("Stable", "range")
    assert (after.members[0].member_metadata, after.members[0].member_assignment) == (b"x", b"all")


def test_list(play):
    """Groups by state and type."""
    play.commit(("t", 0, 1), group="simple")
    play.join()
    assert play.list() == ["g", "simple"]
    assert play.list(states={"empty"}) == ["simple"]
    assert play.list(states={"completingrebalance", "empty"}, types={"classic"}) == ["g", "simple"]
    assert play.list(states={"nonsense"}) == play.list(types={"consumer"}) == []


def test_delete_takes_offsets_along(play):
    """A deleted group has no offsets left, and may be deleted once."""
    play.commit(("t", 0, 1))
    assert (play.delete(), play.fetch(("t", 0)), play.delete()) == (0, [("t", 0, -1, 0)], NOT_FOUND)


def test_restart_finds_the_stable_group(play):
    """Members go on with their generation and assignment, and are watched again."""
    leader, follower = play.stable_pair()
    play.commit(("t", 0, 5), member=leader, generation=2)
    play.load()
    assert [play.heartbeat(member, 2) for member in (leader, follower)] == [0, 0]
    assert play.sync(follower, 2).assignment == b"two"
    assert play.fetch(("t", 0)) == [("t", 0, 5, 0)]
    play.pass_time(10_000)
    assert play.state() == "Empty"


def test_restart_during_a_rebalance(play):
    """What was not written is lost: the members of the last generation are there, the new one is not."""
    member = play.stable_member()
    play.send_join()
    play.load()
    assert (play.state(), [each.member_id for each in play.describe().members]) == ("Stable", [member])


def test_restart_finds_a_group_that_was_only_begun(play):
    """A group is written when it is made."""
    play.join(version=4)
    play.load()
    assert (play.state(), play.list()) == ("Empty", ["g"])


def test_restart_with_a_smaller_limit(play, play_with):
    """A group that is larger than is allowed now has to rebalance."""
    play.stable_pair()
    smaller = play_with(max_size=1)
    smaller.log = play.log
    smaller.load()
    assert smaller.state() == "PreparingRebalance"
