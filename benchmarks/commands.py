"""What commands cost before they do anything: each beside an empty Python."""

from __future__ import annotations

import subprocess
import sys
import time
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from benchmarks.place import fleet
from benchmarks.table import Table

ROUNDS = 10
COMMANDS = (("status",), ("fleet", "list"), ("task", "list"))
AIMS = {"status": "≤ 150 ms", "fleet list": "< 300 ms"}
"""How much more wall time than an empty Python."""


def _secs(words: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Wall time, and processor time, which a busy machine changes less."""
    started, before = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    subprocess.run(words, env=environ, check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def _cells(empty: list[float], whole: list[float]) -> list[str]:
    """Medians of an empty Python, of a command, and of what that takes more."""
    more = median(mine - theirs for mine, theirs in zip(whole, empty, strict=True))
    return [f"{secs * 1000:.0f} ms" for secs in (median(empty), median(whole), more)]


def run() -> Table:
    """Whole processes, in turn."""
    empty: list[tuple[float, float]] = []
    spent: dict[str, list[tuple[float, float]]] = {" ".join(words): [] for words in COMMANDS}
    with fleet(2) as place:
        for _ in range(ROUNDS):
            empty.append(_secs([sys.executable, "-c", "pass"], place.environ))
            for words in COMMANDS:
                command = [sys.executable, "-m", "syncropel.cli.main", *words]
                spent[" ".join(words)].append(_secs(command, place.environ))
    table = Table("Short commands (medians)", ["command", "time", "python -c pass", "command", "more", "aim"])
    for name, whole in spent.items():
        for at, kind, aim in ((0, "wall", AIMS.get(name, "")), (1, "processor", "")):
            cells = _cells([one[at] for one in empty], [one[at] for one in whole])
            table.add(f"spl {name}", kind, *cells, aim)
    return table
