"""The real console, two real daemons, and contexts that change while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.pseudo_terminal import Terminal, colourful
from tests.tui import console_sample as sample
from tests.tui.fake_daemon import FakeDaemon

SPL = (sys.executable, "-m", "syncropel.cli.main")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SPL_")}
    return colourful(plain) | {"SYNCROPEL_HOME": str(tmp_path)}


@pytest.fixture
def spl(environ: dict[str, str]) -> Callable[..., str]:
    """Runs a command of this home beside the console."""

    def run(*words: str) -> str:
        ran = subprocess.run([*SPL, *words], env=environ, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def test_news_of_the_fleet_behind_a_lost_one_and_a_context_added_meanwhile(
    spl: Callable[..., str], environ: dict[str, str]
) -> None:
    here, there = FakeDaemon(), FakeDaemon()
    with there.running(), ExitStack() as life, ExitStack() as ends:
        life.enter_context(here.running())
        spl("context", "add", "here", "--url", here.url)
        terminal = Terminal([*SPL, "--context", "here", "console"], environ, columns=120, rows=40)
        ends.callback(terminal.close)
        terminal.sees("[here]", "● LIVE")
        spl("context", "add", "there", "--url", there.url)
        terminal.press("c")
        terminal.sees("there  ● LIVE  3 live · 1 stale")
        terminal.press("\x1b")
        terminal.loses("there  ● LIVE")  # a key right behind esc would be a longer key
        terminal.forget()
        there.says(sample.status(freezes=[sample.freeze(actor="did:sync:user:eve", reason="a leak")]))
        terminal.sees("! there: 1 news", "did:sync:user:eve froze docs/v0.11 (hard): a leak")
        terminal.writes(b"\x1b]9;there: did:sync:user:eve froze docs/v0.11 (hard): a leak\a")
        assert terminal.text.splitlines()[0].strip().startswith("[here]")
        terminal.press(":context there\r")
        terminal.sees("[there]", "● LIVE", "FROZEN")
        life.close()
        terminal.sees("! here: 1 news", "it does not answer: no daemon answers at")
        there.says(sample.status())
        terminal.press("c")
        terminal.sees("here   ✗ DOWN", "there  ● LIVE")
        terminal.press("\r")
        terminal.press("q")
        assert terminal.ended() == 0
    assert b"Traceback" not in terminal.raw
