"""Long work of a tool says on stderr how far it has come."""

from __future__ import annotations

import sys

import pytest

from syncropel.daemon.tool_progress import ToolProgress

STEPS = (
    ("copying", 0.0, 500, 1_000),
    ("copying", 5.0, 700, 1_000),
    ("checking", 6.0, 50_000, 100_000),
    ("checking", 11.0, 60_000, 100_000),
    ("checking", 16.0, 75_000, 100_000),
    ("checking", 16.5, 76_000, 100_000),
)


def told(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    now = [0.0]
    with ToolProgress(lambda: now[0]) as progress:
        for what, now[0], done, of in STEPS:
            progress(what, done, of)


def test_on_a_terminal_one_line_is_replaced_and_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told(monkeypatch, terminal=True)
    assert capsys.readouterr().err.split("\r\x1b[K") == [
        "",
        "copying: 700 of 1,000 pages, 40/s, 8 s left",
        "checking: 50,000 of 100,000 records",
        "checking: 60,000 of 100,000 records, 2,000/s, 20 s left",
        "checking: 75,000 of 100,000 records, 2,500/s, 10 s left",
        "",
    ]


def test_elsewhere_a_line_is_written_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told(monkeypatch, terminal=False)
    assert capsys.readouterr().err == "checking: 60,000 of 100,000 records, 2,000/s, 20 s left\n"


def test_short_work_leaves_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with ToolProgress(lambda: 1.0) as progress:
        for done in range(100):
            progress("checking", done, 100)
    assert capsys.readouterr().err == ""
