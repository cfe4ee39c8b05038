"""From enter to the first paint, in a terminal: the console beside the smallest app that Textual can draw."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import pexpect
import psutil

from benchmarks.table import Table

ROUNDS: Final = 10
LIMIT_SECS: Final = 30
ROWS, COLUMNS = 40, 120
NOBODY: Final = "http://127.0.0.1:1"
"""No daemon listens there: what is drawn first waits for none."""
_BARE: Final = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("INSTANCES")

Bare().run()
"""


def _paint(words: Sequence[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """Seconds by the clock and of the processor until the word is drawn that both draw."""
    begun = time.perf_counter()
    child = pexpect.spawn(
        words[0], list(words[1:]), env=dict(environ), dimensions=(ROWS, COLUMNS), timeout=LIMIT_SECS
    )
    try:
        child.expect("INSTANCES")
        wall = time.perf_counter() - begun
        used = psutil.Process(child.pid).cpu_times()
        return wall, used.user + used.system
    finally:
        child.close(force=True)


def run() -> Table:
    """Whole processes, in turn, each in a pseudo-terminal of 120x40."""
    console = [sys.executable, "-m", "syncropel.cli.main", "console", "--screen", "fleet", "--url", NOBODY]
    bare, ours = [], []
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "SYNCROPEL_HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for _ in range(ROUNDS):
            bare.append(_paint([sys.executable, "-c", _BARE], environ))
            ours.append(_paint(console, environ))
    table = Table(
        "From enter to the first paint (medians)",
        ["time", "a bare Textual app", "spl console", "ratio", "aim"],
    )
    for at, kind, aim in ((0, "wall", "< 500 ms"), (1, "processor", "")):
        theirs, mine = (median(one[at] for one in figures) for figures in (bare, ours))
        table.add(kind, f"{theirs * 1000:.0f} ms", f"{mine * 1000:.0f} ms", f"{mine / theirs:.2f}", aim)
    return table
