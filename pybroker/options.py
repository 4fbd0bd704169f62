"""Options of the commands: argparse, but help is written as all other output is. Argparse itself passes over what cannot be written."""

from __future__ import annotations

import argparse
from typing import Any

EXIT_FAILED = 1


class Parser(argparse.ArgumentParser):
    """The parser of a command, and of its commands."""

    def print_help(self, file: Any = None) -> None:
        """To `file`, by default to stdout; a program that cannot ends with one line on stderr."""
        if file is None:
            _show(self, self.format_help())
        else:
            super().print_help(file)


class ShowVersion(argparse.Action):
    """As argparse's own action of that kind; `const` is what it says."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        _show(parser, f"{self.const}\n")
        parser.exit()


def _show(parser: argparse.ArgumentParser, text: str) -> None:
    """Who closed the pipe has seen enough, and is told nothing."""
    from pybroker.inspection.output import CannotWrite, flush, say

    try:
        say(text)
        flush()
    except CannotWrite as reason:
        if not reason.is_closed_pipe:
            parser.exit(EXIT_FAILED, f"pybroker: {reason}\n")
