"""What can be wrong with record bytes, named as Kafka tells the cases apart.

`CorruptRecords` is Kafka's CorruptRecordException (the bytes were damaged: checksum, magic, lengths of batches), `InvalidRecords` its
InvalidRecordException (undamaged bytes that say something impossible), `DecompressionError` its plain KafkaException out of a codec.
"""

from __future__ import annotations


class RecordsError(Exception):
    """Record bytes that cannot be taken. The message says what and where."""


class CorruptRecords(RecordsError):
    """The bytes are damaged: wrong checksum, unknown magic, a length that cannot be."""


class InvalidRecords(RecordsError):
    """The bytes are whole, but what they say does not agree: counts, lengths of records, negative sizes."""


class DecompressionError(RecordsError):
    """A codec cannot make sense of the payload."""


class UnknownCodec(DecompressionError):
    """The codec bits of the attributes name no codec (5 to 7)."""


class TruncatedStream(DecompressionError):
    """The compressed stream ends before its own end mark."""


class DecompressedTooLarge(DecompressionError):
    """The payload would grow beyond the bound that the caller set."""
