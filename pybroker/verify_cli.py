"""`pybroker verify PATH...`: whether the files of a data directory are whole, and with `--repair` what of them can be made whole again."""

from __future__ import annotations

import argparse
from contextlib import suppress

from pybroker.inspection.decoders import Row
from pybroker.inspection.output import CannotWrite, complain, flush, say, say_json
from pybroker.inspection.verify import Verdict, verify
from pybroker.options import Parser
from pybroker.storage.errors import StorageError
from pybroker.storage.files import Files

MOST_ROUNDS = 3  # segments, then their indexes, then what the whole log tells
EXIT_WHOLE, EXIT_DAMAGED, EXIT_UNREADABLE, EXIT_INTERRUPTED = 0, 1, 2, 130

USAGE = "pybroker verify [OPTION]... PATH..."

DESCRIPTION = """\
Check files of a data directory, pybroker's or Kafka's: all of one, one log, or single files. What is checked:

  segments      the checksum of each batch, offsets that grow, the records in each batch
  indexes       by offset and by time against the segment, aborted transactions against their markers
  beside them   producer snapshots, leader epochs, topic ids against the metadata, the metadata's log and snapshots
  around them   checkpoints against the logs, meta.properties, what a stop or a compaction left

For each place that is damaged it says what is whole, and what the next start of pybroker would do about it by itself. Nothing is written
and no lock is taken, unless --repair is given.
"""

EPILOG = """\
examples:
  pybroker verify pybroker-data                      is all of it whole?
  pybroker verify pybroker-data/orders-0             one log
  pybroker verify --repair pybroker-data             build indexes anew, cut torn ends
  pybroker verify --repair --skip-damaged pybroker-data/orders-0    keep also what lies behind damage in the middle of a segment

exit status: 0 all is whole (or was made so), 1 something is damaged, 2 a path cannot be looked at, or cannot be
repaired now, the output cannot be written, or wrong usage
"""


def run(words: list[str]) -> int:
    """Carry out the command; the result is the exit status."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.skip_damaged and not options.repair:
        parser.error("--skip-damaged is a way of --repair")
    try:
        return _repair(Files(), options) if options.repair else _verify(Files(), options)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _verify(files: Files, options: argparse.Namespace) -> int:
    verdict = verify(files, options.paths)
    try:
        _tell(verdict, as_json=options.json)
    except CannotWrite as reason:
        if not reason.is_closed_pipe:
            complain(reason)
            return EXIT_UNREADABLE
    return _status(verdict)


def _status(verdict: Verdict) -> int:
    if verdict.unreadable:
        return EXIT_UNREADABLE
    return EXIT_DAMAGED if verdict.damage else EXIT_WHOLE


def _parser() -> Parser:
    parser = Parser(
        "pybroker verify", usage=USAGE, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a data directory, the directory of a log, or a file")
    parser.add_argument("--json", action="store_true", help="one JSON object a line: findings, what was repaired, and a summary")
    parser.add_argument(
        "--repair",
        action="store_true",
        help="rebuild indexes that are wrong, and cut what is torn at the end of a log, keeping a copy of it beside as FILE.damaged-N; "
        "refused while a broker runs on the directory",
    )
    parser.add_argument(
        "--skip-damaged",
        action="store_true",
        help="with --repair: take damage in the middle of a log out too, so that what is whole behind it stays; "
        "the log then has a hole in its offsets, as compaction leaves them",
    )
    return parser


def _tell(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        for finding in verdict.findings:
            say_json(finding.row())
        say_json({"kind": "summary", "damaged": len(verdict.damage), "unreadable": verdict.unreadable, "what": verdict.summary()})
    else:
        for finding in verdict.findings:
            say(finding.text() + "\n")
        say(f"{verdict.summary()}\n")
    flush()
    for reason in verdict.unreadable:
        complain(reason)


def _repair(files: Files, options: argparse.Namespace) -> int:
    from pybroker.inspection.repair import CannotRepair, lock_all

    try:
        locks = lock_all(files, options.paths)
    except CannotRepair as reason:
        return _give_up(str(reason), options)
    try:
        verdict = verify(files, options.paths, ours=True)
        _tell(verdict, as_json=options.json)
        if verdict.damage or verdict.unreadable:
            verdict = _repair_all(files, verdict, options)
            _tell_again(verdict, as_json=options.json)
        flush()
        return _status(verdict)
    except (OSError, StorageError, CannotWrite) as error:
        return _give_up(f"the repair stopped: {error}", options)
    finally:
        for lock in locks:
            lock.release()


def _give_up(reason: str, options: argparse.Namespace) -> int:
    """Say why nothing, or nothing more, is repaired."""
    complain(reason)
    with suppress(CannotWrite):
        if options.json:
            say_json({"kind": "error", "what": reason})
        flush()
    return EXIT_UNREADABLE


def _repair_all(files: Files, verdict: Verdict, options: argparse.Namespace) -> Verdict:
    """Repair until nothing more can be: what lies behind damage is judged only when that is gone."""
    from pybroker.inspection.repair import repair

    told: set[str] = set()
    cut = {directory.path for directory in verdict.directories if directory.metadata is not None and directory.metadata.lost_its_end}
    for _ in range(MOST_ROUNDS):
        steps: list[Row] = []
        try:
            steps.extend(repair(files, verdict, skip_damaged=options.skip_damaged))
        finally:
            _tell_steps([row for row in steps if str(row) not in told], as_json=options.json)
        told.update(map(str, steps))
        verdict = verify(files, options.paths, ours=True, cut=cut)
        if not (verdict.damage or verdict.unreadable) or not any(row["kind"] == "repaired" for row in steps):
            break
    return verdict


def _tell_steps(steps: list[Row], *, as_json: bool) -> None:
    for row in steps:
        if as_json:
            say_json(row)
        else:
            say(f"{row['kind']}: {row['file']}: {row['what']}.\n")


def _tell_again(again: Verdict, *, as_json: bool) -> None:
    """What is left after a repair."""
    if as_json:
        say_json({"kind": "summary", "damaged": len(again.damage), "unreadable": again.unreadable, "what": again.summary()})
        return
    for finding in again.damage:
        say(f"still {finding.text()}\n")
    say(f"after the repair: {again.summary()}\n")
