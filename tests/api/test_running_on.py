"""Subtasks that run although their task is over: seen, counted, answered, and stopped as others are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.folds.fanout import progress, subtasks
from syncropel.settings.config import DispatchSettings
from tests.asking_adapter import AskingAdapter

from .conftest import until
from .two_instances import Two, two_instances

HERE = DispatchSettings(adapter="asking", shutdown_grace_secs=0.0)
LS = {"id": "r1", "shown": {"command": "ls -l"}, "command": ["ls", "-l"], "text": "run ls -l"}
OTHER = {"id": "r2", "shown": {"command": "pwd"}, "command": ["pwd"], "text": "run pwd"}


@pytest.fixture
async def asking() -> AskingAdapter:
    return AskingAdapter()


@pytest.fixture
async def two(tmp_path: Path, asking: AskingAdapter) -> AsyncIterator[Two]:
    async with two_instances(tmp_path, {"asking": asking}, dispatch=HERE) as both:
        yield both


async def join(two: Two) -> None:
    """Have subtask 0 accepted, which is all that the join wants, while subtask 1 asks."""
    await two.coordinator.task(alias="T")
    goals = [json.dumps({}), json.dumps({"asks": [LS, OTHER]})]
    parts = [{"goal": goal, "target": "worker-b"} for goal in goals]
    body = {"subtasks": parts, "join": "any", "allow_unknown": True}
    answer = await two.coordinator.operator.post("/v1/tasks/T/fan-out", json=body)
    assert answer.status_code == 201, answer.text
    await until(lambda: joined(two))


async def cancel(two: Two) -> None:
    """Have the task cancelled while both of its subtasks run, the second of which asks."""
    await two.fan_out(json.dumps({"asks": [{**LS, "id": "r0"}]}), json.dumps({"asks": [LS, OTHER]}))
    await until(lambda: asks(two))
    thread = (await two.coordinator.get("/v1/tasks/T"))["thread"]
    await two.coordinator.post(thread=thread, act="DO", body={"topic": "task_cancelled"})


async def joined(two: Two) -> bool:
    return bool((await two.coordinator.get("/v1/tasks/T/join"))["complete"])


async def asks(two: Two, index: int = 1) -> dict[str, Any] | None:
    """The question that a subtask waits with."""
    found = (await two.coordinator.get("/v1/questions", open=True))["data"]
    return next((one for one in found if one["index"] == index), None)


async def running(two: Two) -> list[int]:
    return [one["index"] for one in (await two.coordinator.get("/v1/fleet/status"))["dispatches"]]


async def beaten(two: Two, indexes: list[int]) -> None:
    """Wait until the coordinator has heard from the worker that these run."""

    async def seen() -> bool:
        two.worker.engine.heartbeat_sender.soon()
        return await running(two) == indexes

    await until(seen)


async def reported(two: Two) -> bool:
    """Whether the coordinator has heard from the worker what runs there."""
    two.worker.engine.heartbeat_sender.soon()
    return bool(two.coordinator.engine.leases.spends())


async def answer(two: Two, asked: dict[str, Any], verdict: str) -> None:
    body = {"digest": asked["digest"], "verdict": verdict}
    written = await two.coordinator.operator.post(f"/v1/questions/{asked['id']}/answer", json=body)
    assert written.status_code == 201, written.text


@pytest.mark.parametrize(("end", "indexes"), [(join, [1]), (cancel, [0, 1])], ids=["joined", "cancelled"])
async def test_what_runs_on_is_seen_counted_and_answered(
    two: Two,
    asking: AskingAdapter,
    end: Callable[[Two], Awaitable[None]],
    indexes: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await end(two)
    await beaten(two, indexes)
    radius = await two.coordinator.get("/v1/control/blast", level="emergency")
    assert (radius["in_flight"], radius["instances"]) == (len(indexes), ["worker-b"])
    assert (await two.coordinator.get("/v1/fleet/status"))["dispatches"][-1]["why"].startswith("runs on")
    listed = (await two.coordinator.get("/v1/dispatches"))["data"]  # the longest first, whichever that is
    assert sorted(one["index"] for one in listed) == indexes
    with monkeypatch.context() as patched:  # there may be thousands of subtasks, and this is asked often
        for module in (subtasks, progress):
            patched.setattr(module, "states_of", lambda _: pytest.fail("all subtasks were folded for one"))
        assert await running(two) == indexes
    asked = await until(lambda: asks(two))
    inbox = (await two.coordinator.get("/v1/inbox"))["data"]
    assert [one["question"] for one in inbox if one["index"] == 1] == [asked["id"]]

    await answer(two, asked, "allow")
    later = await until(lambda: other_than(two, asked["id"]))
    await answer(two, later, "deny")
    await until(lambda: ended(two))
    assert [one.chosen for one in asking.told] == ["allow_once", "reject_once"]
    await beaten(two, indexes[:-1])


async def other_than(two: Two, known: str) -> dict[str, Any] | None:
    found = await asks(two)
    return found if found is not None and found["id"] != known else None


async def ended(two: Two) -> bool:
    child = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"][1]
    return child["verdict"] is not None


async def test_a_drain_waits_for_what_runs_on(two: Two) -> None:
    await join(two)
    await beaten(two, [1])
    drained = await two.coordinator.operator.post(
        "/v1/drain", json={"state": "start", "instance": "worker-b"}
    )
    assert drained.status_code == 201, drained.text
    assert (await two.coordinator.get("/v1/drain"))["in_flight"] == 1
    stop = {"topic": "fanout_end_subtask", "index": 1, "attempt": 1, "reason": "stopped"}
    thread = (await two.coordinator.get("/v1/tasks/T"))["thread"]
    await two.coordinator.post(thread=thread, act="LEARN", body=stop)
    await until(lambda: ended(two))
    await beaten(two, [])
    assert (await two.coordinator.get("/v1/drain"))["in_flight"] == 0


async def test_an_answer_outlives_the_daemons(two: Two, asking: AskingAdapter) -> None:
    await join(two)
    asked = await until(lambda: asks(two))
    two.network.down.add("worker-b")
    await answer(two, asked, "allow")
    await two.stop("coordinator")
    await two.start("coordinator")
    two.network.down.discard("worker-b")

    async def told() -> bool:
        two.worker.engine.heartbeat_sender.soon()
        two.coordinator.engine.fan_outs.look_again()
        return bool(asking.told)

    await until(told)
    assert asking.told[0].chosen == "allow_once"


async def test_what_was_taken_from_an_instance_counts_there_until_it_has_ended(
    two: Two, asking: AskingAdapter
) -> None:
    """A retry ends the attempt before it, which takes a while: a freeze would meet both."""
    await two.fan_out(json.dumps({"asks": [LS]}))
    await until(lambda: asks(two, 0))
    await until(lambda: reported(two))
    two.network.down.add("worker-b")
    again = await two.coordinator.operator.post("/v1/tasks/T/retry", json={"index": 0})
    assert again.status_code == 201, again.text

    async def both() -> bool:
        return bool((await two.coordinator.get("/v1/control/blast", level="emergency"))["in_flight"] == 2)

    await until(both)
