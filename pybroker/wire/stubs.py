"""Writes `messages.pyi`, what type checkers know of the lazy module: `python -m pybroker.wire.stubs`.

A test compares the file with what this module would write.
"""

from pathlib import Path

import protocol_specs
from pybroker.wire.spec import FOLDERS, FRESH, Field, MessageSpec, StructSpec, load_spec

HEAD = '''"""Written by `python -m pybroker.wire.stubs` from protocol_specs. Do not edit."""

# ruff: noqa
# fmt: off
from typing import Any

from pybroker.wire.base import Message, Struct

def message_class(name: str) -> type[Message]: ...
'''

_TYPES = {
    **dict.fromkeys(("int8", "int16", "uint16", "int32", "uint32", "int64"), "int"),
    "bool": "bool", "float64": "float", "string": "str", "uuid": "bytes", "bytes": "bytes", "records": "Any",
}  # fmt: skip  # one table


def message_names() -> list[str]:
    """The names of all messages that have a schema, sorted."""
    root = Path(protocol_specs.__path__[0])
    return sorted(path.stem for folder in FOLDERS for path in (root / folder).glob("*.json"))


def render() -> str:
    """The whole stub file."""
    classes = ("\n".join(_message_lines(load_spec(name))) + "\n" for name in message_names())
    return "\n".join([HEAD, *classes])


def _message_lines(spec: MessageSpec) -> list[str]:
    lines = [f"class {spec.name}(Message):"]
    for struct in spec.structs:
        lines.append(f"    class {struct.name}(Struct):")
        lines += ["        " + line for line in _body_lines(struct, spec.name)]
    return lines + ["    " + line for line in _body_lines(spec.root, spec.name)]


def _body_lines(struct: StructSpec, top: str) -> list[str]:
    lines = [f"{field.attribute}: {_annotation(field, top)}" for field in struct.fields]
    arguments = [f"        {field.attribute}: {_annotation(field, top)} = {_default(field)}," for field in struct.fields]
    return [
        *lines,
        "unknown_tagged_fields: dict[int, bytes] | None",
        "def __init__(",
        "    self,",
        "    *,",
        *[line[4:] for line in arguments],
        "    unknown_tagged_fields: dict[int, bytes] | None = None,",
        ") -> None: ...",
    ]


def _annotation(field: Field, top: str) -> str:
    name = f"{top}.{field.type}" if field.struct is not None else _TYPES[field.type]
    if field.is_array:
        name = f"list[{name}]"
    return f"{name} | None" if field.ever_nullable and name != "Any" else name


def _default(field: Field) -> str:
    return "..." if field.default is FRESH or isinstance(field.default, bytes) else repr(field.default)


def main() -> None:
    """Write the file beside this module."""
    Path(__file__).with_name("messages.pyi").write_text(render())


if __name__ == "__main__":
    main()
