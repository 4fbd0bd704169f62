"""What a look at files found, in sentences: where, what is wrong, what is whole, and what a broker would do about it by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybroker.storage.errors import StorageError
from pybroker.storage.files import storage_error


@dataclass(slots=True)
class Finding:
    """One thing that a person should know of a path. `is_damage` False: it is as it may be, and is said all the same.

    `position`: byte in the file. `offset`: of the log. `whole`: what can be saved. `next_start`: what a start of pybroker would do.
    """

    path: str
    what: str
    is_damage: bool = True
    position: int | None = None
    offset: int | None = None
    whole: str | None = None
    next_start: str | None = None

    def text(self) -> str:
        """Sentences, the first with the place."""
        where = [f"byte {self.position:,}"] if self.position is not None else []
        where += [f"offset {self.offset}"] if self.offset is not None else []
        place = f" ({', '.join(where)})" if where else ""
        lines = [f"{'DAMAGE' if self.is_damage else 'note'}: {self.path}{place}: {self.what}."]
        lines += [f"    What is whole: {self.whole}."] if self.whole else []
        lines += [f"    The next start {self.next_start}."] if self.next_start else []
        return "\n".join(lines)

    def row(self) -> dict[str, Any]:
        """For JSON; what is not known is left out."""
        row = {
            "kind": "damage" if self.is_damage else "note",
            "file": self.path,
            "position": self.position,
            "offset": self.offset,
            "what": self.what,
            "whole": self.whole,
            "nextStart": self.next_start,
        }
        return {name: value for name, value in row.items() if value is not None}


def note(path: str, what: str, next_start: str | None = None) -> Finding:
    """Something that is no damage."""
    return Finding(path, what, is_damage=False, next_start=next_start)


def why_unreadable(path: str, error: OSError | StorageError) -> str:
    """A sentence for a path that the system does not give: nothing can be said of it."""
    if not isinstance(error, OSError):
        return f"{path}: {error}"
    return str(storage_error("look at", error.filename if isinstance(error.filename, str) else path, error))
