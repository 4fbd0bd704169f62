"""The message classes and what type checkers know of them."""

from pathlib import Path

import pytest

from pybroker.wire import base, messages, stubs
from pybroker.wire.base import Message, Struct
from pybroker.wire.messages import FetchRequest, MetadataRequest, ProduceRequest, StreamsGroupHeartbeatRequest
from pybroker.wire.uuids import ZERO_UUID


def test_class_facts():
    """A message class tells its key and versions."""
    assert (ProduceRequest.API_KEY, ProduceRequest.MIN_VERSION, ProduceRequest.MAX_VERSION) == (0, 3, 13)
    assert (ProduceRequest.FLEXIBLE_FROM, messages.AbortedTxn.FLEXIBLE_FROM) == (9, 32767)
    assert messages.RequestHeader.API_KEY is None
    assert issubclass(ProduceRequest, Message)
    assert ProduceRequest is messages.ProduceRequest is messages.message_class("ProduceRequest")


def test_constructor_defaults():
    """Every field can be left out and then has the schema's default."""
    request = FetchRequest()
    assert (request.cluster_id, request.replica_id, request.max_bytes, request.session_epoch) == (None, -1, 0x7FFFFFFF, -1)
    assert FetchRequest.FetchTopic().topic_id == ZERO_UUID
    assert ProduceRequest.PartitionProduceData().records is None
    assert request.replica_state == FetchRequest.ReplicaState(replica_id=-1, replica_epoch=-1)


def test_nested_classes():
    """Inline and common structures are attributes of the message's class."""
    assert FetchRequest.FetchTopic.__qualname__ == "FetchRequest.FetchTopic"
    assert FetchRequest.FetchTopic.__module__ == "pybroker.wire.messages"
    assert issubclass(StreamsGroupHeartbeatRequest.TaskIds, Struct)


def test_classes_are_slotted():
    """A field that does not exist can neither be given nor set."""
    with pytest.raises(TypeError, match="topicz"):
        MetadataRequest(topicz=[])
    with pytest.raises(AttributeError):
        MetadataRequest().topicz = []


def test_equality_and_repr():
    """Messages compare and print by their fields; unknown tags count, payload is not printed."""
    assert MetadataRequest() == MetadataRequest()
    assert MetadataRequest() != MetadataRequest(topics=None)
    assert MetadataRequest() != MetadataRequest(unknown_tagged_fields={1: b""})
    assert MetadataRequest() != "MetadataRequest"
    with pytest.raises(TypeError, match="unhashable"):
        hash(MetadataRequest())
    partition = ProduceRequest.PartitionProduceData(records=memoryview(b"secret"), unknown_tagged_fields={1: b"x"})
    assert repr(partition) == (
        "ProduceRequest.PartitionProduceData(index=0, records=<memoryview of 6 bytes>, unknown_tagged_fields={1: b'x'})"
    )


@pytest.mark.parametrize("name", ["NoSuchMessage", "ProduceRequests", "lower", "__path__"])
def test_unknown_names(name):
    """A name that is no message is an AttributeError of the module and a KeyError by name."""
    with pytest.raises(AttributeError):
        getattr(messages, name)
    with pytest.raises(KeyError):
        messages.message_class(name)


def test_message_class_gives_messages_only():
    """Other names that the module happens to hold are no messages."""
    with pytest.raises(KeyError):
        messages.message_class("Message")


def test_stubs_are_fresh():
    """`messages.pyi` is what `python -m pybroker.wire.stubs` would write."""
    assert Path(base.__file__).with_name("messages.pyi").read_text() == stubs.render()
