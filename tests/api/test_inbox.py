"""The inbox: what waits for an operator, since when, and the command that answers it."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.cli.support.parsing import build_parser

from .asked import Asked, attempt_of
from .conftest import Api
from .test_credentials import BEATS, A, B, given_to, joined, report, shows


@pytest.fixture
async def asked(api: Api) -> Asked:
    """It runs, and its worker says so."""
    asked = await attempt_of(api)
    await runs(api, A)
    return asked


async def runs(api: Api, did: str, **changes: Any) -> None:
    """Have a worker say in its heartbeat that it runs what was given to it, in the task T."""
    state = api.engine.ingest.live.task("T")
    assert state is not None
    assert state.fanout is not None
    spend = [
        {
            "child_intend": spawn.child_intend,
            "child_thread": spawn.child_thread,
            "cost_usd": 0.0,
            "began_at": 1e9,
            **changes,
        }
        for spawn in state.fanout.unreported.values()
        if spawn.instance == did
    ]
    beat = {**BEATS[did], "spend": spend}
    assert (await api.tcp.post("/v1/fleet/heartbeat", json=beat, headers=shows(did))).status_code == 200


async def inbox(api: Api) -> list[dict[str, Any]]:
    """What waits; each command is one that `spl` takes."""
    found: list[dict[str, Any]] = (await api.get("/v1/inbox"))["data"]
    for one in found:
        words = one["command"].split()
        assert words[0] == "spl"
        build_parser().parse_args([word if word != "USD" else "1" for word in words[1:]])
    assert [one["since"] for one in found] == sorted(one["since"] for one in found)
    return found


async def test_nothing_waits_at_first(api: Api) -> None:
    assert await inbox(api) == []
    await api.task(alias="T")
    await api.fan_out("T", {})
    assert await inbox(api) == []


async def test_a_question_waits_until_it_is_answered(asked: Asked) -> None:
    assert (await asked.tell(asked.question())).status_code == 201
    [one] = await inbox(asked.api)
    assert (one["kind"], one["alias"], one["index"], one["attempt"]) == ("permission", "T", 0, 1)
    assert (one["instance"], one["instance_alias"], one["since"]) == (A, "worker-a", 1.0)
    assert (one["what"], one["command"]) == ("may I?", f"spl task answer T 0 {asked.id}")
    assert (one["question"], one["until"]) == (asked.id, 1e10)
    status = await asked.api.get("/v1/fleet/status")
    assert status["fanouts"][0]["questions"] == [0]
    joined = await asked.api.get("/v1/tasks/T/join")
    assert joined["subtasks"][0]["why"] == "asks its operator: spl task answer T 0"
    assert (await asked.answer()).status_code == 201
    assert await inbox(asked.api) == []
    assert (await asked.api.get("/v1/fleet/status"))["fanouts"][0]["questions"] == []


async def test_an_approval_waits(api: Api) -> None:
    await joined(api)
    rule = {"expression": "true"}
    assert (await api.operator.put("/v1/config/rules/aitl/ask", json=rule)).is_success
    await api.task(alias="T")
    await api.fan_out("T", {"target": f"specific:{A}"})
    await api.engine.fan_outs.reconciler.drain()
    [one] = await inbox(api)
    assert (one["kind"], one["command"]) == ("approval", "spl task approve T --subtask 0")
    assert one["since"] > 1e9
    answered = await api.operator.post("/v1/tasks/T/answer", json={"index": 0, "verdict": "accept"})
    assert answered.status_code == 201
    await api.engine.fan_outs.reconciler.drain()
    await runs(api, A)
    assert await inbox(api) == []


async def test_a_failure_that_blocks_its_task_waits(api: Api) -> None:
    thread, body, clock = await given_to(await joined(api), A)
    body |= {"verdict": "failed", "at": 5.0}
    posted = await api.tcp.post("/v1/records", json=report(thread, body, clock, A), headers=shows(A))
    assert posted.status_code == 201
    [one] = await inbox(api)
    assert (one["kind"], one["index"], one["instance"], one["since"]) == ("failed", 0, A, 5.0)
    assert one["command"] == "spl task retry T --subtask 0"
    assert "cannot join any more" in one["what"]
    assert (await api.operator.post("/v1/tasks/T/retry", json={"index": 0})).status_code == 201
    await api.engine.fan_outs.reconciler.drain()
    await runs(api, A)
    assert await inbox(api) == []


async def test_a_result_waits_for_its_review_once_the_join_waits_for_nothing_else(api: Api) -> None:
    await joined(api)
    await api.task(alias="T")
    two = [{"target": f"specific:{A}"}] * 2
    await api.fan_out("T", *two, join="children.all(c, c.approved)")
    await api.engine.fan_outs.reconciler.drain()
    thread = (await api.get("/v1/tasks/T"))["thread"]
    fanout = api.engine.ingest.live.tasks[thread].fanout
    assert fanout is not None
    for index in (0, 1):
        await runs(api, A)
        assert await inbox(api) == [], "as long as something runs, nobody is called"
        spawn = fanout.spawns[index, 1]
        body = {"topic": "fanout_child_done", "index": index, "attempt": 1, "worker": A, "verdict": "accept"}
        body |= {"child_thread": spawn.child_thread, "at": 5.0 + index}
        told = report(thread, body, fanout.report_clock(body) or 0, A)
        posted = await api.tcp.post("/v1/records", json=told, headers=shows(A))
        assert posted.status_code == 201, posted.text
        await api.engine.fan_outs.reconciler.drain()
    first, second = await inbox(api)
    assert (first["kind"], first["index"], first["attempt"], first["since"]) == ("review", 0, 1, 5.0)
    assert (first["instance_alias"], first["until"]) == ("worker-a", None)
    assert first["what"] == "its result waits for your review: the join is children.all(c, c.approved)"
    assert (first["command"], second["command"]) == ("spl task review T 0", "spl task review T 1")
    status = (await api.get("/v1/fleet/status"))["fanouts"][0]
    assert status["unreviewed"] == [0, 1]
    verdict = {"verdict": "accept", "attempt": 1}
    assert (await api.operator.post("/v1/tasks/T/subtasks/0/reviews", json=verdict)).status_code == 201
    assert [one["index"] for one in await inbox(api)] == [1]
    verdict = {"verdict": "reject", "attempt": 1, "text": "Not yet."}
    assert (await api.operator.post("/v1/tasks/T/subtasks/1/reviews", json=verdict)).status_code == 201
    await api.engine.fan_outs.reconciler.drain()
    await runs(api, A)
    assert await inbox(api) == [], "its next attempt begins"


async def test_a_failure_that_blocks_nothing_does_not(api: Api) -> None:
    await joined(api)
    await api.task(alias="T")
    await api.fan_out("T", {"target": f"specific:{A}"}, {"target": f"specific:{B}"}, join="any")
    await api.engine.fan_outs.reconciler.drain()
    await runs(api, B)
    thread = (await api.get("/v1/tasks/T"))["thread"]
    fanout = api.engine.ingest.live.tasks[thread].fanout
    assert fanout is not None
    spawn = fanout.spawns[0, 1]
    body = {"topic": "fanout_child_done", "index": 0, "attempt": 1, "worker": A, "verdict": "failed"}
    body |= {"child_thread": spawn.child_thread}
    posted = await api.tcp.post(
        "/v1/records", json=report(thread, body, spawn.key[0] + 2, A), headers=shows(A)
    )
    assert posted.status_code == 201, posted.text
    assert await inbox(api) == []


async def test_a_budget_that_is_nearly_spent_waits(asked: Asked) -> None:
    api = asked.api
    for cost, words in ((0.89, None), (0.9, "has spent $0.90 of its $1.00"), (1.5, "more than its $1.00")):
        await runs(api, A, cost_usd=cost, budget_usd=1.0)
        found = await inbox(api)
        assert [one["kind"] for one in found] == ([] if words is None else ["budget"])
        assert words is None or words in found[0]["what"]


async def test_a_fan_outs_budget_that_is_nearly_spent_waits(api: Api) -> None:
    await joined(api)
    await api.task(alias="T")
    await api.fan_out("T", {"target": f"specific:{A}"}, budget_usd=1.0)
    await api.engine.fan_outs.reconciler.drain()
    await runs(api, A, cost_usd=0.95)
    [one] = await inbox(api)
    assert (one["kind"], one["index"], one["command"]) == ("budget", None, "spl task amend T --budget USD")


async def test_what_runs_longer_than_it_may_waits(api: Api) -> None:
    await joined(api)
    await api.task(alias="T")
    await api.fan_out("T", {"target": f"specific:{A}", "timeout_secs": 1e-6})
    await api.engine.fan_outs.reconciler.drain()
    await runs(api, A)
    [one] = await inbox(api)
    assert (one["kind"], one["command"]) == ("late", "spl task stop T --subtask 0")


async def test_work_of_an_instance_that_is_gone_waits(asked: Asked) -> None:
    api = asked.api
    assert await inbox(api) == []
    leave = {**BEATS[A], "leaving": True}
    assert (await api.tcp.post("/v1/fleet/heartbeat", json=leave, headers=shows(A))).status_code == 200
    [one] = await inbox(api)
    assert (one["kind"], one["instance"], one["index"]) == ("silent", A, 0)
    assert "has left" in one["what"]
    assert one["command"] == "spl task retry T --subtask 0 --target OTHER"
