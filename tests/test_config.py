"""Settings from files, the environment and the command line, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pybroker.cli import build_parser, config_from
from pybroker.config import BrokerConfig, ConfigError
from pybroker.config_files import environment_settings, parse_properties, read_config_file
from pybroker.core.settings import SettingError

KRAFT_PROPERTIES = """\
# The file of a KRaft broker, as Kafka ships it.
process.roles=broker,controller
node.id=7
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://kafka.test:19092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=2
offsets.topic.replication.factor=1
log.retention.hours=168
log.segment.bytes=1073741824
"""


def parsed(*words: str, environment: dict[str, str] | None = None) -> BrokerConfig:
    """What these words on the command line ask for."""
    return config_from(build_parser().parse_args(words), environment or {})


def test_properties_are_read_as_java_reads_them() -> None:
    """Comments, the three separators, escapes, continued lines and empty values mean what they mean to Java."""
    text = "# a\n! b\n\na=1\n b : 2\nc 3\nd\\=e=x\\ty\nlong=one,\\\n   two\nempty=\n\\u0061b = \\\\\n"
    expected = {"a": "1", "b": "2", "c": "3", "d=e": "x\ty", "long": "one,two", "empty": "", "ab": "\\"}
    assert parse_properties(text) == expected


def test_toml_names_may_be_dotted_or_quoted(tmp_path: Path) -> None:
    """In TOML the same names are keys, dotted or quoted; numbers, booleans and lists become Kafka's text."""
    path = tmp_path / "broker.toml"
    path.write_text(
        'num.partitions = 3\n"auto.create.topics.enable" = false\n[log]\nretention.hours = 1\ncleanup.policy = ["delete", "compact"]\n'
    )
    assert read_config_file(str(path)) == {
        "num.partitions": "3",
        "auto.create.topics.enable": "false",
        "log.retention.hours": "1",
        "log.cleanup.policy": "delete,compact",
    }


def test_environment_follows_the_rule_of_the_image() -> None:
    """One underscore is a dot, two are an underscore, three a dash; what the image reads for itself is left out."""
    environment = {"KAFKA_NUM_PARTITIONS": "3", "KAFKA_A__B___C": "x", "KAFKA_HEAP_OPTS": "-Xmx1G", "KAFKA_LOG4J_OPTS": "", "OTHER": "1"}
    assert environment_settings(environment) == {"num.partitions": "3", "a_b-c": "x"}


def test_a_kraft_server_properties_starts(tmp_path: Path) -> None:
    """The file of a real KRaft broker gives address, advertised address, directory and node id."""
    path = tmp_path / "server.properties"
    path.write_text(KRAFT_PROPERTIES)
    config = parsed("--config", str(path))
    assert config.listen_text() == "127.0.0.1:19092"
    assert config.advertise_text() == "kafka.test:19092"
    assert config.data_dir == "/tmp/kraft-combined-logs"
    assert config.broker_id() == 7


def test_later_sources_win(tmp_path: Path) -> None:
    """A file is overruled by the environment, that by --set, and all of them by the options made for a thing."""
    path = tmp_path / "server.properties"
    path.write_text(KRAFT_PROPERTIES)
    environment = {"KAFKA_NUM_PARTITIONS": "5", "KAFKA_LOG_RETENTION_HOURS": "2"}
    words = ["--config", str(path), "--set", "num.partitions=9", "--listen", "127.0.0.1:0", "--memory", "--node-id", "3"]
    config = parsed(*words, environment=environment)
    assert config.settings["num.partitions"] == "9"
    assert config.settings["log.retention.hours"] == "2"
    assert config.listen_text() == "127.0.0.1:0"
    assert config.data_dir is None
    assert config.broker_id() == 3


def test_without_options() -> None:
    """Alone, the command listens on 127.0.0.1:9092 and keeps its data in ./pybroker-data."""
    config = parsed()
    assert config.listen_text() == "127.0.0.1:9092"
    assert config.data_dir == "pybroker-data"
    assert config.broker_id() == 1


def test_topics_take_the_default_number_of_partitions() -> None:
    """`--topic name` follows num.partitions; `--topic name:n` does not."""
    config = parsed("--topic", "a", "--topic", "b:6", "--set", "num.partitions=4")
    assert config.topics == {"a": 4, "b": 6}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--set", "num.partition=3"], "did you mean num.partitions"),
        (["--set", "num.partitions=many"], "num.partitions"),
        (["--set", "num.partitions"], "NAME=VALUE"),
        (["--topic", "a:0"], "at least one partition"),
        (["--topic", ":3"], "NAME:PARTITIONS"),
        (["--listen", "9092x"], "--listen"),
        (["--listen", "127.0.0.1:99999"], "65535"),
        (["--advertise", "::1:9092"], "brackets"),
        (["--config", "/nowhere/server.properties"], "cannot read"),
        (["--set", "listeners=SASL_SSL://:9093"], "PLAINTEXT only"),
        (["--set", "listeners=nonsense"], "NAME://host:port"),
        (["--set", "node.id=x"], "node.id"),
        (["--node-id", "-1"], "--node-id"),
        (["--topic", "a b"], "--topic: Topic name is invalid"),
        (["--topic", ""], "the empty string is not allowed"),
        (["--set", "listeners=A://:1,nonsense"], "NAME://host:port"),
        (["--set", "listeners=CONTROLLER://:9093", "--set", "controller.listener.names=CONTROLLER"], "none of these listeners"),
    ],
)
def test_refusals_say_why(words: list[str], reason: str) -> None:
    """What cannot be followed is refused with the option and the reason."""
    with pytest.raises((ConfigError, SettingError), match=reason):
        parsed(*words)


def test_secrets_are_not_shown() -> None:
    """A password that is refused is not repeated in the message."""
    config: Any = parsed("--set", "ssl.key.password=hush")
    assert config.settings["ssl.key.password"] == "hush"
    assert "hush" not in repr(config)


def test_foreign_variables_are_named_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """KAFKA_TOPIC of an application under test does not keep the broker from starting; the address for clients is not even named."""
    config = parsed(environment={"KAFKA_BOOTSTRAP_SERVERS": "x:1", "KAFKA_TOPIC": "t"})
    assert "bootstrap.servers" not in config.settings
    assert "KAFKA_TOPIC" in caplog.text
    assert "KAFKA_BOOTSTRAP_SERVERS" not in caplog.text
    assert "did you mean" not in caplog.text


def test_a_misspelt_variable_is_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    """A variable that is nearly one of the broker's is passed over as well, with a word about the one that was probably meant."""
    parsed(environment={"KAFKA_NUM_PARTITION": "3"})
    assert "KAFKA_NUM_PARTITION in the environment is no setting of a broker: ignored; did you mean KAFKA_NUM_PARTITIONS?" in caplog.text


def test_a_bad_value_in_the_environment_names_its_variable() -> None:
    """A person looks for the variable, not for the property."""
    with pytest.raises(ConfigError, match=r"KAFKA_NUM_PARTITIONS in the environment: .*num.partitions"):
        parsed(environment={"KAFKA_NUM_PARTITIONS": "x"})


def test_listeners_that_are_not_served_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """Of several listeners for clients the first is served, and the log says which are not; the controller's is nobody's loss."""
    text = "INTERNAL://:29092,EXTERNAL://:9092,CONTROLLER://:9093"
    config = parsed("--set", f"listeners={text}", "--set", "controller.listener.names=CONTROLLER")
    assert config.listen_text() == ":29092"
    assert [record.args for record in caplog.records] == [("EXTERNAL://:9092",)]


def test_a_controller_only_is_told_that_it_serves_clients(caplog: pytest.LogCaptureFixture) -> None:
    """Kafka would serve none then; this is always both, and of other roles there is nothing to say."""
    for roles in ("broker", "broker,controller", "controller,broker"):
        parsed("--set", f"process.roles={roles}")
    assert caplog.text == ""
    parsed("--set", "process.roles=controller")
    assert "process.roles=controller: this is a broker too, and serves clients all the same" in caplog.text


def test_settings_may_be_numbers_and_booleans() -> None:
    """A program writes settings as it writes values."""
    config = BrokerConfig(settings={"num.partitions": 3, "auto.create.topics.enable": False, "log.dirs": ["a", "b"]})
    assert config.settings == {"num.partitions": "3", "auto.create.topics.enable": "false", "log.dirs": "a,b"}


def test_the_metadata_lies_in_a_data_directory() -> None:
    """A metadata.log.dir beside log.dirs is refused: without its metadata a directory would seem empty. Among them it is fine."""
    settings = {"log.dirs": "/data/a,/data/b", "metadata.log.dir": "/data/meta"}
    with pytest.raises(ConfigError, match=r"metadata\.log\.dir=/data/meta"):
        BrokerConfig(data_dir=settings["log.dirs"], settings=settings).directories()
    assert BrokerConfig(data_dir="/data/a,/data/meta/", settings=settings).directories() == ["/data/a", "/data/meta/"]
    assert BrokerConfig(settings=settings).directories() == []


def test_standing_alone_needs_a_directory() -> None:
    """A broker in memory is always alone: whoever asks for it forgot the directory."""
    with pytest.raises(ConfigError, match="standalone is for the data directory of one broker of several"):
        BrokerConfig(standalone=True).directories()
