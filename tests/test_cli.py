"""The contract of the command line, tried from the outside: exit status, words, ready file, signals."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pybroker
from pybroker.cli import program
from pybroker.healthcheck import find_fault
from pybroker.testing.output import NowhereToWrite

TIMEOUT_S = 30

# The package of this tree, and nothing of Kafka's from outside.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
ENVIRONMENT["PYTHONPATH"] = str(Path(pybroker.__file__).parent.parent)


class Process:
    """A broker as a child process; `address` is what its ready file says."""

    def __init__(self, directory: Path, *words: str, environment: dict[str, str] | None = None) -> None:
        self.ready_file = directory / "ready"
        command = [sys.executable, "-m", "pybroker", "--listen", "127.0.0.1:0", "--ready-file", str(self.ready_file), *words]
        self.child = subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True, env={**ENVIRONMENT, **(environment or {})})
        assert self.child.stderr is not None
        self.first_lines: list[str] = []
        for line in self.child.stderr:
            self.first_lines.append(line)
            if "is ready" in line:
                break
        self.address = self.ready_file.read_text().strip() if self.ready_file.exists() else ""

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for the exit status."""
        self.child.send_signal(number)
        _, rest = self.child.communicate(timeout=TIMEOUT_S)
        self.first_lines += rest.splitlines(keepends=True)
        return self.child.returncode

    @property
    def log(self) -> str:
        return "".join(self.first_lines)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Starts brokers and makes sure that none is left."""
    started: list[Process] = []

    def make(*words: str, **options: Any) -> Process:
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(Process(directory, *words, **options))
        return started[-1]

    yield make
    for process in started:
        if process.child.poll() is None:
            process.child.kill()
            process.child.wait(TIMEOUT_S)
        assert process.child.stderr is not None
        process.child.stderr.close()


def run(*words: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "pybroker", *words],
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_start_serve_stop(start: Any, number: int) -> None:
    """A broker says where it listens, answers there, and leaves with status 0 and without its ready file."""
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the tests run under nohup")
    broker = start("--memory")
    assert find_fault(broker.address) is None
    assert "in memory" in broker.log
    assert broker.address in broker.log
    assert broker.end(number) == 0
    assert not broker.ready_file.exists()
    assert "Traceback" not in broker.log


@pytest.mark.slow
def test_data_stays(start: Any, tmp_path: Path) -> None:
    """A topic made at the first start is there at the second, under the same cluster id."""
    data = str(tmp_path / "data")
    first = start("--data-dir", data, "--topic", "orders:3")
    assert first.end() == 0
    cluster_id = (tmp_path / "data" / "meta.properties").read_text()
    second = start("--data-dir", data, "--topic", "orders:3")
    assert second.end() == 0
    assert (tmp_path / "data" / "meta.properties").read_text() == cluster_id


@pytest.mark.slow
def test_environment_reaches_the_broker(start: Any) -> None:
    """KAFKA_* variables are settings: one that cannot be followed stops the start."""
    broker = start("--memory", environment={"KAFKA_NUM_PARTITIONS": "none"})
    assert broker.child.wait(TIMEOUT_S) == 2
    assert "num.partitions" in broker.log


@pytest.mark.slow
def test_busy_port() -> None:
    """A port in use is said in words, with status 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = run("--memory", "--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_locked_directory(start: Any, tmp_path: Path) -> None:
    """A data directory that another broker holds is refused in words, with status 1."""
    data = str(tmp_path / "data")
    start("--data-dir", data)
    done = run("--listen", "127.0.0.1:0", "--data-dir", data)
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_foreign_directory(tmp_path: Path) -> None:
    """A directory whose owner is another kind of broker is refused in words, with status 1."""
    (tmp_path / "meta.properties").write_text("version=0\nbroker.id=1\n")
    done = run("--listen", "127.0.0.1:0", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert "meta.properties" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_second_signal_forces(start: Any) -> None:
    """Two signals in a row end the process, whatever it does."""
    broker = start("--memory")
    broker.child.send_signal(signal.SIGTERM)
    broker.child.send_signal(signal.SIGTERM)
    assert broker.child.wait(TIMEOUT_S) in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_healthcheck(start: Any) -> None:
    """`pybroker healthcheck` tells a broker from silence by its exit status."""
    broker = start("--memory")
    assert run("healthcheck", broker.address).returncode == 0
    broker.end()
    done = run("healthcheck", broker.address)
    assert done.returncode == 1
    assert "no broker answers" in done.stderr


def test_wrong_usage(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be followed gives status 2 and one line that names the nearest setting."""
    from pybroker.cli import main

    monkeypatch.setattr("pybroker.cli._start_logging", lambda level: None)
    assert main(["--set", "num.partition=3"]) == 2
    assert capsys.readouterr().err == "pybroker: --set: Unknown setting num.partition: did you mean num.partitions?\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "=3"], "--set =3: it must be NAME=VALUE"),
        (["--set", "num.partitions"], "--set num.partitions: it must be NAME=VALUE"),
        (["--topic", "a:2", "--topic", "a:3"], "--topic a:3: a was to have 2 before that: give it once"),
        (["--data-dir", "a,./a"], "data directory 'a,./a': one of them is named twice: give each once"),
    ],
)
def test_what_cannot_be_meant(words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What contradicts itself, or says nothing, is wrong usage."""
    from pybroker.cli import main

    monkeypatch.setattr("pybroker.cli._start_logging", lambda level: None)
    assert main(words) == 2
    assert capsys.readouterr().err == f"pybroker: {said}\n"


@pytest.mark.parametrize("text", ["orders", "orders=", "=file"])
def test_segments_to_load(text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """--load-segment takes a topic and a file, and says so."""
    from pybroker.cli import main

    monkeypatch.setattr("pybroker.cli._start_logging", lambda level: None)
    assert main(["--memory", "--load-segment", text]) == 2
    assert capsys.readouterr().err == f"pybroker: --load-segment {text}: it must be TOPIC=FILE or TOPIC-PARTITION=FILE\n"


@pytest.mark.parametrize("name", ["or/ders", "..", "ord\u00e9rs-2", "a b", "x" * 250])
def test_names_to_load(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """--load-segment refuses what can be no topic, and says why."""
    from pybroker.cli import main

    monkeypatch.setattr("pybroker.cli._start_logging", lambda level: None)
    assert main(["--memory", "--load-segment", f"{name}=file"]) == 2
    text = capsys.readouterr().err
    assert text.startswith(f"pybroker: --load-segment {name}=file: Topic name is invalid: ")
    assert any(
        words in text
        for words in ("other than ASCII alphanumerics, '.', '_' and '-'", "'..' is not allowed", "longer than the max allowed length 249")
    )


@pytest.mark.parametrize("text", ["", " ", "a,", ",a", "a,,b"])
def test_data_directories_without_a_name(text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A --data-dir that a variable left empty is refused, and nothing else is taken for it."""
    from pybroker.cli import main
    from pybroker.config import BrokerConfig, ConfigError

    monkeypatch.setattr("pybroker.cli._start_logging", lambda level: None)
    assert main(["--data-dir", text]) == 2
    assert capsys.readouterr().err.startswith(f"pybroker: data directory {text!r}: a name is missing")
    with pytest.raises(ConfigError, match="a name is missing"):
        BrokerConfig(data_dir=text).directories()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--listn", "x"], "--listn is no option or command: did you mean --listen?"),
        (["--node-ids=3"], "--node-ids=3 is no option or command: did you mean --node-id?"),
        (["wirre"], "wirre is no option or command: did you mean wire?"),
        (["zzz"], "zzz is no option or command"),
        (["--listen"], "--listen: expected one argument"),
        (["--memory", "--data-dir", "x"], "not allowed with"),
    ],
)
def test_misspelt_words(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A word that the command line does not know gives status 2 and one line with the nearest one."""
    from pybroker.cli import main

    with pytest.raises(SystemExit, match="2"):
        main(words)
    text = capsys.readouterr().err
    assert text.startswith("pybroker: ")
    assert reason in text
    assert text.endswith(" (`pybroker --help` shows the options)\n")
    assert text.count("\n") == 1


def test_standing_alone_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """It means nothing, so whoever asks for it is told, and nothing starts."""
    from pybroker.cli import main

    assert main(["--memory", "--standalone"]) == 2
    told = "pybroker: --standalone is for the data directory of one broker of several: not allowed with --memory\n"
    assert capsys.readouterr().err == told


def test_help_of_the_healthcheck(capsys: pytest.CaptureFixture[str]) -> None:
    """`pybroker healthcheck --help` explains itself instead of dialling."""
    from pybroker.cli import main

    with pytest.raises(SystemExit, match="0"):
        main(["healthcheck", "--help"])
    assert "HOST:PORT" in capsys.readouterr().out


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--help shows the precedence of settings and examples; --version the version."""
    from pybroker.cli import main

    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    assert "later ones win" in text
    assert "examples:" in text
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"pybroker {pybroker.__version__}\n"


def test_healthcheck_of_something_else() -> None:
    """What listens but is no Kafka broker is not healthy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        fault = find_fault(f"127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert fault is not None
    assert "no Kafka broker" in fault


@pytest.mark.parametrize(
    ("number", "status", "said"), [(errno.ENOSPC, 1, "pybroker: cannot write: No space left on device\n"), (errno.EPIPE, 0, "")]
)
@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["dump", "--help"], ["wire", "check", "--help"]])
def test_help_that_cannot_be_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    unbuffered: bool,
    number: int,
    status: int,
    said: str,
) -> None:
    """That fails in one line, or silently if nobody reads it, buffered or not."""
    left: list[int] = []
    with NowhereToWrite(tmp_path / "out", number, unbuffered=unbuffered) as nowhere:
        monkeypatch.setattr("sys.argv", ["pybroker", *words])
        monkeypatch.setattr("sys.stdout", nowhere)
        monkeypatch.setattr("os._exit", left.append)
        program()
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), nowhere.fileno())
    assert (left, capsys.readouterr().err) == ([status], said)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has such a device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["wire", "--help"], ["wire", "check", "/dev/null"], ["dump", "--help"], ["verify", "--help"]]
)
def test_full_device(words: list[str], unbuffered: str) -> None:
    """Whatever the command, a stdout that takes nothing is one line on stderr, and no success."""
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pybroker", *words], env=environment, stdout=full, stderr=subprocess.PIPE, check=False, timeout=TIMEOUT_S
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"cannot write: No space left on device" in done.stderr


@pytest.mark.slow
def test_closed_output(tmp_path: Path) -> None:
    """Without a stdout (`>&-`) nobody learns what a command found: that is said in one line, and is no success."""
    (tmp_path / "00000000000000000000.log").write_bytes(b"")
    (tmp_path / "empty").write_bytes(b"")
    for command, status in (("dump 00000000000000000000.log", 2), ("verify 00000000000000000000.log", 2), ("wire check empty", 1)):
        line = f'"{sys.executable}" -m pybroker {command} >&-'
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, check=False, timeout=TIMEOUT_S
        )
        assert (done.returncode, done.stderr.count(b"cannot write: "), done.stderr.count(b"\n")) == (status, 1, 1)
