"""AlterConfigs and IncrementalAlterConfigs: every refusal and what is kept."""

from __future__ import annotations

from random import Random

import pytest

from pybroker.core.alter_configs import alter_configs, incremental_alter_configs
from pybroker.core.cluster import ClusterImage
from pybroker.core.controller import ControllerView, bootstrap_records, start_records
from pybroker.core.settings import Settings
from pybroker.wire.messages import AlterConfigsRequest, ConfigRecord, IncrementalAlterConfigsRequest, TopicRecord

Change = IncrementalAlterConfigsRequest.AlterableConfig
Changes = IncrementalAlterConfigsRequest.AlterConfigsResource
Wish = AlterConfigsRequest.AlterableConfig
Wishes = AlterConfigsRequest.AlterConfigsResource

SET, DELETE, APPEND, SUBTRACT = range(4)
TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32


def new_view(**topic_configs: str) -> ControllerView:
    """A cluster with topics a and b; a sets `topic_configs` (underscores for dots)."""
    settings = Settings({"group.share.min.record.lock.duration.ms": "1000"})
    image = ClusterImage("c")
    view = ControllerView(image, settings, 1, Random(1))
    image.replay(bootstrap_records(settings))
    image.replay(start_records(view, 8, [], []))
    image.replay([TopicRecord(name="a", topic_id=b"a" * 16), TopicRecord(name="b", topic_id=b"b" * 16)])
    image.replay(
        ConfigRecord(resource_type=TOPIC, resource_name="a", name=name.replace("_", "."), value=value)
        for name, value in topic_configs.items()
    )
    return view


def change(view: ControllerView, *resources: Changes, validate_only: bool = False) -> list[int]:
    """Alter by pieces and do it; the error codes."""
    decision = incremental_alter_configs(view, IncrementalAlterConfigsRequest(resources=list(resources), validate_only=validate_only))
    view.image.replay(decision.records)
    return [one.error_code for one in decision.response.responses]


def one(kind: int, name: str, *configs: tuple[str, int, str | None]) -> Changes:
    """Changes of one resource."""
    return Changes(
        resource_type=kind,
        resource_name=name,
        configs=[Change(name=key, config_operation=operation, value=value) for key, operation, value in configs],
    )


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (("no.such", SET, "1"), 40),
        (("", SET, "1"), 40),
        (("retention.ms", SET, "abc"), 40),
        (("retention.ms", APPEND, "1"), 40),
        (("retention.ms", 9, "1"), -1),
        (("retention.ms", SET, None), 42),
        (("retention.ms", DELETE, "1"), 0),
        (("no.such", DELETE, None), 0),
        (("cleanup.policy", SUBTRACT, "compact"), 0),
        (("cleanup.policy", APPEND, "delete"), 0),
    ],
)
def test_what_changes_of_a_topic_answer(config: tuple[str, int, str | None], code: int) -> None:
    """Unknown names and operations, values, nulls, lists."""
    assert change(new_view(), one(TOPIC, "a", config)) == [code]


def test_set_append_subtract_delete() -> None:
    """Pieces are added to and taken from what is set, or from the default."""
    view = new_view(cleanup_policy="compact")
    assert change(view, one(TOPIC, "a", ("cleanup.policy", APPEND, "delete"), ("retention.ms", SET, "7"))) == [0]
    assert view.image.topics["a"].configs == {"cleanup.policy": "compact,delete", "retention.ms": "7"}
    assert change(view, one(TOPIC, "a", ("cleanup.policy", SUBTRACT, "compact"), ("retention.ms", DELETE, None))) == [0]
    assert view.image.topics["a"].configs == {"cleanup.policy": "delete"}


def test_unchanged_values_make_no_records_but_for_brokers() -> None:
    """Setting a broker's value again is written, so that it is read anew."""
    view = new_view(retention_ms="7")
    request = IncrementalAlterConfigsRequest(resources=[one(TOPIC, "a", ("retention.ms", SET, "7"))])
    assert incremental_alter_configs(view, request).records == []
    change(view, one(BROKER, "", ("log.cleaner.threads", SET, "2")))
    request = IncrementalAlterConfigsRequest(resources=[one(BROKER, "", ("log.cleaner.threads", SET, "2"))])
    assert len(incremental_alter_configs(view, request).records) == 1


def test_one_bad_config_spoils_its_resource_alone() -> None:
    """The other topic is changed."""
    view = new_view()
    codes = change(
        view, one(TOPIC, "a", ("retention.ms", SET, "5"), ("segment.bytes", SET, "x")), one(TOPIC, "b", ("retention.ms", SET, "6"))
    )
    assert codes == [40, 0]
    assert (view.image.topics["a"].configs, view.image.topics["b"].configs) == ({}, {"retention.ms": "6"})


def test_twice_is_refused() -> None:
    """A key twice spoils its resource, a resource twice both."""
    resource = one(TOPIC, "a", ("retention.ms", SET, "1"))
    assert change(new_view(), one(TOPIC, "a", ("retention.ms", SET, "1"), ("retention.ms", SET, "2"))) == [42]
    assert change(new_view(), resource, resource) == [42, 42]


def test_validate_only_changes_nothing() -> None:
    """The answer is the same."""
    view = new_view()
    assert change(view, one(TOPIC, "a", ("retention.ms", SET, "1")), one(TOPIC, "b", ("retention.ms", SET, "x")), validate_only=True) == [
        0,
        40,
    ]
    assert view.image.topics["a"].configs == {}


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (one(TOPIC, "nope", ("retention.ms", SET, "1")), 3),
        (one(0, "x", ("a", SET, "b")), 42),
        (one(-1, "x", ("a", SET, "b")), 42),
        (one(64, "x", ("a", SET, "b")), 42),
        (one(GROUP, "", ("consumer.session.timeout.ms", SET, "50000")), 42),
        (one(METRICS, "", ("interval.ms", SET, "100")), 42),
        (one(TOPIC, "nope", ("no.such", SET, "1")), 40),
        (one(TOPIC, "nope", ("retention.ms", APPEND, "1")), 40),
        (one(TOPIC, "b ad", ("retention.ms", SET, "1")), 17),
        (one(TOPIC, "", ("retention.ms", SET, "1")), 42),
        (one(LOGGER, "1"), 0),
        (one(LOGGER, "1", ("root", SET, "INFO")), 40),
        (one(LOGGER, "1", ("root", APPEND, "INFO")), 42),
        (one(LOGGER, "1", ("root", 9, "INFO")), 42),
        (one(LOGGER, "7", ("root", SET, "INFO")), 42),
        (one(BROKER, "7", ("log.cleaner.threads", 9, "1")), 42),
        (one(TOPIC, "b ad", ("retention.ms", 9, "1")), -1),
        (one(LOGGER, "", ("root", SET, "INFO")), 42),
        (one(BROKER, "7777", ("log.cleaner.threads", SET, "1")), 42),
        (one(BROKER, "abc", ("log.cleaner.threads", SET, "1")), 42),
    ],
)
def test_resources_that_are_not_there(resource: Changes, code: int) -> None:
    """Unknown topics, types and brokers, and names that are empty."""
    assert change(new_view(), resource) == [code]


@pytest.mark.parametrize(
    ("name", "config", "code"),
    [
        ("1", ("num.partitions", SET, "3"), 42),
        ("1", ("node.id", SET, "9"), 42),
        ("1", ("log.cleaner.threads", SET, "x"), 42),
        ("1", ("listeners", SET, "PLAINTEXT://:1"), 42),
        ("", ("ssl.keystore.location", SET, "/k"), 42),
        ("1", ("no.such.config", SET, "x"), 0),
        ("", ("message.max.bytes", SET, "5"), 0),
        ("1", ("message.max.bytes", SET, "5"), 0),
        ("1", ("min.insync.replicas", SET, "2"), 40),
        ("", ("min.insync.replicas", SET, "2"), 0),
        ("", ("min.insync.replicas", DELETE, None), 40),
    ],
)
def test_what_may_be_changed_on_a_running_broker(name: str, config: tuple[str, int, str | None], code: int) -> None:
    """Read-only and per-broker settings are refused, unknown names pass, the cluster-wide insync replicas stay."""
    assert change(new_view(), one(BROKER, name, config)) == [code]


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (("consumer.session.timeout.ms", SET, "50000"), 0),
        (("consumer.session.timeout.ms", SET, "1"), 40),
        (("consumer.session.timeout.ms", SET, "60001"), 40),
        (("consumer.session.timeout.ms", SET, "abc"), 40),
        (("no.such", SET, "1"), 40),
        (("share.record.lock.duration.ms", SET, "1"), 40),
        (("share.auto.offset.reset", SET, "never"), 40),
        (("share.auto.offset.reset", SET, "by_duration:PT1H"), 0),
    ],
)
def test_what_changes_of_a_group_answer(config: tuple[str, int, str | None], code: int) -> None:
    """Names, values and the broker's limits."""
    assert change(new_view(), one(GROUP, "g", config)) == [code]


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (("interval.ms", SET, "100"), 0),
        (("interval.ms", SET, "1"), 42),
        (("metrics", SET, "org.apache.kafka."), 0),
        (("match", SET, "client_id=a.*"), 0),
        (("match", SET, "client_id=["), 40),
        (("match", SET, "colour=red"), 40),
        (("no.such", SET, "1"), 42),
    ],
)
def test_what_changes_of_client_metrics_answer(config: tuple[str, int, str | None], code: int) -> None:
    """Limits of the interval, patterns, names."""
    assert change(new_view(), one(METRICS, "m", config)) == [code]


def replace(view: ControllerView, name: str, *configs: tuple[str, str | None]) -> int:
    """Alter the old way and do it; the error code."""
    wishes = Wishes(resource_type=TOPIC, resource_name=name, configs=[Wish(name=key, value=value) for key, value in configs])
    decision = alter_configs(view, AlterConfigsRequest(resources=[wishes]))
    view.image.replay(decision.records)
    return int(decision.response.responses[0].error_code)


def test_the_old_way_replaces_everything() -> None:
    """What is not named is deleted."""
    view = new_view(retention_ms="60000")
    assert replace(view, "a", ("segment.ms", "70000")) == 0
    assert view.image.topics["a"].configs == {"segment.ms": "70000"}


@pytest.mark.parametrize(
    ("name", "config", "code"),
    [
        ("a", ("no.such", "1"), 40),
        ("a", ("retention.ms", "abc"), 40),
        ("a", ("retention.ms", None), 42),
        ("nope", ("retention.ms", "1"), 3),
    ],
)
def test_what_the_old_way_refuses(name: str, config: tuple[str, str | None], code: int) -> None:
    """The same refusals."""
    assert replace(new_view(), name, config) == code


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (one(TOPIC, "a", ("retention.ms", 9, "1")), None),
        (one(TOPIC, "", ("retention.ms", SET, "1")), "Default topic resources are not allowed."),
        (one(METRICS, "", ("interval.ms", SET, "100")), "Subscription name can't be empty"),
        (one(BROKER, "7", ("log.cleaner.threads", SET, "1")), "Unexpected broker id, expected 1, but received 7"),
        (one(BROKER, "1", ("node.id", SET, "9"), ("num.partitions", SET, "9")), "dynamically: [node.id, num.partitions]"),
        (one(GROUP, "g", ("consumer.session.timeout.ms", SET, "1")), "must be in the range 45000 to 60000 inclusive."),
    ],
)
def test_what_is_said_of_a_refusal(resource: Changes, message: str | None) -> None:
    """The facts that a user looks for; of an operation that nobody knows nothing is said."""
    decision = incremental_alter_configs(new_view(), IncrementalAlterConfigsRequest(resources=[resource]))
    (told,) = [answer.error_message for answer in decision.response.responses]
    assert told is message if message is None else told.endswith(message)
