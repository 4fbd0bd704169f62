"""`pybroker dump PATH...`: what lies in the files of a data directory, pybroker's or Kafka's, while a broker runs on it or not."""

from __future__ import annotations

import argparse

from pybroker.inspection.decoders import Row
from pybroker.inspection.dump import Choice, Dump
from pybroker.inspection.kinds import DECODERS
from pybroker.inspection.lines import line_of
from pybroker.inspection.output import CannotWrite, complain, flush, say, say_json
from pybroker.options import Parser
from pybroker.storage.files import Files
from pybroker.storage.walk import MAX_OFFSET

EXIT_OK, EXIT_DAMAGED, EXIT_UNREADABLE, EXIT_INTERRUPTED = 0, 1, 2, 130

USAGE = "pybroker dump [OPTION]... PATH..."

DESCRIPTION = """\
Show what lies in the files of a data directory. Each PATH is a file or a directory (a log, or all of a data directory):

  .log                      batches; with --records the records in them
  .index .timeindex         entries, compared with the segment beside them
  .txnindex .snapshot       aborted transactions; producers
  .checkpoint               a snapshot of the metadata, by the records of KRaft
  *-offset-checkpoint, leader-epoch-checkpoint, meta.properties, partition.metadata, quorum-state, .kafka_cleanshutdown

What a file is, its name says, or else its first bytes. Records of __consumer_offsets, __transaction_state, __share_group_state and
__cluster_metadata are shown by their schemas; --decode says so for a file that lies elsewhere. Nothing is written and no lock is taken, so
a broker may run on the directory. Behind damage the dump goes on with the next whole batch.
"""

EPILOG = """\
examples:
  pybroker dump pybroker-data/orders-0                            batches, indexes and the rest of one partition
  pybroker dump --records pybroker-data/orders-0 | jq .value      records as JSON, one a line
  pybroker dump --records --from-offset 100 --max 5 pybroker-data/orders-0/00000000000000000000.log
  pybroker dump --records pybroker-data/__consumer_offsets-12     commits and groups by their schemas
  pybroker dump --records pybroker-data/__cluster_metadata-0/*.checkpoint    topics, partitions, configurations
  pybroker dump --json pybroker-data | jq 'select(.kind == "damage")'    all that is not whole

who knows kafka-dump-log.sh: --files is PATH, --print-data-log and --deep-iteration are --records, --offsets-decoder and the other decoders
are chosen by the path or by --decode, --index-sanity-check is always done.

exit status: 0 all was shown, 1 damage was met (it says where), 2 a path cannot be read or is nothing of Kafka's,
the output cannot be written, or wrong usage
"""


def run(words: list[str]) -> int:
    """Carry out the command; the result is the exit status."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.from_offset > options.to_offset:
        parser.error(f"--from-offset {options.from_offset} lies behind --to-offset {options.to_offset}")
    choice = Choice(
        records=options.records,
        batches=options.json or not options.records,
        from_offset=options.from_offset,
        to_offset=options.to_offset,
        decode=options.decode,
        limit=options.max,
    )
    dump = Dump(choice, Files())
    say_row = say_json if options.json else _say_record if options.records else _say_line
    try:
        for row in dump.rows(options.paths):
            say_row(row)
        flush()
    except CannotWrite as reason:
        if reason.is_closed_pipe:
            return EXIT_OK  # who reads has seen enough
        complain(reason)
        return EXIT_UNREADABLE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return EXIT_UNREADABLE if dump.unreadable else EXIT_DAMAGED if dump.damaged else EXIT_OK


def _parser() -> Parser:
    parser = Parser(
        "pybroker dump", usage=USAGE, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file or a directory")
    parser.add_argument("--records", action="store_true", help="print records, as JSON, one a line; what is damaged goes to stderr")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, one object a line; `kind` says what it is")
    parser.add_argument("--from-offset", type=_offset, default=0, metavar="N", help="begin with this offset")
    parser.add_argument("--to-offset", type=_offset, default=MAX_OFFSET, metavar="N", help="end with this offset, which is included")
    parser.add_argument("--max", type=_offset, metavar="N", help="print at most so many batches, records or entries")
    parser.add_argument("--decode", choices=list(DECODERS), help="read records by the schemas of an internal topic, or of none")
    return parser


def _offset(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text} is no number, 0 or above")
    return int(text)


def _say_record(row: Row) -> None:
    if row["kind"] == "record":
        say_json({name: value for name, value in row.items() if name not in ("kind", "file")})
    elif row["kind"] in ("properties", "producer") or row["kind"].endswith(("entry", "epoch", "transaction", "checkpoint")):
        say_json(row)
    elif row["kind"] != "file":
        _complain(row)


def _say_line(row: Row) -> None:
    if row["kind"] == "unreadable":
        _complain(row)
    else:
        say(line_of(row) + "\n")


def _complain(row: Row) -> None:
    """On stderr, after what was shown so far."""
    flush()
    where = f"{row['file']}: " if row["kind"] == "damage" else ""
    text = f"{row['file']}: {row['what']}" if row["kind"] == "unreadable" else line_of(row)
    complain(f"{where}{text}")
