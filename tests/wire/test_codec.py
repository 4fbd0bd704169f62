"""What codecs refuse, what they forgive, and what they promise."""

import linecache
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.wire import messages
from pybroker.wire.base import WireError
from pybroker.wire.codec import decode, encode, encode_parts
from pybroker.wire.messages import (
    ConsumerGroupMemberMetadataValue,
    DeleteTopicsRequest,
    FetchRequest,
    FetchResponse,
    ListGroupsRequest,
    MetadataRequest,
    OffsetFetchRequest,
    ProduceRequest,
    ProduceResponse,
    SaslHandshakeRequest,
)
from pybroker.wire.primitives import read_varint, varint, write_tag, write_tags
from pybroker.wire.spec import FRESH, load_spec
from pybroker.wire.stubs import message_names

INTEGERS = {
    "int8": (-0x80, 0x7F),
    "int16": (-0x8000, 0x7FFF),
    "uint16": (0, 0xFFFF),
    "int32": (-0x80000000, 0x7FFFFFFF),
    "uint32": (0, 0xFFFFFFFF),
    "int64": (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF),
}
SCALARS = {
    **{name: st.integers(*bounds) for name, bounds in INTEGERS.items()},
    "bool": st.booleans(),
    "float64": st.floats(allow_nan=False),
    "string": st.text(max_size=200),
    "uuid": st.binary(min_size=16, max_size=16),
    "bytes": st.binary(max_size=200),
    "records": st.binary(max_size=200),
}
DETERMINED = settings(derandomize=True, deadline=None, max_examples=5)
TAGS = st.none() | st.dictionaries(st.integers(100, 2**31 - 1), st.binary(max_size=9), min_size=1, max_size=3)


def fields_of(draw, struct_spec, cls, version, flexible):
    """Arguments for a structure's constructor: any value that the version can carry."""
    values = {}
    for field in struct_spec.fields:
        if version not in field.versions or (version not in field.tagged and field.tagged != (32767, -1) and not flexible):
            continue
        if version in field.nullable and draw(st.integers(0, 3)) == 0:
            values[field.attribute] = None
            continue

        def one(field=field):
            if field.struct is None:
                return draw(SCALARS[field.type])
            nested = getattr(cls, field.struct.name)
            return nested(**fields_of(draw, field.struct, cls, version, flexible))

        values[field.attribute] = [one() for _ in range(draw(st.integers(0, 2)))] if field.is_array else one()
    if flexible:
        values["unknown_tagged_fields"] = draw(TAGS)
    return values


@st.composite
def any_message(draw, name):
    """Any message of a class, with a version that it has."""
    spec = load_spec(name)
    cls = messages.message_class(name)
    version = draw(st.integers(*spec.valid))
    return cls(**fields_of(draw, spec.root, cls, version, version in spec.flexible)), version


@pytest.mark.slow
@pytest.mark.parametrize("name", message_names())
def test_round_trip(name):
    """Whatever a version can carry is the same after encoding and decoding."""

    @DETERMINED
    @given(any_message(name))
    def check(drawn):
        message, version = drawn
        data = encode(message, version)
        assert decode(type(message), version, data) == (message, len(data))

    check()


@pytest.mark.parametrize("name", message_names())
def test_truncation_is_a_wire_error(name, golden_lines):
    """Input that ends too early, at whatever byte, raises WireError that names the message, and nothing else."""
    cls = messages.message_class(name)
    lines = sorted((line for line in golden_lines(name) if len(line["hex"]) < 500), key=lambda line: -len(line["hex"]))
    for line in lines[:2]:
        data = bytes.fromhex(line["hex"])
        for size in range(len(data)):
            with pytest.raises(WireError, match=f"cannot decode {name} v{line['version']}"):
                decode(cls, line["version"], data[:size])


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.sampled_from(message_names()), st.data())
def test_random_bytes(name, data):
    """Bytes of chance decode or raise WireError."""
    cls = messages.message_class(name)
    version = data.draw(st.integers(cls.MIN_VERSION, cls.MAX_VERSION))
    try:
        _, end = decode(cls, version, junk := data.draw(st.binary(max_size=120)))
    except WireError:
        return
    assert end <= len(junk)


@pytest.mark.slow
@pytest.mark.parametrize("name", message_names())
def test_damaged_bytes(name, golden_lines):
    """Golden bytes with one byte changed decode or raise WireError, and what decodes can be encoded again."""
    cls = messages.message_class(name)
    for line in [line for line in golden_lines(name) if len(line["hex"]) < 300][-6:]:
        golden = bytes.fromhex(line["hex"])
        for at in range(len(golden)):
            for value in (0, 1, 0x7F, 0x80, 0xFF):
                damaged = golden[:at] + bytes([value]) + golden[at + 1 :]
                try:
                    message, _ = decode(cls, line["version"], damaged)
                except WireError:
                    continue
                encode(message, line["version"])


def produce(records=b"abc"):
    """A request with one partition."""
    partition = ProduceRequest.PartitionProduceData(index=7, records=records)
    return ProduceRequest(acks=-1, topic_data=[ProduceRequest.TopicProduceData(name="orders", partition_data=[partition])])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("version", [3, 9])
def test_all_kinds_of_input(kind, version):
    """Bytes, bytearray and memoryview decode to the same, at any position, and records stay a view of the input."""
    data = b"??" + encode(produce(), version)
    source = kind(data)
    message, end = decode(ProduceRequest, version, source, 2)
    assert message == produce()
    assert end == len(data)
    records = message.topic_data[0].partition_data[0].records
    assert isinstance(records, memoryview)
    assert records.obj is (data if kind is memoryview else source)
    assert type(message.topic_data[0].name) is str


def test_trailing_bytes_are_ignored():
    """The end of the body is returned; what comes after it is nobody's business."""
    data = encode(MetadataRequest(), 12)
    assert decode(MetadataRequest, 12, data + b"junk") == (MetadataRequest(), len(data))


class Slice:
    """Records that are no bytes: only their length is known here."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size


def test_encode_parts_keeps_records_whole():
    """Records come out as the same objects between joined bytes; null and empty ones are no parts."""
    kind = FetchResponse.PartitionData
    slices = [Slice(300), None, b"", Slice(5)]
    partitions = [kind(partition_index=index, records=records) for index, records in enumerate(slices)]
    response = FetchResponse(responses=[FetchResponse.FetchableTopicResponse(topic="t", partitions=partitions)])
    parts = encode_parts(response, 12)
    assert [part for part in parts if not isinstance(part, bytes)] == [slices[0], slices[3]]
    assert [type(part) for part in parts] == [bytes, Slice, bytes, Slice, bytes]
    written = b"".join(part if isinstance(part, bytes) else b"x" * len(part) for part in parts)
    read, _ = decode(FetchResponse, 12, written)
    assert [partition.records for partition in read.responses[0].partitions] == [b"x" * 300, None, b"", b"x" * 5]


def test_encode_parts_without_records():
    """A message without records is one part."""
    assert encode_parts(MetadataRequest(), 12) == [encode(MetadataRequest(), 12)]


def test_records_that_are_no_bytes_cannot_be_joined():
    """`encode` of records that only know their length is a WireError."""
    with pytest.raises(WireError, match="ProduceRequest v9"):
        encode(produce(Slice(3)), 9)


# Limits


@pytest.mark.parametrize(
    ("version", "length", "text"),
    [
        (1, struct.pack(">i", 1_000_001), "array of 1000001 elements, more than 1000000"),
        (9, varint(1_000_002), "array of 1000001 elements, more than 1000000"),
        (1, struct.pack(">i", 1000), "array of 1000 elements, but only 3 bytes are left"),
        (9, varint(1001), "array of 1000 elements, but only 3 bytes are left"),
        (9, b"\xff" * 5, "varint is longer than five bytes"),
    ],
)
def test_impossible_arrays(version, length, text):
    """An array longer than Kafka allows or than the input is refused before anything is allocated."""
    room = 1_100_000 if "more than" in text else 3
    with pytest.raises(WireError, match=f"MetadataRequest v{version}, field topics: {text}"):
        decode(MetadataRequest, version, length + bytes(room))


@pytest.mark.parametrize("length", [-1, -2, -(2**31)])
def test_negative_array_length_is_null(length):
    """Kafka takes every negative length for null."""
    assert decode(MetadataRequest, 1, struct.pack(">i", length))[0].topics is None


def test_varint_above_31_bits_is_negative():
    """Kafka reads a varint into a signed int, so an array of 2^31 elements is null."""
    assert decode(MetadataRequest, 9, varint(2**31) + bytes(4))[0].topics is None


def test_null_where_it_is_not_allowed():
    """Null for a string or array that its version does not let be null is an error with the field's name."""
    with pytest.raises(WireError, match="field mechanism: null, but this version"):
        decode(SaslHandshakeRequest, 1, b"\xff\xff")
    with pytest.raises(WireError, match="field topics: null, but this version"):
        decode(FetchRequest, 12, encode(FetchRequest(), 12)[:25] + b"\x00" * 5)
    with pytest.raises(WireError, match="field mechanism: null, but this version"):
        encode(SaslHandshakeRequest(mechanism=None), 1)


def test_long_strings():
    """A string has at most 32767 bytes of UTF-8, where its length is compact too."""
    topic = DeleteTopicsRequest.DeleteTopicState
    longest = DeleteTopicsRequest(topics=[topic(name="x" * 32767)])
    data = encode(longest, 6)
    assert decode(DeleteTopicsRequest, 6, data)[0] == longest
    with pytest.raises(WireError, match=r"field topics\.name: string of 32768 bytes, more than 32767"):
        encode(DeleteTopicsRequest(topics=[topic(name="x" * 32768)]), 6)
    with pytest.raises(WireError, match=r"field topics\.name: string of 32768 bytes, more than 32767"):
        decode(DeleteTopicsRequest, 6, varint(2) + varint(32769) + bytes(40000))


def test_too_many_tagged_fields():
    """Ten thousand tagged fields are kept, one more is refused, in structures that know tags and in those that know none."""
    many = dict.fromkeys(range(100, 10100), b"")
    for message, version in ((MetadataRequest(), 12), (FetchRequest(), 12)):
        message.unknown_tagged_fields = dict(many)
        assert decode(type(message), version, encode(message, version))[0] == message
        message.unknown_tagged_fields[99] = b""
        with pytest.raises(WireError, match="10001 tagged fields, more than 10000"):
            decode(type(message), version, encode(message, version))


def test_tags_ascend():
    """Known and unknown tagged fields go together by their numbers, wherever those lie, and not by their bytes (KIP-482)."""
    known = [write_tag(number, b"known") for number in (2, 256)]
    tags = write_tags(known, {129: b"c", 1: b"a", 70_000: b"d", 5: b"b"})
    assert tags[0] == 6
    at, seen = 1, []
    while at < len(tags):
        number, at = read_varint(tags, at)
        size, at = read_varint(tags, at)
        seen.append((number, tags[at : at + size]))
        at += size
    assert seen == [(1, b"a"), (2, b"known"), (5, b"b"), (129, b"c"), (256, b"known"), (70_000, b"d")]
    assert write_tags(known, None) == write_tags(known, {}) == varint(2) + b"".join(known)
    message = FetchRequest(cluster_id="c", unknown_tagged_fields={9: b"z", 3: b"y"})
    assert encode(message, 12).endswith(b"\x03\x00\x02\x02c\x03\x01y\x09\x01z")


def test_tag_with_the_number_of_a_known_field():
    """Such a tag could not be told from the field and is refused."""
    with pytest.raises(WireError, match="number of a known one"):
        encode(FetchRequest(cluster_id="c", unknown_tagged_fields={0: b""}), 12)


def test_malformed_utf8_is_replaced():
    """Like Java, a decoder puts U+FFFD for bytes that are no UTF-8."""
    assert decode(SaslHandshakeRequest, 1, b"\x00\x03a\xffb")[0].mechanism == "a\ufffdb"


# Versions


def test_absent_fields_have_their_defaults():
    """What a version lacks is as the schema says, so readers need not know the version."""
    message, _ = decode(FetchResponse, 4, encode(FetchResponse(), 4))
    assert (message.error_code, message.session_id, message.node_endpoints) == (0, 0, [])
    message, _ = decode(FetchRequest, 4, encode(FetchRequest(session_epoch=-1), 4))
    assert message.session_epoch == -1
    assert message.replica_state == FetchRequest.ReplicaState()


def test_ignorable_field_is_dropped():
    """A version that lacks an ignorable field is written without it."""
    response = ProduceResponse(throttle_time_ms=5)
    partition = ProduceResponse.PartitionProduceResponse(error_message="why", log_start_offset=3)
    response.responses.append(ProduceResponse.TopicProduceResponse(name="t", partition_responses=[partition]))
    read, _ = decode(ProduceResponse, 3, encode(response, 3))
    assert read.responses[0].partition_responses[0].error_message is None


@pytest.mark.parametrize(
    ("message", "version", "field"),
    [
        (ListGroupsRequest(states_filter=["Empty"]), 3, "states_filter"),
        (OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup()]), 7, "groups"),
        (MetadataRequest(allow_auto_topic_creation=False), 3, "allow_auto_topic_creation"),
    ],
)
def test_field_that_a_version_cannot_carry(message, version, field):
    """A value for a field that the version lacks and that is not ignorable is refused by name."""
    with pytest.raises(WireError, match=f"v{version}, field {field}: has a value, but this version cannot carry it"):
        encode(message, version)


@pytest.mark.parametrize("version", [-1, 2, 14, 99])
def test_unknown_version(version):
    """A version outside the schema's range is a WireError in both directions."""
    with pytest.raises(WireError, match=f"ProduceRequest has no version {version}, only 3 to 13"):
        decode(ProduceRequest, version, b"")
    with pytest.raises(WireError, match=f"has no version {version}"):
        encode(ProduceRequest(), version)


def test_values_that_do_not_fit():
    """A value out of range or of the wrong type is a WireError that names the run of fields it stands in."""
    with pytest.raises(WireError, match="field acks, timeout_ms, topic_data: "):
        encode(ProduceRequest(acks=40_000), 9)
    with pytest.raises(WireError, match=r"field topic_data\.name: "):
        encode(ProduceRequest(topic_data=[ProduceRequest.TopicProduceData(name=5)]), 9)
    with pytest.raises(WireError, match=r"field topic_data\.name: "):
        encode(ProduceRequest(topic_data=[ProduceRequest.TopicProduceData(name="\ud800")]), 9)
    with pytest.raises(WireError, match="field directories: a uuid is 16 bytes"):
        encode(messages.PartitionRecord(directories=[b"short"]), 1)


def test_default_of_json_null():
    """A nullable tagged structure whose default is empty writes its null out and leaves its empty value away."""
    cls = ConsumerGroupMemberMetadataValue
    assert cls().classic_member_metadata == cls.ClassicMemberMetadata()
    without, null = encode(cls(), 0), encode(cls(classic_member_metadata=None), 0)
    assert without[-1:] == b"\x00"
    assert null[-4:] == b"\x01\x00\x01\x00"
    assert decode(cls, 0, null)[0].classic_member_metadata is None


def test_generated_source_is_in_tracebacks():
    """The generated lines are known to `linecache` under a readable file name."""
    decode(MetadataRequest, 12, encode(MetadataRequest(), 12))
    assert linecache.getline("<codec MetadataRequest v12 decode>", 1) == "def decode(b, at):\n"


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_varints(value):
    """Unsigned varints of 31 bits come back as they went."""
    assert read_varint(varint(value), 0) == (value, len(varint(value)))


def test_fresh_defaults_are_not_shared():
    """Two messages never share a list or structure of defaults, whether constructed or decoded."""
    assert repr(FRESH) == "FRESH"
    assert MetadataRequest().topics is not MetadataRequest().topics
    data = encode(FetchRequest(), 12)
    first, second = decode(FetchRequest, 12, data)[0], decode(FetchRequest, 12, data)[0]
    assert first.replica_state is not second.replica_state
