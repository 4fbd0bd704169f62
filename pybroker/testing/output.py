"""A stdout that cannot be written to."""

from __future__ import annotations

import io
import os
from pathlib import Path


class NowhereToWrite(io.TextIOWrapper):
    """Text that fails with an error number when it leaves the buffer; `path` is made, so that there is a descriptor.

    `unbuffered`: as with PYTHONUNBUFFERED, at once.
    """

    def __init__(self, path: Path, error_number: int, *, unbuffered: bool = False) -> None:
        raw = _Failing(path, error_number)
        super().__init__(raw if unbuffered else io.BufferedWriter(raw), "utf-8", write_through=unbuffered)


class _Failing(io.FileIO):
    def __init__(self, path: Path, error_number: int) -> None:
        super().__init__(path, "w")
        self._null = os.stat(os.devnull)
        self._error_number = error_number

    def write(self, data: object) -> int:
        """As the system would: it works again once the descriptor is that of the null device."""
        if os.path.samestat(os.fstat(self.fileno()), self._null):
            return len(memoryview(data))  # type: ignore[arg-type]  # what the buffer hands on
        raise OSError(self._error_number, os.strerror(self._error_number))
