"""What a client reads of an alteration that is refused, and with which code."""

from __future__ import annotations

from random import Random

import pytest

from pybroker.core.alter_configs import alter_configs, incremental_alter_configs
from pybroker.core.cluster import ClusterImage
from pybroker.core.controller import ControllerView, bootstrap_records, start_records
from pybroker.core.log_directories import LocalDirectories
from pybroker.core.settings import Settings
from pybroker.wire.messages import AlterConfigsRequest, ConfigRecord, IncrementalAlterConfigsRequest, TopicRecord

SET, DELETE, APPEND, SUBTRACT = range(4)
TOPIC, BROKER, METRICS, GROUP = 2, 4, 16, 32

Config = tuple[str, int, str | None]


@pytest.fixture
def view() -> ControllerView:
    """A broker with the id 1, two log directories, a thread for the cleaner set for it alone, and the topic `a`."""
    settings = Settings({})
    image = ClusterImage("c")
    view = ControllerView(image, settings, 1, Random(1), LocalDirectories({b"1" * 16: "/one", b"2" * 16: "/two"}))
    image.replay(bootstrap_records(settings))
    image.replay(start_records(view, 8, [], []))
    image.replay([TopicRecord(name="a", topic_id=b"a" * 16)])
    image.replay([ConfigRecord(resource_type=BROKER, resource_name="1", name="log.cleaner.threads", value="2")])
    settings.set_dynamic(image.config_overrides(BROKER, ""), image.config_overrides(BROKER, "1"))
    return view


def told(view: ControllerView, kind: int, name: str, *configs: Config) -> tuple[int, str | None]:
    """Code and message for changes of one resource."""
    changes = [IncrementalAlterConfigsRequest.AlterableConfig(name=key, config_operation=how, value=value) for key, how, value in configs]
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=kind, resource_name=name, configs=changes)
    (answer,) = incremental_alter_configs(view, IncrementalAlterConfigsRequest(resources=[resource])).response.responses
    return answer.error_code, answer.error_message


@pytest.mark.parametrize(
    ("configs", "text"),
    [
        (
            [("min.compaction.lag.ms", SET, "9"), ("max.compaction.lag.ms", SET, "5")],
            "conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (5)",
        ),
        (
            [("remote.storage.enable", SET, "true")],
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
        ),
        ([("retention.ms", SET, "x"), ("no.such", SET, "1")], "Unknown topic config name: no.such"),
        ([("retention.ms", APPEND, "1")], "Can't APPEND to key retention.ms because its type is not LIST."),
        ([("no.such", SUBTRACT, "1")], "Can't SUBTRACT to key no.such because its type is not LIST."),
    ],
)
def test_of_a_topic(view: ControllerView, configs: list[Config], text: str) -> None:
    """INVALID_CONFIG: names before values, values before what must hold between them."""
    assert told(view, TOPIC, "a", *configs) == (40, text)


def test_null_values_are_told_together(view: ControllerView) -> None:
    """Before anything else about the names."""
    wishes = [AlterConfigsRequest.AlterableConfig(name=name, value=None) for name in ("no.such", "retention.ms")]
    resource = AlterConfigsRequest.AlterConfigsResource(resource_type=TOPIC, resource_name="a", configs=wishes)
    (answer,) = alter_configs(view, AlterConfigsRequest(resources=[resource])).response.responses
    assert (answer.error_code, answer.error_message) == (42, "Null value not supported for : no.such, retention.ms")


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            ("streams.assignor.name", SET, "x"),
            "streams.assignor.name 'x' is not a registered task assignor. Registered assignors are: [sticky].",
        ),
        (("errors.deadletterqueue.topic.name", SET, "__x"), "errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'"),
        (("streams.num.warmup.replicas", SET, "21"), "streams.num.warmup.replicas must be less than or equal to 20"),
        (("streams.task.offset.interval.ms", SET, "9"), "streams.task.offset.interval.ms must be greater than or equal to 15000"),
        (
            ("streams.rack.aware.assignment.tags", APPEND, "a"),
            "Can't APPEND to key streams.rack.aware.assignment.tags because its type is not LIST.",
        ),
    ],
)
def test_of_a_group(view: ControllerView, config: Config, text: str) -> None:
    """INVALID_CONFIG, also for lists that the controller does not take for lists."""
    assert told(view, GROUP, "g", config) == (40, text)


def test_the_first_of_several_of_a_group(view: ControllerView) -> None:
    """It is the one that Kafka defines first, whatever the order in the request."""
    names = ("streams.session.timeout.ms", "share.session.timeout.ms", "consumer.session.timeout.ms")
    text = "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT"
    assert told(view, GROUP, "g", *[(name, SET, "x") for name in names]) == (40, text)


@pytest.mark.parametrize("pattern", ["x", "client_id", "client_id=", "client_id=a=b", "=a", "client_id=[", "client_name=a"])
def test_of_a_telemetry_subscription(view: ControllerView, pattern: str) -> None:
    """A pattern has one key that is known, and one expression."""
    assert told(view, METRICS, "m", ("match", SET, pattern)) == (40, f"Illegal client matching pattern: {pattern}")


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (("log.retention.ms", APPEND, "1"), "Config value append is not allowed for config key: log.retention.ms"),
        (("node.id", SUBTRACT, "1"), "Config value subtract is not allowed for config key: node.id"),
        (("no.such", APPEND, "1"), "Unknown config name: no.such"),
        (("min.insync.replicas", DELETE, None), "Broker-level min.insync.replicas cannot be altered while ELR is enabled."),
    ],
)
def test_of_a_broker_by_the_controller(view: ControllerView, config: Config, text: str) -> None:
    """INVALID_CONFIG where the operation, not the value, is wrong."""
    assert told(view, BROKER, "1", config) == (40, text)


BUFFER = "requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."
NO_OVERRIDES = "requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."
MISSING = "requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : "
THREADS = "Dynamic thread count update validation failed for "


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("node.id", "x", "Cannot update these configs dynamically: [node.id]"),
        (
            "ssl.keystore.type",
            "x",
            "These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.type]",
        ),
        ("ssl.client.auth", "x", "Invalid value x for configuration ssl.client.auth: String must be one of: required, requested, none"),
        ("principal.builder.class", "x.Y", "Invalid value x.Y for configuration principal.builder.class: Class x.Y could not be found."),
        ("listeners", "PLAINTEXT://:1", "Cannot update listeners: this broker takes it only at start"),
        ("min.insync.replicas", "0", "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"),
        ("log.roll.ms", "0", "requirement failed: log.roll.ms must be greater than or equal to 1"),
        ("log.roll.jitter.ms", "-1", "requirement failed: log.roll.jitter.ms must be greater than or equal to 0"),
        ("log.retention.ms", "0", "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1"),
        ("log.cleaner.dedupe.buffer.size", "2097151", BUFFER),
        ("log.cleaner.threads", "129", BUFFER),
        ("log.cleaner.threads", "0", "log.cleaner.threads must be at least 1"),
        ("log.cleaner.threads", "5", "Log cleaner threads cannot be increased to more than double the current value 2"),
        ("max.connections.per.ip", "0", NO_OVERRIDES),
        ("max.connections.per.ip.overrides", "h:1,a b:2,é:3", "max.connections.per.ip.overrides contains invalid addresses : a b,é"),
        (
            "max.connections.per.ip.overrides",
            "h:99999999999",
            "Error parsing configuration property 'max.connections.per.ip.overrides': h:99999999999",
        ),
        ("max.connections.per.ip.overrides", "h:1,h", "Error parsing configuration property 'max.connections.per.ip.overrides': h"),
        ("max.connections", "0", "Invalid max.connections 0"),
        (
            "group.share.assignment.interval.ms",
            "15001",
            "group.share.assignment.interval.ms must be less than or equal to group.share.max.assignment.interval.ms",
        ),
        ("num.io.threads", "3", THREADS + "num.io.threads=3, value should be at least half the current value 8"),
        ("num.io.threads", "17", THREADS + "num.io.threads=17, value should not be greater than double the current value 8"),
        (
            "log.local.retention.ms",
            "-1",
            "Invalid value -1 for configuration log.local.retention.ms: "
            "Value must not be -1 as log.retention.ms value is set as 604800000.",
        ),
        (
            "log.local.retention.ms",
            "604800001",
            "Invalid value 604800001 for configuration log.local.retention.ms: "
            "Value must not be more than log.retention.ms property value: 604800000",
        ),
        (
            "log.remote.copy.lag.ms",
            "604800001",
            "Invalid value 604800001 for configuration log.remote.copy.lag.ms: "
            "Value must not exceed log.local.retention.ms (effective value: 604800000)",
        ),
        ("cordoned.log.dirs", "/one,/three,x", MISSING + "/three, x"),
        ("cordoned.log.dirs", "*,/one", "requirement failed: When cordoned.log.dirs is set to *, it must not contain other values"),
    ],
)
def test_of_a_broker(view: ControllerView, name: str, value: str, text: str) -> None:
    """INVALID_REQUEST: what cannot change, values, what must hold between them, what does not change by so much at once."""
    assert told(view, BROKER, "1", (name, SET, value)) == (42, text)


def test_directories_that_may_be_cordoned(view: ControllerView) -> None:
    """Those that are there, and one that was given at start and is offline."""
    given = view._replace(settings=Settings({"log.dirs": "/one,/two,/away"}))
    assert told(given, BROKER, "1", ("cordoned.log.dirs", SET, "/away,/two")) == (0, None)
    assert told(view, BROKER, "1", ("cordoned.log.dirs", SET, "/two,/away")) == (42, MISSING + "/away")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("group.share.assignment.interval.ms", SET, "15001"), ("log.roll.ms", SET, "0")),
        (("log.roll.ms", SET, "0"), ("log.retention.ms", SET, "0")),
        (("max.connections.per.ip", SET, "0"), ("log.cleaner.threads", SET, "5")),
        (("background.threads", SET, "100"), ("num.io.threads", SET, "100")),
        (("num.io.threads", SET, "100"), ("log.cleaner.threads", SET, "5")),
        (("log.local.retention.ms", SET, "-1"), ("log.cleaner.threads", SET, "5")),
    ],
)
def test_what_is_told_first_of_a_broker(view: ControllerView, first: Config, second: Config) -> None:
    """Requirements come before changes that are too large, and the cleaner's threads are the last of those."""
    assert told(view, BROKER, "", second, first) == told(view, BROKER, "", first, second) == told(view, BROKER, "", first)


@pytest.mark.parametrize("kind", [BROKER, TOPIC])
def test_unknown_operations(view: ControllerView, kind: int) -> None:
    """The broker has a word for them, and the controller has not."""
    known = {BROKER: (42, "Unknown operations type 9"), TOPIC: (-1, None)}
    assert told(view, kind, "1" if kind == BROKER else "a", ("no.such", 9, "x")) == known[kind]


@pytest.mark.parametrize("name", ["cordoned.log.dirs", "listeners", "listener.name.a.ssl.keystore.type"])
def test_of_all_brokers(view: ControllerView, name: str) -> None:
    """Some settings are those of one broker."""
    text = f"Cannot update these configs at default cluster level, broker id must be specified: [{name}]"
    assert told(view, BROKER, "", (name, SET, "x")) == (42, text)


@pytest.mark.parametrize("name", ["node.id", "ssl.keystore.type", "listeners", "log.cleaner.threads"])
def test_taking_away_is_no_change_of_what_cannot_change(view: ControllerView, name: str) -> None:
    """Kafka looks at the settings that are left."""
    assert told(view, BROKER, "1", (name, DELETE, None)) == (0, None)


def test_what_counts_is_looked_at(view: ControllerView) -> None:
    """What is set for all brokers is judged by what this one has then: its own 2 threads go before any other number."""
    assert told(view, BROKER, "1", ("log.cleaner.threads", SET, "4")) == (0, None)
    assert told(view, BROKER, "", ("log.cleaner.threads", SET, "5")) == (0, None)


@pytest.mark.parametrize("name", ["1", "+1", "01"])
def test_ids_are_read_as_java_reads_them(view: ControllerView, name: str) -> None:
    """A sign and zeros do no harm."""
    assert told(view, BROKER, name) == (0, None)


@pytest.mark.parametrize("name", ["1.0", " 1", "2147483648", "99999999999", "one", "--1"])
def test_what_is_no_id(view: ControllerView, name: str) -> None:
    """Nor is what does not fit into 32 bits."""
    assert told(view, BROKER, name) == (42, f"Node id must be an integer, but it is: {name}")


QUOTAS = ["replica.alter.log.dirs.io.max.bytes.per.second", "leader.replication.throttled.rate", "follower.replication.throttled.rate"]


@pytest.mark.parametrize("name", QUOTAS)
@pytest.mark.parametrize("value", ["", "a", "1.5", "1_000", "9223372036854775808", "null", "*", " "])
@pytest.mark.parametrize("broker", ["1", ""])
def test_what_is_no_quota_of_a_broker(view: ControllerView, name: str, value: str, broker: str) -> None:
    """A quota is a number of bytes, or nothing is throttled and nobody is told."""
    assert told(view, BROKER, broker, (name, SET, value)) == (
        42,
        f"Invalid value {value} for configuration {name}: Not a number of type LONG",
    )
    assert told(view, BROKER, broker, (name, SET, "-1")) == (42, f"Invalid value -1 for configuration {name}: Value must be at least 0")


@pytest.mark.parametrize("name", QUOTAS)
@pytest.mark.parametrize("value", ["0", "1", " 5 ", "9223372036854775807"])
def test_what_is_a_quota_of_a_broker(view: ControllerView, name: str, value: str) -> None:
    """None at all, too; to what is not in server.properties nothing is appended."""
    for broker in ("1", ""):
        assert told(view, BROKER, broker, (name, SET, value)) == (0, None)
        assert told(view, BROKER, broker, (name, APPEND, value)) == (40, f"Unknown config name: {name}")


def test_quotas_are_looked_at_before_other_values(view: ControllerView) -> None:
    """Wherever they stand in a request."""
    text = f"Invalid value a for configuration {QUOTAS[0]}: Not a number of type LONG"
    assert told(view, BROKER, "1", ("num.io.threads", SET, "x"), (QUOTAS[0], SET, "a")) == (42, text)


@pytest.mark.parametrize(
    ("kind", "name", "config"),
    [
        (TOPIC, "a", ("cleanup.policy", APPEND, ",")),
        (TOPIC, "a", ("retention.ms", SET, "5\x00")),
        (TOPIC, "a", ("retention.ms", SET, "\u0661\u0662")),
        (BROKER, "1", ("log.cleanup.policy", APPEND, ",")),
        (BROKER, "1", ("cordoned.log.dirs", APPEND, ",")),
        (BROKER, "1", ("max.connections.per.ip.overrides", SET, ",")),
        (BROKER, "\u0661", ("log.cleaner.threads", SET, "2")),
    ],
)
def test_what_java_reads_is_taken(view: ControllerView, kind: int, name: str, config: Config) -> None:
    """Commas at the end that separate nothing, blanks, and digits of other scripts."""
    assert told(view, kind, name, config) == (0, None)


def test_what_java_does_not_read_is_refused(view: ControllerView) -> None:
    """A no-break space is no blank, and appending nothing to what is of one broker is refused for all; -0 is told as 0."""
    text = "Invalid value \u00a05 for configuration retention.ms: Not a number of type LONG"
    assert told(view, TOPIC, "a", ("retention.ms", SET, "\u00a05")) == (40, text)
    text = "Cannot update these configs at default cluster level, broker id must be specified: [cordoned.log.dirs]"
    assert told(view, BROKER, "", ("cordoned.log.dirs", APPEND, ",")) == (42, text)
    assert told(view, 8, "-0", ("x", SET, "1")) == (42, "Unexpected node id. Expected 1, but received 0")
