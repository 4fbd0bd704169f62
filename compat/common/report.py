"""Judges the results of the suites against their tests.allow and writes the report card.

    report.py COMPAT_DIRECTORY [--partial] SUITE...

A suite's result file has `version X`, `PASS name`, `FAIL name why`, `SKIP name why` (the client cannot do it) or `not run: why`.
The report card keeps the lines of suites that were not asked for. With --partial, for runs with CHECKS, the card is left alone, and what
is promised of the checks that were named must have run: those of that name, or of that story (`STORY.WHAT`), where `*` stands for
anything. A suite that takes other words for its checks says which it was asked for (`asked WORD...`). What runs only when CHECKS names it
is promised in `asked.allow`.
"""

from __future__ import annotations

import datetime
import os
import re
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

HEADER = """\
# Clients against pybroker

Written by `make compat`. Each suite runs against a fresh broker; a suite is judged by its `tests.allow`, the names that must pass,
which may only grow. What is open is in each suite's `FINDINGS.md`. *Left out* counts checks that the client itself cannot do.

| client | version | passed | failed | left out | date |
|---|---|---|---|---|---|
"""
ALWAYS = ("the-suite", "broker-survives", "broker-starts")
ROW = re.compile(r"^\| \[([^]]+)\]\(")


@dataclass
class Result:
    version: str = "?"
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    not_run: str = ""
    asked: list[str] | None = None


def read(path: Path) -> Result:
    result = Result()
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        word, _, rest = line.partition(" ")
        name, _, why = rest.partition(" ")
        if word == "PASS":
            result.passed.append(name)
        elif word == "FAIL":
            result.failed[name] = why
        elif word == "SKIP":
            result.skipped.append(name)
        elif word == "version":
            result.version = rest
        elif word == "asked":
            result.asked = rest.split()
        elif line.startswith("not run: "):
            result.not_run = line.removeprefix("not run: ")
    if not (result.passed or result.failed or result.not_run):
        result.failed["the-suite"] = "gave no results"
    return result


def allowed(path: Path) -> set[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def row(suite: str, result: Result, today: str) -> str:
    link = f"[{suite}]({suite}/FINDINGS.md)"
    if result.not_run:
        return f"| {link} | {result.version} | not run: {result.not_run} | | | {today} |"
    total = len(result.passed) + len(result.failed)
    failed = len(result.failed) or ""
    return f"| {link} | {result.version} | {len(result.passed)}/{total} | {failed} | {len(result.skipped) or ''} | {today} |"


def is_named(name: str, words: list[str]) -> bool:
    """Whether a check, or its story, is among them."""
    return any(fnmatchcase(name, word) or fnmatchcase(name, f"{word}.*") for word in words)


def judge(compat: Path, suite: str, result: Result, words: list[str] | None) -> bool:
    """Prints what stands out; says whether the suite holds what it promises: of the checks that `words` name, None: in tests.allow."""
    must, asked = allowed(compat / suite / "tests.allow"), allowed(compat / suite / "asked.allow")
    named = result.asked if words is not None and result.asked is not None else words
    promised = must if named is None else {name for name in must | asked if is_named(name, named)}
    broken = {name: why for name, why in result.failed.items() if name in must | asked or name in ALWAYS}
    if not result.not_run:
        broken |= dict.fromkeys(promised - set(result.passed) - set(result.failed), "did not run")
    for name, why in sorted(broken.items()):
        print(f"{suite}: {name} must pass: {why}")
    for name in sorted(set(result.passed) - must - asked):
        print(f"{suite}: {name} passes and is not yet in tests.allow")
    total = len(result.passed) + len(result.failed)
    print(f"{suite}: " + (f"not run: {result.not_run}" if result.not_run else f"passed {len(result.passed)} of {total}"))
    return not broken


def main(arguments: list[str]) -> int:
    compat, partial = Path(arguments[0]), "--partial" in arguments
    words = os.environ.get("CHECKS", "").split() if partial else None
    suites = [word for word in arguments[1:] if word != "--partial"]
    card = compat / "README.md"
    rows = {match[1]: line for line in card.read_text().splitlines() if (match := ROW.match(line))} if card.exists() else {}
    today, good = datetime.date.today().isoformat(), True
    for suite in suites:
        result = read(compat / ".cache" / "results" / f"{suite}.txt")
        good &= judge(compat, suite, result, words)
        rows[suite] = row(suite, result, today)
    if not partial:
        card.write_text(HEADER + "".join(f"{rows[suite]}\n" for suite in sorted(rows)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
