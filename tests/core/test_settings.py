"""The settings of a broker and of its topics: layers, synonyms, defaults."""

from __future__ import annotations

import pytest

from pybroker.core.settings import DEVELOPMENT_DEFAULTS, MAX_DERIVED, SettingError, Settings
from pybroker.wire.errors import ErrorCode, KafkaError

HOUR_MS = 3_600_000


def test_layers_count_in_kafkas_order() -> None:
    """Dynamic for this broker, dynamic for all, static, default."""
    settings = Settings({"log.cleaner.threads": "2"})
    assert Settings({}).get("log.cleaner.threads") == 1
    assert settings.get("log.cleaner.threads") == 2
    settings.set_dynamic({"log.cleaner.threads": "3"}, {})
    assert settings.get("log.cleaner.threads") == 3
    settings.set_dynamic({"log.cleaner.threads": "3"}, {"log.cleaner.threads": "4"})
    assert settings.get("log.cleaner.threads") == 4
    settings.set_dynamic({}, {})
    assert settings.get("log.cleaner.threads") == 2


def test_a_dynamic_value_that_is_not_valid_does_not_count() -> None:
    """A bad value in the metadata does not stop a broker."""
    settings = Settings({})
    settings.set_dynamic({"log.cleaner.threads": "many"}, {})
    assert settings.get("log.cleaner.threads") == 1


def test_development_defaults_are_for_one_broker_and_can_be_overridden() -> None:
    """They count as static values; what is given wins."""
    settings = Settings({"offsets.topic.replication.factor": "2"})
    assert settings.get("group.initial.rebalance.delay.ms") == 0
    assert settings.get("offsets.topic.replication.factor") == 2
    assert set(DEVELOPMENT_DEFAULTS) <= set(settings.static)


def test_a_bad_static_value_is_refused_and_an_unknown_name_is_kept() -> None:
    """A broker with a bad value does not start; names of plug-ins stay."""
    with pytest.raises(SettingError, match=r"num\.partitions"):
        Settings({"num.partitions": "none"})
    with pytest.raises(SettingError, match=r"log\.retention\.hours"):
        Settings({"log.retention.hours": "0"})
    assert Settings({"super.users": "User:me"}).static["super.users"] == "User:me"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("log.retention.hour", "1", r"did you mean log\.retention\.hours"),
        ("retention.ms", "1", r"default for it is log\.retention\.ms"),
        ("remote.storage.enable", "true", "Unknown setting"),
        ("replica.alter.log.dirs.io.max.bytes.per.second", "1000000", "only while the broker runs"),
        ("xyzzy", "1", "Unknown setting xyzzy"),
        ("num.partitions", "0", "at least 1"),
    ],
)
def test_a_misspelt_setting_gets_a_hint(name: str, value: str, text: str) -> None:
    """A person who gives an unknown name is told the nearest one."""
    with pytest.raises(SettingError, match=text):
        Settings.check(name, value)


@pytest.mark.parametrize("name", ["super.users", "rlmm.config.x", "listener.name.internal.ssl.key.password", "num.partitions"])
def test_known_and_plugin_names_pass(name: str) -> None:
    """Names of Kafka's, of its authorizer and of plug-ins are taken."""
    Settings.check(name, "7")


def test_a_name_that_kafka_does_not_have_cannot_be_read() -> None:
    """A misspelt name in the program shows at once."""
    with pytest.raises(SettingError):
        Settings({}).get("no.such")


@pytest.mark.parametrize(
    ("static", "retention_ms"),
    [
        ({}, 168 * HOUR_MS),
        ({"log.retention.hours": "1"}, HOUR_MS),
        ({"log.retention.hours": "1", "log.retention.minutes": "5"}, 300_000),
        ({"log.retention.hours": "1", "log.retention.minutes": "5", "log.retention.ms": "7"}, 7),
        ({"log.retention.minutes": "-1"}, -1),
        ({"log.retention.ms": "-1"}, -1),
    ],
)
def test_the_finest_unit_wins(static: dict[str, str], retention_ms: int) -> None:
    """log.retention.ms before .minutes before .hours."""
    assert Settings(static).topic_config({}).retention_ms == retention_ms


def test_segment_and_flush_times_have_chains_too() -> None:
    """log.roll.* and log.flush.* stand in for segment.ms, segment.jitter.ms and flush.ms."""
    config = Settings({"log.roll.hours": "2", "log.roll.jitter.hours": "1", "log.flush.scheduler.interval.ms": "9"}).topic_config({})
    assert (config.segment_ms, config.segment_jitter_ms, config.flush_ms) == (2 * HOUR_MS, HOUR_MS, 9)


def test_a_topic_config_is_typed() -> None:
    """What the hot path asks is numbers and booleans."""
    overrides = {"cleanup.policy": "compact,delete", "message.timestamp.type": "LogAppendTime", "max.message.bytes": "5"}
    config = Settings({"compression.type": "lz4"}).topic_config(overrides)
    assert (config.compact, config.delete, config.log_append_time) == (True, True, True)
    assert (config.max_message_bytes, config.compression_type, config.compression_lz4_level) == (5, "lz4", 9)
    assert config.log_config().segment_bytes == config.segment_bytes == 1 << 30


def test_topics_without_own_settings_share_one_config_until_settings_change() -> None:
    """Ten thousand partitions hold one object; a dynamic change makes a new one."""
    settings = Settings({})
    first = settings.topic_config({})
    assert settings.topic_config({}) is first
    settings.set_dynamic({"message.max.bytes": "9"}, {})
    assert settings.topic_config({}).max_message_bytes == 9


def test_overrides_that_are_no_longer_valid_do_not_count() -> None:
    """A log written by another release may hold what this one does not know."""
    config = Settings({}).topic_config({"retention.ms": "x", "no.such": "1", "segment.ms": "5"})
    assert (config.retention_ms, config.segment_ms) == (168 * HOUR_MS, 5)


def test_the_internal_segment_size_goes_below_the_public_limit() -> None:
    """internal.segment.bytes is for tests of small segments."""
    assert Settings({}).topic_config({"internal.segment.bytes": "100"}).segment_bytes == 100


@pytest.mark.parametrize(
    "configs",
    [
        {"no.such": "1"},
        {"retention.ms": None},
        {"retention.ms": "abc"},
        {"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"},
        {"remote.storage.enable": "true"},
    ],
)
def test_bad_topic_configs_are_invalid_config(configs: dict[str, str | None]) -> None:
    """CreateTopics and the alterations answer INVALID_CONFIG."""
    with pytest.raises(KafkaError) as refused:
        Settings({}).validate_topic(configs)
    assert refused.value.code is ErrorCode.INVALID_CONFIG


def test_what_is_worked_out_is_forgotten_when_settings_change() -> None:
    """A derived value is made once, made anew after a dynamic change, and there are never too many."""
    settings = Settings({})
    made: list[int] = []

    def make() -> int:
        made.append(settings.get("num.partitions"))
        return made[-1]

    assert [settings.derived("a", make), settings.derived("a", make)] == [1, 1]
    settings.set_dynamic({}, {})
    assert settings.derived("a", make) == 1
    assert len(made) == 2
    for number in range(3 * MAX_DERIVED):
        settings.derived(number, make)
    settings.derived("a", make)
    assert len(made) == 3 + 3 * MAX_DERIVED
