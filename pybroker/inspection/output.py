"""Where the commands that look at bytes (`dump`, `verify`, `wire`) write.

A pipe that its reader closed is no fault; what else cannot be written is said once.
"""

from __future__ import annotations

import json
import os
import sys


class CannotWrite(Exception):
    """Nobody gets what is written to stdout. What follows goes nowhere, so that it does not fail once more at the end."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write: {error.strerror}")
        self.is_closed_pipe = isinstance(error, BrokenPipeError)


def say(text: str) -> None:
    """Write to stdout. Raises CannotWrite."""
    try:
        sys.stdout.write(text)
    except OSError as error:
        _drop_the_rest()
        raise CannotWrite(error) from error


def say_bytes(content: bytes) -> None:
    """Write to stdout as they are. Raises CannotWrite."""
    flush()
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        _drop_the_rest()
        raise CannotWrite(error) from error


def say_json(row: dict[str, object]) -> None:
    """One line. Raises CannotWrite."""
    say(json.dumps(row, ensure_ascii=False) + "\n")


def flush() -> None:
    """Hand on what was written. Raises CannotWrite."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _drop_the_rest()
        raise CannotWrite(error) from error


def complain(reason: object) -> None:
    """A line on stderr."""
    sys.stderr.write(f"pybroker: {reason}\n")


def _drop_the_rest() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
