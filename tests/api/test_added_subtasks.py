"""Subtasks that running agents add to their task: who decides, and what limits them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncropel.engine.dispatch import attempt_calls
from syncropel.errors import SyncropelError
from syncropel.folds.fanout import additions
from syncropel.folds.fanout.reassignments import BUDGET_EXCEEDED
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import Record
from tests.engine.rebuilt import rebuild

from .asked import attempt_of
from .attempts import Stage, quick, stage
from .conftest import ACTOR, Api, assert_error, until
from .test_credentials import A, B, joined
from .two_instances import COORDINATOR

__all__ = ["quick", "stage"]

ASKS = {"id": "1", "goal": "more work"}
MAY = {"may_add": 2}


async def join(stage: Stage, name: str = "T") -> Any:
    return await stage.two.coordinator.get(f"/v1/tasks/{name}/join")


async def written(stage: Stage, topic: str) -> list[dict[str, Any]]:
    found = await stage.two.coordinator.get("/v1/records", topic=topic, limit=500)
    return [one["body"] for one in found["data"]]


async def refusal(stage: Stage, token: str, **asked: Any) -> str:
    told = (await stage.call(token, "subtasks", **{**ASKS, **asked})).json()
    assert (told["state"], told["added"]) == ("decided", None), told
    return str(told["reason"])


async def complete(stage: Stage) -> None:
    async def done() -> bool:
        return bool((await join(stage))["complete"])

    await until(done)


async def test_an_agent_adds_a_subtask_that_the_join_waits_for(stage: Stage) -> None:
    token = await stage.begin("work", spec=MAY, timeout_secs=300, budget_usd=2)
    told = (await stage.call(token, "subtasks", **ASKS)).json()
    assert told == {"state": "decided", "added": 1, "reason": ""}
    first, second = (await join(stage))["subtasks"]
    assert first["added_by"] is None
    by = second["added_by"]
    assert (by["index"], by["attempt"], by["depth"]) == (0, 1, 1)
    assert (second["goal"], second["target"], second["adapter"]) == ("more work", "worker-b", "agent")
    assert (second["timeout_secs"], second["budget_usd"]) == (300, 2)
    assert second["state"] in ("pending", "in_progress")

    async def began() -> bool:
        return "more work" in stage.agent.tokens

    await until(began)
    stage.agent.go_on.set()
    await complete(stage)
    status = await join(stage)
    assert (status["accepted"], status["explanation"]) == (2, "2/2 accepted, all needs 2")
    [asked], [added] = await written(stage, additions.ASKED), await written(stage, additions.ADDED)
    assert asked["subtask"] == {
        "request": asked["subtask"]["request"],
        "goal": "more work",
        "adapter": "agent",
    }
    assert (asked["index"], asked["attempt"], asked["namespace"]) == (0, 1, "default")
    assert (added["index"], added["by"], added["depth"]) == (1, {"index": 0, "attempt": 1}, 1)
    assert added["namespace"] == "default"


async def test_the_siblings_of_an_agent_are_told_of_what_it_added(stage: Stage) -> None:
    token = await stage.begin("work", spec=MAY)
    await stage.call(token, "subtasks", **{**ASKS, "goal": "done at once", "depends_on": [0]})
    text = (await stage.call(token, "siblings")).json()["text"]
    assert "## Subtask 1" in text
    assert "> done at once" in text
    assert "State: pending" in text


ALLOWED: list[tuple[dict[str, Any], int]] = [
    ({"may_add": -1}, 422),
    ({"may_add": 1001}, 422),
    ({"may_add": 1, "add_depth": 0}, 422),
    ({"add_depth": 2}, 400),
    ({"may_add": 1, "add_depth": 2}, 201),
]


@pytest.mark.parametrize(("spec", "status"), ALLOWED)
async def test_what_an_operator_allows_is_a_number(stage: Stage, spec: dict[str, Any], status: int) -> None:
    coordinator = stage.two.coordinator
    await coordinator.task(alias="T")
    body = {"subtasks": [{"goal": "g", "target": "worker-b"}], "allow_unknown": True, **spec}
    assert (await coordinator.operator.post("/v1/tasks/T/fan-out", json=body)).status_code == status


async def test_nobody_adds_anything_unless_the_operator_allows_it(stage: Stage) -> None:
    token = await stage.begin("work")
    refused = await stage.call(token, "subtasks", **ASKS)
    assert_error(refused, 403, "FORBIDDEN", "the operator lets this subtask add none")
    assert not await stage.observed("subtask")
    assert len((await join(stage))["subtasks"]) == 1


async def test_an_operator_limits_how_many_are_added(stage: Stage) -> None:
    token = await stage.begin("work", spec=MAY)
    for number in ("1", "2"):
        told = (await stage.call(token, "subtasks", id=number, goal=f"part {number}")).json()
        assert told["added"] == int(number)
    why = await refusal(stage, token, id="3", goal="part 3")
    assert why == "agents have added 2 subtasks, and the operator allows no more"
    status = await join(stage)
    assert len(status["subtasks"]) == 3
    [refused] = status["refused"]
    assert (refused["index"], refused["goal"], refused["reason"]) == (0, "part 3", why)


async def test_many_who_ask_at_once_get_no_more_than_the_limit(stage: Stage) -> None:
    """Several attempts, each with as many calls as it may have under way."""
    await stage.begin("one", "two", "three", spec={"may_add": 3})

    async def all_run() -> bool:
        return len(stage.agent.tokens) == 3

    await until(all_run)
    tokens = list(stage.agent.tokens.values())
    calls = [
        stage.call(token, "subtasks", id=f"{n}", goal=f"goal {at} {n}", depends_on=[0])
        for at, token in enumerate(tokens)
        for n in range(20)
    ]
    answers = await asyncio.gather(*calls)
    assert {one.status_code for one in answers} == {200, 429}
    added = sorted(
        one.json()["added"] for one in answers if one.is_success and one.json()["added"] is not None
    )
    assert added == [3, 4, 5]
    assert len((await join(stage))["subtasks"]) == 6


async def test_a_call_that_is_repeated_adds_once(stage: Stage, quick: None) -> None:
    token = await stage.begin("work", spec={"may_add": 5})

    async def decided() -> Any:
        told = (await stage.call(token, "subtasks", **ASKS)).json()
        return told if told["state"] == "decided" else None

    first = await until(decided)
    assert await until(decided) == first
    other = (await stage.call(token, "subtasks", **{**ASKS, "goal": "other words, same number"})).json()
    assert other == first
    assert len(await stage.observed("subtask")) == 1

    async def same() -> Any:
        """The same under another number, as when the agent's server was started again."""
        told = (await stage.call(token, "subtasks", **{**ASKS, "id": "2"})).json()
        return told if told["state"] == "decided" else None

    assert (await until(same))["added"] == first["added"]
    assert len((await join(stage))["subtasks"]) == 2


async def test_what_an_agent_added_adds_none_unless_the_operator_allows_it(stage: Stage) -> None:
    token = await stage.begin("work", spec={"may_add": 5})
    await stage.call(token, "subtasks", **ASKS)

    async def began() -> str | None:
        return stage.agent.tokens.get("more work")

    deeper = await stage.call(str(await until(began)), "subtasks", id="1", goal="deeper")
    assert_error(deeper, 403, "FORBIDDEN", "the operator lets this subtask add none")


async def test_an_operator_allows_added_subtasks_to_add(stage: Stage) -> None:
    token = await stage.begin("work", spec={"may_add": 5, "add_depth": 2})
    await stage.call(token, "subtasks", **ASKS)

    async def began() -> str | None:
        return stage.agent.tokens.get("more work")

    told = (await stage.call(str(await until(began)), "subtasks", id="1", goal="deeper")).json()
    assert told["added"] == 2
    assert (await join(stage))["subtasks"][2]["added_by"]["depth"] == 2


REACHES: list[tuple[dict[str, Any], str]] = [
    ({"target": "worker-x"}, "no subtask of the operator has the target 'worker-x'"),
    ({"target": "least-loaded-worker"}, "no subtask of the operator has the target 'least-loaded-worker'"),
    ({"repo": "secrets"}, "no subtask of the operator works on the repository 'secrets'"),
    ({"depends_on": [7]}, "it is to wait for subtask 7, but there are only 0 to 0"),
]


async def test_an_agent_reaches_no_further_than_its_operator_did(stage: Stage) -> None:
    token = await stage.begin("work", spec=MAY)
    for number, (asked, why) in enumerate(REACHES):
        assert await refusal(stage, token, id=f"{number}", **asked) == why
    assert len((await join(stage))["subtasks"]) == 1


UNSAID = ("namespace", "budget_usd", "adapter", "may_add", "timeout_secs", "parent_thread", "task", "index")


async def test_an_agent_chooses_nothing_that_only_operators_do(stage: Stage) -> None:
    """No namespace, no budget, no adapter, no other task: a call with such a member is refused whole."""
    token = await stage.begin("work", spec=MAY)
    for key in UNSAID:
        refused = await stage.call(token, "subtasks", **ASKS, **{key: "x"})
        assert_error(refused, 400, "BAD_REQUEST", f"a subtask has no '{key}'")
    wrong: tuple[dict[str, Any], ...] = (
        {"goal": "x" * 4001},
        {"goal": "  "},
        {"depends_on": ["0"]},
        {"depends_on": [-1]},
        {"target": 1},
    )
    for bad in wrong:
        assert (await stage.call(token, "subtasks", **{**ASKS, **bad})).status_code == 400
    many = await stage.call(token, "subtasks", **ASKS, depends_on=list(range(101)))
    assert_error(many, 400, "BAD_REQUEST", "at most 100")
    assert not await stage.observed("subtask")


async def test_nothing_is_added_while_the_namespace_is_frozen(stage: Stage) -> None:
    token = await stage.begin("work", spec=MAY)
    body = {"namespace": "default", "level": "soft", "reason": "look", "actor": ACTOR}
    await stage.two.coordinator.operator.post("/v1/fleet/freeze", json=body)
    why = await refusal(stage, token)
    assert why == "the namespace 'default' is frozen (soft: look); nothing is added meanwhile"
    await stage.two.coordinator.operator.post(
        "/v1/fleet/unfreeze", json={"namespace": "default", "reason": "seen", "actor": ACTOR}
    )
    told = (await stage.call(token, "subtasks", **{**ASKS, "id": "2"})).json()
    assert told["added"] == 1  # what was refused is not refused for ever


async def test_nothing_is_added_to_a_task_that_is_over(stage: Stage) -> None:
    token = await stage.begin("work", "done", spec={**MAY, "join": "any"})
    await complete(stage)
    assert await refusal(stage, token) == "its task is over"
    assert len((await join(stage))["subtasks"]) == 2


async def test_nothing_is_added_when_the_budget_is_spent(stage: Stage) -> None:
    token = await stage.begin("work", spec={**MAY, "budget_usd": 1})
    stage.two.network.down.add("worker-b")  # so that its attempt goes on for a moment
    coordinator = stage.two.coordinator
    state = coordinator.engine.ingest.live.task("T")
    assert state is not None
    body = {"topic": BUDGET_EXCEEDED, "budget_usd": 1, "spent_usd": 1, "namespace": "default", "at": 1}
    await coordinator.engine.ingest.append_one(Record(state.thread, COORDINATOR, "LEARN", body))
    called = asyncio.create_task(stage.call(token, "subtasks", **ASKS))

    async def refused() -> Any:
        return (await join(stage))["refused"]

    [one] = await until(refused)
    assert one["reason"] == "its attempt is being ended: budget_exceeded"
    stage.two.network.down.discard("worker-b")
    stage.agent.go_on.set()
    assert_error(await called, 401, "UNAUTHORIZED")


async def test_requests_have_a_limit_that_is_counted_from_the_log(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_calls, "MOST_ASKED", 2)
    token = await stage.begin("work", spec={"may_add": 1})
    for number in ("1", "2"):
        await stage.call(token, "subtasks", id=number, goal=f"part {number}")
    refused = await stage.call(token, "subtasks", id="3", goal="part 3")
    assert_error(refused, 429, "TOO_MUCH", "2 subtasks")
    assert (await stage.call(token, "subtasks", id="1", goal="part 1")).json()["added"] == 1


async def test_the_token_of_an_attempt_that_has_ended_adds_nothing(stage: Stage) -> None:
    token = await stage.begin("work", spec=MAY)
    stage.agent.go_on.set()
    await complete(stage)
    assert_error(await stage.call(token, "subtasks", **ASKS), 401, "UNAUTHORIZED")
    assert not await written(stage, additions.ASKED)


async def test_a_request_is_decided_when_the_coordinator_comes_back(stage: Stage, quick: None) -> None:
    token = await stage.begin("work", spec=MAY)
    await stage.two.stop("coordinator")
    assert (await stage.call(token, "subtasks", **ASKS)).json() == {"state": "waiting"}
    await stage.two.start("coordinator")

    async def decided() -> Any:
        told = (await stage.call(token, "subtasks", **ASKS)).json()
        return told if told["state"] == "decided" else None

    assert (await until(decided))["added"] == 1
    assert len(await written(stage, additions.ADDED)) == 1


async def test_the_log_alone_says_what_was_added(stage: Stage) -> None:
    token = await stage.begin("work", "other", spec={**MAY, "budget_usd": 5})
    await stage.call(token, "subtasks", **ASKS)
    await stage.call(token, "subtasks", id="2", goal="too far", target="worker-x")

    async def began() -> bool:
        return "more work" in stage.agent.tokens

    await until(began)
    stage.agent.go_on.set()
    await complete(stage)
    engine = stage.two.coordinator.engine
    state = engine.ingest.live.task("T")
    assert state is not None
    assert fold_task(state.thread, await engine.store.thread(state.thread)) == state
    assert (await rebuild(engine.store)).tasks[state.thread] == state


async def test_a_worker_asks_only_for_attempts_of_its_own(api: Api) -> None:
    """And not for what no agent could ask: the log takes it from nobody."""
    asked = await attempt_of(api)
    wanted = {"request": "r1", "goal": "more", "adapter": "agent"}
    body = {"topic": additions.ASKED, **asked.where, "subtask": wanted}
    assert_error(await asked.tell(body, did=B), 403, "WRONG_AUTHOR", "was not given to")
    assert_error(await asked.tell({**body, "index": 1}), 403, "WRONG_AUTHOR")
    assert_error(await asked.tell({**body, "child_intend": "ab" * 32}), 422, "INVALID_RECORD")
    assert_error(await asked.tell({**body, "subtask": {**wanted, "goal": "x" * 4001}}), 422, "INVALID_RECORD")
    assert_error(await asked.tell(body, clock=2**62), 422, "INVALID_RECORD", "clock")
    for topic in (additions.ADDED, additions.REFUSED):
        forged = {**body, "topic": topic, "asked": "s_1", "by": {"index": 0, "attempt": 1}, "depth": 1}
        assert_error(await asked.tell(forged, act="LEARN"), 403, "WRONG_AUTHOR")
    first = await asked.tell(body)
    assert first.status_code == 201, first.text
    assert (await asked.tell(body)).json()["duplicate"] is True  # its acknowledgement was lost
    for number in range(2, 51):
        told = await asked.tell({**body, "subtask": {**wanted, "request": f"r{number}"}})
        assert told.status_code == 201, told.text
    more = {**body, "subtask": {**wanted, "request": "one more"}}
    assert_error(await asked.tell(more), 409, "CONFLICT", "asked for 50 subtasks already")

    async def decided() -> bool:
        state = api.engine.ingest.live.task("T")
        return state is not None and state.fanout is not None and len(state.fanout.additions.decided) == 50

    await until(decided)
    status = await api.get("/v1/tasks/T/join")
    assert (len(status["subtasks"]), len(status["refused"])) == (1, 20)  # its operator allows none


async def test_what_is_asked_for_is_decided_before_the_join(api: Api) -> None:
    """A request and the result that satisfies the join come together: the request was there first."""
    await joined(api)
    await api.task(alias="T")
    where = {"target": f"specific:{A}"}
    assert (await api.fan_out("T", where, where, join="any", may_add=1)).status_code == 201
    await api.engine.fan_outs.reconciler.drain()
    state = api.engine.ingest.live.task("T")
    assert state is not None
    assert state.fanout is not None
    first, second = (state.fanout.spawns[index, 1] for index in (0, 1))
    slot = {"index": 0, "attempt": 1, "worker": A, "child_thread": first.child_thread}
    wanted = {"request": "r1", "goal": "more", "adapter": "agent"}
    asks = {"topic": additions.ASKED, **slot, "child_intend": first.child_intend, "subtask": wanted}
    done = {"topic": CHILD_DONE, "index": 1, "attempt": 1, "worker": A, "verdict": "accept"}
    records = [
        Record(state.thread, A, "KNOW", asks),
        Record(state.thread, A, "DO", {**done, "child_thread": second.child_thread}),
    ]
    for outcome in await api.engine.ingest.append(records):
        assert not isinstance(outcome, SyncropelError), outcome
    await api.engine.fan_outs.reconciler.drain()
    status = await api.get("/v1/tasks/T/join")
    assert (status["complete"], len(status["subtasks"])) == (True, 3)
    assert status["subtasks"][2]["standing"] == "not_spawned"
