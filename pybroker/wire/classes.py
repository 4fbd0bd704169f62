"""From a spec to its classes: one slotted class for the message and one for each nested structure.

The constructors are generated as source, because a generic one that walks the fields costs several times as much, and a
broker builds a response for every request. `UNSET` (the Ellipsis) stands for "a new empty list or structure", since null is
a value of its own where a field is nullable.
"""

from typing import Any

from pybroker.wire.base import Message, Struct
from pybroker.wire.source import compile_source
from pybroker.wire.spec import FRESH, Field, MessageSpec, StructSpec

MODULE = "pybroker.wire.messages"


def build_class(spec: MessageSpec) -> type[Message]:
    """The message's class, with its nested classes as attributes."""
    lines: list[str] = []
    for struct in spec.structs:
        lines += class_source(struct, "Struct")
    lines += class_source(spec.root, "Message")
    namespace: dict[str, Any] = {"Struct": Struct, "Message": Message, "__name__": MODULE}
    compile_source(f"<class {spec.name}>", "\n".join(lines) + "\n", namespace)
    top: type[Message] = namespace[spec.name]
    top.API_KEY = spec.api_key
    top.MIN_VERSION, top.MAX_VERSION = spec.valid
    top.FLEXIBLE_FROM = spec.flexible.low
    top._decoders = {}
    top._encoders = {}
    for struct in spec.structs:
        nested = namespace[struct.name]
        nested.__qualname__ = f"{spec.name}.{struct.name}"
        setattr(top, struct.name, nested)
    return top


def class_source(struct: StructSpec, base: str) -> list[str]:
    """The lines of one class."""
    slots = [field.attribute for field in struct.fields] + ["unknown_tagged_fields"]
    arguments = [f"{field.attribute}={default_source(field)}" for field in struct.fields] + ["unknown_tagged_fields=None"]
    lines = [
        f"class {struct.name}({base}):",
        f"    __slots__ = {tuple(slots)!r}",
        f"    def __init__(self, *, {', '.join(arguments)}):",
    ]
    lines += [f"        self.{field.attribute} = {_assigned(field)}" for field in struct.fields]
    return [*lines, "        self.unknown_tagged_fields = unknown_tagged_fields"]


def default_source(field: Field) -> str:
    """The default as it stands in the constructor's head."""
    return "..." if field.default is FRESH else repr(field.default)


def fresh_source(field: Field) -> str:
    """The expression that makes this field's new empty value."""
    return "[]" if field.is_array else f"{field.type}()"


def _assigned(field: Field) -> str:
    name = field.attribute
    return f"{fresh_source(field)} if {name} is ... else {name}" if field.default is FRESH else name
