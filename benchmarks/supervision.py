"""What a supervisor costs beside the bare script, and how long a stop takes to an empty tree."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median, quantiles
from typing import Any

import psutil

from benchmarks.table import Table
from syncropel.adapters import BashAdapter, Job
from syncropel.folds.fanout.child import SESSION
from syncropel.peer.runtime import Runtime

ROUNDS = 30
STOPS = 15
TREE = (
    "timeout 600 sleep 701 & setsid sleep 701 & (setsid bash -c 'sleep 701 &' &); "
    "nohup sleep 701 >/dev/null 2>&1 & touch ready; sleep 600"
)
DEAF = "(trap '' INT TERM; while :; do sleep 701; done) & touch ready; sleep 600"


class _Bench:
    def __init__(self, folder: Path) -> None:
        self._adapter = BashAdapter(folder / "work", None, Runtime())
        self._folder = folder
        self._count = 0
        self._session: dict[str, Any] = {}

    async def _observe(self, kind: str, body: dict[str, Any]) -> None:
        if kind == SESSION:
            self._session = body

    async def bare(self) -> float:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec("bash", "-c", "true", stdin=subprocess.DEVNULL)
        await process.wait()
        return time.perf_counter() - began

    async def supervised(self) -> float:
        began = time.perf_counter()
        await self._run("true")
        return time.perf_counter() - began

    async def stop(self, goal: str) -> tuple[float, int, int]:
        """Seconds from the word to the proof; the supervisor's bytes; processes that there were."""
        running = self._run(goal)
        ready = self._folder / "work" / f"th_{self._count}" / "cwd" / "ready"
        while not ready.exists():  # noqa: ASYNC110 - a script says it
            await asyncio.sleep(0.005)
        supervisor = psutil.Process(self._session["supervisor"])
        size, below = supervisor.memory_info().rss, len(supervisor.children(recursive=True))
        began = time.perf_counter()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return time.perf_counter() - began, size, below

    def _run(self, goal: str) -> asyncio.Future[Any]:
        self._count += 1
        job = Job(f"th_{self._count}", goal, 1, 600.0)
        return asyncio.ensure_future(self._adapter.run(job, self._observe))


async def _measure(table: Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        bare, supervised, cpu = [], [], []
        for _ in range(ROUNDS):
            bare.append(await bench.bare())
            before = getrusage(RUSAGE_CHILDREN)
            supervised.append(await bench.supervised())
            after = getrusage(RUSAGE_CHILDREN)
            cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        table.add(
            "processor time of a supervisor and its script", _ms(median(cpu)), _ms(_p95(cpu)), "≤ 40 ms"
        )
        more = [one - other for one, other in zip(supervised, bare, strict=True)]
        table.add("bare script", _ms(median(bare)), _ms(_p95(bare)), "")
        table.add("supervised script", _ms(median(supervised)), _ms(_p95(supervised)), "")
        table.add("more", _ms(median(more)), _ms(_p95(more)), "")
        stops = [await bench.stop(TREE) for _ in range(STOPS)]
        secs = [one[0] for one in stops]
        table.add(f"stop, {stops[0][2]} processes that escaped", _ms(median(secs)), _ms(_p95(secs)), "")
        deaf = [(await bench.stop(DEAF))[0] for _ in range(3)]
        table.add("stop, one deaf to SIGTERM (2 s of grace)", _ms(median(deaf)), _ms(max(deaf)), "")
        size = max(one[1] for one in stops) / 2**20
        table.add("memory of a supervisor", f"{size:.1f} MB", "", "≤ 12 MB")


def _ms(secs: float) -> str:
    return f"{secs * 1000:.0f} ms"


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def run() -> Table:
    """Everything on this machine, in turn with the bare script."""
    table = Table("Supervision", ["what", "median", "p95", "aim"])
    asyncio.run(_measure(table))
    return table
