"""Reads the log of librdkafka's test runner: one verdict for each test that ran. What it skips (local, mock, TLS) is not counted."""

from __future__ import annotations

import re
import sys
from pathlib import Path

SUMMARY = re.compile(r"\|\s*(\d{4}_\w+)\s*\|\s*(PASSED|FAILED)\s*\|")
IN_PASSING = re.compile(r"Test (\d{4}_\w+) (PASSED|FAILED)")  # all there is when the runner crashed or ran out of time
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

log = COLOUR.sub("", Path(sys.argv[1]).read_text(errors="replace"))
verdicts = dict(IN_PASSING.findall(log)) | dict(SUMMARY.findall(log))
for name, verdict in sorted(verdicts.items()):
    print(f"PASS {name}" if verdict == "PASSED" else f"FAIL {name} failed")
sys.exit(0 if all(verdict == "PASSED" for verdict in verdicts.values()) else 1)
