"""Messages in the JSON form of Kafka's own JsonConverter classes.

- Names are the schema's with a lower-case first letter; a uuid is 22 characters, bytes are base64, records are base64 too
  (Kafka leaves their bytes out).
- A field that the version lacks is absent. A tagged field is absent when it has its default.
- Reading is kinder than Kafka: a field may be left out and then has its default, since people write this form by hand. A name
  that the version does not know is an error.
- Tagged fields that the schema does not know are no part of the form. `unknown_tags` lists them beside it, as
  `{"path": "/topics/0", "tag": 7, "hex": "00"}`.

The converters are driven by the schema and are made for tools, not for the request path.
"""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Any, TypeVar

from pybroker.wire.base import Message, Struct, WireError
from pybroker.wire.spec import FRESH, Field, MessageSpec, StructSpec, load_spec
from pybroker.wire.uuids import from_text, to_text

M = TypeVar("M", bound=Message)

_RANGES = {
    "int8": (-0x80, 0x7F),
    "int16": (-0x8000, 0x7FFF),
    "uint16": (0, 0xFFFF),
    "int32": (-0x80000000, 0x7FFFFFFF),
    "uint32": (0, 0xFFFFFFFF),
    "int64": (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF),
}


def to_json(message: Message, version: int) -> dict[str, Any]:
    """The JSON form of a message, as values that `json.dumps` takes."""
    spec = load_spec(type(message).__name__)
    _check_version(spec, version)
    return _struct_to_json(spec.root, message, version, version in spec.flexible)


def from_json(cls: type[M], version: int, data: Any) -> M:
    """The message that a JSON form describes. Raises WireError naming the place of what does not fit."""
    spec = load_spec(cls.__name__)
    _check_version(spec, version)
    message: M = _Reader(spec, version, cls).struct(spec.root, cls, data, "")
    return message


def unknown_tags(message: Message) -> list[dict[str, Any]]:
    """All unknown tagged fields of a message, outermost structures first."""
    found: list[dict[str, Any]] = []
    _collect_tags(load_spec(type(message).__name__).root, message, "", found)
    return found


def add_unknown_tags(message: Message, tags: list[dict[str, Any]]) -> None:
    """Put unknown tagged fields back to where `unknown_tags` found them."""
    spec = load_spec(type(message).__name__)
    for tag in tags:
        try:
            struct = _find(spec.root, message, tag["path"])
            unknown = struct.unknown_tagged_fields or {}
            unknown[int(tag["tag"])] = bytes.fromhex(tag["hex"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise WireError(f"unknown tag {tag!r} has no place in {spec.name}: {error}") from error
        struct.unknown_tagged_fields = unknown


def _check_version(spec: MessageSpec, version: int) -> None:
    if version not in spec.valid:
        raise WireError(f"{spec.name} has no version {version}, only {spec.valid.low} to {spec.valid.high}")


# To JSON


def _struct_to_json(struct: StructSpec, value: Any, version: int, flexible: bool) -> dict[str, Any]:
    form = {}
    for field in struct.fields:
        if version not in field.versions:
            continue
        held = getattr(value, field.attribute)
        if flexible and version in field.tagged and _is_default(field, held):
            continue
        form[field.json_name] = _to_json(field, held, version, flexible)
    return form


def _is_default(field: Field, value: Any) -> bool:
    if field.default is not FRESH:
        return bool(value == field.default)
    if field.is_array or value is None:
        return value is not None and len(value) == 0
    assert field.struct is not None
    inner = all(_is_default(inner, getattr(value, inner.attribute)) for inner in field.struct.fields)
    return inner and not value.unknown_tagged_fields


def _to_json(field: Field, value: Any, version: int, flexible: bool) -> Any:
    if value is None:
        return None
    if field.is_array:
        return [_element_to_json(field, element, version, flexible) for element in value]
    return _element_to_json(field, value, version, flexible)


def _element_to_json(field: Field, value: Any, version: int, flexible: bool) -> Any:
    if field.struct is not None:
        return _struct_to_json(field.struct, value, version, flexible)
    if field.type == "uuid":
        return to_text(value)
    if field.type in ("bytes", "records"):
        return b64encode(value).decode()
    return value


# From JSON


class _Reader:
    """Reads one message's JSON; `place` in its methods is where, for the error's text."""

    __slots__ = ("cls", "spec", "version")

    def __init__(self, spec: MessageSpec, version: int, cls: type[Message]) -> None:
        self.spec = spec
        self.version = version
        self.cls = cls

    def struct(self, struct: StructSpec, cls: type[Any], data: Any, place: str) -> Any:
        if not isinstance(data, dict):
            raise self.fault(place, "an object is wanted")
        fields = {field.json_name: field for field in struct.fields if self.version in field.versions}
        unknown = [name for name in data if name not in fields]
        if unknown:
            raise self.fault(place, f"no field {unknown[0]!r} in version {self.version}")
        values = {fields[name].attribute: self.value(fields[name], held, f"{place}/{name}") for name, held in data.items()}
        return cls(**values)

    def value(self, field: Field, data: Any, place: str) -> Any:
        if data is None:
            if self.version not in field.nullable:
                raise self.fault(place, "null, but this version does not allow null")
            return None
        if not field.is_array:
            return self.element(field, data, place)
        if not isinstance(data, list):
            raise self.fault(place, "a list is wanted")
        return [self.element(field, element, f"{place}/{index}") for index, element in enumerate(data)]

    def element(self, field: Field, data: Any, place: str) -> Any:
        if field.struct is not None:
            return self.struct(field.struct, getattr(self.cls, field.struct.name), data, place)
        if field.type in _RANGES:
            return self.integer(field, data, place)
        kind, convert = _FROM_JSON[field.type]
        if not isinstance(data, kind) or (isinstance(data, bool) and field.type != "bool"):
            raise self.fault(place, f"{data!r} is no {field.type}")
        try:
            return convert(data)
        except (Base64Error, ValueError) as error:
            raise self.fault(place, str(error)) from error

    def integer(self, field: Field, data: Any, place: str) -> int:
        low, high = _RANGES[field.type]
        if not isinstance(data, int) or isinstance(data, bool) or not low <= data <= high:
            raise self.fault(place, f"{data!r} is no {field.type}")
        return data

    def fault(self, place: str, reason: str) -> WireError:
        return WireError(f"JSON of {self.spec.name} v{self.version}, at {place or '/'}: {reason}")


def _strict_base64(text: str) -> bytes:
    return a2b_base64(text, strict_mode=True)


_FROM_JSON: dict[str, tuple[Any, Any]] = {
    "bool": (bool, bool),
    "float64": ((int, float), float),
    "string": (str, str),
    "uuid": (str, from_text),
    "bytes": (str, _strict_base64),
    "records": (str, _strict_base64),
}


# Unknown tagged fields


def _collect_tags(struct: StructSpec, value: Struct, path: str, found: list[dict[str, Any]]) -> None:
    for tag, data in (value.unknown_tagged_fields or {}).items():
        found.append({"path": path, "tag": tag, "hex": data.hex()})
    for field in struct.fields:
        if field.struct is None:
            continue
        held = getattr(value, field.attribute)
        here = f"{path}/{field.json_name}"
        if field.is_array:
            for index, element in enumerate(held or []):
                _collect_tags(field.struct, element, f"{here}/{index}", found)
        elif held is not None:
            _collect_tags(field.struct, held, here, found)


def _find(struct: StructSpec, value: Any, path: str) -> Any:
    """The structure at a path such as `/topics/0/partitions/1`."""
    steps = path.split("/")[1:]
    while steps:
        name = steps.pop(0)
        field = {field.json_name: field for field in struct.fields}[name]
        if field.struct is None:
            raise KeyError(name)
        struct, value = field.struct, getattr(value, field.attribute)
        if field.is_array:
            value = value[int(steps.pop(0))]
    return value
