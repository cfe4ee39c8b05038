"""The real console in a pseudo-terminal: a thread of a real daemon replayed, and a bundle without one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from syncropel.settings.home import Home
from tests.pseudo_terminal import Terminal, colourful

from .conftest import Daemon, Start, python_path
from .test_thread_commands import Spl, judged

Opener = Callable[..., Terminal]
RIGHT, LEFT = "\x1b[C", "\x1b[D"


@pytest.fixture
def daemon(start: Start) -> Daemon:
    return start().ready()


@pytest.fixture
def spl(home: Home, daemon: Daemon) -> Spl:
    return Spl(home)


@pytest.fixture
def opened(home: Home) -> Iterator[Opener]:
    """Opens `spl console` in the home of the test."""
    with ExitStack() as stack:

        def opener(*words: str) -> Terminal:
            kept = {
                key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "SYNCROPEL_"))
            }
            places = {
                "PYTHONPATH": python_path(),
                "HOME": str(home.path.parent),
                "SYNCROPEL_HOME": str(home.path),
            }
            command = [sys.executable, "-m", "syncropel.cli.main", "console", *words]
            terminal = Terminal(command, colourful(kept) | places, columns=120, rows=40)
            stack.callback(terminal.close)
            return terminal

        yield opener


@pytest.fixture
def bundle(spl: Spl, daemon: Daemon, tmp_path: Path) -> Path:
    """A task from its beginning to its approval, in a file; its daemon is gone."""
    judged(spl, "DOCS-1")
    file = tmp_path / "incident.snap.jsonl"
    spl("thread", "snapshot", "--threads", "DOCS-1", "--out", str(file))
    daemon.stop()
    return file


def test_a_thread_of_a_daemon_is_replayed_by_keys(spl: Spl, opened: Opener) -> None:
    judged(spl, "DOCS-1")
    terminal = opened()
    terminal.sees("● LIVE")
    terminal.press("3")
    terminal.sees("THREADS", "▸ DOCS-1", "approved")
    terminal.press("\r")
    terminal.sees("record 4 of 4", "✓ approved", "✓ holds, computed anew")
    terminal.press("[[")
    terminal.sees("record 2 of 4", "open → … in progress")
    terminal.press(RIGHT + RIGHT + LEFT)
    terminal.sees("record 3 of 4", "written")
    terminal.press("q")
    assert terminal.ended() == 0
    assert terminal.is_restored


def test_a_bundle_is_replayed_without_any_daemon(bundle: Path, opened: Opener) -> None:
    terminal = opened("--bundle", str(bundle))
    terminal.sees("OFFLINE incident.snap.jsonl", "READ-ONLY", "▸ DOCS-1", "approved")
    terminal.press("\r")
    terminal.sees("record 4 of 4", "✓ holds")
    terminal.press("[[[")
    terminal.sees("record 2 of 4", "open → … in progress")
    terminal.press("q")
    assert terminal.ended() == 0
    assert terminal.is_restored


def test_an_altered_bundle_is_refused_before_the_terminal_is_taken(bundle: Path, opened: Opener) -> None:
    text = bundle.read_text()
    assert "written" in text
    bundle.write_text(text.replace("written", "rotten!"))
    terminal = opened("--bundle", str(bundle))
    assert terminal.ended() == 1
    assert "line " in terminal.text
    assert "the file was altered" in terminal.text
    assert b"\x1b[?1049h" not in terminal.raw
    assert b"Traceback" not in terminal.raw


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--bundle", "nowhere.jsonl"), 1, "nowhere.jsonl"),
        (("--bundle", "x.jsonl", "--url", "http://127.0.0.1:1"), 2, "--bundle takes the place of a daemon"),
    ],
    ids=["missing", "two-sources"],
)
def test_a_bundle_that_cannot_be_looked_at_is_told(
    opened: Opener, words: tuple[str, ...], code: int, told: str
) -> None:
    terminal = opened(*words)
    assert terminal.ended() == code
    assert told in terminal.text
    assert b"\x1b[?1049h" not in terminal.raw
