"""`pybroker wire decode | encode | check`: messages to read and to write by hand, without a broker.

`decode` prints one JSON object a message: `message`, `version`, `header` (if the bytes had one), `json` (Kafka's JSON form),
`unknownTags` and `trailingBytes` (only if there are any). `encode` takes the same object back. `check` runs files of golden
messages and record batches, plain or gzip, one JSON object a line.

Exit status: 0 all is well, 1 a check failed or the output cannot be written, 2 the input is not usable (one line on stderr says why).
"""

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pybroker.inspection.output import CannotWrite, flush, say, say_bytes
from pybroker.wire import messages
from pybroker.wire.apis import APIS, Api, find_api
from pybroker.wire.base import Message, WireError
from pybroker.wire.codec import decode, encode
from pybroker.wire.framing import SIZE_BYTES, FrameBuffer, FrameError, frame
from pybroker.wire.headers import parse_request_header
from pybroker.wire.jsonform import add_unknown_tags, from_json, to_json, unknown_tags

_HEX_CHARACTERS = frozenset(b"0123456789abcdefABCDEF \t\r\n:")
_GZIP_MAGIC = b"\x1f\x8b"


class UsageError(Exception):
    """The input or the options make no sense; the text says why."""


def add_wire_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `wire` and its three commands to the program's parser."""
    wire = subparsers.add_parser(
        "wire", help="decode, encode and check Kafka messages", description=__doc__.split("\n")[0], epilog=__doc__.split("\n\n")[-1]
    )
    commands = wire.add_subparsers(dest="wire_command", required=True, metavar="COMMAND")
    decoder = commands.add_parser("decode", help="bytes to JSON; without options: whole request frames")
    _add_input(decoder)
    decoder.add_argument("--binary", action="store_true", help="take the input as raw bytes even if it looks like hex")
    _add_kind(decoder)
    encoder = commands.add_parser("encode", help="JSON, as decode prints it, to bytes")
    _add_input(encoder)
    encoder.add_argument("--binary", action="store_true", help="write raw bytes instead of hex")
    _add_kind(encoder)
    checker = commands.add_parser("check", help="run files of golden messages and batches")
    checker.add_argument("files", nargs="+", metavar="FILE", help="one JSON object a line, plain or gzip")


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="the input; - is stdin (default)")
    parser.add_argument("--text", metavar="TEXT", help="the input itself: hex to decode, JSON to encode")


def _add_kind(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--request", metavar="API", help="a request of this API (name or key)")
    kind.add_argument("--response", metavar="API", help="a response of this API (name or key)")
    kind.add_argument("--message", metavar="NAME", help="the body of any message: FetchResponse, OffsetCommitValue, TopicRecord, ...")
    parser.add_argument("--version", type=int, metavar="N", help="the message's version")
    parser.add_argument("--body", action="store_true", help="the body alone: no frame size, no header")


def run(args: argparse.Namespace) -> int:
    """Carry out the parsed command; the result is the exit status."""
    command = {"decode": _run_decode, "encode": _run_encode, "check": _run_check}[args.wire_command]
    try:
        status = command(args)
        flush()
        return status
    except CannotWrite as reason:
        if reason.is_closed_pipe:
            return 0  # who reads has seen enough
        sys.stderr.write(f"pybroker wire: {reason}\n")
        return 1
    except (UsageError, WireError, OSError, EOFError, gzip.BadGzipFile) as error:
        sys.stderr.write(f"pybroker wire: {_reason(error)}\n")
        return 2


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot read {error.filename}: {error.strerror}"
    return str(error)


# decode


def _run_decode(args: argparse.Namespace) -> int:
    for described in describe(args, _input_bytes(args)):
        say(json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    return 0


def _read_input(args: argparse.Namespace) -> bytes:
    if args.text is not None:
        return str(args.text).encode("utf-8", "surrogateescape")
    if args.file == "-":
        return sys.stdin.buffer.read()
    return Path(args.file).read_bytes()


def _input_bytes(args: argparse.Namespace) -> bytes:
    data = _read_input(args)
    if not data:
        raise UsageError("the input is empty")
    if args.text is None and (args.binary or not _HEX_CHARACTERS.issuperset(data)):
        return data
    try:
        return bytes.fromhex(data.decode().replace(":", ""))
    except ValueError as error:
        raise UsageError(f"the input is not hex: {error}") from error


def describe(args: argparse.Namespace, data: bytes) -> list[dict[str, Any]]:
    """The messages that the bytes hold, in the form that `decode` prints."""
    if args.message is not None or args.body:
        cls = _class_of(args)
        return [_describe_body(cls, _version_of(args), data, 0)]
    elif args.response is not None:
        api, version = _api(args.response), _version_of(args)
        return _describe_frames(data, lambda payload: _describe_response(api, version, payload))
    else:
        return _describe_frames(data, lambda payload: _describe_request(args, payload))


def _describe_frames(data: bytes, one: Callable[[bytes], dict[str, Any]]) -> list[dict[str, Any]]:
    """Each frame that the bytes are made of; bytes that are no whole frames are tried as one frame without its size."""
    buffer = FrameBuffer()
    buffer.feed(data)
    try:
        payloads = list(buffer)
        if not len(buffer):
            return [one(payload) for payload in payloads]
        missing = f"{buffer.missing_bytes} more" if len(buffer) >= SIZE_BYTES else f"{SIZE_BYTES} for its size alone"
        unframed = f"the last frame has {len(buffer)} bytes and needs {missing}"
    except FrameError as error:
        unframed = str(error)
    try:
        return [one(data)]
    except WireError as error:
        raise UsageError(f"neither whole frames ({unframed}) nor one without its size ({error})") from error


def _describe_request(args: argparse.Namespace, payload: bytes) -> dict[str, Any]:
    header, at = parse_request_header(payload)
    api = APIS[header.api_key]
    if args.request is not None and _api(args.request) != api:
        raise UsageError(f"the frame is a {api.name} request, not {args.request}")
    form = messages.RequestHeader
    read, _ = decode(form, 2 if header.api_version >= api.request_header_v2_from else 1, payload)
    described = _describe_body(messages.message_class(api.name + "Request"), header.api_version, payload, at)
    described["header"] = to_json(read, form.MAX_VERSION)
    return described


def _describe_response(api: Api, version: int, payload: bytes) -> dict[str, Any]:
    form = messages.ResponseHeader
    read, at = decode(form, int(version >= api.response_header_v1_from), payload)
    described = _describe_body(messages.message_class(api.name + "Response"), version, payload, at)
    described["header"] = to_json(read, form.MAX_VERSION)
    return described


def _describe_body(cls: type[Message], version: int, data: bytes, at: int) -> dict[str, Any]:
    message, end = decode(cls, version, data, at)
    described: dict[str, Any] = {"message": cls.__name__, "version": version, "json": to_json(message, version)}
    tags = unknown_tags(message)
    if tags:
        described["unknownTags"] = tags
    if end < len(data):
        described["trailingBytes"] = data[end:].hex()
    return described


# Which message


def _api(name_or_key: str) -> Api:
    try:
        return find_api(name_or_key)
    except KeyError:
        raise UsageError(f"a broker listener has no API {name_or_key!r}") from None


def _version_of(args: argparse.Namespace) -> int:
    if args.version is None:
        raise UsageError("--version is needed: these bytes do not say it")
    return int(args.version)


def _class_named(name: object) -> type[Message]:
    try:
        return messages.message_class(str(name))
    except KeyError:
        raise UsageError(f"Kafka 4.4.0 has no message {name!r}") from None


def _class_of(args: argparse.Namespace) -> type[Message]:
    if args.message is not None:
        return _class_named(args.message)
    if args.request is not None:
        return _class_named(_api(args.request).name + "Request")
    if args.response is not None:
        return _class_named(_api(args.response).name + "Response")
    raise UsageError("--body needs one of --request, --response, --message")


# encode


def _run_encode(args: argparse.Namespace) -> int:
    try:
        data = json.loads(_read_input(args))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the input is not JSON: {error}") from error
    written = assemble(args, data)
    if args.binary:
        say_bytes(written)
    else:
        say(written.hex() + "\n")
    return 0


def assemble(args: argparse.Namespace, data: Any) -> bytes:
    """The bytes of what `decode` printed, or of a bare body whose message and version the options name."""
    if not isinstance(data, dict):
        raise UsageError("the JSON is no object")
    if not {"message", "version", "json"} <= data.keys():
        return encode(from_json(_class_of(args), _version_of(args), data), _version_of(args))
    cls, version = _class_named(data["message"]), data["version"]
    if not isinstance(version, int):
        raise UsageError(f"version {version!r} is no number")
    message = from_json(cls, version, data["json"])
    add_unknown_tags(message, data.get("unknownTags", []))
    body = encode(message, version) + _trailing(data)
    if args.body or "header" not in data:
        return body
    return frame(_header_bytes(cls, version, data["header"]) + body)


def _trailing(data: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(data.get("trailingBytes", ""))
    except (TypeError, ValueError) as error:
        raise UsageError(f"trailingBytes is not hex: {error}") from error


def _header_bytes(cls: type[Message], version: int, form: Any) -> bytes:
    if cls.API_KEY not in APIS or not cls.__name__.endswith(("Request", "Response")):
        raise UsageError(f"{cls.__name__} has no header")
    api = APIS[cls.API_KEY]
    if cls.__name__.endswith("Request"):
        header_version = 2 if version >= api.request_header_v2_from else 1
        return encode(from_json(messages.RequestHeader, header_version, form), header_version)
    header_version = int(version >= api.response_header_v1_from)
    return encode(from_json(messages.ResponseHeader, header_version, form), header_version)


# check


def _run_check(args: argparse.Namespace) -> int:
    passed = failed = 0
    for name in args.files:
        for number, line in enumerate(_lines(name), 1):
            failure = check_text(line)
            if failure is None:
                passed += 1
            else:
                failed += 1
                say(f"{name}:{number}: {failure}\n")
    say(f"{passed} passed, {failed} failed\n")
    return 1 if failed else 0


def _lines(name: str) -> Iterator[bytes]:
    with Path(name).open("rb") as raw:
        is_gzip = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        file: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if is_gzip else raw
        for line in file:
            if not line.isspace():
                yield line


def check_text(text: bytes) -> str | None:
    """The failure of one line of a golden file, or None; the line's own keys say which kind it is."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    if not isinstance(line, dict):
        return "not a JSON object"
    try:
        if "message" in line:
            from pybroker.wire.vectors import check_line

            failure = check_line(line)
            return failure and f"{line['message']} v{line.get('version')}: {failure}"
        from pybroker.records.vectors import check_line as check_records_line

        return check_records_line(line)
    except (TypeError, ValueError, AttributeError) as error:
        return f"the line's entries have the wrong types: {error}"
