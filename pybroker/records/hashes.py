"""The hashes by which clients choose partitions and brokers choose coordinators.

murmur2 is what the Java producer hashes keys with; Java's String.hashCode, over UTF-16 units, puts a group or a transactional id into a
partition of its internal topic; a share partition's key is `group:topicId:partition`, with the topic id in base64.
"""

from __future__ import annotations

from functools import lru_cache

from pybroker.wire.buffers import Buffer

MASK = 0xFFFFFFFF
MURMUR2_SEED = 0x9747B28C
MURMUR2_MULTIPLIER = 0x5BD1E995
INT32_MIN = -(1 << 31)

# Together a few megabytes at most, whatever clients send: a group id may be 32 KiB long.
KEPT_HASHES = 10_000
LONGEST_KEPT_KEY = 128


def murmur2(data: Buffer) -> int:
    """Return Kafka's Utils.murmur2 of `data`, a signed int32."""
    size = len(data)
    result = (MURMUR2_SEED ^ size) & MASK
    whole = size & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * MURMUR2_MULTIPLIER & MASK
        word = (word ^ word >> 24) * MURMUR2_MULTIPLIER & MASK
        result = result * MURMUR2_MULTIPLIER & MASK ^ word
    if size != whole:
        result = (result ^ int.from_bytes(data[whole:], "little")) * MURMUR2_MULTIPLIER & MASK
    result = (result ^ result >> 13) * MURMUR2_MULTIPLIER & MASK
    return _signed(result ^ result >> 15)


def murmur2_partition(key: Buffer, partitions: int) -> int:
    """Return the partition that the Java producer chooses for `key`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def java_string_hash(text: str) -> int:
    """Return Java's String.hashCode of `text`, a signed int32."""
    result = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        result = (result * 31 + (units[at] << 8 | units[at + 1])) & MASK
    return _signed(result)


def java_abs(value: int) -> int:
    """Return Kafka's Utils.abs: the absolute value, and 0 for the one that has none."""
    return 0 if value == INT32_MIN else abs(value)


def coordinator_partition(key: str, partitions: int) -> int:
    """Return the partition of the internal topic that keeps this group, transactional id or share key.

    Every request of a group needs it, and a hash takes longer than the request, so those of keys of usual length are kept.
    """
    return _kept_hash(key) % partitions if len(key) <= LONGEST_KEPT_KEY else java_abs(java_string_hash(key)) % partitions


@lru_cache(maxsize=KEPT_HASHES)
def _kept_hash(key: str) -> int:
    return java_abs(java_string_hash(key))


def share_coordinator_key(group_id: str, topic_id_text: str, partition: int) -> str:
    """Return the key by which a share partition finds its coordinator; the topic id in 22 characters of base64."""
    return f"{group_id}:{topic_id_text}:{partition}"


def _signed(value: int) -> int:
    return value - (1 << 32) if value & 0x80000000 else value
