"""A file system in memory that counts every change, fails or stops at any of them, and can lose what was not synced.

    disk = SimulatedDisk()
    store = DiskLogStore.open(["/data"], files=disk, ...)
    disk.plan = Plan(at=17, fault=Stop())       the process dies at the 17th change from now on
    disk.die()                                  all that was written stays, all descriptors are gone
    disk.lose_power(rng)                        of what was not synced, some is there and some is not

What a power loss leaves
- Of a file: what its last fsync found, and of each write since then any of its 512-byte sectors. Where the size was written before the
  data there are zeros.
- Of a directory: what its last fsync found, and of the names made, changed and removed since then the first few, in order, as file systems
  with a journal keep them; what happens to one directory says nothing of another. A rename is there or not, never half.
- An fsync of a file does not make its name durable, nor that of the directory its parents'.

After a fault `trace` tells the last steps, for whoever reads why a test failed.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pybroker.storage import layout
from pybroker.storage.files import Files

SECTOR_BYTES = 512
FIRST_DESCRIPTOR = 100_000
TRACE_STEPS = 80
CHANGES = ("write", "truncate", "fsync", "fsync_names", "rename", "unlink", "mkdir", "rmdir", "create")


class Stop(BaseException):
    """The process died. Whatever it does after that does nothing."""


@dataclass(slots=True)
class Plan:
    """What goes wrong, at the `at`-th step from now (0: the next) and at the `repeats` - 1 after it.

    `fault`: Stop(), which comes before the step, or an OSError. `kinds`: the steps that count, by name. `part`: how much of a write is done
    before it fails (0 to 1). `under`: how the paths begin of the steps that count.
    """

    at: int
    fault: BaseException
    repeats: int = 1
    part: float = 0.0
    kinds: tuple[str, ...] = CHANGES
    under: str = ""


@dataclass(slots=True, eq=False)
class Node:
    """A file (`data`), or a directory (`names` is not None). `safe`, `safe_names`: what a power loss cannot take."""

    data: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # position and bytes of a write; size and None of a truncation
    names: dict[str, Node] | None = None
    safe_names: dict[str, Node] = field(default_factory=dict)


def directory() -> Node:
    """An empty one."""
    return Node(names={})


@dataclass(slots=True)
class NameChange:
    """`name` leads to `node` now (None: nowhere), and `source`, where it was until now, nowhere."""

    parent: Node
    name: str
    node: Node | None
    source: str | None = None

    def apply(self, names: dict[str, Node]) -> None:
        """To the names of a directory, which may lack earlier changes."""
        if self.source is not None and names.get(self.source) is self.node:
            del names[self.source]
        if self.node is None:
            names.pop(self.name, None)
        else:
            names[self.name] = self.node


@dataclass(slots=True)
class _Open:
    node: Node
    path: str
    appends: bool
    position: int = 0


class SimulatedDisk(Files):
    """See the module. `steps`: how many changes were asked for so far."""

    __slots__ = ("_changes", "_dead", "_next_descriptor", "_open", "_root", "plan", "steps", "trace")

    def __init__(self) -> None:
        self._root = directory()
        self._open: dict[int, _Open] = {}
        self._next_descriptor = FIRST_DESCRIPTOR
        self._changes: list[NameChange] = []
        self._dead = False
        self.plan: Plan | None = None
        self.steps = 0
        self.trace: deque[str] = deque(maxlen=TRACE_STEPS)

    def note(self, words: str) -> None:
        """A line of the trace."""
        self.trace.append(words)

    # --- faults

    def _step(self, kind: str, path: str, undo: Callable[[float], None] | None = None) -> None:
        """One step that may fail. `undo` does a part of it, where it is one that has parts."""
        if self._dead:
            raise Stop
        if kind in CHANGES:
            self.steps += 1
            self.trace.append(f"    {self.steps:4} {kind} {path}")
        plan = self.plan
        if plan is None or kind not in plan.kinds or not path.startswith(plan.under):
            return
        plan.at -= 1
        if plan.at >= 0:
            return
        if plan.at <= -plan.repeats:
            self.plan = None
        if undo is not None and plan.part:
            undo(plan.part)
        partly = f" after {plan.part:.0%} of it" if undo is not None and plan.part else ""
        self.trace.append(f"         ^ {plan.fault!r} at {kind} {path}{partly}")
        self._dead = isinstance(plan.fault, Stop)
        raise plan.fault

    def die(self) -> None:
        """The process is gone, and what it wrote stays."""
        self.note("the process is gone")
        self.plan = None
        self._dead = False
        self._open.clear()

    def lose_power(self, rng: Random) -> None:
        """The machine is gone, too."""
        self.die()
        self.note("the power is gone")
        for change in _survivors(rng, self._changes):
            change.apply(change.parent.safe_names)
        self._changes.clear()
        self._restart(self._root, rng)

    def _restart(self, node: Node, rng: Random) -> None:
        if node.names is None:
            node.data = _torn(node, rng)
            node.safe = bytes(node.data)
            node.pending.clear()
            return
        node.names = dict(node.safe_names)
        for child in node.names.values():
            self._restart(child, rng)

    # --- finding

    def _find(self, path: str) -> Node:
        node = self._root
        for name in path.split("/"):
            if name:
                if node.names is None:
                    raise _os_error(errno.ENOTDIR, path)
                if name not in node.names:
                    raise _os_error(errno.ENOENT, path)
                node = node.names[name]
        return node

    def _parent(self, path: str) -> tuple[Node, dict[str, Node], str]:
        head, _, name = path.rpartition("/")
        parent = self._find(head)
        if parent.names is None:
            raise _os_error(errno.ENOTDIR, path)
        return parent, parent.names, name

    def _change(self, change: NameChange) -> None:
        assert change.parent.names is not None
        change.apply(change.parent.names)
        self._changes.append(change)

    # --- the doors of `Files`

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # a method in the place of a function of os
        """See os.open. `.lock` is a real file without a name, so that it can be locked."""
        if path.endswith("/" + layout.LOCK):
            with tempfile.TemporaryFile() as file:
                return os.dup(file.fileno())
        self._step("open", path)
        parent, names, name = self._parent(path)
        node = names.get(name) if name else self._root
        if node is None:
            if not flags & os.O_CREAT:
                raise _os_error(errno.ENOENT, path)
            self._step("create", path)
            node = Node()
            self._change(NameChange(parent, name, node))
        elif flags & os.O_TRUNC and node.data:
            self._step("truncate", path)
            _resize(node, 0)
        if node.names is not None and flags & os.O_ACCMODE != os.O_RDONLY:
            raise _os_error(errno.EISDIR, path)
        self._next_descriptor += 1
        self._open[self._next_descriptor] = _Open(node, path, bool(flags & os.O_APPEND))
        return self._next_descriptor

    def close(self, fd: int) -> None:
        """See os.close."""
        if fd < FIRST_DESCRIPTOR:
            os.close(fd)
        else:
            self._open.pop(fd, None)

    def write(self, fd: int, data: Any) -> int:
        """See os.write."""
        file = self._open[fd]
        content = bytes(data)
        self._step("write", f"{file.path} +{len(content)}", lambda part: _write(file, content[: int(part * len(content))]))
        _write(file, content)
        return len(content)

    def pread(self, fd: int, count: int, position: int) -> bytes:
        """See os.pread."""
        file = self._open[fd]
        self._step("read", file.path)
        return bytes(file.node.data[position : position + count])

    def preadv(self, fd: int, buffers: Any, position: int) -> int:  # type: ignore[override]  # see above
        """See os.preadv; of one buffer."""
        content = self.pread(fd, len(buffers[0]), position)
        buffers[0][: len(content)] = content
        return len(content)

    def truncate(self, fd: int, size: int) -> None:
        """See os.ftruncate."""
        file = self._open[fd]
        self._step("truncate", f"{file.path} to {size}")
        _resize(file.node, size)

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # see above
        """See os.fdatasync."""
        file = self._open[fd]
        self._step("fsync", file.path)
        file.node.safe = bytes(file.node.data)
        file.node.pending.clear()

    def fsync_names(self, fd: int) -> None:  # type: ignore[override]  # see above
        """See os.fsync, of a directory."""
        file = self._open[fd]
        self._step("fsync_names", file.path)
        assert file.node.names is not None
        file.node.safe_names = dict(file.node.names)
        self._changes = [change for change in self._changes if change.parent is not file.node]

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # see above
        """See os.replace; within one directory."""
        parent, names, name = self._parent(source)
        if name not in names:
            raise _os_error(errno.ENOENT, source)
        self._step("rename", f"{source} to {os.path.basename(target)}")
        self._change(NameChange(parent, os.path.basename(target), names[name], name))

    def unlink(self, path: str) -> None:  # type: ignore[override]  # see above
        """See os.unlink."""
        self._remove("unlink", path)

    def rmdir(self, path: str) -> None:  # type: ignore[override]  # see above
        """See os.rmdir."""
        if self._find(path).names:
            raise _os_error(errno.ENOTEMPTY, path)
        self._remove("rmdir", path)

    def _remove(self, kind: str, path: str) -> None:
        parent, names, name = self._parent(path)
        if name not in names:
            raise _os_error(errno.ENOENT, path)
        self._step(kind, path)
        self._change(NameChange(parent, name, None))

    def mkdir(self, path: str) -> None:  # type: ignore[override]  # see above
        """See os.mkdir."""
        parent, names, name = self._parent(path)
        if name in names:
            raise _os_error(errno.EEXIST, path)
        self._step("mkdir", path)
        self._change(NameChange(parent, name, directory()))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:  # type: ignore[override]  # see above
        """See os.makedirs."""
        head = ""
        for name in path.strip("/").split("/"):
            head = f"{head}/{name}"
            if not self.exists(head):
                self.mkdir(head)

    def listdir(self, path: str) -> list[str]:  # type: ignore[override]  # see above
        """See os.listdir."""
        names = self._find(path).names
        if names is None:
            raise _os_error(errno.ENOTDIR, path)
        self._step("list", path)
        return list(names)

    def exists(self, path: str) -> bool:  # type: ignore[override]  # see above
        """See os.path.exists."""
        try:
            self._find(path)
        except OSError:
            return False
        return True

    def is_directory(self, path: str) -> bool:  # type: ignore[override]  # see above
        """See os.path.isdir."""
        return self.exists(path) and self._find(path).names is not None

    def is_regular(self, path: str) -> bool:  # type: ignore[override]  # see above
        """See os.path.isfile."""
        return self.exists(path) and not self.is_directory(path)

    def has_name(self, fd: int) -> bool:
        """See `Files.has_name`."""
        return _holds(self._root, self._open[fd].node)

    def size(self, path: str) -> int:
        """See `Files.size`."""
        return len(self._find(path).data)

    # --- for tests

    def paths(self, path: str = "") -> list[str]:
        """All files beneath a directory."""
        node = self._find(path)
        if node.names is None:
            return [path]
        return [file for name in sorted(node.names) for file in self.paths(f"{path}/{name}")]

    def content(self, path: str) -> bytearray:
        """The bytes of a file; changing them changes the file, as a failing disk does."""
        return self._find(path).data


def _os_error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _holds(parent: Node, node: Node) -> bool:
    return parent is node or any(_holds(child, node) for child in (parent.names or {}).values())


def _write(file: _Open, content: bytes) -> None:
    node = file.node
    position = len(node.data) if file.appends else file.position
    node.data[position : position + len(content)] = content
    node.pending.append((position, content))
    file.position = position + len(content)


def _resize(node: Node, size: int) -> None:
    if size <= len(node.data):
        del node.data[size:]
    else:
        node.data.extend(bytes(size - len(node.data)))
    node.pending.append((size, None))


def _survivors(rng: Random, changes: list[NameChange]) -> list[NameChange]:
    """Those that reached the disk: the first few of all, or of each directory."""
    if rng.random() < 0.5:
        return changes[: rng.randint(0, len(changes))]
    left: dict[int, int] = {}
    survivors = []
    for change in changes:
        key = id(change.parent)
        if key not in left:
            left[key] = rng.randint(0, sum(other.parent is change.parent for other in changes))
        left[key] -= 1
        if left[key] >= 0:
            survivors.append(change)
    return survivors


def _torn(node: Node, rng: Random) -> bytearray:
    """What is left of a file."""
    data = bytearray(node.safe)
    share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    for position, content in node.pending:
        if content is None:
            if rng.random() < share:
                del data[position:]
                data.extend(bytes(position - len(data)))
            continue
        _write_sectors(data, position, content, share, rng)
    return data


def _write_sectors(data: bytearray, position: int, content: bytes, share: float, rng: Random) -> None:
    end = position + len(content)
    if rng.random() < share:  # the size comes first
        data.extend(bytes(max(0, end - len(data))))
    start = position
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if rng.random() < share:
            data.extend(bytes(max(0, stop - len(data))))
            data[start:stop] = content[start - position : stop - position]
        start = stop
