"""Coverage-guided fuzzing of what reads foreign bytes. Needs atheris (PyPI), which is no dependency of anything else.

    python tests/fuzz/fuzz_frames.py TARGET [libFuzzer's options]     TARGET: frames bodies stored records codecs recovery
    python tests/fuzz/fuzz_frames.py TARGET -max_total_time=120       for two minutes
    python tests/fuzz/fuzz_frames.py TARGET --keep                    then: minimise what was found and write corpus/TARGET.hex

What is found is kept in $FUZZ_WORK/TARGET (default: a directory of the system's temporary files). It starts from corpus/TARGET.hex and
from the vectors of tests/vectors.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

with atheris.instrument_imports(include=["pybroker"]):
    import targets

    import pybroker.wire.codec as codec

MAX_SEED_BYTES = 1_500
MAX_CORPUS_BYTES = 50_000  # of each target: a repository is no place for a fuzzer's hoard
TARGET = "FUZZ_TARGET"  # libFuzzer starts this program again to merge, with its own options alone
WORK = Path(os.environ.get("FUZZ_WORK", Path(tempfile.gettempdir()) / "pybroker-fuzz"))


def instrument_codecs() -> None:
    """Generated codecs are compiled, not imported, so atheris would not see into them."""

    def instrumented(make: Any, table: str) -> Any:
        def look_up(cls: Any, version: int) -> Any:
            known = getattr(cls, table)
            if version not in known:
                known[version] = atheris.instrument_func(make(cls, version))
            return known[version]

        return look_up

    codec.decoder_of = instrumented(codec.decoder_of, "_decoders")
    codec.encoder_of = instrumented(codec.encoder_of, "_encoders")


def vectors(name: str) -> list[dict[str, Any]]:
    """Rows of one file of tests/vectors."""
    path = HERE.parent / "vectors" / f"{name}.jsonl.gz"
    return [json.loads(line) for line in gzip.open(path, "rt")] if path.exists() else []


def seeds(target: str) -> list[bytes]:
    """Valid input for a target, made of Kafka's own bytes."""
    if target in ("records", "recovery"):
        return [bytes.fromhex(row["hex"]) for row in vectors("batches")]
    if target == "codecs":
        batches = [bytes.fromhex(row["hex"]) for row in vectors("batches")]
        return [bytes([batch[22] & 7]) + batch[61:] for batch in batches if len(batch) > 61]
    if target == "frames":
        return [framed(row) for row in vectors("requests")]
    if target == "bodies":
        names = targets.messages("Response") + targets.messages("Request")
        chosen = [row for row in vectors("responses") + vectors("requests") if row["message"] in names]
        return [bytes([names.index(row["message"]), row["version"]]) + bytes.fromhex(row["hex"]) for row in chosen]
    return []


def framed(row: dict[str, Any]) -> bytes:
    """A request vector as it would come from a socket."""
    header = targets.message_class("RequestHeader")
    flexible = row["version"] >= targets.message_class(row["message"]).FLEXIBLE_FROM
    fields = {"request_api_key": row["apiKey"], "request_api_version": row["version"], "correlation_id": 1, "client_id": "f"}
    request = codec.encode(header(**fields), 2 if flexible else 1) + bytes.fromhex(row["hex"])
    return len(request).to_bytes(4, "big") + request


def kept(target: str) -> list[bytes]:
    """The inputs in corpus/TARGET.hex."""
    path = HERE / "corpus" / f"{target}.hex"
    return [bytes.fromhex(line) for line in path.read_text().split()] if path.exists() else []


def lay_out(target: str) -> Path:
    """Writes the seeds where libFuzzer wants them: one file each."""
    found = WORK / target
    found.mkdir(parents=True, exist_ok=True)
    for data in seeds(target) + kept(target):
        if len(data) <= MAX_SEED_BYTES:
            (found / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
    return found


def keep(target: str) -> None:
    """Merge to the smallest set that covers the same, smallest inputs first, up to the limit."""
    smallest = WORK / f"{target}.smallest"
    smallest.mkdir(exist_ok=True)
    subprocess.run([sys.executable, __file__, target, "-merge=1", str(smallest), str(WORK / target)], check=True)
    inputs = sorted((path.read_bytes() for path in smallest.iterdir()), key=lambda data: (len(data), data))
    lines, size = [], 0
    for data in inputs:
        size += 2 * len(data) + 1
        if size > MAX_CORPUS_BYTES:
            break
        lines.append(data.hex() + "\n")
    (HERE / "corpus" / f"{target}.hex").write_text("".join(lines))
    print(f"kept {len(lines)} of {len(inputs)} inputs")


def launcher() -> Path:
    """A command that is this program: to merge, libFuzzer starts argv[0] again, which must be executable."""
    script = WORK / "again"
    if not script.exists():
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n')
        script.chmod(0o755)
    return script


def main() -> None:
    """See the module."""
    if sys.argv[1:2] and sys.argv[1] in targets.TARGETS:
        os.environ[TARGET] = sys.argv.pop(1)
    target = os.environ.get(TARGET)
    if target is None:
        sys.exit(__doc__)
    if "--keep" in sys.argv:
        keep(target)
        return
    if any(argument.startswith("-merge") for argument in sys.argv):
        sys.argv[0] = str(launcher())
    else:
        sys.argv.append(str(lay_out(target)))
    instrument_codecs()
    atheris.Setup(sys.argv, targets.TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
