"""Generated Python: writing it, compiling it, and finding the field again when it fails.

Every generated line belongs to a field. When a line raises, the traceback's line number names the field, so the hot path pays
nothing for good error messages. The text goes into `linecache`: a traceback or debugger shows the generated lines.
"""

import linecache
from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct
from types import TracebackType
from typing import Any

_labels_by_file: dict[str, list[str]] = {}


class SourceWriter:
    """Lines of one function being written; `names` are the globals that it needs."""

    __slots__ = ("_depth", "labels", "lines", "names", "path")

    def __init__(self, head: str, names: dict[str, Any]) -> None:
        self.lines = [head]
        self.labels = [""]
        self.names = names
        self.path: list[str] = []
        self._depth = 1

    def add(self, text: str) -> None:
        """Write one line at the current indentation, on account of the current field."""
        self.lines.append("    " * self._depth + text)
        self.labels.append(".".join(self.path))

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write `head` and indent what follows."""
        self.add(head)
        self._depth += 1
        yield
        self._depth -= 1

    @contextmanager
    def field(self, name: str) -> Iterator[None]:
        """What is written inside is on account of this field."""
        self.path.append(name)
        yield
        self.path.pop()

    def struct_method(self, method: str, formats: str) -> str:
        """The name of a bound method (`unpack_from`, `pack`) of a precompiled big-endian struct."""
        name = f"{method}_{formats.replace(chr(63), chr(111))}"  # "?" is no letter
        if name not in self.names:
            self.names[name] = getattr(Struct(">" + formats), method)
        return name

    def compile(self, file_name: str, function: str) -> Any:
        """The finished function."""
        _labels_by_file[file_name] = self.labels
        compile_source(file_name, "\n".join(self.lines) + "\n", self.names)
        return self.names[function]


def compile_source(file_name: str, text: str, namespace: dict[str, Any]) -> None:
    """Run generated source under a readable file name."""
    linecache.cache[file_name] = (len(text), None, text.splitlines(keepends=True), file_name)
    exec(compile(text, file_name, "exec"), namespace)  # noqa: S102  # the text is made from our own schemas


def failed_field(file_name: str, traceback: TracebackType | None) -> str:
    """The field that the generated function `file_name` was at when it raised; empty if unknown."""
    field = ""
    labels = _labels_by_file.get(file_name, [])
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file_name and traceback.tb_lineno <= len(labels):
            field = labels[traceback.tb_lineno - 1] or field
        traceback = traceback.tb_next
    return field
