"""Writes the source of a decoder: `decode(b, at) -> (message, end)` for one message and version.

Theory. The whole message becomes one function without calls for fields or structures: arrays are loops, structures are
`new(Class)` and slot stores. Neighbouring fixed-width fields are read by one `unpack_from`, and so is the length that follows
them, be it int32, int16 or the first byte of a varint. The version is known when the source is written, so the function has no
branch for it: a field that is absent is a store of its default.

`b` is the input, `n` its length, `at` the position, `k` the length read last. Running off the end raises IndexError or
struct.error in the line that did it; `source.failed_field` turns the line into the field's name.
"""

from struct import calcsize, unpack_from
from typing import Any

from pybroker.wire.base import Fault, Message
from pybroker.wire.classes import default_source, fresh_source
from pybroker.wire.primitives import (
    MAX_ARRAY_LENGTH,
    MAX_STRING_BYTES,
    long_varint,
    read_tag,
    read_tags,
    read_varint,
    refuse_array,
    refuse_bytes,
    refuse_null,
    refuse_string,
    tag_count,
)
from pybroker.wire.source import SourceWriter
from pybroker.wire.spec import FRESH, NONE, Field, MessageSpec, StructSpec

FIXED = {
    "bool": "?", "int8": "b", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "float64": "d", "uuid": "16s",
}  # fmt: skip  # one table, one line
"""Types of fixed width and their struct codes."""

_HELPERS = (long_varint, read_varint, read_tags, read_tag, tag_count, refuse_array, refuse_bytes, refuse_null, refuse_string)


def write_decoder(spec: MessageSpec, version: int, cls: type[Message]) -> SourceWriter:
    """The decoder of one version, ready to be compiled."""
    names: dict[str, Any] = {helper.__name__: helper for helper in _HELPERS}
    names |= {struct.name: getattr(cls, struct.name) for struct in spec.structs}
    names |= {spec.name: cls, "new": object.__new__, "Fault": Fault}
    writer = SourceWriter("def decode(b, at):", names)
    writer.add("n = len(b)")
    if _has_records(spec, version):
        writer.add("view = b if type(b) is memoryview else memoryview(b)")
    emitter = _DecoderEmitter(writer, version, version in spec.flexible)
    emitter.struct(spec.root, "m0", 0)
    writer.add("return m0, at")
    return writer


def _has_records(spec: MessageSpec, version: int) -> bool:
    fields = [field for struct in [*spec.structs, spec.root] for field in struct.fields]
    return any(field.type == "records" and version in field.versions for field in fields)


class _DecoderEmitter:
    """Walks a structure and writes the lines. `run` holds fixed-width reads that are not written yet: (target, code, name)."""

    __slots__ = ("flexible", "run", "version", "writer")

    def __init__(self, writer: SourceWriter, version: int, flexible: bool) -> None:
        self.writer = writer
        self.version = version
        self.flexible = flexible
        self.run: list[tuple[str, str, str]] = []

    # Structures

    def struct(self, struct: StructSpec, target: str, depth: int) -> None:
        """Build `target` (a local name) from the bytes at `at`."""
        self.writer.add(f"{target} = new({struct.name})")
        self._absent(struct, target)
        tagged = []
        for field in struct.fields:
            if self.version not in field.versions:
                continue
            if self.flexible and self.version in field.tagged:
                tagged.append(field)
            else:
                self._plain_field(field, f"{target}.{field.attribute}", depth)
        if self.flexible:
            self._tags(tagged, target, depth)
        else:
            self.flush()
            self.writer.add(f"{target}.unknown_tagged_fields = None")

    def _absent(self, struct: StructSpec, target: str) -> None:
        """Store the defaults of the fields that this version lacks; equal constants share a line."""
        shared: dict[str, list[str]] = {}
        for field in struct.fields:
            if self.version not in field.versions:
                attribute = f"{target}.{field.attribute}"
                if field.default is FRESH:
                    self.writer.add(f"{attribute} = {fresh_source(field)}")
                else:
                    shared.setdefault(default_source(field), []).append(attribute)
        for value, attributes in shared.items():
            self.writer.add(" = ".join([*attributes, value]))

    def _plain_field(self, field: Field, target: str, depth: int) -> None:
        with self.writer.field(field.attribute):
            if field.type in FIXED and not field.is_array:
                self.run.append((target, FIXED[field.type], field.attribute))
            else:
                self._value(field, target, depth, in_tag=False)

    # Runs of fixed width

    def flush(self) -> None:
        """Write the pending run as one read."""
        run, self.run = self.run, []
        if not run:
            return
        formats = "".join(code for _, code, _ in run)
        size = calcsize(">" + formats)
        parents = self.writer.path[:-1] if self.writer.path else []
        saved, self.writer.path = self.writer.path, [*parents, ", ".join(name for _, _, name in run)]
        if formats == "B":
            self.writer.add(f"{run[0][0]} = b[at]")
        else:
            method = self.writer.struct_method("unpack_from", formats)
            self.writer.add(f"{', '.join(target for target, _, _ in run)}{',' * (len(run) == 1)} = {method}(b, at)")
        self.writer.add(f"at += {size}")
        self.writer.path = saved

    def _length(self, code: str, flexible: bool, name: str, limit: int = 0, refuse: str = "") -> None:
        """Read a length into `k`, together with the pending run; -1 or less is null. A compact length is one more on the wire.

        `limit` is looked at only where it can be exceeded: a length of one byte is below all of them.
        """
        self.run.append(("k", "B" if flexible else code, name))
        self.flush()
        if flexible:
            with self.writer.block("if k > 127:"):
                self.writer.add("k, at = long_varint(b, at, k)")
                if limit:
                    with self.writer.block(f"if k > {limit + 1}:"):
                        self.writer.add(f"{refuse}(k - 1, n - at)")
            self.writer.add("k -= 1")

    # Values of variable width

    def _value(self, field: Field, target: str, depth: int, *, in_tag: bool) -> None:
        if field.is_array:
            self._array(field, target, depth)
        elif field.struct is not None:
            self._single_struct(field, target, depth, in_tag)
        elif field.type in FIXED:
            self.run.append((target, FIXED[field.type], field.attribute))
            self.flush()
        else:
            self._bytes_like(field, target)

    def _is_flexible(self, field: Field) -> bool:
        return self.flexible if field.flexible is None else self.version in field.flexible

    def _or_null(self, field: Field, target: str) -> None:
        """The branch for a negative length."""
        with self.writer.block("else:"):
            self.writer.add(f"{target} = None" if self.version in field.nullable else "refuse_null()")

    def _bytes_like(self, field: Field, target: str) -> None:
        """String, bytes or records: a length, then that many bytes."""
        is_string = field.type == "string"
        flexible = self._is_flexible(field)
        limit = MAX_STRING_BYTES if is_string else 0
        self._length("h" if is_string else "i", flexible, field.attribute, limit, "refuse_string")
        with self.writer.block("if k >= 0:"):
            self.writer.add("end = at + k")
            if is_string:
                self._string(target)
            else:
                with self.writer.block("if end > n:"):
                    self.writer.add("refuse_bytes(k, n - at)")
                self.writer.add(f"{target} = view[at:end]" if field.type == "records" else f"{target} = bytes(b[at:end])")
            self.writer.add("at = end")
        self._or_null(field, target)

    def _string(self, target: str) -> None:
        """Malformed UTF-8 becomes U+FFFD, as in Java: Kafka answers such a request."""
        with self.writer.block("if end > n:"):
            self.writer.add("refuse_string(k, n - at)")
        self.writer.add(f'{target} = str(b[at:end], "utf-8", "replace")')

    def _single_struct(self, field: Field, target: str, depth: int, in_tag: bool) -> None:
        """A nullable structure has an int8 before it, or a varint inside a tagged field."""
        assert field.struct is not None
        local = f"m{depth + 1}"
        if self.version not in field.nullable:
            self.flush()
            self.struct(field.struct, local, depth + 1)
            self.writer.add(f"{target} = {local}")
            return
        if in_tag:
            self.writer.add("k, at = read_varint(b, at)")
        else:
            self.run.append(("k", "b", field.attribute))
            self.flush()
        with self.writer.block("if k > 0:" if in_tag else "if k >= 0:"):
            self.struct(field.struct, local, depth + 1)
            self.writer.add(f"{target} = {local}")
        with self.writer.block("else:"):
            self.writer.add(f"{target} = None")

    # Arrays

    def _array(self, field: Field, target: str, depth: int) -> None:
        flexible = self._is_flexible(field)
        self._length("i", flexible, field.attribute, MAX_ARRAY_LENGTH, "refuse_array")
        with self.writer.block("if k >= 0:"):
            with self.writer.block("if k > n - at:" if flexible else f"if k > n - at or k > {MAX_ARRAY_LENGTH}:"):
                self.writer.add("refuse_array(k, n - at)")
            if field.struct is not None:
                self._struct_elements(field, target, depth)
            elif field.type in FIXED:
                self._fixed_elements(field, target)
            else:
                self._string_elements(field, target, depth)
        self._or_null(field, target)

    def _struct_elements(self, field: Field, target: str, depth: int) -> None:
        assert field.struct is not None
        local = f"m{depth + 1}"
        self.writer.add(f"items{depth} = {target} = []")
        with self.writer.block("for _ in range(k):"):
            self.struct(field.struct, local, depth + 1)
            self.writer.add(f"items{depth}.append({local})")

    def _fixed_elements(self, field: Field, target: str) -> None:
        """All elements by one read; struct accepts a repeat count, except for uuids, where it means the width."""
        width = calcsize(">" + FIXED[field.type])
        self.writer.add(f"end = at + {width} * k")
        if field.type == "uuid":
            with self.writer.block("if end > n:"):
                self.writer.add("refuse_bytes(end - at, n - at)")
            self.writer.add(f"{target} = [bytes(b[i:i + 16]) for i in range(at, end, 16)]")
        else:
            one = self.writer.struct_method("unpack_from", FIXED[field.type])
            self.writer.names["unpack_from"] = unpack_from
            with self.writer.block("if k == 1:"):  # one replica, one partition: too common to build a format for
                self.writer.add(f"{target} = list({one}(b, at))")
            with self.writer.block("else:"):
                self.writer.add(f'{target} = list(unpack_from(f">{{k}}{FIXED[field.type]}", b, at))')
        self.writer.add("at = end")

    def _string_elements(self, field: Field, target: str, depth: int) -> None:
        element = _element_of(field)
        self.writer.add(f"items{depth} = {target} = []")
        with self.writer.block("for _ in range(k):"):
            self._bytes_like(element, "item")
            self.writer.add(f"items{depth}.append(item)")

    # Tagged fields

    def _tags(self, tagged: list[Field], target: str, depth: int) -> None:
        self.run.append(("k", "B", "tagged fields"))
        with self.writer.field("tagged fields"):
            self.flush()
            self.writer.add(f"{target}.unknown_tagged_fields = None")
        for field in tagged:
            value = fresh_source(field) if field.default is FRESH else default_source(field)
            self.writer.add(f"{target}.{field.attribute} = {value}")
        with self.writer.block("if k:"), self.writer.field("tagged fields"):
            if tagged:
                self._known_tags(tagged, target, depth)
            else:
                self.writer.add(f"{target}.unknown_tagged_fields, at = read_tags(b, at, k)")

    def _known_tags(self, tagged: list[Field], target: str, depth: int) -> None:
        """Kafka reads a known field by its type and takes no notice of the size before it; so does this."""
        self.writer.add("k, at = tag_count(b, at, k)")
        self.writer.add(f"unknown{depth} = {{}}")
        with self.writer.block("for _ in range(k):"):
            self.writer.add("tag, at = read_varint(b, at)")
            self.writer.add("size, at = read_varint(b, at)")
            word = "if"
            for field in tagged:
                with self.writer.block(f"{word} tag == {field.tag}:"):
                    self.writer.path[-1] = field.attribute
                    self._value(field, f"{target}.{field.attribute}", depth, in_tag=True)
                    self.writer.path[-1] = "tagged fields"
                word = "elif"
            with self.writer.block("else:"):
                self.writer.add(f"unknown{depth}[tag], at = read_tag(b, at, size)")
        self.writer.add(f"{target}.unknown_tagged_fields = unknown{depth} or None")


def _element_of(field: Field) -> Field:
    """The element of an array as a field of its own, never null."""
    element = object.__new__(Field)
    for slot in Field.__slots__:
        setattr(element, slot, getattr(field, slot))
    element.is_array = False
    element.nullable = NONE
    return element
