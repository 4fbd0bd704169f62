"""The report of the compat suites: a run that says nothing of what it promised is no success."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / "compat" / "common" / "report.py"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("compat_report", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "compat_report", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def judged(report: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Judges a result of a suite that promises some checks, others when they are asked for."""
    suite = tmp_path / "s"
    suite.mkdir()
    (suite / "tests.allow").write_text("# these\none.reads\none.writes\none-more.reads\nplain\n")
    (suite / "asked.allow").write_text("old-1-stops.reads\nold-1-stops.writes\nold-2-stops.reads\n")
    (tmp_path / ".cache" / "results").mkdir(parents=True)

    def judge(result: str, checks: str | None = None) -> int:
        (tmp_path / ".cache" / "results" / "s.txt").write_text(result)
        monkeypatch.setenv("CHECKS", checks or "")
        return int(report.main([str(tmp_path), *(["--partial"] if checks else []), "s"]))

    return judge


WHOLE = "PASS one.reads\nPASS one.writes\nPASS one-more.reads\nPASS plain\n"


@pytest.mark.parametrize(
    ("result", "checks", "status"),
    [
        (WHOLE, None, 0),
        (WHOLE.replace("PASS plain\n", ""), None, 1),
        (WHOLE + "FAIL new why\n", None, 0),
        ("PASS one.reads\n", "one", 1),
        ("PASS one.reads\nPASS one.writes\n", "one", 0),
        ("PASS one.reads\nPASS one.writes\n", "one*", 1),
        ("PASS plain\n", "plain", 0),
        ("asked old-1-*\nPASS old-1-stops.reads\n", "releases", 1),
        ("asked old-1-*\nPASS old-1-stops.reads\nPASS old-1-stops.writes\n", "releases", 0),
        ("asked old-1-*\nPASS old-1-stops.reads\nFAIL old-1-stops.writes why\n", "releases", 1),
        ("FAIL the-suite there is no story x\n", "x", 1),
        ("", "one", 1),
        ("not run: no JDK\n", "one", 0),
    ],
)
def test_what_is_promised_has_to_run(judged: Any, result: str, checks: str | None, status: int) -> None:
    """All of tests.allow in a whole run; with CHECKS all that the named stories promise, when asked too."""
    assert judged(result, checks) == status
