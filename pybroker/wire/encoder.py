"""Writes the source of an encoder: `encode(m, out, cuts)` for one message and version.

`out` collects pieces of bytes to be joined once; `cuts` the positions in `out` of records objects, which `encode_parts` hands
through untouched. Neighbouring fixed-width fields, and a length that follows them, go through one `pack`. A value that does not
fit its type raises in its line, and the line names the field.

A field that the version lacks is dropped if it has its default or is ignorable; otherwise the message is refused.
"""

from struct import calcsize, pack
from typing import Any

from pybroker.wire.base import Fault, Message
from pybroker.wire.decoder import FIXED
from pybroker.wire.primitives import (
    LENGTHS,
    MAX_STRING_BYTES,
    refuse_string,
    refuse_version,
    string_length,
    varint,
    write_tag,
    write_tags,
)
from pybroker.wire.source import SourceWriter
from pybroker.wire.spec import FRESH, Field, MessageSpec, StructSpec

_HELPERS = (refuse_string, refuse_version, string_length, varint, write_tag, write_tags)
EMPTY_BYTES = repr(b"")
_MAX_SHORT = len(LENGTHS) - 1


def write_encoder(spec: MessageSpec, version: int, cls: type[Message]) -> SourceWriter:
    """The encoder of one version, ready to be compiled."""
    names: dict[str, Any] = {helper.__name__: helper for helper in _HELPERS}
    names |= {"LENGTHS": LENGTHS, "Fault": Fault}
    writer = SourceWriter("def encode(m0, out, cuts):", names)
    writer.add("w = out.append")
    emitter = _EncoderEmitter(writer, version, version in spec.flexible)
    emitter.struct(spec.root, "m0", 0)
    emitter.flush()
    return writer


def differs(field: Field, value: str) -> str:
    """An expression that is true when `value` is not the field's default."""
    if field.default is None:
        return f"{value} is not None"
    if field.default is not FRESH:
        return f"{value} != {field.default!r}"
    if field.struct is None or field.is_array:
        inner = value
    else:
        terms = [differs(inner, f"{value}.{inner.attribute}") for inner in field.struct.fields]
        inner = " or ".join([*terms, f"{value}.unknown_tagged_fields"])
    return f"({value} is None or {inner})" if field.ever_nullable else f"({inner})"


class _EncoderEmitter:
    """Walks a structure and writes the lines. `run` holds fixed-width writes that are not written yet: (expression, code, name)."""

    __slots__ = ("flexible", "run", "sink", "version", "writer")

    def __init__(self, writer: SourceWriter, version: int, flexible: bool) -> None:
        self.writer = writer
        self.version = version
        self.flexible = flexible
        self.run: list[tuple[str, str, str]] = []
        self.sink = "w"

    # Structures

    def struct(self, struct: StructSpec, source: str, depth: int) -> None:
        """Write the structure held by the local name `source`."""
        tagged = []
        for field in struct.fields:
            with self.writer.field(field.attribute):
                value = f"{source}.{field.attribute}"
                if self.version not in field.versions:
                    self._absent(field, value)
                elif self.flexible and self.version in field.tagged:
                    tagged.append(field)
                else:
                    self._value(field, value, depth, in_tag=False)
        if self.flexible:
            with self.writer.field("tagged fields"):
                self._tags(tagged, source, depth)

    def _absent(self, field: Field, value: str) -> None:
        if not field.ignorable:
            with self.writer.block(f"if {differs(field, value)}:"):
                self.writer.add("refuse_version()")

    # Runs of fixed width

    def flush(self) -> None:
        """Write the pending run as one pack."""
        run, self.run = self.run, []
        if not run:
            return
        if [code for _, code, _ in run] == ["x"]:
            self.writer.add(f"{self.sink}({bytes(1)!r})")
            return
        method = self.writer.struct_method("pack", "".join(code for _, code, _ in run))
        parents = self.writer.path[:-1] if self.writer.path else []
        saved, self.writer.path = self.writer.path, [*parents, ", ".join(name for _, _, name in run)]
        self.writer.add(f"{self.sink}({method}({', '.join(expression for expression, _, _ in run if expression)}))")
        self.writer.path = saved

    def _length(self, code: str, flexible: bool, name: str) -> None:
        """Write the length `k` (-1 for null) after the pending run; a short compact one goes through the same pack."""
        long = "string_length(k)" if code == "h" else "varint(k + 1)"
        if not flexible:
            self.run.append(("k", code, name))
            self.flush()
            return
        pending = list(self.run)
        if not pending:
            self.writer.add(f"{self.sink}(LENGTHS[k + 1] if k < {_MAX_SHORT} else {long})")
            return
        with self.writer.block(f"if k < {_MAX_SHORT}:"):
            self.run.append(("k + 1", "B", name))
            self.flush()
        with self.writer.block("else:"):
            self.run = pending
            self.flush()
            self.writer.add(f"{self.sink}({long})")

    # Values

    def _value(self, field: Field, value: str, depth: int, *, in_tag: bool) -> None:
        if not field.is_array and field.type in FIXED:
            self.run.append((value, FIXED[field.type], field.attribute))
        elif field.struct is not None and not field.is_array:
            self._single_struct(field, value, depth, in_tag)
        else:
            self._variable(field, value, depth)

    def _is_flexible(self, field: Field) -> bool:
        return self.flexible if field.flexible is None else self.version in field.flexible

    def _variable(self, field: Field, value: str, depth: int) -> None:
        """A length, then elements or bytes."""
        local = "s" if field.type == "string" and not field.is_array else f"v{depth}"
        flexible = self._is_flexible(field)
        self.writer.add(f"{local} = {value}")
        if self.version in field.nullable:
            with self.writer.block(f"if {local} is None:"):
                self.writer.add("k = -1")
                self.writer.add(f"{local} = {'()' if field.is_array else EMPTY_BYTES}")
            with self.writer.block("else:"):
                self._measure(local, flexible)
        else:
            self._measure(local, flexible)
        self._length("h" if local == "s" else "i", flexible, field.attribute)
        if field.is_array:
            self._elements(field, local, depth)
        elif field.type == "records":
            self._records(local)
        else:
            self.writer.add(f"{self.sink}({local})")

    def _measure(self, local: str, flexible: bool) -> None:
        """`k` is the length; a string becomes its bytes. Null has neither and raises here. `string_length` bounds compact strings."""
        if local == "s":
            self.writer.add("s = s.encode()")
        self.writer.add(f"k = len({local})")
        if local == "s" and not flexible:
            with self.writer.block(f"if k > {MAX_STRING_BYTES}:"):
                self.writer.add("refuse_string(k, 0)")

    def _records(self, local: str) -> None:
        """Passed through untouched, at a position that `cuts` remembers; an empty one is no part of its own."""
        assert self.sink == "w", "Kafka has no records in a tagged field"
        with self.writer.block("if k > 0:"):
            self.writer.add("cuts.append(len(out))")
            self.writer.add(f"w({local})")

    def _single_struct(self, field: Field, value: str, depth: int, in_tag: bool) -> None:
        """A nullable structure has an int8 before it, or a varint inside a tagged field."""
        assert field.struct is not None
        local = f"m{depth + 1}"
        self.flush()
        self.writer.add(f"{local} = {value}")
        if self.version not in field.nullable:
            self.struct(field.struct, local, depth + 1)
            self.flush()
            return
        with self.writer.block(f"if {local} is None:"):
            self.writer.add(f"{self.sink}({(bytes(1) if in_tag else bytes([0xFF]))!r})")
        with self.writer.block("else:"):
            self.writer.add(f"{self.sink}({bytes([1])!r})")
            self.struct(field.struct, local, depth + 1)
            self.flush()

    def _elements(self, field: Field, local: str, depth: int) -> None:
        if field.struct is not None:
            with self.writer.block(f"for m{depth + 1} in {local}:"):
                self.struct(field.struct, f"m{depth + 1}", depth + 1)
                self.flush()
                if not field.struct.fields:
                    self.writer.add("pass")
        elif field.type == "string":
            with self.writer.block(f"for s in {local}:"):
                self._measure("s", self._is_flexible(field))
                self._length("h", self._is_flexible(field), field.attribute)
                self.writer.add(f"{self.sink}(s)")
        elif field.type == "uuid":
            self.writer.names["join_uuids"] = _join_uuids
            self.writer.add(f"{self.sink}(join_uuids({local}))")
        else:
            one = self.writer.struct_method("pack", FIXED[field.type])
            self.writer.names["pack_all"] = _pack_all
            with self.writer.block("if k == 1:"):  # one replica, one partition: too common to build a format for
                self.writer.add(f"{self.sink}({one}({local}[0]))")
            with self.writer.block("elif k > 1:"):
                self.writer.add(f'{self.sink}(pack_all("{FIXED[field.type]}", {local}))')

    # Tagged fields

    def _tags(self, tagged: list[Field], source: str, depth: int) -> None:
        """The section that ends a flexible structure; the empty one is a zero byte of the last pack."""
        unknown = f"{source}.unknown_tagged_fields"
        condition, known = unknown, "[]"
        if tagged:
            self.flush()
            known = f"known{depth}"
            condition = f"{known} or {unknown}"
            self.writer.add(f"{known} = []")
            for field in sorted(tagged, key=lambda field: field.tag or 0):
                self._tag(field, f"{source}.{field.attribute}", known, depth)
        pending = list(self.run)
        with self.writer.block(f"if {condition}:"):
            self.flush()
            self.writer.add(f"{self.sink}(write_tags({known}, {unknown}))")
        with self.writer.block("else:"):
            self.run = [*pending, ("", "x", "tagged fields")]
            self.flush()

    def _tag(self, field: Field, value: str, known: str, depth: int) -> None:
        """A tagged field is written only when it differs from its default; its size goes before it."""
        self.writer.path[-1] = field.attribute
        inner, outer = f"w{depth}", self.sink
        with self.writer.block(f"if {differs(field, value)}:"):
            if not field.is_array and field.type in FIXED:
                code = FIXED[field.type]
                pack_one = self.writer.struct_method("pack", f"BB{code}")  # numbers and these sizes are varints of one byte
                self.writer.add(f"{known}.append({pack_one}({field.tag}, {calcsize(code)}, {value}))")
            else:
                self.writer.add(f"data{depth} = []")
                self.writer.add(f"{inner} = data{depth}.append")
                self.sink = inner
                self._value(field, value, depth, in_tag=True)
                self.flush()
                self.sink = outer
                self.writer.add(f'{known}.append(write_tag({field.tag}, b"".join(data{depth})))')
        self.writer.path[-1] = "tagged fields"


def _join_uuids(uuids: list[bytes]) -> bytes:
    if any(len(uuid) != 16 for uuid in uuids):
        raise Fault("a uuid is 16 bytes")
    return b"".join(uuids)


def _pack_all(code: str, values: list[Any]) -> bytes:
    return pack(f">{len(values)}{code}", *values)
