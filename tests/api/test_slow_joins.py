"""A join that takes long, or cannot be evaluated: nobody else waits for it, and everybody is told of it.

The threads for joins are held meanwhile, so that what joins meanwhile did not need them.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from syncropel.cli.text.task import join_lines
from syncropel.policy.lanes import JOINS, QUESTIONS, Lane
from syncropel.wire import JoinStatus

from .conftest import NOOP, Api, open_api, until

COSTLY = "[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, a + b + c > 0)))"
"""True, and more than may be evaluated on the event loop."""
RUNAWAY = f"[1,2,3,4,5,6,7,8,9].all(x, [1,2,3,4,5,6,7,8,9].all(y, [1,2,3,4,5,6,7,8,9].all(z, {COSTLY})))"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(tmp_path, NOOP) as made:
        yield made


@contextmanager
def held(lane: Lane) -> Iterator[None]:
    gate = threading.Event()
    lane.quick.submit(gate.wait)
    lane.slow.submit(gate.wait)
    try:
        yield
    finally:
        gate.set()


async def fan_out(api: Api, alias: str, join: str, subtasks: int = 1) -> None:
    await api.task(alias=alias)
    assert (await api.fan_out(alias, *[{}] * subtasks, join=join)).status_code == 201


async def join(api: Api, alias: str) -> dict[str, Any]:
    return await api.get(f"/v1/tasks/{alias}/join")


async def test_a_slow_join_delays_no_other(api: Api) -> None:
    with held(JOINS):
        await fan_out(api, "SLOW", COSTLY)
        await until(lambda: _waits(api))
        for alias, predicate in (("A", "all"), ("B", "children.all(c, c.verdict == 'accept')")):
            await fan_out(api, alias, predicate, 3)
            assert await until(partial(_joined, api, alias))
        assert not api.engine.ingest.live.task("SLOW").fanout.joined  # type: ignore[union-attr]
    assert await until(lambda: _joined(api, "SLOW"))


async def test_questions_delay_no_join(api: Api) -> None:
    with held(QUESTIONS):
        await fan_out(api, "SLOW", COSTLY)
        assert await until(lambda: _joined(api, "SLOW"))


async def test_what_is_marked_while_it_waits_is_looked_at_again(api: Api) -> None:
    with held(JOINS):
        await fan_out(api, "SLOW", COSTLY, 2)
        await until(lambda: _marked_while_it_waits(api))
    assert await until(lambda: _joined(api, "SLOW"))
    await api.engine.fan_outs.reconciler.drain()
    assert api.engine.fan_outs.reconciler.queue_depth == 0


async def _marked_while_it_waits(api: Api) -> bool:
    api.engine.fan_outs.reconciler.mark_all()
    return api.engine.fan_outs.reconciler.queue_depth == 2


async def _waits(api: Api) -> bool:
    return bool(api.engine.fan_outs.reconciler.queue_depth)


async def _joined(api: Api, alias: str) -> bool:
    state = api.engine.ingest.live.task(alias)
    return state is not None and state.fanout is not None and state.fanout.joined is not None


@pytest.mark.parametrize(
    ("predicate", "why"),
    [
        ("children[5].verdict == 'accept'", "there is no element 5"),
        ("children.map(c, 1 / 0).size() > 1", "divide by zero"),
        (RUNAWAY, "the expression was stopped after 500000 steps"),
    ],
)
async def test_a_join_that_cannot_be_evaluated_blames_no_subtask(api: Api, predicate: str, why: str) -> None:
    await fan_out(api, "T", predicate, 2)
    await until(lambda: _finished(api, 2))
    found = await join(api, "T")
    assert (found["status"], found["satisfiable"], found["blame"]) == ("blocked", False, [])
    assert f"it cannot be evaluated: {why}" in found["explanation"]
    assert found["hint"] == "spl task amend T --join EXPRESSION"
    assert found["problem"].startswith(why)
    told = await api.get("/v1/tasks/T/why")
    assert "cannot be evaluated" in told["sentence"]
    assert told["hint"] == found["hint"]
    (row,) = (await api.get("/v1/tasks"))["data"]
    assert (row["status"], row["satisfiable"]) == ("blocked", False)
    amended = await api.operator.post("/v1/tasks/T/amend", json={"join": "all", "reason": "it never could"})
    assert amended.is_success, amended.text
    assert await until(lambda: _joined(api, "T"))


async def test_a_join_that_is_false_though_all_were_accepted_says_so(api: Api) -> None:
    await fan_out(api, "T", "children.size() > 5", 2)
    await until(lambda: _finished(api, 2))
    found = await join(api, "T")
    assert found["blame"] == []
    assert "it is false with all 2 subtasks accepted" in found["explanation"]


async def test_before_the_end_it_tells_what_it_lacks(api: Api) -> None:
    await api.task(alias="T")
    nowhere = {"target": "specific:did:sync:instance:ffffffffffffffff"}
    assert (await api.fan_out("T", nowhere, join="children[5].index == 5")).status_code == 201
    found = await join(api, "T")
    assert found["satisfiable"]
    assert "cannot be evaluated yet: there is no element 5" in found["explanation"]
    assert found["problem"] == "there is no element 5"
    told = join_lines(JoinStatus.model_validate(found))
    assert "  Join cannot be evaluated yet: there is no element 5" in told


async def _finished(api: Api, count: int) -> bool:
    return (await join(api, "T"))["completed"] == count
