"""A disk on which the process dies before a chosen step."""

from __future__ import annotations

import os
from typing import Any

from pybroker.storage.files import Files
from pybroker.testing.simulated_disk import Stop


class StoppingFiles(Files):
    """Stops before the call of that number that changes something; None: never."""

    def __init__(self) -> None:
        self.left: int | None = None

    def _count(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Stop
            self.left -= 1

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]  # a method in the place of a function of os
        if flags & os.O_CREAT:
            self._count()
        return os.open(path, flags, mode)

    def write(self, fd: int, data: Any) -> int:  # type: ignore[override]  # see above
        self._count()
        return os.write(fd, data)

    def mkdir(self, path: str) -> None:  # type: ignore[override]  # see above
        self._count()
        os.mkdir(path)

    def rename(self, source: str, target: str) -> None:  # type: ignore[override]  # see above
        self._count()
        os.replace(source, target)

    def unlink(self, path: str) -> None:  # type: ignore[override]  # see above
        self._count()
        os.unlink(path)

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # see above
        self._count()

    def fsync_names(self, fd: int) -> None:  # type: ignore[override]  # see above
        self._count()
