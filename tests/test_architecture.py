"""The drawing in docs/architecture.md, held by a test: arrows point down, and the rooms that decide touch no outside world."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pybroker"

OUTSIDE = {"trio", "os", "socket", "time", "random", "secrets", "threading", "asyncio", "datetime", "select", "signal", "subprocess"}
FORBIDDEN = {"wire": OUTSIDE, "records": OUTSIDE, "core": OUTSIDE, "storage": {"trio", "asyncio", "socket", "time", "random", "secrets"}}
CLOCK_READERS = {PACKAGE / "runtime" / "clock.py"}


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """The top-level modules that a file imports, wherever it does, with their lines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "random" and [alias.name for alias in node.names] == ["Random"]:
                continue  # the type of a generator that comes in as an argument
            assert not node.level, f"{path}:{node.lineno} imports relatively"
            yield node.lineno, node.module.split(".")[0]


@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_rooms_keep_to_themselves(room: str) -> None:
    """wire, records, core and storage import nothing that reaches the outside world beyond what their rules allow."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for line, module in imports_of(path)
        if module in FORBIDDEN[room]
    ]
    assert not wrong


def test_one_file_reads_the_clock() -> None:
    """Only runtime/clock.py imports time or datetime, so that a whole broker runs under a virtual clock."""
    readers = {path for path in PACKAGE.rglob("*.py") for _, module in imports_of(path) if module in {"time", "datetime"}}
    assert readers <= CLOCK_READERS


def test_one_file_reaches_for_threads() -> None:
    """Blocking calls go through runtime/threads.py, so that they take no time under a virtual clock."""
    calls = {path for path in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))) if _names_to_thread(node)}
    assert calls == {PACKAGE / "runtime" / "threads.py"}


def _names_to_thread(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "to_thread"


def too_long(path: Path) -> Iterator[str]:
    """What in a file is longer than it should be."""
    text = path.read_text("utf-8")
    if text.count("\n") > 520:
        yield f"{path.relative_to(ROOT)} is too long"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.end_lineno or 0) - node.lineno >= 60:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name} is too long"


def test_no_file_grows_out_of_hand() -> None:
    """Files stay at about 500 lines at most, functions at 60."""
    assert not [words for path in sorted(PACKAGE.rglob("*.py")) for words in too_long(path)]


@pytest.mark.slow
def test_layers() -> None:
    """The layers of the package, as pyproject.toml lists them for import-linter."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def _the_map() -> dict[str, str]:
    """What docs/architecture.md says lies where: the words about each room; "" is the top."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = text.partition("## What lies where\n")[2].partition("\n## ")[0]
    _, *parts = re.split(r"^\*\*(?:`(\w+)/`|At the top)\*\*$", section, flags=re.MULTILINE)
    return {room or "": words for room, words in zip(parts[::2], parts[1::2], strict=True)}


def test_the_map_is_true() -> None:
    """Every module that the map in docs/architecture.md names lies in the room where it says."""
    named = [(PACKAGE / room, name) for room, words in _the_map().items() for name in re.findall(r"`(\w+)/?`", words)]
    assert len(named) > 80
    missing = [
        f"{room.name}/{name}"
        for room, name in named
        if not name[0].isupper() and not (room / name).is_dir() and not (room / f"{name}.py").is_file()
    ]
    assert not missing


@pytest.mark.parametrize("room", ["runtime", "storage"])
def test_the_map_is_whole(room: str) -> None:
    """Where bytes rest and where decisions meet the disk nobody has to guess: the map names every module."""
    modules = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
    assert modules - set(re.findall(r"`(\w+)`", _the_map()[room])) == set()
