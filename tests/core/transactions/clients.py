"""The producers of the simulation: what a client of each protocol does with its answers, and when it gives up."""

from pybroker.wire.errors import ErrorCode as E

PARTITIONS = tuple(("t", index) for index in range(3))
REQUEST_TIMEOUT_MS = 3_000
PASSING = (E.CONCURRENT_TRANSACTIONS, E.NOT_ENOUGH_REPLICAS)
LOST = (E.PRODUCER_FENCED, E.INVALID_PRODUCER_EPOCH, E.INVALID_PRODUCER_ID_MAPPING)


class Producer:
    """One client of a transactional id. `bumping`: it speaks version 2, and the network does with its requests what it likes."""

    def __init__(self, world, name, transactional_id, bumping):
        self.world, self.name, self.transactional_id, self.bumping = world, name, transactional_id, bumping
        self.holder, self.waiting_for, self.number, self.busy_until = None, 0, 0, 0
        self.transaction, self.counts_for, self.sequences = None, None, {}

    def send(self, kind, on_reply, *arguments):
        world = self.world
        number = self.waiting_for = world.next_number()
        world.note(f"{self.name} sends {kind} #{number} {arguments} as {self.holder}")
        request = (self, number, kind, self.holder, arguments)
        if self.bumping:
            for _ in range(world.rng.choices((0, 1, 2), (1, 14, 2))[0]):
                world.later(world.rng.choice((1, 5, 100, 4_000)), world.deliver, on_reply, *request)
        elif world.rng.random() < 0.93:
            self.busy_until = max(self.busy_until, world.now_ms + world.rng.choice((1, 5, 100))) + 1
            world.later(self.busy_until - world.now_ms, world.deliver, on_reply, *request)
        # A client of the classic protocol must not leave requests behind: the end of a transaction could end the next one (KIP-890).
        world.later(REQUEST_TIMEOUT_MS if self.bumping else 2 * REQUEST_TIMEOUT_MS, self.time_out, number, kind, on_reply, arguments)

    def time_out(self, number, kind, on_reply, arguments):
        if self.waiting_for != number:
            return
        if self.world.rng.random() < 0.8:
            self.send(kind, on_reply, *arguments)
        else:
            self.world.note(f"{self.name} gives up #{number}")
            self.start()

    def receive(self, number, on_reply, error, answer):
        if self.waiting_for == number:
            self.waiting_for = 0
            on_reply(error, answer)

    def later(self, action, *arguments, delays_ms=(1, 1, 20, 300, 3_000)):
        number = self.waiting_for = self.world.next_number()
        self.world.later(self.world.rng.choice(delays_ms), self.wake, number, action, arguments)

    def die(self):
        """Fenced, mostly by the other process of this id; that one may have its time."""
        self.later(self.start, delays_ms=(300, 20_000, 40_000))

    def wake(self, number, action, arguments):
        if self.waiting_for == number:
            self.waiting_for = 0
            action(*arguments)

    def start(self):
        """A new process, which knows nothing of the one before."""
        self.holder, self.transaction = None, None
        self.incarnation = self.world.next_number()
        self.send("init", self.on_init)

    def on_init(self, error, answer):
        if error in PASSING:
            self.later(self.send, "init", self.on_init)
        elif error:
            self.die()
        else:
            self.holder = answer
            self.later(self.begin)

    def begin(self):
        self.number += 1
        self.transaction = (self.name, self.incarnation, self.number)
        if self.counts_for != self.holder:
            self.counts_for, self.sequences = self.holder, dict.fromkeys(PARTITIONS, 0)
        wanted = [self.world.rng.choice(PARTITIONS) for _ in range(self.world.rng.choice((0, 1, 2, 4)))]
        if wanted and not self.bumping:
            self.send("add", lambda error, _: self.on_added(error, wanted), frozenset(wanted))
        else:
            self.produce(wanted)

    def on_added(self, error, wanted):
        if error in PASSING:
            self.later(self.send, "add", lambda error, _: self.on_added(error, wanted), frozenset(wanted))
        elif error:
            self.die()
        else:
            self.produce(wanted)

    def produce(self, wanted):
        if not wanted:
            self.later(self.finish, self.world.rng.random() < 0.6)
            return
        where, count = wanted[0], self.world.rng.choice((1, 3))
        self.send_batch(where, self.sequences[where], count, self.transaction, wanted[1:])

    def send_batch(self, *batch):
        where, sequence, count, transaction, _ = batch
        self.send("produce", lambda error, _: self.on_produced(error, batch), where, sequence, count, transaction)

    def on_produced(self, error, batch):
        where, _, count, transaction, rest = batch
        if error in PASSING:
            self.later(self.send_batch, *batch)
        elif error in LOST:
            self.die()
        elif error:
            self.later(self.finish, False)
        else:
            self.sequences[where] += count
            self.world.acknowledged.setdefault(transaction, []).append(where)
            self.later(self.produce, rest)

    def finish(self, committed):
        self.send("end", lambda error, answer: self.on_end(error, answer, committed), committed, self.transaction)

    def on_end(self, error, answer, committed):
        if error in PASSING:
            self.later(self.finish, committed)
        elif error in LOST:
            self.die()
        else:
            if not error:
                self.world.told[self.transaction] = committed
                self.holder = answer if self.bumping else self.holder
            if error or (not self.bumping and self.world.rng.random() < 0.2):
                self.later(self.send, "init", self.on_init)
            else:
                self.later(self.begin)
