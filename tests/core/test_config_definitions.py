"""Values of configurations: what parses, what is refused, how it is printed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.core.config_definitions import ConfigType, SettingError, definition, facts, format_double, format_value, known

KINDS = ("broker", "topic", "group", "client_metrics")


@pytest.mark.parametrize("kind", KINDS)
def test_every_definition_takes_its_own_default(kind: str) -> None:
    """A default printed and parsed again is the same value."""
    for name in facts(kind):
        found = known(kind, name)
        text = format_value(found.default, found.type)
        if text is not None and found.rule != "non-empty list":
            assert found.parse(text) == found.default, name


def test_counts_are_those_of_kafka() -> None:
    """The tables hold all of Kafka 4.4.0's configurations."""
    assert [len(facts(kind)) for kind in KINDS] == [379, 38, 27, 3]


@pytest.mark.parametrize(
    ("kind", "name", "text", "value"),
    [
        ("broker", "num.partitions", " +3 ", 3),
        ("topic", "retention.ms", "-1", -1),
        ("topic", "flush.ms", "9223372036854775807", (1 << 63) - 1),
        ("topic", "min.cleanable.dirty.ratio", "5e-1", 0.5),
        ("broker", "log.cleaner.io.buffer.load.factor", ".9d", 0.9),
        ("topic", "preallocate", "TRUE", True),
        ("topic", "cleanup.policy", "compact , delete", ["compact", "delete"]),
        ("topic", "cleanup.policy", "", []),
        ("topic", "cleanup.policy", "delete,compact,delete", ["delete", "compact"]),
        ("topic", "compression.gzip.level", "-1", -1),
        ("broker", "group.consumer.migration.policy", "Upgrade", "Upgrade"),
        ("topic", "leader.replication.throttled.replicas", "0:1,1:2", ["0:1", "1:2"]),
        ("topic", "leader.replication.throttled.replicas", "*", ["*"]),
        ("topic", "leader.replication.throttled.replicas", "0:1,", ["0:1", ""]),
        ("client_metrics", "metrics", "a,b,a", ["a", "b"]),
        ("group", "share.auto.offset.reset", "by_duration:P1DT2H", "by_duration:P1DT2H"),
        ("broker", "sasl.jaas.config", "secret", "secret"),
    ],
)
def test_what_kafka_takes_is_taken(kind: str, name: str, text: str, value: object) -> None:
    """Java's number formats, lists with blanks, and each special rule."""
    assert known(kind, name).parse(text) == value


@pytest.mark.parametrize(
    ("kind", "name", "text", "reason"),
    [
        ("broker", "num.partitions", "0", "at least 1"),
        ("broker", "num.partitions", "3.0", "type INT"),
        ("broker", "num.partitions", "1_0", "type INT"),
        ("broker", "num.partitions", "2147483648", "type INT"),
        ("broker", "num.partitions", "", "type INT"),
        ("broker", "offsets.topic.replication.factor", "40000", "type SHORT"),
        ("topic", "retention.ms", "9" * 5000, "type LONG"),
        ("topic", "compression.zstd.level", "23", "no more than 22"),
        ("topic", "compression.gzip.level", "0", "between 1 and 9 or equal to -1"),
        ("topic", "min.cleanable.dirty.ratio", "1.1", "no more than 1"),
        ("topic", "min.cleanable.dirty.ratio", "half", "type DOUBLE"),
        ("topic", "preallocate", "yes", "true or false"),
        ("topic", "cleanup.policy", "delete,maybe", "Invalid value maybe for configuration cleanup.policy: String must be one of"),
        ("topic", "compression.type", "lzma", "one of"),
        ("topic", "follower.replication.throttled.replicas", "1", "partitionId"),
        ("group", "share.auto.offset.reset", "never", "by_duration"),
        ("group", "share.auto.offset.reset", "by_duration:P", "by_duration"),
        ("broker", "controller.quorum.voters", "", "empty"),
        ("broker", "group.share.assignors", "", "empty"),
        ("broker", "group.share.assignors", "a,,b", "values must not be empty"),
        ("topic", "leader.replication.throttled.replicas", "none", "partitionId"),
        ("group", "share.auto.offset.reset", "by_duration:-PT1H", "by_duration"),
        ("group", "share.auto.offset.reset", "by_duration:PT1M-61S", "by_duration"),
        ("broker", "remote.log.metadata.manager.class.name", "", "empty"),
    ],
)
def test_what_kafka_refuses_is_refused(kind: str, name: str, text: str, reason: str) -> None:
    """Each validator says the name and why."""
    with pytest.raises(SettingError, match=reason) as refused:
        known(kind, name).parse(text)
    assert name in str(refused.value)


OFFSET_RESET = "The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."
REPLICAS = "must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."


@pytest.mark.parametrize(
    ("kind", "name", "text", "told"),
    [
        ("topic", "retention.ms", " x", "Invalid value  x for configuration {}: Not a number of type LONG"),
        ("topic", "retention.ms", "-5", "Invalid value -5 for configuration {}: Value must be at least -1"),
        ("topic", "retention.ms", " -05 ", "Invalid value -5 for configuration {}: Value must be at least -1"),
        ("topic", "min.cleanable.dirty.ratio", "1e300", "Invalid value 1.0E300 for configuration {}: Value must be no more than 1"),
        (
            "topic",
            "message.timestamp.type",
            " Never ",
            "Invalid value Never for configuration {}: String must be one of: CreateTime, LogAppendTime",
        ),
        ("topic", "cleanup.policy", ",", "Configuration '{}' values must not be empty."),
        ("topic", "cleanup.policy", "x,x", "Invalid value x for configuration {}: String must be one of: compact, delete"),
        ("topic", "leader.replication.throttled.replicas", "x,1:2", "Invalid value [x, 1:2] for configuration {}: {} " + REPLICAS),
        (
            "group",
            "share.auto.offset.reset",
            " no",
            "Invalid value no for configuration {}: Invalid value `no` for configuration {}. " + OFFSET_RESET,
        ),
        ("group", "streams.rack.aware.assignment.tags", "a,a", "{} must not contain duplicate tag keys."),
        ("group", "streams.rack.aware.assignment.tags", "a,,b", "Configuration '{}' values must not be empty."),
        ("client_metrics", "match", "a,,a", "Configuration '{}' values must not be empty."),
        ("broker", "log.cleanup.policy", "x,x", "Configuration '{}' values must not be duplicated."),
        ("broker", "listeners", "", "Configuration '{}' must not be empty. Valid values include: any non-empty value"),
    ],
)
def test_refusals_are_told_in_kafkas_words(kind: str, name: str, text: str, told: str) -> None:
    """To the letter: clients show it."""
    with pytest.raises(SettingError) as refused:
        known(kind, name).parse(text)
    assert str(refused.value) == told.replace("{}", name)


def test_a_password_is_not_shown() -> None:
    """The text of a refused password stays out of the message, and a password prints as nothing."""
    found = known("broker", "ssl.key.password")
    assert "hush" not in str(found.refuse("hush", "no"))
    assert format_value("hush", ConfigType.PASSWORD) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (1.0, "1.0"),
        (0.0, "0.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (123456789.0, "1.23456789E8"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_doubles_print_as_in_java(value: float, text: str) -> None:
    """Plain between 1e-3 and 1e7, scientific elsewhere."""
    assert format_double(value) == text


@settings(derandomize=True, deadline=None)
@given(st.floats(allow_nan=False))
def test_a_printed_double_is_the_same_number(value: float) -> None:
    """Printing loses nothing."""
    assert float(format_double(value).replace("Infinity", "inf")) == value


@settings(derandomize=True, deadline=None)
@given(st.integers())
def test_longs_are_taken_up_to_64_bits(value: int) -> None:
    """A long parses if and only if it fits 64 bits (and the setting's own limits)."""
    found = known("topic", "retention.bytes")
    if -(1 << 63) <= value < 1 << 63:
        assert found.parse(str(value)) == value
    else:
        with pytest.raises(SettingError):
            found.parse(str(value))


def test_unknown_names_have_no_definition() -> None:
    """A name that Kafka does not have is None, and an error where the program needs it."""
    assert definition("topic", "no.such") is None
    with pytest.raises(SettingError, match=r"no\.such"):
        known("topic", "no.such")
