"""Resident memory of an idle daemon beside an empty Python."""

from __future__ import annotations

import subprocess
import sys

import psutil

from benchmarks.place import fleet
from benchmarks.table import Table
from syncropel.client import calls

_MIB = 1024 * 1024


def run() -> Table:
    """RSS counts shared pages too, USS only what would be freed."""
    table = Table("Memory of an idle daemon (MiB)", ["process", "RSS", "USS"])
    words = [sys.executable, "-c", "input('ready\\n')"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as empty:
        assert empty.stdout is not None
        empty.stdout.readline()
        _add(table, "empty Python", empty.pid)
        empty.communicate(b"\n")
    with fleet(0) as place:
        _add(table, "spl serve", place.client.send(calls.engine_health()).pid)
    return table


def _add(table: Table, name: str, pid: int) -> None:
    memory = psutil.Process(pid).memory_full_info()
    table.add(name, f"{memory.rss / _MIB:.0f}", f"{memory.uss / _MIB:.0f}")
