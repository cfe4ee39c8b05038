"""A console over a file: it says so on every screen, says nothing that is not so, and offers nothing."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

import pytest

from syncropel.record.model import Record
from syncropel.store.bundle.format import Sealer
from tests.pseudo_terminal import Terminal, colourful
from tests.tui import console_sample as sample
from tests.tui import sample_feed
from tests.tui.console_page import console
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, cases, drawn
from tests.tui.sample_feed import FeedClient, record

__all__ = ["drawn"]

DID = "did:sync:instance:00000000000000c0"


def feed_client() -> FeedClient:
    client = FeedClient(*sample_feed.some())
    client.tell_record(record(5_001))
    client.tasks([])
    return client


STATES = {
    "fleet": ScreenState(
        ("○ OFFLINE incident.snap.jsonl", "no instance has joined yet", "nothing is running"), sizes=(SMALL,),
        not_there=("● LIVE", "spl fleet start", "spl task add"),
    ),
    "tasks": ScreenState(
        ("○ OFFLINE incident.snap.jsonl", "no task yet"), not_there=("● LIVE", "spl task add")
    ),
    "feed": ScreenState(
        ("○ OFFLINE incident.snap.jsonl", "○ nothing more comes"), sizes=(USUAL,),
        not_there=("● LIVE", "● following"),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_a_file_is_not_taken_for_a_fleet(name: str, size: Size, drawn: Drawn) -> None:
    status = sample.empty_status(instances=[])
    async with console(size, status, feed_client(), offline="incident.snap.jsonl", screen=name) as page:
        await page.passes(5)
        await drawn(page, STATES[name])


def bundle(path: Path, count: int = 60) -> Path:
    """A thread of one task, sealed."""
    opening = Record("th_1", DID, "INTEND", {"task": True, "goal": "write the book", "alias": "BOOK-1"}, 0)
    bodies = [
        {"topic": ("task_started", "task_blocked")[at % 2], "reason": f"number {at}"}
        for at in range(count - 1)
    ]
    rest = [Record("th_1", DID, "DO", body, clock) for clock, body in enumerate(bodies, 1)]
    sealer = Sealer()
    lines = [sealer.line(one.identified(), 1_700_000_000.0 + at) for at, one in enumerate([opening, *rest])]
    path.write_text("".join([sealer.header().line(), *lines]), encoding="utf-8")
    return path


def opened(path: Path) -> Terminal:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SPL_")}
    command = [sys.executable, "-m", "syncropel.cli.main", "console", "--bundle", str(path)]
    environ = colourful(plain) | {"SYNCROPEL_HOME": str(path.parent / "home")}
    return Terminal(command, environ, columns=120, rows=40)


def test_a_file_is_walked_through_without_a_daemon(tmp_path: Path) -> None:
    with closing(opened(bundle(tmp_path / "day.snap.jsonl"))) as terminal:
        terminal.sees("○ OFFLINE day.snap.jsonl", "READ-ONLY", "THREADS 1", "BOOK-1")
        terminal.press("\r")
        terminal.sees("record 60 of 60", "✓ holds, computed anew")
        terminal.press("[")
        terminal.press("\x1b[D")
        terminal.sees("record 58 of 60")
        terminal.press("F")
        terminal.sees("greyed: this console is read-only: records of the past")
        terminal.press("\r")
        terminal.press("4")
        terminal.sees("nothing more comes", "FEED 60")
        terminal.press("q")
        assert terminal.ended() == 0
    assert not (tmp_path / "home").exists(), "to look at a file needs no home, and makes none"


def test_an_altered_file_is_refused_with_its_line_before_the_terminal_is_taken(tmp_path: Path) -> None:
    path = bundle(tmp_path / "day.snap.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    lines[7] = lines[7].replace("number", "numbre")
    path.write_text("".join(lines))
    with closing(opened(path)) as terminal:
        terminal.sees("line 8")
        assert terminal.ended() == 1
    assert b"\x1b[?1049h" not in terminal.raw
    assert b"Traceback" not in terminal.raw
