"""Every message of every version, byte for byte as Kafka 4.4.0 wrote it."""

import pytest

from pybroker.wire.apis import APIS
from pybroker.wire.stored import COORDINATOR_RECORDS, METADATA_RECORDS
from pybroker.wire.stubs import message_names
from pybroker.wire.vectors import check_line

# Records of broker-side files and of tiered storage: their schemas are Kafka's, but nobody gave golden bytes for them.
WITHOUT_VECTORS = {
    "ProducerSnapshot", "QuorumStateData", "RemoteLogSegmentMetadataRecord", "RemoteLogSegmentMetadataSnapshotRecord",
    "RemoteLogSegmentMetadataUpdateRecord", "RemotePartitionDeleteMetadataRecord",
}  # fmt: skip


@pytest.mark.parametrize("name", message_names())
def test_golden_lines(name, golden_lines):
    """Each line decodes to its JSON, and message and JSON encode to its bytes, stored form and unknown tags included."""
    failures = [(line["version"], failure) for line in golden_lines(name) if (failure := check_line(line))]
    assert not failures, failures[:3]


def test_every_message_is_covered(golden_counts):
    """No message of the schemas goes without golden lines, but for those that have none."""
    assert set(message_names()) - set(golden_counts) <= WITHOUT_VECTORS
    assert set(golden_counts) <= set(message_names())
    assert sum(golden_counts.values()) == 11803


@pytest.mark.parametrize("key", APIS)
def test_every_version_of_an_api_is_covered(key, golden_lines):
    """Requests and responses have golden lines for each version from the lowest to the highest."""
    api = APIS[key]
    for kind in ("Request", "Response"):
        versions = {line["version"] for line in golden_lines(api.name + kind)}
        assert versions == set(range(api.min_version, api.max_version + 1))


def test_stored_forms_are_covered(golden_lines):
    """Every record of the internal topics has golden lines with its form in the log."""
    names = list(METADATA_RECORDS.values())
    names += [name + kind for records in COORDINATOR_RECORDS.values() for name in records.values() for kind in ("Key", "Value")]
    for name in names:
        lines = golden_lines(name)
        assert lines, name
        assert all("stored" in line for line in lines)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"hex": "00"}, "the input ends here"),
        ({"hex": "0001610003626364ff"}, "ends at"),
        ({"json": {"errorCode": 1}}, "decoded as"),
        ({"unknownTags": [{"path": "", "tag": 1, "hex": ""}]}, "unknown tags"),
        ({"message": "NoSuchMessage"}, "NoSuchMessage"),
        ({"version": 9}, "no version 9"),
        ({"stored": "000100016100036263640000000000"}, "reads back as something else"),
        ({"stored": "77770001610003626364"}, "record type"),
    ],
)
def test_a_wrong_line_is_told(change, text):
    """A line whose bytes, JSON, tags or stored form disagree gives a text that says so."""
    line = {
        "message": "LegacyOffsetCommitKey",
        "version": 0,
        "json": {"group": "a", "topic": "bcd", "partition": 0},
        "hex": "000161000362636400000000",
    }
    assert check_line(line) is None
    if change.get("hex", "").endswith("ff"):
        change = {"hex": line["hex"] + "ff"}
    assert text in (check_line(line | change) or "")
