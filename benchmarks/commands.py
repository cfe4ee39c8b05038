"""What a command costs before it does anything: `spl fleet list` beside an empty Python."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from benchmarks.place import fleet
from benchmarks.table import Table

ROUNDS = 10


def _secs(words: list[str], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(words, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


def run() -> Table:
    """Whole processes, in turn."""
    empty, listing = [], []
    with fleet(2) as place:
        for _ in range(ROUNDS):
            empty.append(_secs([sys.executable, "-c", "pass"], place.environ))
            listing.append(
                _secs([sys.executable, "-m", "syncropel.cli.main", "fleet", "list"], place.environ)
            )
    table = Table("spl fleet list (wall time, medians)", ["python -c pass", "spl fleet list", "more", "aim"])
    more = median(mine - theirs for mine, theirs in zip(listing, empty, strict=True))
    table.add(
        f"{median(empty) * 1000:.0f} ms",
        f"{median(listing) * 1000:.0f} ms",
        f"{more * 1000:.0f} ms",
        "< 300 ms",
    )
    return table
