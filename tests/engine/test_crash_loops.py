"""A goal that takes its worker down is started three times at most, on however many workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import Job
from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.starts import CRASH_LOOP, VANISHED, WENT_DOWN
from tests.engine.fleet_sim import FleetSim, Node
from tests.engine.test_reconcile import Desk
from tests.engine.virtual import run

ARCHIVED_SECS = 90.0
"""More than the silence after which an instance is archived."""


class Killer(FleetSim):
    """A fleet in which goals that begin with `die` kill whoever runs them."""

    def __init__(self, home: Path, workers: int = 2, *, back: bool = True, after: float = 0.0) -> None:
        super().__init__(home, 0, workers)
        self.back = back
        self.after = after
        self.faults.down = 1.0
        self.run_secs = lambda job: 600.0 if job.goal.startswith("die") else 0.5

    def note_run(self, node: Node, job: Job) -> None:
        super().note_run(node, job)
        if job.goal.startswith("die"):
            self.loop.call_later(self.after, lambda: node.crash("by its goal", back=self.back))


def at(tmp_path: Path, story: Callable[[Desk], Coroutine[Any, Any, None]], **how: Any) -> None:
    async def tell() -> None:
        sim = Killer(tmp_path, **how)
        await sim.start()
        await asyncio.sleep(1)
        await story(Desk(sim))
        await sim.stop()
        assert sim.problems == []

    run(tell())


async def fan_out(desk: Desk, *goals: tuple[str, str], name: str = "T-1") -> None:
    await desk.say("POST", "/v1/tasks", {"goal": "much", "alias": name})
    subtasks = [{"goal": goal, "target": target} for goal, target in goals]
    await desk.say("POST", f"/v1/tasks/{name}/fan-out", {"subtasks": subtasks, "join": "all"})


async def reported(desk: Desk, index: int = 0, name: str = "T-1") -> Report:
    async def look() -> Report | None:
        return desk.fanout(name).report(index)

    found: Report = await desk.sim.until(look, 20 * ARCHIVED_SECS)
    return found


def places(desk: Desk, thread: str) -> list[str]:
    return [alias for alias, child, _ in desk.sim.runs if child == thread]


async def diagnosis(desk: Desk, name: str = "T-1") -> list[dict[str, Any]]:
    attempts: list[dict[str, Any]] = (await desk.say("GET", f"/v1/tasks/{name}/diagnose"))["attempts"]
    return attempts


@pytest.mark.parametrize("after", [0.0, 20.0], ids=["at once", "after some beats"])
def test_one_worker_starts_it_three_times(tmp_path: Path, after: float) -> None:
    async def story(desk: Desk) -> None:
        await fan_out(desk, ("die", "worker-a"))
        report = await reported(desk)
        assert (report.verdict, report.reason) == ("failed", CRASH_LOOP)
        assert report.worker == desk.sim.workers[0].did
        await asyncio.sleep(ARCHIVED_SECS)
        assert len(desk.sim.runs) == 3
        assert len(desk.sim.workers[0].crashes) == 3
        assert (await desk.say("GET", "/v1/tasks/T-1/join"))["status"] == "blocked"
        (attempt,) = await diagnosis(desk)
        assert attempt["failure_reason"] == CRASH_LOOP
        assert [one["ended"] for one in attempt["starts"]] == [WENT_DOWN] * 3
        assert {one["instance"] for one in attempt["starts"]} == {desk.sim.workers[0].did}
        moments = [one["at"] for one in attempt["starts"]]
        assert moments == sorted(set(moments))

    at(tmp_path, story, after=after)


def test_a_retry_begins_to_count_anew(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await fan_out(desk, ("die", "worker-a"))
        await reported(desk)
        await desk.say("POST", "/v1/tasks/T-1/retry", {"index": 0})
        await asyncio.sleep(1)
        assert (await reported(desk)).reason == CRASH_LOOP
        assert len(desk.sim.runs) == 6

    at(tmp_path, story)


@pytest.mark.parametrize("after", [0.0, 20.0], ids=["at once", "after some beats"])
def test_it_kills_three_workers_and_not_the_fourth(tmp_path: Path, after: float) -> None:
    async def story(desk: Desk) -> None:
        await fan_out(desk, ("die", "least-loaded-worker"))
        report = await reported(desk)
        assert (report.verdict, report.reason) == ("failed", CRASH_LOOP)
        await asyncio.sleep(5 * ARCHIVED_SECS)
        assert len(desk.sim.runs) == len({alias for alias, _, _ in desk.sim.runs}) == 3
        assert sum(bool(node.crashes) for node in desk.sim.nodes) == 3
        last = (await diagnosis(desk))[-1]
        assert (last["attempt"], last["failure_reason"]) == (3, CRASH_LOOP)
        assert [one["ended"] for one in last["starts"]] == [VANISHED] * 3
        assert len({one["instance"] for one in last["starts"]}) == 3
        assert [len(one["starts"]) for one in await diagnosis(desk)] == [1, 2, 3]

    at(tmp_path, story, workers=4, back=False, after=after)


def test_starts_here_and_there_count_together(tmp_path: Path) -> None:
    """Two on a worker that comes back once, then the third on another."""

    async def story(desk: Desk) -> None:
        sim = desk.sim
        assert isinstance(sim, Killer)
        await fan_out(desk, ("die", "least-loaded-worker"))

        async def twice() -> bool:
            return len(sim.runs) == 2

        await sim.until(twice, ARCHIVED_SECS)
        sim.back = False
        report = await reported(desk)
        assert (report.verdict, report.reason) == ("failed", CRASH_LOOP)
        await asyncio.sleep(3 * ARCHIVED_SECS)
        assert len(sim.runs) == 3
        last = (await diagnosis(desk))[-1]
        assert [one["ended"] for one in last["starts"]] == [WENT_DOWN, VANISHED, VANISHED]

    at(tmp_path, story, workers=3, after=7.0)


def test_a_worker_is_told_of_the_starts_before(tmp_path: Path) -> None:
    """Two elsewhere, one here: when it comes back it does not begin a fourth time."""

    async def story(desk: Desk) -> None:
        sim = desk.sim
        assert isinstance(sim, Killer)
        await fan_out(desk, ("die", "least-loaded-worker"))

        async def two_gone() -> bool:
            return len(sim.runs) == 2

        await sim.until(two_gone, 3 * ARCHIVED_SECS)
        await asyncio.sleep(2)
        sim.back = True
        report = await reported(desk)
        assert (report.verdict, report.reason) == ("failed", CRASH_LOOP)
        assert len(sim.runs) == 3
        assert report.worker not in {node.did for node in sim.workers if node.alias in places(desk, "")}
        last = (await diagnosis(desk))[-1]
        assert [one["ended"] for one in last["starts"]] == [VANISHED, VANISHED, WENT_DOWN]

    at(tmp_path, story, workers=3, back=False)


def test_others_go_on_where_one_has_killed_their_worker(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await fan_out(desk, ("die", "worker-a"), *[(f"good {n}", "worker-a") for n in range(6)])
        assert (await reported(desk)).reason == CRASH_LOOP
        await asyncio.sleep(ARCHIVED_SECS)
        assert desk.states() == ["failed"] + ["accept"] * 6
        good = [one for one in await diagnosis(desk) if one["index"] > 0]
        assert {one["attempt"] for one in good} == {1}
        assert len(desk.sim.workers[0].crashes) == 3

    at(tmp_path, story)


def test_of_two_that_went_down_together_only_the_one_that_kills_fails(tmp_path: Path) -> None:
    """Each begins for the last time alone."""

    async def story(desk: Desk) -> None:
        desk.sim.run_secs = lambda job: 600.0 if job.goal == "die" else 5.0
        await fan_out(desk, ("die", "worker-a"), ("good", "worker-a"))
        assert (await reported(desk)).reason == CRASH_LOOP
        assert (await reported(desk, 1)).verdict == "accept"
        assert len(desk.sim.runs) == 6

    at(tmp_path, story, after=1.0)


def test_what_waited_for_a_slot_is_not_taken_for_started(tmp_path: Path) -> None:
    """Three slots: what stood behind them is moved on, however many workers go down before it."""

    async def story(desk: Desk) -> None:
        killers = [(f"die {n}", "least-loaded-worker") for n in range(3)]
        await fan_out(desk, *killers, *[(f"good {n}", "least-loaded-worker") for n in range(9)])
        await asyncio.sleep(12 * ARCHIVED_SECS)
        told = desk.fanout()
        for index in range(3, 12):
            report = told.report(index)
            assert report is None or report.reason != CRASH_LOOP

    at(tmp_path, story, workers=6, back=False)


def test_a_worker_that_is_stopped_in_order_has_not_gone_down(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        worker = desk.sim.workers[0]
        desk.sim.run_secs = lambda job: 30.0
        await fan_out(desk, ("long", "worker-a"))
        for _ in range(5):
            await asyncio.sleep(3)
            await worker.stop()
            await worker.start()
        assert (await reported(desk)).verdict == "accept"
        assert len(desk.sim.runs) == 6

    at(tmp_path, story)


def test_the_second_start_that_comes_to_something_tells_of_the_first(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        worker = desk.sim.workers[0]
        desk.sim.run_secs = lambda job: 10.0
        await fan_out(desk, ("long", "worker-a"))
        await asyncio.sleep(3)
        worker.crash("by somebody")
        assert (await reported(desk)).verdict == "accept"
        (attempt,) = await diagnosis(desk)
        assert [one["ended"] for one in attempt["starts"]] == [WENT_DOWN, ""]

    at(tmp_path, story)
