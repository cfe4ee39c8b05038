"""A coding agent's run in every answer: what it used, what it was denied, and a cost that is not known."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.cli.text.diagnosis import diagnosis_lines
from syncropel.cli.text.spend import spend_lines
from syncropel.cli.text.task import child_lines, retry_lines, speedup_lines
from syncropel.settings.adapters import AdapterSettings, AdapterTable
from syncropel.settings.config import DispatchSettings
from syncropel.wire import ChildOut, FleetStatus, JoinStatus, Speedup, TaskSummary
from syncropel.wire.diagnosis import Diagnosis
from tui.model import tree
from tui.model.glyphs import ASCII
from tui.model.moment import Moment

from .conftest import NOOP, Api, MakeApi, until

FAKE = Path(__file__).parents[1] / "adapters" / "agents" / "fake_agent.py"


def running(folder: Path, agent: str, **table: Any) -> Any:
    """Settings of an instance that runs the fake agent."""
    home = {"set": {"HOME": str(folder)}, "command": (sys.executable, str(FAKE)), **table}
    tables = {agent: AdapterTable(agent, agent, **home)}
    return replace(
        NOOP,
        adapters=AdapterSettings(tables=tables),
        dispatch=DispatchSettings(adapter=agent, shutdown_grace_secs=0.05),
    )


async def ended(api: Api, alias: str = "T-1", **subtask: Any) -> ChildOut:
    """One subtask of a new task, once it has a verdict."""
    await api.task(alias=alias)
    answer = await api.fan_out(alias, subtask)
    assert answer.status_code == 201, answer.text

    async def look() -> ChildOut | None:
        (child,) = JoinStatus.model_validate(await api.get(f"/v1/tasks/{alias}/join")).subtasks
        return child if child.verdict else None

    return await until(look)


async def test_a_denied_call_and_what_was_used_are_in_every_answer(make_api: MakeApi, tmp_path: Path) -> None:
    api = await make_api(running(tmp_path, "claude"))

    child = await ended(api, goal="do:denied")

    assert (child.verdict, child.reason, child.cost_unknown) == ("failed", "permission_denied", False)
    assert child.agent is not None
    assert (child.agent.tokens, child.agent.denied, child.agent.denials) == (1270, ["Write x.txt"], "known")
    assert child.cost_usd == pytest.approx(0.0059125)
    told = child_lines(child)
    assert any(line.strip().startswith("agent: claude-opus-4-8, 1,270 tokens, session ") for line in told)
    assert "        denied: Write x.txt" in told
    (one,) = Diagnosis.model_validate(await api.get("/v1/tasks/T-1/diagnose")).attempts
    assert one.agent == child.agent


async def test_a_subtask_may_ignore_denied_calls(make_api: MakeApi, tmp_path: Path) -> None:
    api = await make_api(running(tmp_path, "claude"))

    child = await ended(api, goal="do:denied", denied="ignore")

    assert child.verdict == "accept"
    assert child.agent is not None
    assert child.agent.denied == ["Write x.txt"]


async def test_a_cost_that_is_not_known_is_never_shown_as_none(make_api: MakeApi, tmp_path: Path) -> None:
    api = await make_api(running(tmp_path, "codex", model="a-model-of-nobody"))

    child = await ended(api, goal="do:ok")

    status = JoinStatus.model_validate(await api.get("/v1/tasks/T-1/join"))
    assert (child.verdict, child.cost_unknown, status.cost_unknown) == ("accept", True, True)
    assert child.agent is not None
    assert (child.agent.tokens, child.agent.cost_usd) == (1270, None)
    told = "\n".join(child_lines(child))
    assert "cost unknown" in told
    assert "denials unknown" in told
    assert "$0" not in told
    speedup = Speedup.model_validate(await api.get("/v1/tasks/T-1/speedup"))
    assert "  total cost unknown" in speedup_lines(speedup)
    summary = TaskSummary.model_validate(await api.get("/v1/tasks/T-1"))
    assert summary.cost_unknown
    diagnosed = diagnosis_lines(Diagnosis.model_validate(await api.get("/v1/tasks/T-1/diagnose")))
    assert not [line for line in diagnosed if "$0" in line]
    shown = dict(tree.detail_lines(child, Moment(0.0, 0.0), ASCII))
    assert (shown["cost"].text, shown["denied"].text) == ("unknown", "unknown")


async def test_while_it_runs_an_unknown_cost_is_unknown_too(make_api: MakeApi, tmp_path: Path) -> None:
    api = await make_api(running(tmp_path, "codex", model="a-model-of-nobody"))
    await api.task(alias="T-1")
    await api.fan_out("T-1", {"goal": "do:long"})

    async def look() -> ChildOut | None:
        (child,) = JoinStatus.model_validate(await api.get("/v1/tasks/T-1/join")).subtasks
        return child if child.cost_unknown else None

    child = await until(look)

    assert (child.state, child.cost_usd) == ("in_progress", 0.0)
    shown = dict(tree.detail_lines(child, Moment(0.0, 0.0), ASCII))
    assert shown["cost"].text == "unknown"
    status = FleetStatus.model_validate(await api.get("/v1/fleet/status"))
    assert (status.dispatches[0].cost_unknown, status.fanouts[0].cost_unknown) == (True, True)
    told = spend_lines(status)
    assert len([line for line in told if "cost unknown" in line]) == 2
    assert not [line for line in told if "$0" in line]


async def test_the_default_budget_of_an_adapter_is_shown_while_it_runs_and_afterwards(
    make_api: MakeApi, tmp_path: Path
) -> None:
    api = await make_api(running(tmp_path, "claude", default_budget_usd=2.0))

    child = await ended(api, goal="do:ok")
    assert child.budget_usd == 2.0
    await api.task(alias="T-2")
    await api.fan_out("T-2", {"goal": "do:long"})

    async def runs() -> ChildOut | None:
        (found,) = JoinStatus.model_validate(await api.get("/v1/tasks/T-2/join")).subtasks
        return found if found.budget_usd else None

    assert (await until(runs)).budget_usd == 2.0
    status = FleetStatus.model_validate(await api.get("/v1/fleet/status"))
    assert [one.budget_usd for one in status.dispatches] == [2.0]
    own = await ended(api, goal="do:ok", alias="T-3", budget_usd=5.0)
    assert own.budget_usd == 5.0


async def test_a_retry_may_choose_another_model_in_the_same_session(
    make_api: MakeApi, tmp_path: Path
) -> None:
    api = await make_api(running(tmp_path, "claude", model="opus", models=("sonnet",)))
    first = await ended(api, goal="do:denied", adapter="claude")

    refused = await api.operator.post("/v1/tasks/T-1/retry", json={"index": 0, "model": "huge"})
    assert refused.status_code == 400, refused.text
    assert "does not allow the model 'huge'" in refused.json()["message"]
    again = {"index": 0, "model": "sonnet", "hint": "do:ok"}
    assert (await api.operator.post("/v1/tasks/T-1/retry", json=again)).status_code == 201

    async def look() -> ChildOut | None:
        status = JoinStatus.model_validate(await api.get("/v1/tasks/T-1/join"))
        (child,) = status.subtasks
        open_yet = status.model_copy(update={"complete": False})
        assert "  Model: sonnet" in retry_lines("T-1", status.thread, 0, open_yet)
        return child if child.attempt == 2 and child.verdict else None

    second = await until(look)
    assert (second.verdict, second.model) == ("accept", "sonnet")
    found = await api.get("/v1/records", topic="syncropel.dispatch.session.v1")
    started = [one["body"] for one in found["data"]]
    assert [one["model"] for one in started] == ["opus", "sonnet"]
    assert first.agent is not None
    assert started[1]["resumes"] == first.agent.session


async def test_a_budget_ends_an_agent_that_goes_on_spending(make_api: MakeApi, tmp_path: Path) -> None:
    api = await make_api(running(tmp_path, "claude"))

    child = await ended(api, goal="do:endless", budget_usd=0.02)

    assert (child.verdict, child.reason) == ("failed", "budget_exceeded")
    assert 0.02 <= child.cost_usd < 0.02 + 3 * 0.006
    assert child.agent is not None
    assert child.agent.session


async def test_the_start_record_says_where_a_budget_cannot_stop_a_run(
    make_api: MakeApi, tmp_path: Path
) -> None:
    api = await make_api(running(tmp_path, "codex", model="gpt-5.5"))

    await ended(api, goal="do:ok", budget_usd=1.0)

    found = await api.get("/v1/records", topic="syncropel.dispatch.session.v1")
    (session,) = [one["body"] for one in found["data"]]
    assert session["spend_known"] == "end"
    assert session["warning"].startswith("a budget cannot stop this run")


async def test_a_retry_that_must_resume_goes_on_where_the_session_is(
    make_api: MakeApi, tmp_path: Path
) -> None:
    api = await make_api(running(tmp_path, "claude"))
    first = await ended(api, goal="do:denied", adapter="claude")
    assert first.agent is not None

    again = {"index": 0, "hint": "do:ok", "resume": True}
    elsewhere = await api.operator.post("/v1/tasks/T-1/retry", json={**again, "target": "worker-b"})
    assert elsewhere.status_code == 409, elsewhere.text
    assert elsewhere.json()["message"].endswith("is on coordinator, not on worker-b")
    assert elsewhere.json()["hint"].endswith("without --resume: spl task retry T-1 --subtask 0")
    answer = await api.operator.post("/v1/tasks/T-1/retry", json=again)
    assert answer.status_code == 201, answer.text
    assert answer.json()["body"]["target"] == f"specific:{api.engine.instance.did}"

    async def look() -> ChildOut | None:
        (child,) = JoinStatus.model_validate(await api.get("/v1/tasks/T-1/join")).subtasks
        return child if child.attempt == 2 and child.verdict else None

    second = await until(look)
    assert second.agent is not None
    assert (second.verdict, second.agent.session) == ("accept", first.agent.session)


@pytest.mark.parametrize("status", ["stale", "archived", "left", ""])
async def test_a_retry_that_must_resume_is_refused_when_the_session_cannot_be_reached(
    make_api: MakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    api = await make_api(running(tmp_path, "claude"))
    await ended(api, goal="do:denied", adapter="claude")
    monkeypatch.setattr(api.engine.leases, "status", lambda instance: status)
    refused = await api.operator.post("/v1/tasks/T-1/retry", json={"index": 0, "resume": True})
    assert refused.status_code == 409, refused.text
    assert refused.json()["message"].endswith(f"is on coordinator, which is {status or 'unknown here'}")


async def test_a_retry_that_must_resume_is_refused_without_a_session(
    make_api: MakeApi, tmp_path: Path
) -> None:
    api = await make_api(running(tmp_path, "claude"))
    await ended(api, goal="anything", adapter="echo")
    refused = await api.operator.post("/v1/tasks/T-1/retry", json={"index": 0, "resume": True})
    assert (refused.status_code, refused.json()["message"]) == (
        409, "T-1 [0], attempt 1, left no session to resume",
    )  # fmt: skip
    await api.task(alias="T-2")
    await api.fan_out("T-2", {"goal": "do:long", "adapter": "claude"})
    refused = await api.operator.post("/v1/tasks/T-2/retry", json={"index": 0, "resume": True})
    assert refused.json()["message"] == "T-2 [0], attempt 1, has not ended"
