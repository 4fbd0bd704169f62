"""The schema files and how they are read."""

import json
from pathlib import Path

import pytest

import protocol_specs
from pybroker.wire.spec import FRESH, Versions, load_spec, parse_versions, read_resource, snake_case
from pybroker.wire.stubs import message_names


@pytest.mark.parametrize(
    ("text", "versions"),
    [("3", (3, 3)), ("3-7", (3, 7)), ("3+", (3, 32767)), ("none", (32767, -1)), (None, (32767, -1))],
)
def test_versions(text, versions):
    """Version ranges in all their spellings."""
    assert parse_versions(text) == versions


def test_versions_contain():
    """Both ends belong to a range."""
    assert [version for version in range(6) if version in Versions(2, 4)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("ThrottleTimeMs", "throttle_time_ms"),
        ("group", "group"),
        ("Enable2Pc", "enable_2pc"),
        ("KRaftVersion", "kraft_version"),
        ("V3AndBelowTopics", "v3_and_below_topics"),
        ("ResultsByTopicV3AndBelow", "results_by_topic_v3_and_below"),
    ],
)
def test_snake_case(name, attribute):
    """Field names become Python's."""
    assert snake_case(name) == attribute


def test_defaults():
    """Defaults as the schema's text, JSON null and absence mean them."""
    streams = {field.name: field.default for field in load_spec("StreamsGroupMetadataValue").root.fields}
    assert streams["LastAssignmentConfigs"] is FRESH
    assert streams["ValidatedTopologyEpoch"] == -1
    fetch = {field.name: field.default for field in load_spec("FetchRequest").root.fields}
    assert (fetch["MaxBytes"], fetch["ClusterId"], fetch["Topics"]) == (0x7FFFFFFF, None, FRESH)


def test_field_without_versions_lives_in_its_tagged_versions():
    """TransactionLogValue's tagged fields have no `versions` of their own."""
    fields = {field.name: field for field in load_spec("TransactionLogValue").root.fields}
    assert fields["PreviousProducerId"].versions == (1, 32767)


def test_files_are_named_by_their_message():
    """A schema is found by its message's name, so file and name must agree."""
    root = Path(protocol_specs.__path__[0])
    for path in root.glob("*/*.json"):
        assert json.loads(path.read_text())["name"] == path.stem
    assert len(message_names()) == len(set(message_names())) == 254


def test_absent_resource():
    """A file that is not there is None, a message that is not there a KeyError, even with a path for a name."""
    assert read_resource("messages/No.json") is None
    for name in ("No", "../messages/FetchRequest", ""):
        with pytest.raises(KeyError):
            load_spec(name)
