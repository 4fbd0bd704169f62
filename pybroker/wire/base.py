"""What all message classes have in common: slots, equality and repr by fields.

The classes themselves are generated from their specs (see `classes.py`). They are plain: no metaclass, no descriptor, no
`__dict__`. An attribute that the version on the wire lacks holds the schema's default, so code that reads a message never
asks which version it came in.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from pybroker.wire.buffers import Buffer as Buffer  # what can be decoded

Part = Any
"""One part of an encoded message: bytes, or a records object (anything with `len()`) that is passed through untouched."""

Decoder = Callable[[Buffer, int], tuple[Any, int]]
Encoder = Callable[[Any, list[Any], list[int]], None]


class WireError(Exception):
    """Bytes that are no such message, or a message that its version cannot carry. The text names message, version, field."""


class Fault(Exception):
    """Raised inside generated code with the reason alone; `codec` adds message, version and field and raises WireError."""


class Struct:
    """A structure inside a message, or a message. Fields are slots, in the order of the schema."""

    __slots__: tuple[str, ...] = ()
    __hash__ = None  # type: ignore[assignment]  # mutable values compare by content, so they must not be keys

    unknown_tagged_fields: dict[int, bytes] | None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __repr__(self) -> str:
        shown = [f"{name}={_shown(getattr(self, name))}" for name in self.__slots__[:-1]]
        if self.unknown_tagged_fields:
            shown.append(f"unknown_tagged_fields={self.unknown_tagged_fields!r}")
        return f"{type(self).__qualname__}({', '.join(shown)})"


class Message(Struct):
    """A whole message: request, response, header, data, or a record of an internal topic.

    `API_KEY` is the api key of a request or response, the record type of a coordinator record, the id of a metadata record,
    and None for data and headers. `FLEXIBLE_FROM` is the first version with tagged fields (32767 where there is none).
    """

    __slots__ = ()

    API_KEY: ClassVar[int | None]
    MIN_VERSION: ClassVar[int]
    MAX_VERSION: ClassVar[int]
    FLEXIBLE_FROM: ClassVar[int]
    _decoders: ClassVar[dict[int, Decoder]]
    _encoders: ClassVar[dict[int, Encoder]]


def _shown(value: object) -> str:
    """Payload is not printed: a log line of a large produce request would be the payload."""
    return f"<memoryview of {len(value)} bytes>" if isinstance(value, memoryview) else repr(value)
