"""What a command costs before it does anything: `spl fleet list` beside an empty Python."""

from __future__ import annotations

import subprocess
import sys
import time
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from benchmarks.place import fleet
from benchmarks.table import Table

ROUNDS = 10


def _secs(words: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Wall time, and processor time, which a busy machine changes less."""
    started, before = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    subprocess.run(words, env=environ, check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def _row(table: Table, kind: str, empty: list[float], listing: list[float], aim: str) -> None:
    more = median(mine - theirs for mine, theirs in zip(listing, empty, strict=True))
    table.add(kind, *(f"{secs * 1000:.0f} ms" for secs in (median(empty), median(listing), more)), aim)


def run() -> Table:
    """Whole processes, in turn."""
    empty, listing = [], []
    with fleet(2) as place:
        for _ in range(ROUNDS):
            empty.append(_secs([sys.executable, "-c", "pass"], place.environ))
            listing.append(
                _secs([sys.executable, "-m", "syncropel.cli.main", "fleet", "list"], place.environ)
            )
    table = Table("spl fleet list (medians)", ["time", "python -c pass", "spl fleet list", "more", "aim"])
    for at, kind, aim in ((0, "wall", "< 300 ms"), (1, "processor", "")):
        _row(table, kind, [one[at] for one in empty], [one[at] for one in listing], aim)
    return table
