"""A coordinator among clients whose requests are late, lost, doubled and out of order, and which crashes now and then.

One seed is one story; a failing one prints its trace. What must hold, whatever happens:
- in one generation every partition is given to one member, and only out of a record that was written;
- a call is answered at most once, and every call the coordinator still knows of is answered when time has passed;
- offsets are answered only when they are in the log;
- a coordinator that replays the log finds what the living one holds.
"""

from random import Random

import pytest

from pybroker.core.groups.settings import GroupSettings
from pybroker.core.groups.shard import GroupShard
from pybroker.core.groups.turn import Caller
from pybroker.wire.errors import ErrorCode as E
from pybroker.wire.messages import (
    GroupMetadataKey,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    OffsetCommitKey,
    OffsetCommitRequest,
    SyncGroupRequest,
)
from tests.core.simulated import Broken, Simulated

PARTITIONS = range(6)
REQUEST_TIMEOUT_MS = 40_000
MEMBERSHIP_LOST = (E.UNKNOWN_MEMBER_ID, E.ILLEGAL_GENERATION, E.FENCED_INSTANCE_ID)


class Client:
    """One consumer: joins, assigns if it leads, syncs, beats, commits, leaves and comes back."""

    def __init__(self, world, name, instance):
        self.world, self.name, self.instance = world, name, instance
        self.version = world.rng.choice((3, 4, 9)) if instance is None else world.rng.choice((5, 9))
        self.member, self.generation, self.waiting_for = "", -1, 0
        self.metadata = b"a"
        self.owned = []

    def send(self, kind, request):
        world = self.world
        number = self.waiting_for = world.next_number()
        world.note(f"{self.name} sends {kind} #{number} as {self.member or '-'} of {self.generation}")
        for _ in range(world.rng.choices((0, 1, 2), (1, 12, 2))[0]):
            world.later(world.rng.choice((1, 5, 200, 4_000)), world.deliver, self, number, kind, request)
        world.later(REQUEST_TIMEOUT_MS, self.give_up, number)

    def give_up(self, number):
        if self.waiting_for == number:
            self.world.note(f"{self.name} gives up #{number}")
            self.join()

    def receive(self, number, kind, response):
        if self.waiting_for == number:
            self.waiting_for = 0
            getattr(self, "on_" + kind)(response)

    def join(self):
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=self.metadata)
        self.send(
            "join",
            JoinGroupRequest(
                group_id="g",
                member_id=self.member,
                group_instance_id=self.instance,
                session_timeout_ms=10_000,
                rebalance_timeout_ms=15_000,
                protocol_type="consumer",
                protocols=[protocol],
            ),
        )

    def join_again(self, error):
        if error in MEMBERSHIP_LOST:
            self.member = ""
        self.join()

    def on_join(self, response):
        if response.error_code == E.MEMBER_ID_REQUIRED:
            self.member = response.member_id
            self.join()
        elif response.error_code:
            self.join_again(response.error_code)
        else:
            self.member, self.generation = response.member_id, response.generation_id
            self.sync([] if response.skip_assignment else [each.member_id for each in response.members])

    def sync(self, members):
        shares = {member: [str(each) for each in PARTITIONS if each % len(members) == at] for at, member in enumerate(members)}
        given = [
            SyncGroupRequest.SyncGroupRequestAssignment(member_id=member, assignment=",".join(share).encode())
            for member, share in shares.items()
        ]
        self.send(
            "sync",
            SyncGroupRequest(
                group_id="g", member_id=self.member, group_instance_id=self.instance, generation_id=self.generation, assignments=given
            ),
        )

    def on_sync(self, response):
        if response.error_code:
            self.join_again(response.error_code)
        else:
            self.owned = [int(each) for each in bytes(response.assignment).decode().split(",") if each]
            self.world.note(f"{self.name} owns {self.owned} in {self.generation}")
            self.rest()

    def rest(self):
        self.world.later(self.world.rng.choice((100, 3_000, 3_000, 9_000)), self.act, self.waiting_for)

    def act(self, _):
        if self.waiting_for:
            return
        dice = self.world.rng.random()
        if dice < 0.08:
            self.leave()
        elif dice < 0.14:
            self.metadata = bytes([self.world.rng.randrange(97, 123)])
            self.join()
        elif dice < 0.5 and self.owned:
            self.commit()
        else:
            request = HeartbeatRequest(group_id="g", member_id=self.member, group_instance_id=self.instance, generation_id=self.generation)
            self.send("heartbeat", request)

    def on_heartbeat(self, response):
        if response.error_code:
            self.join_again(response.error_code)
        else:
            self.rest()

    def commit(self):
        partition = OffsetCommitRequest.OffsetCommitRequestPartition(
            partition_index=self.world.rng.choice(self.owned), committed_offset=self.world.next_number()
        )
        self.send(
            "commit",
            OffsetCommitRequest(
                group_id="g",
                member_id=self.member,
                group_instance_id=self.instance,
                generation_id_or_member_epoch=self.generation,
                topics=[OffsetCommitRequest.OffsetCommitRequestTopic(name="t", partitions=[partition])],
            ),
        )

    def on_commit(self, response):
        error = response.topics[0].partitions[0].error_code
        if error:
            self.join_again(error)
        else:
            self.rest()

    def leave(self):
        identity = LeaveGroupRequest.MemberIdentity(member_id=self.member, group_instance_id=self.instance)
        self.send("leave", LeaveGroupRequest(group_id="g", members=[identity]))

    def on_leave(self, _):
        self.member, self.owned = "", []
        self.world.later(self.world.rng.choice((10, 20_000)), self.come_back, 0)

    def come_back(self, _):
        if not self.waiting_for:
            self.join()


class World(Simulated):
    """Network, log and coordinator; `faults` plants mistakes between them."""

    def __init__(self, seed, faults=frozenset()):
        super().__init__(seed, faults)
        self.log, self.parked, self.owners, self.handed_out = [], {}, {}, 0
        self.settings = GroupSettings(initial_rebalance_delay_ms=self.rng.choice((0, 0, 3_000)), max_size=self.rng.choice((3, 100)))
        self.shard = None
        self.restart()
        instances = [None, None, None, "s1", self.rng.choice((None, "s2"))]
        self.clients = [Client(self, f"c{at}", instance) for at, instance in enumerate(instances)]
        for client in self.clients:
            self.later(self.rng.choice((0, 0, 1_000)), client.come_back, 0)

    # The coordinator

    def fresh_shard(self):
        shard = GroupShard(self.settings, Random(self.seed + len(self.log)))
        for record in self.log:
            shard.replay(record)
        return shard

    def restart(self):
        self.note(f"the coordinator starts over {len(self.log)} records, {len(self.parked)} calls are lost")
        self.parked.clear()
        self.shard = self.fresh_shard()
        self.carry_out(self.shard.loaded(self.now_ms))

    def deliver(self, client, number, kind, request):
        call = self.next_number()
        self.parked[call] = (client, number, kind, request)
        shard, now_ms = self.shard, self.now_ms
        if kind == "join":
            decision = shard.join_group(now_ms, call, Caller(client.name, "/127.0.0.1", client.version), request)
        elif kind == "sync":
            decision = shard.sync_group(now_ms, call, request)
        elif kind == "heartbeat":
            decision = shard.heartbeat(now_ms, call, request)
        elif kind == "leave":
            decision = shard.leave_group(now_ms, call, request)
        else:
            decision = shard.commit_offsets(now_ms, call, 9, request)
        self.carry_out(decision)

    def carry_out(self, decision):
        for record in decision.records:
            if not self.goes_wrong("forgets a record", 0.05):
                self.log.append(record)
            if not self.goes_wrong("does not replay", 0.05):
                self.shard.replay(record)
            if isinstance(record.key, GroupMetadataKey) and record.value is None:
                self.note("the group is deleted; generations begin anew")
                self.owners.clear()
        if self.goes_wrong("answers twice", 0.02):
            decision.replies += decision.replies[:1]
        if self.goes_wrong("loses an answer", 0.02):
            decision.replies.clear()
        for reply in decision.replies:
            if reply.call not in self.parked:
                raise Broken(f"call {reply.call} is answered though nobody waits")
            client, number, kind, request = self.parked.pop(reply.call)
            self.note(f"  #{number} {kind} of {client.name} is answered {getattr(reply.response, 'error_code', '')}")
            self.check_reply(kind, request, reply.response)
            if self.rng.random() < 0.95:
                self.later(self.rng.choice((1, 1, 300)), client.receive, number, kind, reply.response)

    def expire(self):
        due_ms = self.shard.next_deadline()
        if due_ms is not None and due_ms <= self.now_ms:
            self.carry_out(self.shard.expire(self.now_ms))

    # What must hold

    def check_reply(self, kind, request, response):
        if kind == "sync" and not response.error_code:
            self.check_assignment(request, bytes(response.assignment))
        if kind == "commit":
            partition = response.topics[0].partitions[0]
            asked = request.topics[0].partitions[0].committed_offset
            written = any(isinstance(each.key, OffsetCommitKey) and each.value.offset == asked for each in self.log if each.value)
            if not partition.error_code and not written:
                raise Broken(f"offset {asked} was acknowledged and is not in the log")

    def check_assignment(self, request, assignment):
        generation = request.generation_id
        records = [each.value for each in self.log if isinstance(each.key, GroupMetadataKey) and each.value]
        written = [each for each in records if each.generation == generation and each.members]
        if not any(each.member_id == request.member_id and bytes(each.assignment) == assignment for v in written for each in v.members):
            raise Broken(f"{request.member_id} was given {assignment!r} of {generation}, which was not written")
        for partition in filter(None, assignment.split(b",")):
            owner = self.owners.setdefault((generation, partition), request.group_instance_id or request.member_id)
            self.handed_out += 1
            if owner != (request.group_instance_id or request.member_id):
                raise Broken(f"partition {partition!r} of generation {generation} has two owners")

    def check_replay(self):
        again = self.fresh_shard()
        if again.offsets.snapshot() != self.shard.offsets.snapshot() or set(again.groups) != set(self.shard.groups):
            raise Broken("replaying the log gives other offsets or groups")
        live = self.shard.groups.get("g")
        if live is not None and live.state == "CompletingRebalance" and again.groups["g"].generation_id == live.generation_id:
            raise Broken(f"the assignment of generation {live.generation_id} is written, and the group still waits for it")
        if live is None or live.state not in ("Stable", "Empty") or live.generation_id == 0:
            return
        if durable_view(live) != durable_view(again.groups["g"]):
            raise Broken(f"replaying the log gives {durable_view(again.groups['g'])}, not {durable_view(live)}")

    # The story

    def play(self, steps):
        for step in range(steps):
            if not self.events:
                break
            self.happen_next()
            if self.rng.random() < 0.01:
                self.restart()
            if self.rng.random() < 0.01:
                jump_ms = self.rng.choice((500, 12_000, 700_000))
                self.note(f"the clock jumps by {jump_ms}")
                self.now_ms += jump_ms
                self.expire()
            if step % 20 == 0:
                self.check_replay()
        self.events.clear()
        self.advance(self.now_ms + 1_000_000)
        if self.parked:
            raise Broken(f"never answered: {[(client.name, kind) for client, _, kind, _ in self.parked.values()]}")
        self.check_replay()


def durable_view(group):
    """What of a resting group must be in its record."""
    members = {each.member_id: (bytes(each.assignment), each.session_timeout_ms) for each in group.members.values()}
    return str(group.state), group.generation_id, group.protocol_name, group.leader_id, group.protocol_type, members


def simulate(seed, steps):
    """Play one story; on failure show its last steps."""
    world = World(seed)
    try:
        world.play(steps)
    except (Broken, AssertionError, LookupError) as error:
        trace = "\n".join(world.trace[-60:])
        pytest.fail(f"seed {seed}: {type(error).__name__}: {error}\n{trace}")
    return world


@pytest.mark.parametrize("seed", range(12))
def test_short_stories(seed):
    """What must hold does, over a few hundred events."""
    world = simulate(seed, 400)
    assert world.handed_out, "nobody ever got anything"


@pytest.mark.slow
@pytest.mark.parametrize("first_seed", range(1_000, 1_200, 20))
def test_long_stories(first_seed):
    """What must hold does, over many seeds and thousands of events."""
    for seed in range(first_seed, first_seed + 20):
        simulate(seed, 3_000)


def test_the_same_seed_tells_the_same_story():
    """A failure can be played again."""
    assert simulate(3, 300).trace == simulate(3, 300).trace


FAULTS = ("forgets a record", "does not replay", "answers twice", "loses an answer")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    """What must hold would be seen not to hold: each of these mistakes breaks a story before long."""
    for seed in range(40):
        world = World(seed, frozenset({fault}))
        try:
            world.play(400)
        except (Broken, AssertionError, LookupError):
            return
    pytest.fail(f"nothing was wrong with a coordinator that {fault}")
