"""The commands `wire decode`, `wire encode` and `wire check`."""

import argparse
import errno
import gzip
import io
import json
from pathlib import Path

import pytest

from pybroker.testing.output import NowhereToWrite
from pybroker.wire.codec import encode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header, response_header
from pybroker.wire.messages import ApiVersionsRequest, MetadataRequest, MetadataResponse, OffsetCommitValue
from pybroker.wire_cli import add_wire_commands, run

VECTORS = Path(__file__).parent / "vectors"
REQUEST = frame(request_header(3, 12, 7, "cli") + encode(MetadataRequest(topics=None), 12))
RESPONSE = frame(response_header(3, 12, 7) + encode(MetadataResponse(cluster_id="c"), 12))


@pytest.fixture
def wire(capfd, monkeypatch):
    """Run `wire …` with an optional stdin: (exit status, stdout, stderr)."""

    def call(*words, stdin=b""):
        parser = argparse.ArgumentParser()
        add_wire_commands(parser.add_subparsers(dest="command"))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = run(parser.parse_args(["wire", *words]))
        return status, *capfd.readouterr()

    return call


def test_decode_a_request_frame(wire, tmp_path):
    """A captured request needs no options, as hex or binary, as text, file or stdin, with its size or without."""
    (tmp_path / "raw").write_bytes(REQUEST)
    answers = [
        wire("decode", "--text", REQUEST.hex()),
        wire("decode", str(tmp_path / "raw")),
        wire("decode", stdin=REQUEST.hex(" ").encode()),
        wire("decode", "-", "--binary", stdin=REQUEST[4:]),
        wire("decode", "--request", "metadata", "--text", REQUEST.hex(":")),
    ]
    assert len(set(answers)) == 1
    status, out, _ = answers[0]
    described = json.loads(out)
    assert status == 0
    assert (described["message"], described["version"], described["json"]["topics"]) == ("MetadataRequest", 12, None)
    assert described["header"] == {"requestApiKey": 3, "requestApiVersion": 12, "correlationId": 7, "clientId": "cli"}


def test_decode_several_frames(wire):
    """A capture of several frames gives one object each."""
    other = frame(request_header(18, 3, 1, None) + encode(ApiVersionsRequest(client_software_name="x"), 3))
    _, out, _ = wire("decode", stdin=REQUEST + other)
    assert [json.loads(part)["message"] for part in out.replace("}\n{", "}\0{").split("\0")] == [
        "MetadataRequest",
        "ApiVersionsRequest",
    ]


def test_decode_a_response_and_bodies(wire):
    """Responses and bodies are decoded when they are named."""
    _, out, _ = wire("decode", "--response", "3", "--version", "12", "--text", RESPONSE.hex())
    assert json.loads(out)["json"]["clusterId"] == "c"
    value = encode(OffsetCommitValue(offset=9), 3)
    _, out, _ = wire("decode", "--message", "OffsetCommitValue", "--version", "3", "--text", value.hex() + "ff")
    assert (json.loads(out)["json"]["offset"], json.loads(out)["trailingBytes"]) == (9, "ff")
    body = encode(MetadataRequest(unknown_tagged_fields={9: b"a"}), 12)
    _, out, _ = wire("decode", "--request", "Metadata", "--version", "12", "--body", "--text", body.hex())
    assert json.loads(out)["unknownTags"] == [{"path": "", "tag": 9, "hex": "61"}]


@pytest.mark.parametrize(
    ("data", "options"), [(REQUEST, []), (RESPONSE, ["--response", "Metadata", "--version", "12"]), (REQUEST + REQUEST[-0:0], [])]
)
def test_encode_reverses_decode(wire, data, options):
    """What decode prints encodes to the bytes that it was."""
    _, out, _ = wire("decode", *options, "--text", data.hex())
    assert wire("encode", "--text", out)[1] == data.hex() + "\n"
    assert wire("encode", stdin=out.encode())[1] == data.hex() + "\n"


def test_encode_a_bare_body(wire):
    """JSON of a body alone is encoded when its message is named."""
    status, out, _ = wire("encode", "--message", "MetadataRequest", "--version", "12", "--text", '{"topics": null}')
    assert (status, bytes.fromhex(out)) == (0, encode(MetadataRequest(topics=None), 12))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["decode", "--text", "zz"], "the input is not hex"),
        (["decode", "--text", ""], "the input is empty"),
        (["decode", "--text", "0003000c0000"], "nor one without its size (cannot decode RequestHeader"),
        (["decode", "--text", "0000"], "neither whole frames (the last frame has 2 bytes and needs 4 for its size alone) nor one without"),
        (["decode", "--text", "0004000c000000000000"], "api key 4 is none of a broker listener's"),
        (
            ["decode", "--text", (REQUEST[:-3]).hex()],
            "neither whole frames (the last frame has 19 bytes and needs 3 more) nor one without its size (Prod",
        ),
        (["decode", "--request", "Fetch", "--text", REQUEST.hex()], "the frame is a Metadata request, not Fetch"),
        (["decode", "--response", "Nope", "--version", "1", "--text", "00"], "no API 'Nope'"),
        (["decode", "--response", "Fetch", "--text", "00"], "--version is needed"),
        (["decode", "--message", "Nope", "--version", "1", "--text", "00"], "no message 'Nope'"),
        (["decode", "--message", "FetchRequest", "--version", "99", "--text", "00"], "FetchRequest has no version 99"),
        (["decode", "--body", "--text", "00"], "--body needs one of"),
        (["decode", "/no/such/file"], "cannot read /no/such/file: No such file"),
        (["encode", "--text", "{"], "the input is not JSON"),
        (["encode", "--text", "[" * 100_000], "the input is not JSON"),
        (["encode", "--text", "[]"], "the JSON is no object"),
        (["encode", "--text", "{}"], "needs one of"),
        (["encode", "--text", '{"message": "FetchRequest", "version": "x", "json": {}}'], "version 'x' is no number"),
        (["encode", "--text", '{"message": "FetchRequest", "version": 12, "json": {"a": 1}}'], "no field 'a'"),
        (["encode", "--text", '{"message": "AbortedTxn", "version": 0, "json": {}, "header": {}}'], "AbortedTxn has no header"),
        (["encode", "--text", '{"message": "AbortedTxn", "version": 0, "json": {}, "trailingBytes": 1}'], "trailingBytes is not hex"),
        (["check", "/no/such/file"], "No such file"),
    ],
)
def test_bad_input_is_one_line(wire, words, text):
    """Input that cannot be used gives exit status 2 and one line on stderr, no traceback."""
    status, out, err = wire(*words)
    assert (status, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1


def test_check_passes(wire, tmp_path):
    """Golden files are checked whether gzip or plain, and the last line counts."""
    plain = tmp_path / "headers.jsonl"
    plain.write_bytes(gzip.decompress((VECTORS / "headers.jsonl.gz").read_bytes()))
    status, out, _ = wire("check", str(VECTORS / "headers.jsonl.gz"), str(plain))
    assert (status, out) == (0, "120 passed, 0 failed\n")


def test_check_fails(wire, tmp_path):
    """Each failure is told with file and line, whatever is wrong with the line."""
    lines = [
        '{"message": "AbortedTxn", "version": 0, "json": {}, "hex": "00"}',
        '{"message": "AbortedTxn"}',
        '{"message": 5, "version": [], "json": 1, "hex": 7}',
        "[1]",
        "{",
        "",
        '{"message":"EndTxnMarker","version":0,"json":{"coordinatorEpoch":0},"hex":"00000000"}',
    ]
    file = tmp_path / "bad.jsonl"
    file.write_text("\n".join(lines))
    status, out, _ = wire("check", str(file))
    told = out.splitlines()
    assert status == 1
    assert told[-1] == "1 passed, 5 failed"
    assert [line.split(":")[1] for line in told[:-1]] == ["1", "2", "3", "4", "5"]
    assert "AbortedTxn v0: cannot decode" in told[0]


def test_check_of_a_broken_gzip(wire, tmp_path):
    """A gzip file that ends too early is bad input."""
    file = tmp_path / "cut.gz"
    file.write_bytes((VECTORS / "headers.jsonl.gz").read_bytes()[:200])
    status, _, err = wire("check", str(file))
    assert status == 2
    assert err.startswith("pybroker wire: ")


@pytest.mark.parametrize(("number", "status", "said"), [(errno.ENOSPC, 1, "cannot write: No space left on device"), (errno.EPIPE, 0, "")])
@pytest.mark.parametrize(
    "words",
    [
        ["decode", "--text", REQUEST.hex()],
        ["encode", "--text", '{"topics": null}', "--message", "MetadataRequest", "--version", "1"],
        ["encode", "--text", '{"topics": null}', "--message", "MetadataRequest", "--version", "1", "--binary"],
        ["check", "/dev/null"],
    ],
)
def test_output_that_cannot_be_written(tmp_path, monkeypatch, capsys, words, number, status, said):
    """A full disk is said in one line; a reader that has seen enough is nothing to speak of."""
    parser = argparse.ArgumentParser()
    add_wire_commands(parser.add_subparsers(dest="command"))
    with NowhereToWrite(tmp_path / "out", number) as nowhere:
        monkeypatch.setattr("sys.stdout", nowhere)
        assert run(parser.parse_args(["wire", *words])) == status
    assert capsys.readouterr().err == (f"pybroker wire: {said}\n" if said else "")
