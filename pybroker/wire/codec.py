"""Bytes to messages and back: one function per message class and version, compiled when first used and kept on the class.

Theory. `decoder.py` and `encoder.py` write the source, `source.py` compiles it under names such as
`<codec ProduceRequest v9 decode>`. Here are the only places that call it, so here every fault gets its context: whatever goes
wrong inside generated code leaves as one WireError that names message, version and field.

Bytes after the end of a body are not looked at: Kafka ignores them, so `decode` returns where the body ended.
"""

import struct
from typing import Any, TypeVar

from pybroker.wire.base import Buffer, Decoder, Encoder, Fault, Message, Part, WireError
from pybroker.wire.decoder import write_decoder
from pybroker.wire.encoder import write_encoder
from pybroker.wire.source import failed_field
from pybroker.wire.spec import load_spec

M = TypeVar("M", bound=Message)

_DECODE_FAULTS = (Fault, struct.error, IndexError)
_ENCODE_FAULTS = (Fault, struct.error, AttributeError, TypeError, ValueError)


def decode(cls: type[M], version: int, buffer: Buffer, at: int = 0) -> tuple[M, int]:
    """Read a message that begins at `at`; the result is (message, end).

    Records fields are memoryview slices of `buffer`; all else is copied. Raises WireError.
    """
    decoder = cls._decoders.get(version) or decoder_of(cls, version)
    try:
        return decoder(buffer, at)
    except _DECODE_FAULTS as error:
        raise _explain("decode", cls, version, error) from error


def encode(message: Message, version: int) -> bytes:
    """The bytes of a message; its records fields must be bytes-like. Raises WireError."""
    out: list[Any] = []
    cls = type(message)
    encoder = cls._encoders.get(version) or encoder_of(cls, version)
    try:
        encoder(message, out, [])
        return b"".join(out)
    except _ENCODE_FAULTS as error:
        raise _explain("encode", cls, version, error) from error


def encode_parts(message: Message, version: int) -> list[Part]:
    """Like `encode`, but each non-empty records value stays a part of its own, untouched, between joined bytes.

    A records value may be anything with `len()`, such as a slice of a file to be sent by the kernel.
    """
    out: list[Any] = []
    cuts: list[int] = []
    cls = type(message)
    encoder = cls._encoders.get(version) or encoder_of(cls, version)
    try:
        encoder(message, out, cuts)
        if not cuts:
            return [b"".join(out)]
        return _split(out, cuts)
    except _ENCODE_FAULTS as error:
        raise _explain("encode", cls, version, error) from error


def _split(out: list[Any], cuts: list[int]) -> list[Part]:
    parts: list[Part] = []
    begin = 0
    for cut in cuts:
        parts.append(b"".join(out[begin:cut]))
        parts.append(out[cut])
        begin = cut + 1
    if begin < len(out):
        parts.append(b"".join(out[begin:]))
    return parts


def decoder_of(cls: type[Message], version: int) -> Decoder:
    """The compiled decoder, made on first use."""
    if version not in cls._decoders:
        _check_version(cls, version)
        writer = write_decoder(load_spec(cls.__name__), version, cls)
        cls._decoders[version] = writer.compile(_file_name(cls, version, "decode"), "decode")
    return cls._decoders[version]


def encoder_of(cls: type[Message], version: int) -> Encoder:
    """The compiled encoder, made on first use."""
    if version not in cls._encoders:
        _check_version(cls, version)
        writer = write_encoder(load_spec(cls.__name__), version, cls)
        cls._encoders[version] = writer.compile(_file_name(cls, version, "encode"), "encode")
    return cls._encoders[version]


def _check_version(cls: type[Message], version: int) -> None:
    if not cls.MIN_VERSION <= version <= cls.MAX_VERSION:
        raise WireError(f"{cls.__name__} has no version {version}, only {cls.MIN_VERSION} to {cls.MAX_VERSION}")


def _file_name(cls: type[Message], version: int, verb: str) -> str:
    return f"<codec {cls.__name__} v{version} {verb}>"


def _explain(verb: str, cls: type[Message], version: int, error: Exception) -> WireError:
    field = failed_field(_file_name(cls, version, verb), error.__traceback__)
    if verb == "decode" and isinstance(error, (struct.error, IndexError)):
        reason = "the input ends here"
    elif "NoneType" in str(error):
        reason = "null, but this version does not allow null"
    else:
        reason = str(error)
    return WireError(f"cannot {verb} {cls.__name__} v{version}{f', field {field}' if field else ''}: {reason}")
