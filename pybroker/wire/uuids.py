"""Uuids are 16 bytes inside pybroker; people and files see Kafka's form, URL-safe base64 without padding (22 characters)."""

from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64

from pybroker.wire.spec import ZERO_UUID

__all__ = ["ONE_UUID", "RESERVED_DIRECTORY_IDS", "ZERO_UUID", "from_text", "to_text"]

ONE_UUID = bytes(15) + b"\x01"
"""The id of the metadata topic (`Uuid.ONE_UUID`); reserved like the zero id."""

RESERVED_DIRECTORY_IDS = 100
"""An id of a log directory that is a lower number names none: it says that the directory is unassigned, lost, and so on (KIP-858)."""


def to_text(uuid: bytes) -> str:
    """16 bytes to 22 characters."""
    return urlsafe_b64encode(uuid)[:22].decode()


def from_text(text: str) -> bytes:
    """22 characters to 16 bytes; ValueError for anything else."""
    try:
        uuid = a2b_base64(text.translate(_FROM_URL_SAFE) + "==", strict_mode=True)
    except (Base64Error, ValueError) as error:
        raise ValueError(f"{text!r} is not a uuid: {error}") from None
    if len(uuid) != 16:
        raise ValueError(f"{text!r} is not a uuid: it has {len(uuid)} bytes instead of 16")
    return uuid


_FROM_URL_SAFE = str.maketrans("-_+/", "+/!!")
