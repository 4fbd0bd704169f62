"""Configurations as DescribeConfigs tells them: sources and synonyms, as Kafka 4.4.0 answered."""

from __future__ import annotations

from collections.abc import Iterable

from pybroker.core.config_definitions import ConfigType
from pybroker.core.config_entries import (
    ConfigEntry,
    broker_entries,
    client_metrics_entries,
    default_broker_entries,
    group_entries,
    topic_entries,
)
from pybroker.core.settings import Settings


def kafka_like() -> Settings:
    """A broker with the cluster-wide min.insync.replicas that the controller sets."""
    settings = Settings({"num.partitions": "4", "super.users": "User:me", "group.share.min.record.lock.duration.ms": "1000"})
    settings.set_dynamic({"min.insync.replicas": "1"}, {})
    return settings


def one(entries: Iterable[ConfigEntry], name: str) -> ConfigEntry:
    """The entry of that name."""
    return next(entry for entry in entries if entry.name == name)


def synonyms(entry: ConfigEntry) -> list[tuple[str, str | None, int]]:
    """The synonyms as plain tuples."""
    return [(synonym.name, synonym.value, int(synonym.source)) for synonym in entry.synonyms]


def test_internal_configurations_are_left_out() -> None:
    """A topic shows 37 of 38, a group 21 of 27, a broker 350 of 379 and the unknown ones that it was given."""
    settings = kafka_like()
    assert len(topic_entries(settings, {})) == 37
    assert len(group_entries(settings, {})) == 21
    assert len(broker_entries(settings)) == 350 + 1


def test_a_topics_own_value_comes_first() -> None:
    """Source 1 with itself as the only synonym, where the broker's defaults are in hours."""
    entry = one(topic_entries(kafka_like(), {"retention.ms": "60000"}), "retention.ms")
    assert (entry.value, entry.source, entry.type) == ("60000", 1, ConfigType.LONG)
    assert synonyms(entry) == [("retention.ms", "60000", 1)]


def test_a_topic_default_names_the_brokers_setting() -> None:
    """cleanup.policy comes from log.cleanup.policy."""
    entry = one(topic_entries(kafka_like(), {}), "cleanup.policy")
    assert (entry.value, entry.source) == ("delete", 5)
    assert synonyms(entry) == [("log.cleanup.policy", "delete", 5)]


def test_a_default_in_hours_has_no_synonyms_though_it_counts() -> None:
    """Kafka drops what comes before the asked name, and the asked name is not set."""
    entry = one(topic_entries(Settings({"log.retention.hours": "1"}), {}), "retention.ms")
    assert (entry.value, entry.source, entry.synonyms) == ("3600000", 5, [])


def test_the_cluster_wide_min_insync_replicas_is_source_3() -> None:
    """Dynamic default first, then the default."""
    entry = one(topic_entries(kafka_like(), {}), "min.insync.replicas")
    assert (entry.value, entry.source) == ("1", 3)
    assert synonyms(entry) == [("min.insync.replicas", "1", 3), ("min.insync.replicas", "1", 5)]


def test_keys_choose_and_no_keys_mean_all() -> None:
    """Unknown keys are passed over."""
    settings = kafka_like()
    assert [entry.name for entry in topic_entries(settings, {}, ["segment.ms", "no.such"])] == ["segment.ms"]
    assert len(topic_entries(settings, {}, [])) == 37


def test_a_brokers_static_value_stands_before_the_default() -> None:
    """num.partitions is read-only, static, and its default is told."""
    entry = one(broker_entries(kafka_like()), "num.partitions")
    assert (entry.value, entry.read_only, entry.source) == ("4", True, 4)
    assert synonyms(entry) == [("num.partitions", "4", 4), ("num.partitions", "1", 5)]


def test_unset_passwords_and_unknown_names() -> None:
    """A password is sensitive and null; an unknown static name is listed as sensitive."""
    entries = broker_entries(kafka_like())
    password = one(entries, "ssl.key.password")
    assert (password.value, password.is_sensitive, password.source, password.synonyms) == (None, True, 5, [])
    unknown = one(entries, "super.users")
    assert (unknown.value, unknown.is_sensitive, unknown.type) == (None, True, ConfigType.UNKNOWN)
    assert synonyms(unknown) == [("super.users", None, 4)]


def test_the_nameless_broker_shows_what_was_set_for_all() -> None:
    """Only the dynamic defaults, from that layer alone."""
    entries = default_broker_entries(kafka_like())
    assert [(entry.name, entry.value, int(entry.source)) for entry in entries] == [("min.insync.replicas", "1", 3)]
    assert synonyms(entries[0]) == [("min.insync.replicas", "1", 3)]


def test_a_quota_is_told_while_it_is_set() -> None:
    """As a 64-bit number that can be changed, in the words in which it was given; it has no default that is shown."""
    name = "replica.alter.log.dirs.io.max.bytes.per.second"
    settings = kafka_like()
    assert broker_entries(settings, [name]) == default_broker_entries(settings, [name]) == []
    assert settings.get(name) == (1 << 63) - 1
    settings.set_dynamic({name: "7"}, {name: " 5 "})
    assert settings.get(name) == 5
    (own,), (of_all,) = broker_entries(settings, [name]), default_broker_entries(settings, [name])
    assert (own.value, own.source, own.read_only, own.is_sensitive, own.type) == (" 5 ", 2, False, False, ConfigType.LONG)
    assert synonyms(own) == [(name, " 5 ", 2), (name, "7", 3)]
    assert (of_all.value, of_all.source, synonyms(of_all)) == ("7", 3, [(name, "7", 3)])


def test_a_group_inherits_from_the_broker() -> None:
    """Broker synonyms; the default assignor is the first that the broker offers; own values are source 8."""
    entries = group_entries(kafka_like(), {"consumer.session.timeout.ms": "50000"})
    own = one(entries, "consumer.session.timeout.ms")
    assert (own.value, own.source) == ("50000", 8)
    assert synonyms(own)[1:] == [("group.consumer.session.timeout.ms", "45000", 5)]
    assert one(entries, "streams.assignor.name").value == "sticky"
    assert synonyms(one(entries, "share.auto.offset.reset")) == [("share.auto.offset.reset", "latest", 5)]


def test_client_metrics_have_defaults() -> None:
    """A subscription that nobody made still answers."""
    entries = client_metrics_entries({"interval.ms": "100"})
    assert [(entry.name, entry.value, int(entry.source)) for entry in entries] == [
        ("interval.ms", "100", 7),
        ("match", "", 5),
        ("metrics", "", 5),
    ]
