"""Kafka's JSON form; that both directions agree with Kafka is held by the golden lines."""

import pytest

from pybroker.wire.base import WireError
from pybroker.wire.jsonform import add_unknown_tags, from_json, to_json, unknown_tags
from pybroker.wire.messages import CreateTopicsRequest, FetchRequest, ListOffsetsRequest, ProduceRequest, PushTelemetryRequest


def test_what_is_left_out():
    """Fields that the version lacks and tagged defaults are absent; all else is present."""
    form = to_json(FetchRequest(), 12)
    assert form == {
        "replicaId": -1, "maxWaitMs": 0, "minBytes": 0, "maxBytes": 0x7FFFFFFF, "isolationLevel": 0, "sessionId": 0,
        "sessionEpoch": -1, "topics": [], "forgottenTopicsData": [], "rackId": "",
    }  # fmt: skip
    assert to_json(FetchRequest(cluster_id="c"), 12)["clusterId"] == "c"


def test_fields_may_be_left_out():
    """What a person leaves out has its default."""
    assert from_json(FetchRequest, 12, {"maxWaitMs": 5}) == FetchRequest(max_wait_ms=5)


@pytest.mark.parametrize(
    ("cls", "version", "form", "text"),
    [
        (FetchRequest, 12, {"nope": 1}, "at /: no field 'nope' in version 12"),
        (FetchRequest, 4, {"rackId": ""}, "no field 'rackId' in version 4"),
        (FetchRequest, 12, {"topics": [{"partitions": [{"partition": "x"}]}]}, "at /topics/0/partitions/0/partition: 'x' is no int32"),
        (FetchRequest, 12, {"maxWaitMs": 2**31}, "2147483648 is no int32"),
        (FetchRequest, 12, {"maxWaitMs": True}, "True is no int32"),
        (FetchRequest, 12, {"topics": None}, "at /topics: null, but this version"),
        (FetchRequest, 12, {"topics": {}}, "at /topics: a list is wanted"),
        (FetchRequest, 12, {"topics": [3]}, "at /topics/0: an object is wanted"),
        (FetchRequest, 12, [], "at /: an object is wanted"),
        (FetchRequest, 12, {"rackId": 5}, "5 is no string"),
        (PushTelemetryRequest, 0, {"clientInstanceId": "short"}, "is not a uuid"),
        (PushTelemetryRequest, 0, {"metrics": "!"}, "at /metrics: "),
        (PushTelemetryRequest, 0, {"terminating": 1}, "1 is no bool"),
        (FetchRequest, 99, {}, "FetchRequest has no version 99"),
    ],
)
def test_what_does_not_fit(cls, version, form, text):
    """A form that is no such message is refused with its place."""
    with pytest.raises(WireError) as caught:
        from_json(cls, version, form)
    assert text in str(caught.value)


def test_unknown_version_to_json():
    """A version that the message does not have is refused in this direction, too."""
    with pytest.raises(WireError, match="ListOffsetsRequest has no version 0"):
        to_json(ListOffsetsRequest(), 0)


def test_unknown_tags_have_places():
    """Unknown tagged fields are listed with their places, and go back there."""
    partition = ProduceRequest.PartitionProduceData(unknown_tagged_fields={7: b"\x01"})
    topic = ProduceRequest.TopicProduceData(name="t", partition_data=[ProduceRequest.PartitionProduceData(), partition])
    request = ProduceRequest(topic_data=[topic], unknown_tagged_fields={9: b""})
    tags = unknown_tags(request)
    assert tags == [{"path": "", "tag": 9, "hex": ""}, {"path": "/topicData/0/partitionData/1", "tag": 7, "hex": "01"}]
    partition.unknown_tagged_fields = request.unknown_tagged_fields = None
    add_unknown_tags(request, tags)
    assert unknown_tags(request) == tags


@pytest.mark.parametrize(
    "tag",
    [{"path": "/topics/0", "tag": 1, "hex": ""}, {"path": "/nope", "tag": 1, "hex": ""}, {"path": "", "tag": 1, "hex": "x"}, {}, 5],
)
def test_unknown_tags_without_a_place(tag):
    """A tag whose place does not exist, or that is no tag, is refused."""
    with pytest.raises(WireError, match="has no place in CreateTopicsRequest"):
        add_unknown_tags(CreateTopicsRequest(), [tag])
