"""Agents: the cost of a dispatch over the bare program, reading what one writes, and work on two workers."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from benchmarks.place import Place, fleet
from benchmarks.table import Table
from syncropel.adapters import Job
from syncropel.adapters.agent_types import CLAUDE
from syncropel.adapters.agents.adapter import AgentAdapter
from syncropel.adapters.agents.claude import ClaudeReader
from syncropel.adapters.contract import Place as AdapterPlace
from syncropel.client import calls
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable

ROUNDS: Final = 7
WORK_SECS: Final = 1.0
EVENTS: Final = 200_000
FAN_ROUNDS: Final = 5
COUNT: Final = 60_000_000
_BUSY: Final = f"{sys.executable} -c 'sum(range({COUNT})) and sum(range({COUNT}))'"
_LIMIT_SECS: Final = 300.0
_ACTOR: Final = "did:sync:user:bench"

# As claude says it; `sys.argv` has more words, which it passes over. BENCH_EVENTS messages, each an answer.
_AGENT: Final = """
import json, os, sys, time
sys.stdin.read()
say = lambda **said: sys.stdout.write(json.dumps(said) + "\\n")
say(type="system", subtype="init", session_id="s", model="m")
time.sleep(float(os.environ["BENCH_SECS"]))
content = [{"type": "text", "text": "x" * 100}]
for number in range(int(os.environ["BENCH_EVENTS"])):
    say(type="assistant", message={"id": f"m{number}", "model": "m", "content": content})
used = {"m": {"inputTokens": 1, "outputTokens": 1, "costUSD": 0.1}}
say(type="result", subtype="success", is_error=False, result="done", modelUsage=used)
"""


class _Bench:
    """An adapter of claude's type for a program of our own; `reader` is the one of the last run."""

    def __init__(self, folder: Path, secs: float, events: int) -> None:
        self.folder = folder
        self.script = folder / "agent.py"
        self.script.write_text(_AGENT, encoding="utf-8")
        self.variables = {"BENCH_SECS": str(secs), "BENCH_EVENTS": str(events)}
        table = AdapterTable("claude", "claude", (sys.executable, str(self.script)), set=self.variables)
        place = AdapterPlace(folder / "work", folder / "run", Runtime(), secrets=folder)
        adapter = CLAUDE.make(table, place)
        assert isinstance(adapter, AgentAdapter)
        self._adapter = adapter
        self._count = 0
        self.reader: ClaudeReader | None = None
        make = adapter.reader

        def kept(job: Job) -> Any:
            self.reader = found = make(job)  # type: ignore[assignment]
            return found

        adapter.reader = kept  # type: ignore[method-assign]

    def bare(self) -> float:
        """Seconds of the program alone, which writes into a file."""
        with (self.folder / "bare").open("wb") as sink:
            began = time.perf_counter()
            command = [sys.executable, str(self.script)]
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sink, env=self.variables, check=True)
            return time.perf_counter() - began

    async def dispatched(self) -> float:
        """Seconds of the same through its adapter: started, read while it writes, and judged."""
        self._count += 1
        job = Job(f"th_{self._count}", "work", 1, _LIMIT_SECS)
        began = time.perf_counter()
        outcome = await self._adapter.run(job, _observe)
        assert outcome.verdict == "accept", outcome
        job.remains.forget()
        return time.perf_counter() - began


async def _observe(kind: str, body: dict[str, Any]) -> None:
    """Where a daemon would write a record."""


class _Memory:
    """The most memory that this process has while the block runs, in bytes."""

    def __enter__(self) -> _Memory:
        gc.collect()
        self._process = psutil.Process()
        self.before = self.most = self._process.memory_info().rss
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()


async def _overhead(table: Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder), WORK_SECS, 10)
        pairs = [(bench.bare(), await bench.dispatched()) for _ in range(ROUNDS)]
    bare, ours = median(one[0] for one in pairs), median(one[1] for one in pairs)
    ratio = median(mine / theirs for theirs, mine in pairs)
    more = f"{(ours - bare) * 1000:.0f} ms more"
    table.add(
        f"a program of {WORK_SECS:g} s", f"{bare:.2f} s bare", f"{ours:.2f} s, {more}", f"{ratio:.2f}", ""
    )


async def _events(table: Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder), 0.0, EVENTS)
        await bench.dispatched()  # what is imported and grows once is not counted
        pairs, grown, size = [], 0, 0
        for _ in range(3):
            bare = bench.bare()
            with _Memory() as memory:
                secs = await bench.dispatched()
            assert bench.reader is not None
            assert (bench.reader.turns, bench.reader.unread) == (EVENTS, 0), "an event was lost"
            pairs.append((bare, secs))
            grown = max(grown, memory.most - memory.before)
        size = (Path(folder) / "bare").stat().st_size
    bare, secs = median(one[0] for one in pairs), median(one[1] for one in pairs)
    ratio = median(mine / theirs for theirs, mine in pairs)
    table.add(
        f"{EVENTS:,} events, {size / 2**20:.0f} MiB: none lost",
        f"{EVENTS / bare:,.0f} /s written",
        f"{EVENTS / secs:,.0f} /s read",
        f"{ratio:.2f}",
        "",
    )
    table.add("the same: memory of the reader's process", "", f"+{grown / 2**20:.0f} MiB", "", "≤ 32 MiB")


def _joined(place: Place, name: str, *targets: str, after: bool = False) -> float:
    """Seconds that a fan-out takes by the coordinator's clock; `after`: one subtask after the other."""
    place.client.send(calls.create_task({"goal": "measure", "alias": name, "actor": _ACTOR}))
    subtasks: list[dict[str, Any]] = [
        {"goal": _BUSY, "target": target, **({"depends_on": [number - 1]} if after and number else {})}
        for number, target in enumerate(targets)
    ]
    place.client.send(calls.fan_out(name, {"subtasks": subtasks, "actor": _ACTOR}))
    deadline = time.monotonic() + _LIMIT_SECS
    while not place.client.send(calls.task(name)).joined:
        assert time.monotonic() < deadline, f"{name} never joined"
        time.sleep(0.1)
    elapsed = place.client.send(calls.speedup(name)).elapsed_secs
    assert elapsed is not None
    return elapsed


def _bare_pair(*, after: bool) -> float:
    """Seconds of two such programs without a fleet: what the machine has to give at present."""
    began = time.perf_counter()
    running = []
    for _ in range(2):
        running.append(subprocess.Popen(["bash", "-c", _BUSY]))
        if after:
            running[-1].wait()
    for one in running:
        one.wait()
    return time.perf_counter() - began


def _two_ways(table: Table) -> None:
    ours, bare = [], []
    with fleet(2, "bash") as place:
        for round_ in range(FAN_ROUNDS):
            bare.append((_bare_pair(after=True), _bare_pair(after=False)))
            in_turn = _joined(place, f"IN-TURN-{round_}", "worker-a", "worker-b", after=True)
            ours.append((in_turn, _joined(place, f"AT-ONCE-{round_}", "worker-a", "worker-b")))
    for what, pairs, aim in (
        ("two programs that only compute, without a fleet", bare, ""),
        ("two goals that only compute, on two workers", ours, "≥ 1.5"),
    ):
        in_turn, at_once = median(one[0] for one in pairs), median(one[1] for one in pairs)
        ratio = median(first / second for first, second in pairs)
        table.add(what, f"{in_turn:.2f} s in turn", f"{at_once:.2f} s at once", f"{ratio:.2f}", aim)


def run() -> Table:
    """All three, each beside what it is compared with, in turn."""
    table = Table(
        "Agents (medians)",
        ["what", "compared with", "measured", "ratio", "aim"],
        notes=[
            "The program speaks as claude does. Read: parsed, accounted, and judged, while it is written.",
            "Two goals: both sides are fan-outs; in turn, the second waits for the first.",
        ],
    )
    asyncio.run(_overhead(table))
    asyncio.run(_events(table))
    _two_ways(table)
    return table
