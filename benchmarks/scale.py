"""What a daemon costs on logs of 10 thousand, 100 thousand, and 1 million records, and how it grows.

`SPL_BENCH_SCALE=10000,5000000` measures other sizes. The logs are made once for each run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from benchmarks.logs import write_log
from benchmarks.place import environ_in, process
from benchmarks.table import Table
from syncropel.client import Client, Target, calls, thread_calls
from syncropel.client.calls import Call
from syncropel.launcher.process import signal_stop, spawn, wait_gone
from syncropel.launcher.starting import Progress, wait_ready
from syncropel.settings.home import Home
from syncropel.wire.actors import ActorOut
from syncropel.wire.base import Page

SIZES: Final = (10_000, 100_000, 1_000_000)
CONNECTIONS: Final = 8
LOAD_SECS: Final = 4.0
START_SECS: Final = 1800.0
_LOOKS: Final = 5
_MIB: Final = 1024 * 1024


@dataclass
class Figures:
    """Of one size: seconds, MiB, and appends per second.

    `build` is what making the views costs once; `start` has them. `page` is the first page of a query with
    many matches, `query` all pages of one with none.
    """

    build: float
    start: float
    resident: float
    status: float
    tasks: float
    threads: float
    trust: float
    actors: float
    page: float
    query: float
    append: float
    stop: float


def run() -> Table:
    """One daemon after the other, each on a log of another size."""
    sizes = [int(word) for word in os.environ.get("SPL_BENCH_SCALE", "").split(",") if word] or list(SIZES)
    table = Table(
        "Cost by the size of the log (in brackets: times that of the smallest)",
        [
            "records",
            "views built",
            "first answer",
            "resident",
            "status",
            "task list",
            "thread list",
            "trust",
            "actors",
            "query page",
            "whole query",
            f"appends at {CONNECTIONS}",
            "stop",
        ],
        notes=["the startup backup runs meanwhile, so that appends of the first seconds have it beside them"],
    )
    smallest: Figures | None = None
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="spl-bench-", ignore_cleanup_errors=True) as folder:
            now = _measured(Path(folder), size)
        smallest = smallest or now
        cells = [
            _cell(
                f"{getattr(now, name) * scale:.{digits}f}{unit}", getattr(now, name), getattr(smallest, name)
            )
            for name, scale, digits, unit in (
                ("build", 1.0, 1, " s"),
                ("start", 1.0, 2, " s"),
                ("resident", 1.0, 0, " MiB"),
                ("status", 1000.0, 1, " ms"),
                ("tasks", 1000.0, 1, " ms"),
                ("threads", 1000.0, 1, " ms"),
                ("trust", 1000.0, 1, " ms"),
                ("actors", 1000.0, 1, " ms"),
                ("page", 1000.0, 1, " ms"),
                ("query", 1.0, 2, " s"),
                ("append", 1.0, 0, " /s"),
                ("stop", 1.0, 2, " s"),
            )
        ]
        table.add(f"{size:,}", *cells)
    return table


def _cell(text: str, value: float, smallest: float) -> str:
    return f"{text} ({value / smallest:.2f})"


def _measured(folder: Path, size: int) -> Figures:
    home = Home(folder / ".syncro")
    home.path.mkdir()
    made = os.environ.get("SPL_BENCH_LOGS")  # a folder of logs that an earlier run made, by size
    if made and (Path(made) / f"{size}.db").exists():
        shutil.copy(Path(made) / f"{size}.db", home.store)
    else:
        write_log(home.store, size)
    begun = time.perf_counter()
    tool = [sys.executable, "-P", "-m", "syncropel.daemon.views_tool", "build", "--home", str(home.path)]
    subprocess.run(tool, check=True, stdout=subprocess.DEVNULL)
    build = time.perf_counter() - begun
    # The first start of a log also reads the ids of all records, for its lineage; that is done once, too.
    first = spawn(home, ["--port", "0"], environ_in(folder))
    wait_ready(first, progress=Progress(START_SECS))
    signal_stop(first.pid)
    wait_gone([first.pid], 120.0)
    begun = time.perf_counter()
    started = spawn(home, ["--port", "0"], environ_in(folder))
    try:
        wait_ready(started, progress=Progress(START_SECS))
        start = time.perf_counter() - begun
        with Client(Target(socket=home.socket), timeout=60.0) as client:
            status = _timed(lambda: client.send(calls.engine_health()))
            tasks = _timed(lambda: client.send(calls.tasks(limit=50)))
            threads = _timed(lambda: client.send(calls.threads(limit=50)))
            trust = _timed(lambda: client.send(thread_calls.trust()))
            actors = _timed(lambda: client.send(Call(Page[ActorOut], "/v1/actors")))
            resident = psutil.Process(started.pid).memory_info().rss / _MIB
            page = _timed(
                lambda: client.send(calls.query_records({"filter": {"act": "INTEND"}, "limit": 10}))
            )
            query = _timed(lambda: _whole_query(client, {"body.nowhere": {"$gt": 1}}))
            url = client.send(calls.fleet_status()).coordinator_url
            token = client.send(
                calls.mint_service_account("sa-bench", ["records:write"], ["did:sync:agent:bench"])
            ).token
        append = _appends(int(url.rpartition(":")[2]), token)
    finally:
        begun = time.perf_counter()
        signal_stop(started.pid)
        wait_gone([started.pid], 120.0)
    stop = time.perf_counter() - begun
    return Figures(build, start, resident, status, tasks, threads, trust, actors, page, query, append, stop)


def _whole_query(client: Client, wanted: dict[str, Any]) -> None:
    """Every page of a query that no index serves and no record matches."""
    cursor: str | None = None
    while True:
        found = client.send(calls.query_records({"filter": wanted, "cursor": cursor}))
        if (cursor := found.next_cursor) is None:
            return


def _timed(ask: Callable[[], object]) -> float:
    """Median seconds of a few calls."""
    taken = []
    for _ in range(_LOOKS):
        begun = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - begun)
    return median(taken)


def _appends(port: int, token: str) -> float:
    words = ("benchmarks.load", str(port), token, str(CONNECTIONS), str(LOAD_SECS), "scale")
    with process(*words) as load:
        assert load.stdout is not None
        return float(load.stdout.readline())
