"""The stage for stories of transactions: the coordinator and the partitions of the simulation's world, without chance.

P is pay                 P is a producer of the transactional id `pay`, by version 2; `P is pay classic`: by the protocol before
G is P ghost             what G asks are requests of P of this moment, which come late
P: init [+60s]           P: begins a life, with this timeout      P: go on        the same, naming what it has (KIP-360)
P: add 0 1               partitions for its transaction, which a classic producer names before it writes
P: write 0 x             a batch with the value x into partition 0      P: commit      P: abort
                         `P: commit lost`: the answer never comes
P hears                  the answer to what P is waiting for
see 0                    what a reader of committed records is shown of a partition, and whether more waits behind
state pay                the transaction's state
hang 0 x                 somebody's transactional record in a partition, of which no coordinator knows; `admin abort 0` ends it
disk slow, disk fast     how long records take to become safe: a fifth of a second and more, or no time; a crash loses what is not safe
time +45s, crash
"""

from __future__ import annotations

from heapq import heappop
from typing import Any

from pybroker.core.producers import Marker
from pybroker.core.transactions.transaction import Holder
from pybroker.wire.errors import ErrorCode, KafkaError
from tests.core.stories import duration_ms, spoken
from tests.core.transactions.clients import PARTITIONS
from tests.core.transactions.world import World, header_of

WAITS = "waits"
STRANGER = Holder(77, 0)


class NoChance:
    """In place of the dice: the first of several, or the last where the disk is slow; a crash takes all that it may."""

    def __init__(self) -> None:
        self.is_slow = False

    def choice(self, several: Any) -> Any:
        return several[-1] if self.is_slow and isinstance(several[0], int) else several[0]

    def random(self) -> float:
        return 0.5

    def randint(self, least: int, _: int) -> int:
        return least

    def randrange(self, _: int) -> int:
        return 0


class Actor:
    """A producer as a story tells of it."""

    def __init__(self, transactional_id: str, *, bumping: bool) -> None:
        self.transactional_id, self.bumping = transactional_id, bumping
        self.holder = Holder(-1, -1)
        self.sequences = dict.fromkeys(PARTITIONS, 0)

    def ghost(self) -> Actor:
        """Requests of now that come later."""
        ghost = Actor(self.transactional_id, bumping=self.bumping)
        ghost.holder, ghost.sequences = self.holder, dict(self.sequences)
        return ghost

    def hold(self, holder: Holder) -> None:
        if holder != self.holder:
            self.holder, self.sequences = holder, dict.fromkeys(PARTITIONS, 0)


class TransactionStage(World):
    """See the module."""

    def __init__(self) -> None:
        super().__init__(0)
        self.events.clear()
        self.rng, self.producers = NoChance(), []
        self.actors: dict[str, Actor] = {}
        self.heard: dict[str, list[str]] = {}
        self.timeout_ms = 60_000

    def do(self, actor: str, verb: str, words: list[str]) -> str:
        if actor:
            return self.ask(actor, verb, words)
        if words[:1] == ["is"]:
            self.actors[verb] = self.actors[words[1]].ghost() if "ghost" in words else Actor(words[1], bumping="classic" not in words)
            return ""
        if words == ["hears"]:
            return self.heard[verb].pop(0) if self.heard.get(verb) else WAITS
        told: str = getattr(self, f"stage_{verb}")(words)
        return told

    def unheard(self) -> list[str]:
        return [f"{who} hears {answer}" for who, answers in self.heard.items() for answer in answers]

    def ask(self, who: str, verb: str, words: list[str]) -> str:
        actor = self.actors[who]
        call = self.next_number()
        answers = self.heard.setdefault(who, [])
        before = len(answers)
        self.parked[call] = lambda error, answer=None: answers.append(self.tell(actor, verb, words, error, answer))
        if words == ["lost"]:
            self.parked[call] = lambda error, answer=None: None
        getattr(self, f"ask_{verb}")(call, actor, words)
        self.let_happen()
        if words == ["lost"]:
            return ""
        return answers.pop(before) if len(answers) > before else WAITS

    def let_happen(self) -> None:
        """What takes hardly any time; nothing more on a slow disk."""
        self.let_pass(0 if self.rng.is_slow else 20)

    def let_pass(self, milliseconds: int) -> None:
        end_ms = self.now_ms + milliseconds
        while self.events and self.events[0][0] <= end_ms:
            at_ms, _, action, arguments = heappop(self.events)
            self.advance(at_ms)
            action(*arguments)
        self.advance(end_ms)

    def tell(self, actor: Actor, verb: str, words: list[str], error: int, answer: Holder | None) -> str:
        if error:
            return spoken(error, ErrorCode)
        if verb == "write":
            actor.sequences[where(words[0])] += 1
        if answer is None or (verb in ("commit", "abort") and not actor.bumping):
            return "ok"
        other = " of another id" if actor.holder.producer_id not in (-1, answer.producer_id) else ""
        actor.hold(answer)
        return f"ok, epoch {answer.producer_epoch}{other}"

    # What producers ask

    def ask_init(self, call: int, actor: Actor, words: list[str]) -> None:
        timeout_ms = duration_ms(words[0]) if words else self.timeout_ms
        self.carry_out(self.shard.init_producer_id(self.now_ms, call, actor.transactional_id, timeout_ms, None))

    def ask_go(self, call: int, actor: Actor, _: list[str]) -> None:
        self.carry_out(self.shard.init_producer_id(self.now_ms, call, actor.transactional_id, self.timeout_ms, actor.holder))

    def ask_add(self, call: int, actor: Actor, words: list[str]) -> None:
        self.do_add(call, actor, actor.holder, frozenset(map(where, words)))

    def ask_write(self, call: int, actor: Actor, words: list[str]) -> None:
        place = where(words[0])
        self.do_produce(call, actor, actor.holder, place, actor.sequences[place], 1, words[1])

    def ask_commit(self, call: int, actor: Actor, _: list[str]) -> None:
        self.do_end(call, actor, actor.holder, True, None)

    def ask_abort(self, call: int, actor: Actor, _: list[str]) -> None:
        self.do_end(call, actor, actor.holder, False, None)

    # What nobody asks

    def stage_see(self, words: list[str]) -> str:
        partition = self.partitions[where(words[0])]
        shown = " ".join(what for _, what in partition.read_committed(0)) or "nothing"
        held = partition.state.last_stable_offset < partition.state.log_end_offset
        return shown + (", more waits" if held else "")

    def stage_state(self, words: list[str]) -> str:
        transaction = self.shard.transactions.get(words[0])
        return transaction.state.title if transaction is not None else "unknown"

    def stage_hang(self, words: list[str]) -> str:
        partition = self.partitions[where(words[0])]
        partition.append(header_of(STRANGER, 0, 1), words[1])
        self.let_happen()
        return ""

    def stage_admin(self, words: list[str]) -> str:
        partition = self.partitions[where(words[1])]
        marker = Marker(*STRANGER, words[0] == "commit", 0, 0)
        try:
            partition.state.admit_marker(marker)
        except KafkaError as error:
            return spoken(error.code, ErrorCode)
        partition.append(header_of(STRANGER, -1, 1, control=True), marker)
        self.let_happen()
        return "ok"

    def stage_disk(self, words: list[str]) -> str:
        self.rng.is_slow = words == ["slow"]
        self.let_happen()
        return ""

    def stage_time(self, words: list[str]) -> str:
        self.let_pass(duration_ms(words[0]))
        self.let_happen()
        return ""

    def stage_crash(self, _: list[str]) -> str:
        self.events.clear()
        self.crash()
        self.let_happen()
        return ""


def where(word: str) -> tuple[str, int]:
    """A partition by its number."""
    return PARTITIONS[int(word)]
