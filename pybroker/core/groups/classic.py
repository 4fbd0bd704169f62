"""A group of the classic protocol: its members, its state, and what may become of it.

States (Kafka: ClassicGroupState), each with what it answers and where it leads:

    EMPTY                 no members; may hold offsets and members that were given an id but have not joined with it.
        join: admitted                          -> PREPARING_REBALANCE
        sync, heartbeat: UNKNOWN_MEMBER_ID      commit without generation: accepted
        all offsets expired, or DeleteGroups    -> DEAD
    PREPARING_REBALANCE   waiting for every member to join again, until the largest rebalance timeout.
        join: parked                            heartbeat, sync: REBALANCE_IN_PROGRESS      commit: accepted
        all have joined, or the time is over    -> COMPLETING_REBALANCE, or EMPTY if nobody is left
    COMPLETING_REBALANCE  members know the generation; waiting for the leader's assignment.
        sync: parked; the leader's is written   -> STABLE when the record is replayed
        heartbeat: kept alive                   commit: REBALANCE_IN_PROGRESS
        join of a new or changed member, leave, expiry -> PREPARING_REBALANCE
    STABLE                every member can have its assignment.
        sync: answered at once                  heartbeat, commit: accepted
        join of a new or changed member or of the leader, leave, expiry -> PREPARING_REBALANCE
    DEAD                  deleted. A group that is not known is described as such; none is kept in this state.

Rules
- A member is *pending* between MEMBER_ID_REQUIRED and its join with that id (KIP-394), *new* until its first join is answered.
- A static member (KIP-345) is known by its group instance id; it outlives a missed rebalance, and its member id changes when it returns.
- The leader is the first member; another only when that one leaves or does not join again.
- `awaiting_join` and `awaiting_sync` are the numbers of parked calls; whoever takes one out must answer it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pybroker.core.groups.deadlines import Key
from pybroker.core.groups.subscriptions import subscribed_topics
from pybroker.records.hashes import java_string_hash
from pybroker.wire.errors import ErrorCode

Protocols = tuple[tuple[str, bytes], ...]

CONSUMER_PROTOCOL_TYPE = "consumer"


class State(StrEnum):
    """The states, by the names that DescribeGroups and ListGroups show."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


@dataclass(slots=True, eq=False)
class ClassicMember:
    """One member. `protocols` in the member's order of preference, each with the metadata it goes with."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    protocols: Protocols
    session_key: Key
    assignment: bytes = b""
    awaiting_join: int | None = None
    awaiting_sync: int | None = None
    is_new: bool = False

    def metadata(self, protocol_name: str | None) -> bytes:
        for name, metadata in self.protocols:
            if name == protocol_name:
                return metadata
        return b""

    @property
    def is_kept_alive(self) -> bool:
        """A member that waits for the group needs no heartbeat; a new one must not wait for ever, its client may have gone."""
        return not self.is_new and (self.awaiting_join is not None or self.awaiting_sync is not None)


class ClassicGroup:
    """The soft state of one group; only what `records.group_record` writes outlives the broker."""

    __slots__ = (
        "generation_id",
        "group_id",
        "initial_delay_ms",
        "initial_remaining_ms",
        "join_key",
        "joined_count",
        "leader_id",
        "members",
        "new_member_added",
        "pending_members",
        "pending_sync",
        "previous_state",
        "protocol_name",
        "protocol_type",
        "rebalance_timeouts",
        "state",
        "state_timestamp_ms",
        "static_members",
        "subscribed",
        "supporters",
        "sync_key",
    )

    def __init__(self, group_id: str, now_ms: int) -> None:
        self.group_id = group_id
        self.state = State.EMPTY
        self.previous_state = State.DEAD
        self.state_timestamp_ms = now_ms
        self.generation_id = 0
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.leader_id: str | None = None
        self.members: dict[str, ClassicMember] = {}
        self.static_members: dict[str, str] = {}
        self.pending_members: set[str] = set()
        self.pending_sync: set[str] = set()
        self.joined_count = 0
        self.supporters: dict[str, int] = {}
        self.rebalance_timeouts: dict[int, int] = {}
        self.subscribed: frozenset[str] | None = None
        self.new_member_added = False
        self.initial_delay_ms = 0
        self.initial_remaining_ms = 0
        self.join_key: Key = (group_id, "join", "")
        self.sync_key: Key = (group_id, "sync", "")

    # State

    def become(self, state: State, now_ms: int) -> None:
        self.previous_state = self.state
        self.state = state
        self.state_timestamp_ms = now_ms

    @property
    def is_initial_rebalance(self) -> bool:
        return self.state is State.PREPARING_REBALANCE and self.previous_state is State.EMPTY

    @property
    def can_rebalance(self) -> bool:
        return self.state is not State.PREPARING_REBALANCE

    @property
    def has_all_members_joined(self) -> bool:
        return self.joined_count == len(self.members) and not self.pending_members

    @property
    def rebalance_timeout_ms(self) -> int:
        """The longest of all members. It is asked with each of them that joins, so they are counted, not walked through."""
        return max(self.rebalance_timeouts, default=0)

    def start_next_generation(self, now_ms: int) -> None:
        """Choose the protocol and wait for the leader's assignment, or rest if nobody is left."""
        self.generation_id += 1
        self.protocol_name = self.select_protocol() if self.members else None
        self.refresh_subscribed()
        self.pending_sync.clear()
        self.become(State.COMPLETING_REBALANCE if self.members else State.EMPTY, now_ms)

    # Members

    def session_key(self, member_id: str) -> Key:
        return (self.group_id, "session", member_id)

    def add(self, member: ClassicMember, protocol_type: str | None) -> None:
        if not self.members:
            self.protocol_type = protocol_type
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        if member.group_instance_id is not None:
            self.static_members[member.group_instance_id] = member.member_id
        self.pending_members.discard(member.member_id)
        self._count_support(member.protocols, 1)
        self._count_timeout(member.rebalance_timeout_ms, 1)

    def remove(self, member_id: str) -> None:
        """Forget a member whose parked calls were answered; the lead passes to the next."""
        member = self.members.pop(member_id)
        self._count_support(member.protocols, -1)
        self._count_timeout(member.rebalance_timeout_ms, -1)
        if member.group_instance_id is not None:
            del self.static_members[member.group_instance_id]
        self.pending_sync.discard(member_id)
        if self.leader_id == member_id:
            self.leader_id = next(iter(self.members), None)

    def replace_static(self, instance_id: str, new_member_id: str) -> ClassicMember:
        """Give a static member a new id, in its old place; its parked calls must have been answered."""
        old_member_id = self.static_members[instance_id]
        member = self.members[old_member_id]
        member.member_id = new_member_id
        member.session_key = self.session_key(new_member_id)
        self.static_members[instance_id] = new_member_id
        self.members = {each.member_id: each for each in self.members.values()}
        if old_member_id in self.pending_sync:
            self.pending_sync.remove(old_member_id)
            self.pending_sync.add(new_member_id)
        if self.leader_id == old_member_id:
            self.leader_id = new_member_id
        return member

    def set_protocols(self, member: ClassicMember, protocols: Protocols) -> None:
        self._count_support(member.protocols, -1)
        member.protocols = protocols
        self._count_support(protocols, 1)

    def set_rebalance_timeout(self, member: ClassicMember, timeout_ms: int) -> None:
        self._count_timeout(member.rebalance_timeout_ms, -1)
        member.rebalance_timeout_ms = timeout_ms
        self._count_timeout(timeout_ms, 1)

    def _count_timeout(self, timeout_ms: int, change: int) -> None:
        count = self.rebalance_timeouts.get(timeout_ms, 0) + change
        if count:
            self.rebalance_timeouts[timeout_ms] = count
        else:
            del self.rebalance_timeouts[timeout_ms]

    def park_join(self, member: ClassicMember, call: int) -> None:
        assert member.awaiting_join is None
        member.awaiting_join = call
        self.joined_count += 1

    def take_join(self, member: ClassicMember) -> int | None:
        """The member's parked join, which is no longer parked."""
        call = member.awaiting_join
        if call is not None:
            member.awaiting_join = None
            self.joined_count -= 1
        return call

    def elect_leader(self) -> bool:
        """Keep the leader if it has joined again, else take the first that has; False if none has."""
        leader = self.members.get(self.leader_id) if self.leader_id is not None else None
        if leader is not None and leader.awaiting_join is not None:
            return True
        for member in self.members.values():
            if member.awaiting_join is not None:
                self.leader_id = member.member_id
                return True
        return False

    def check_member(self, member_id: str, instance_id: str | None) -> ErrorCode:
        """Whether a request comes from a member; a static one must also have the id of its last join (KIP-345)."""
        if instance_id is not None:
            current = self.static_members.get(instance_id)
            if current is None:
                return ErrorCode.UNKNOWN_MEMBER_ID
            if current != member_id:
                return ErrorCode.FENCED_INSTANCE_ID
        return ErrorCode.NONE if member_id in self.members else ErrorCode.UNKNOWN_MEMBER_ID

    # Protocols

    def _count_support(self, protocols: Protocols, change: int) -> None:
        for name in dict.fromkeys(name for name, _ in protocols):
            self.supporters[name] = self.supporters.get(name, 0) + change

    def supports(self, protocol_type: str, protocols: Protocols) -> bool:
        """Whether a member with these protocols could be one of the group."""
        if self.state is State.EMPTY:
            return protocol_type != "" and len(protocols) > 0
        everyone = len(self.members)
        return protocol_type == self.protocol_type and any(self.supporters.get(name, 0) == everyone for name, _ in protocols)

    def select_protocol(self) -> str:
        """The protocol that most members prefer among those that all have; of equals, the one that Kafka's map of votes has first."""
        everyone = len(self.members)
        candidates = {name for name, count in self.supporters.items() if count == everyone}
        votes: dict[str, int] = {}
        for member in self.members.values():
            choice = next(name for name, _ in member.protocols if name in candidates)
            votes[choice] = votes.get(choice, 0) + 1
        return min(votes, key=lambda name: (-votes[name], _bucket(name)))

    @property
    def uses_consumer_protocol(self) -> bool:
        return self.protocol_type == CONSUMER_PROTOCOL_TYPE

    def refresh_subscribed(self) -> None:
        """Note which topics the members consume: their offsets must not be deleted. None: it cannot be told."""
        if not self.uses_consumer_protocol:
            self.subscribed = None
        elif not self.members:
            self.subscribed = frozenset()
        else:
            self.subscribed = subscribed_topics(member.metadata(self.protocol_name) for member in self.members.values())

    def is_subscribed_to(self, topic: str) -> bool:
        return self.uses_consumer_protocol if self.subscribed is None else topic in self.subscribed


def _bucket(name: str) -> int:
    """Where a Java HashMap of up to 12 names keeps this one: it is read out bucket by bucket."""
    bits = java_string_hash(name) & 0xFFFFFFFF
    return (bits ^ bits >> 16) & 15
