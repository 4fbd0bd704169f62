"""Checks one line of a file of golden messages: bytes that Kafka wrote, and the same message as JSON.

A line holds `message`, `version`, `json` and `hex`; maybe `unknownTags` (tagged fields beside `json`) and `stored` (the form in
the log). The bytes must decode to the JSON, the decoded message must encode to the same bytes, and so must the JSON. What is
right returns None; what is wrong returns a text, so that a run can go on and count.
"""

from typing import Any

from pybroker.wire import messages, stored
from pybroker.wire.base import Message, WireError
from pybroker.wire.codec import decode, encode
from pybroker.wire.jsonform import add_unknown_tags, from_json, to_json, unknown_tags


def check_line(line: dict[str, Any]) -> str | None:
    """The failure of one line, or None."""
    try:
        cls, version = messages.message_class(line["message"]), line["version"]
        golden = bytes.fromhex(line["hex"])
        message, end = decode(cls, version, golden)
        if end != len(golden):
            return f"the body ends at {end} of {len(golden)} bytes"
        return (
            _check_form(line, message, version)
            or _check_bytes("decoded message", encode(message, version), golden)
            or _check_from_json(line, cls, version, golden)
            or _check_stored(line, message, version)
        )
    except WireError as error:
        return str(error)
    except KeyError as error:
        return f"no message or entry {error}"


def _check_form(line: dict[str, Any], message: Message, version: int) -> str | None:
    form = to_json(message, version)
    if form != line["json"]:
        return f"decoded as {form} instead of {line['json']}"
    found = sorted(unknown_tags(message), key=_place)
    wanted = sorted(line.get("unknownTags", []), key=_place)
    return None if found == wanted else f"unknown tags {found} instead of {wanted}"


def _place(tag: dict[str, Any]) -> tuple[str, int]:
    return tag["path"], tag["tag"]


def _check_bytes(what: str, written: bytes, golden: bytes) -> str | None:
    return None if written == golden else f"{what} encodes to {written.hex()} instead of {golden.hex()}"


def _check_from_json(line: dict[str, Any], cls: type[Message], version: int, golden: bytes) -> str | None:
    message = from_json(cls, version, line["json"])
    add_unknown_tags(message, line.get("unknownTags", []))
    return _check_bytes("JSON", encode(message, version), golden)


def _check_stored(line: dict[str, Any], message: Message, version: int) -> str | None:
    if "stored" not in line:
        return None
    golden = bytes.fromhex(line["stored"])
    name: str = line["message"]
    if name.endswith("Record"):
        read, read_version = stored.decode_metadata_record(golden)
        written = stored.encode_metadata_record(message, version)
        same = read == message and read_version == version
    elif name.endswith("Key"):
        written = stored.encode_key(message)
        same = stored.decode_key(_topic_of(name.removesuffix("Key")), golden) == message
    else:
        written = stored.encode_value(message, version) or b""
        key = messages.message_class(name.removesuffix("Value") + "Key")()
        same = stored.decode_value(key, golden) == message
    return _check_bytes("stored record", written, golden) if same else "the stored form reads back as something else"


def _topic_of(record: str) -> str:
    return next(topic for topic, records in stored.COORDINATOR_RECORDS.items() if record in records.values())
