"""Kafka's message schemas as Python values.

A schema is one JSON file of `protocol_specs/`: fields with types, version ranges, defaults. What is not obvious from the files:

- A field without `versions` lives in its `taggedVersions` (five fields of coordinator records).
- `"default": "null"` means null; `"default": null` means the type's empty value.
- A records field is null by default, whatever its schema says (Kafka's generator does the same).
- `flexibleVersions` on a field overrides the message's: RequestHeader.clientId is never compact.
- A structure is named once, inline or under `commonStructs`, and may be used again by name.
"""

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

import protocol_specs

ZERO_UUID = bytes(16)

FOLDERS = ("messages", "coordinator_records", "metadata_records", "storage_records")

ODD_NAMES = {"Enable2Pc": "enable_2pc", "KRaftVersion": "kraft_version", "KRaftVersionFeature": "kraft_version_feature"}


class Fresh:
    """Marks a default that is a new empty list or structure for each message."""

    def __repr__(self) -> str:
        return "FRESH"


FRESH = Fresh()


class Versions(NamedTuple):
    """An inclusive range of versions; `low > high` means none."""

    low: int
    high: int

    def __contains__(self, version: object) -> bool:
        return isinstance(version, int) and self.low <= version <= self.high


NONE = Versions(32767, -1)


def parse_versions(text: str | None) -> Versions:
    """Read `3`, `3-7`, `3+` or `none`."""
    if text is None or text == "none":
        return NONE
    if text.endswith("+"):
        return Versions(int(text[:-1]), 32767)
    low, _, high = text.partition("-")
    return Versions(int(low), int(high or low))


class Field:
    """One field of a structure.

    `type` is the element's type for an array. `struct` is set where that type is a structure. `attribute` is the Python name,
    `name` the schema's, `json_name` the one of Kafka's JSON form.
    """

    __slots__ = (
        "attribute", "default", "flexible", "ignorable", "is_array", "json_name", "map_key", "name", "nullable", "struct",
        "tag", "tagged", "type", "versions",
    )  # fmt: skip  # one name a line would be a page

    def __init__(self, raw: dict[str, Any], structs: dict[str, "StructSpec"]) -> None:
        self.name: str = raw["name"]
        self.attribute = snake_case(self.name)
        self.json_name = self.name[0].lower() + self.name[1:]
        self.is_array: bool = raw["type"].startswith("[]")
        self.type: str = raw["type"].removeprefix("[]")
        self.struct: StructSpec | None = structs.get(self.type)
        self.tagged = parse_versions(raw.get("taggedVersions"))
        self.tag: int | None = raw.get("tag")
        self.versions = parse_versions(raw["versions"]) if "versions" in raw else self.tagged
        self.nullable = parse_versions(raw.get("nullableVersions"))
        self.flexible = parse_versions(raw["flexibleVersions"]) if "flexibleVersions" in raw else None
        self.ignorable: bool = raw.get("ignorable", False)
        self.map_key: bool = raw.get("mapKey", False)
        self.default = self._default(raw.get("default"))

    def _default(self, raw: Any) -> Any:
        if raw == "null" or (self.type == "records" and not self.is_array):
            return None
        if self.is_array or self.struct is not None:
            return FRESH
        return _SCALAR_DEFAULTS[self.type](raw)

    @property
    def ever_nullable(self) -> bool:
        """Whether any version lets this field be null."""
        return self.nullable != NONE or self.default is None


_INTEGERS = ("int8", "int16", "uint16", "int32", "uint32", "int64")
_SCALAR_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(_INTEGERS, lambda raw: int(str(raw), 0) if raw not in (None, "") else 0),
    "bool": lambda raw: str(raw).lower() == "true",
    "float64": lambda raw: float(raw or 0),
    "string": lambda raw: raw or "",
    "uuid": lambda raw: ZERO_UUID,
    "bytes": lambda raw: b"",
}


class StructSpec(NamedTuple):
    """A structure: its class name and its fields in wire order."""

    name: str
    fields: list[Field]


class MessageSpec(NamedTuple):
    """A message: `root` is its own structure, `structs` all nested ones, each after those that it contains."""

    name: str
    kind: str
    api_key: int | None
    valid: Versions
    flexible: Versions
    root: StructSpec
    structs: list[StructSpec]


def snake_case(name: str) -> str:
    """`ThrottleTimeMs` to `throttle_time_ms`."""
    return ODD_NAMES.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _build_struct(name: str, raw_fields: list[dict[str, Any]], raw_common: dict[str, Any], structs: dict[str, StructSpec]) -> None:
    """Add the structure to `structs`, after all that it contains."""
    if name in structs:
        return
    for raw in raw_fields:
        type_name = raw["type"].removeprefix("[]")
        nested = raw.get("fields") or raw_common.get(type_name)
        if nested is not None:
            _build_struct(type_name, nested, raw_common, structs)
    structs[name] = StructSpec(name, [Field(raw, structs) for raw in raw_fields])


def parse_spec(raw: dict[str, Any]) -> MessageSpec:
    """Build the model of one schema file."""
    structs: dict[str, StructSpec] = {}
    common = {struct["name"]: struct["fields"] for struct in raw.get("commonStructs", [])}
    name: str = raw["name"]
    _build_struct(name, raw["fields"], common, structs)
    root = structs.pop(name)
    valid = parse_versions(raw["validVersions"])
    flexible = parse_versions(raw.get("flexibleVersions"))
    return MessageSpec(name, raw["type"], raw.get("apiKey"), valid, flexible, root, list(structs.values()))


def read_resource(path: str) -> bytes | None:
    """The bytes of one file of `protocol_specs`, through its loader so that a zipped package works too; None if absent."""
    loader: Any = protocol_specs.__spec__.loader
    try:
        data: bytes = loader.get_data(f"{protocol_specs.__path__[0]}/{path}")
    except OSError:
        return None
    return data


@lru_cache(maxsize=16)  # a class and its first codecs are made in one go; after that the spec is dead weight
def load_spec(name: str) -> MessageSpec:
    """The spec of a message by its name (`ProduceRequest`). KeyError if there is no such message."""
    if name.isidentifier():
        for folder in FOLDERS:
            data = read_resource(f"{folder}/{name}.json")
            if data is not None:
                return parse_spec(json.loads(data))
    raise KeyError(name)
