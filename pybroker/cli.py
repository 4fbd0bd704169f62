"""The command line: `pybroker` starts a broker, `pybroker wire ...` looks at bytes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from pybroker.config import DEFAULT_PORT, BrokerConfig, ConfigError, data_dir_of, listeners_passed_over
from pybroker.options import EXIT_FAILED, Parser, ShowVersion
from pybroker.version import __version__

EXIT_OK, EXIT_USAGE = 0, 2

DEFAULT_LISTEN = f"127.0.0.1:{DEFAULT_PORT}"
DEFAULT_DATA_DIR = "pybroker-data"

USAGE = """\
pybroker [OPTION]...
       pybroker dump|verify [OPTION]... PATH...
       pybroker wire decode|encode|check ...
       pybroker healthcheck [HOST:PORT]"""

COMMANDS = ("dump", "verify", "wire", "healthcheck")

DESCRIPTION = "A small Kafka broker: stock clients talk to it as to Apache Kafka 4.4.0."

EPILOG = """\
settings, later ones win:
  1. the defaults of Kafka 4.4.0, but for the few that one broker alone needs otherwise (README, "Development defaults")
  2. --config FILE
  3. KAFKA_* in the environment, by the rule of the apache/kafka image: KAFKA_NUM_PARTITIONS=3
  4. --set NAME=VALUE
  5. the other options: --listen, --advertise, --data-dir, --memory, --node-id, --topic

examples:
  pybroker                                             data in ./pybroker-data, on 127.0.0.1:9092
  pybroker --memory --listen 127.0.0.1:0 --ready-file addr    a free port; the file says which
  pybroker --topic orders:6 --set log.retention.hours=1
  pybroker --listen :9092 --advertise broker.test:9092 serve other machines under a name
  pybroker --config server.properties                  the file of a KRaft broker
  pybroker --memory --load-segment orders=00000000000000000000.log    serve the records of a file of another broker
  pybroker dump --help                                 show what lies in the files of a data directory
  pybroker verify --help                               check that they are whole, and repair them
  pybroker wire --help                                 decode and encode Kafka's messages
  pybroker healthcheck 127.0.0.1:9092                  exit status 0 if a broker answers there

exit status: 0 stopped on request, 1 could not start or go on (a busy port, a data directory or a segment that cannot be used),
2 wrong usage (an option, a setting or the --config file cannot be followed)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["wire"]:
        return _run_wire(words)
    if words[:1] == ["dump"]:
        return _run_dump(words[1:])
    if words[:1] == ["verify"]:
        return _run_verify(words[1:])
    if words[:1] == ["healthcheck"]:
        return _run_healthcheck(words[1:])
    return _run_broker(_parse(words))


def _parse(words: list[str]) -> argparse.Namespace:
    parser = build_parser()
    options, unknown = parser.parse_known_args(words)
    if unknown:
        parser.error(f"{unknown[0]} is no option or command{_nearest(unknown[0], parser.format_help())}")
    return options


def _nearest(word: str, help_text: str) -> str:
    """Words for the option or command that was probably meant; none if nothing is near."""
    import difflib
    import re  # both only when a word was misspelt

    near = difflib.get_close_matches(word.partition("=")[0], [*COMMANDS, *re.findall(r"--[a-z-]+", help_text)], n=1)
    return f": did you mean {near[0]}?" if near else ""


class _Parser(Parser):
    """Says what was wrong in one line, as the rest of the program does."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"pybroker: {message.removeprefix('argument ')} (`pybroker --help` shows the options)\n")


def program() -> NoReturn:
    """What a shell starts: `main`, and out. All is closed by then, and taking the interpreter apart takes as long as the stop did."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _stand_in(os.O_RDONLY if name == "stdout" else os.O_WRONLY))
    try:
        status = main()
    except SystemExit as end:  # argparse: --help, --version, wrong usage
        if not isinstance(end.code, int):
            raise
        status = end.code
    status = _hand_on(status)
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def _stand_in(mode: int) -> TextIO:
    """For a stream that whoever started this closed (`>&-`). One that is not to be written fails as that would: it is told, once."""
    return os.fdopen(os.open(os.devnull, mode), "w", encoding="utf-8")


def _hand_on(status: int) -> int:
    """Write what is still in the buffer; returns the exit status. Who closed the pipe has seen enough, and is told nothing."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return status
    except OSError as error:
        sys.stderr.write(f"pybroker: cannot write: {error.strerror}\n")
        return EXIT_FAILED
    return status


def build_parser() -> argparse.ArgumentParser:
    """The options of `pybroker`."""
    parser = _Parser("pybroker", usage=USAGE, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    network = parser.add_argument_group("where it listens")
    network.add_argument("--listen", metavar="HOST:PORT", help=f"address to serve on (default {DEFAULT_LISTEN}); port 0 picks a free one")
    network.add_argument(
        "--advertise", metavar="HOST:PORT", help="address that clients are told (default: the one that each of them dialled)"
    )
    network.add_argument("--ready-file", metavar="PATH", help="written with the address once the broker serves; removed when it stops")
    data = parser.add_argument_group("where the data is").add_mutually_exclusive_group()
    data.add_argument(
        "--data-dir",
        metavar="DIR[,DIR...]",
        help=f"keep the data here, in Kafka's layout (default ./{DEFAULT_DATA_DIR}); several, separated by commas, share the partitions",
    )
    data.add_argument("--memory", action="store_true", help="keep the data in memory; it is gone when the broker stops")
    broker = parser.add_argument_group("what it does")
    broker.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="any server property of Kafka; may be repeated")
    broker.add_argument("--config", metavar="FILE", help="server.properties, or TOML with the same names")
    broker.add_argument(
        "--topic", metavar="NAME[:PARTITIONS]", action="append", default=[], help="have this topic from the start; may be repeated"
    )
    broker.add_argument(
        "--load-segment",
        metavar="TOPIC[-PARTITION]=FILE",
        action="append",
        default=[],
        help="serve the records of a segment file (.log) of any broker, with their offsets, from a partition that is empty "
        "or has them from an earlier start; may be repeated",
    )
    broker.add_argument("--node-id", metavar="N", type=int, help="id of this broker (default 1)")
    broker.add_argument(
        "--standalone",
        action="store_true",
        help="serve the directory of one broker of a Kafka cluster without the others; once, and of a copy (docs/files.md)",
    )
    other = parser.add_argument_group("other")
    other.add_argument(
        "--log-level", choices=["debug", "info", "warning", "error"], default="info", help="how much is logged (default info)"
    )
    other.add_argument(
        "--version", action=ShowVersion, nargs=0, const=f"pybroker {__version__}", help="show program's version number and exit"
    )
    return parser


def _run_broker(options: argparse.Namespace) -> int:
    _start_logging(options.log_level)
    try:
        config = config_from(options, os.environ)
    except (ConfigError, ValueError) as error:
        print(f"pybroker: {error}", file=sys.stderr)
        return EXIT_USAGE
    from pybroker.serve import run  # after the arguments are known to be good: it brings in trio

    fault = run(config)
    if fault is not None:
        print(f"pybroker: {fault}", file=sys.stderr)
    return EXIT_OK if fault is None else EXIT_FAILED


def config_from(options: argparse.Namespace, environment: os._Environ[str] | dict[str, str]) -> BrokerConfig:
    """The broker that these options, the file they name and this environment ask for. Raises ConfigError or ValueError."""
    from pybroker.server.addresses import parse_address

    if options.memory and options.standalone:
        raise ConfigError("--standalone is for the data directory of one broker of several: not allowed with --memory")
    settings = _gather_settings(options, environment)
    config = BrokerConfig(
        listen=options.listen or (None if "listeners" in settings else DEFAULT_LISTEN),
        advertise=options.advertise,
        data_dir=None if options.memory else _data_dir(options.data_dir, settings),
        settings=settings,
        topics=_parse_topics(options.topic, settings),
        load_segments=_parse_segments(options.load_segment),
        node_id=options.node_id,
        standalone=options.standalone,
        ready_file=options.ready_file,
    )
    config.directories()
    for option, text in (("--listen", config.listen_text()), ("--advertise", config.advertise_text())):
        if text is not None:
            _explain(option, parse_address, text)
    _explain("--node-id", _check_setting, "node.id", str(config.broker_id()))
    if settings.get("process.roles", "").strip() == "controller":
        logging.getLogger("pybroker").warning("process.roles=controller: this is a broker too, and serves clients all the same")
    for listener in [] if options.listen else listeners_passed_over(settings):
        logging.getLogger("pybroker").warning("listeners: %s is not served, a broker has one listener for clients here", listener)
    return config


def _data_dir(option: str | None, settings: dict[str, str]) -> str:
    return option if option is not None else data_dir_of(settings) or DEFAULT_DATA_DIR


def _gather_settings(options: argparse.Namespace, environment: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    from pybroker.config_files import environment_settings, read_config_file

    settings: dict[str, str] = {}
    if options.config is not None:
        found = read_config_file(options.config)
        for name, value in found.items():
            _explain(options.config, _check_setting, name, value)
        settings.update(found)
    settings.update(_known_only(environment_settings(environment)))
    for text in options.set:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise ConfigError(f"--set {text}: it must be NAME=VALUE")
        _explain("--set", _check_setting, name.strip(), value)
        settings[name.strip()] = value
    return settings


def _check_setting(name: str, value: str) -> None:
    from pybroker.core.settings import Settings

    Settings.check(name, value)


def _known_only(found: dict[str, str]) -> dict[str, str]:
    """The environment may hold variables of other programs that begin with KAFKA_: unknown ones are named and passed over."""
    from pybroker.config_files import variable_of
    from pybroker.core.config_definitions import definition
    from pybroker.core.settings import nearest_setting

    known: dict[str, str] = {}
    for name, value in found.items():
        if definition("broker", name) is None:
            near = nearest_setting(name)
            hint = f"; did you mean {variable_of(near)}?" if near else ""
            logging.getLogger("pybroker").warning("%s in the environment is no setting of a broker: ignored%s", variable_of(name), hint)
            continue
        _explain(f"{variable_of(name)} in the environment", _check_setting, name, value)
        known[name] = value
    return known


def _parse_topics(texts: list[str], settings: dict[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        name, count = _parse_topic(text, settings)
        if found.setdefault(name, count) != count:
            raise ConfigError(f"--topic {text}: {name} was to have {found[name]} before that: give it once")
    return found


def _parse_topic(text: str, settings: dict[str, str]) -> tuple[str, int]:
    from pybroker.core.topic_names import check_name
    from pybroker.wire.errors import KafkaError

    name, separator, count = text.partition(":")
    if not separator:
        count = settings.get("num.partitions", "1")
    elif not name or not count.isascii() or not count.isdigit() or int(count) < 1:
        raise ConfigError(f"--topic {text}: it must be NAME or NAME:PARTITIONS, with at least one partition")
    try:
        check_name(name)
    except KafkaError as error:
        raise ConfigError(f"--topic: {error.message}") from None
    return name, int(count)


def _parse_segments(texts: list[str]) -> dict[str, list[str]]:
    from pybroker.core.topic_names import check_name
    from pybroker.storage.layout import parse_log_directory
    from pybroker.wire.errors import KafkaError

    found: dict[str, list[str]] = {}
    for text in texts:
        name, separator, path = text.partition("=")
        if not separator or not path or not name:
            raise ConfigError(f"--load-segment {text}: it must be TOPIC=FILE or TOPIC-PARTITION=FILE")
        try:
            check_name((parse_log_directory(name) or (name, 0))[0])
        except KafkaError as error:
            raise ConfigError(f"--load-segment {text}: {error.message}") from None
        found.setdefault(name, []).append(path)
    return found


def _explain(source: str, check: Any, *arguments: str) -> None:
    try:
        check(*arguments)
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from None


def _start_logging(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.raiseExceptions = False


def _run_wire(words: list[str]) -> int:
    from pybroker.wire_cli import add_wire_commands
    from pybroker.wire_cli import run as run_wire

    parser: argparse.ArgumentParser = Parser("pybroker")
    add_wire_commands(parser.add_subparsers(dest="command", required=True))
    status: int = run_wire(parser.parse_args(words))
    return status


def _run_dump(words: list[str]) -> int:
    from pybroker.dump_cli import run

    return run(words)


def _run_verify(words: list[str]) -> int:
    from pybroker.verify_cli import run

    return run(words)


def _run_healthcheck(words: list[str]) -> int:
    """For containers: whether a broker answers ApiVersions at an address (default 127.0.0.1:9092)."""
    from pybroker.healthcheck import find_fault

    about = "Ask a broker for its versions: exit status 0 if it answers, 1 if not."
    parser = _Parser("pybroker healthcheck", description=about)
    parser.add_argument(
        "address", nargs="?", default=DEFAULT_LISTEN, metavar="HOST:PORT", help=f"where it listens (default {DEFAULT_LISTEN})"
    )
    fault = find_fault(parser.parse_args(words).address)
    if fault is not None:
        print(f"pybroker: {fault}", file=sys.stderr)
    return EXIT_OK if fault is None else EXIT_FAILED
