"""Forks through the real application: what is refused, what a parent is told, and what closes it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import ACTOR, Api, assert_error, record, until
from tests.api.forks import CHILD, HERE, PARENT, closed, forked, on, opened, post
from tests.api.test_tasks import report

# telling the parent


async def test_the_parent_is_told_once_what_a_child_came_to(api: Api) -> None:
    opening = await opened(api)
    await forked(api)
    intend = await opened(api, CHILD)
    assert await on(api, PARENT, "fork_closed") == []
    await closed(api, CHILD, intend, summary="458/458 pass")
    (told,) = await on(api, PARENT, "fork_closed")
    assert told["child_thread"] == CHILD
    assert told["summary"] == f"child {CHILD} completed with result accept: 458/458 pass"
    await closed(api, CHILD, intend, summary="again")
    await api.post(thread=CHILD, body={"text": "a remark"})
    api.engine.forking.mark([PARENT, CHILD])
    assert len(await on(api, PARENT, "fork_closed")) == 1
    state = await api.get(f"/v1/threads/{PARENT}/state")
    assert opening in state["open_intends"], "without a join nothing closes the parent"


async def test_a_child_that_was_closed_before_it_was_forked_is_told_at_once(api: Api) -> None:
    intend = await opened(api, CHILD)
    await closed(api, CHILD, intend)
    await forked(api)
    assert len(await on(api, PARENT, "fork_closed")) == 1


@pytest.mark.parametrize(
    ("steps", "results"),
    [
        ([("KNOW", {"fulfills": "intend"})], ["accept"]),
        ([("KNOW", {"fulfills": "intend"}), ("KNOW", {"verdict": "accept"})], ["accept"]),
        ([("KNOW", {"fulfills": "intend"}), ("KNOW", {"verdict": "reject"})], ["accept", "reject"]),
        ([("DO", {"topic": "task_cancelled"})], ["cancelled"]),
        ([("DO", {"topic": "task_failed", "reason": "no disk"})], ["failed"]),
        ([("DO", {"topic": "task_blocked", "reason": "waits"})], []),
        ([("DO", {"topic": "task_cancelled"}), ("DO", {"topic": "task_reopened"})], ["cancelled"]),
        (
            [("DO", {"topic": "task_cancelled"}), ("DO", {"topic": "task_reopened"})] * 2,
            ["cancelled"],
        ),
        (
            [
                ("DO", {"topic": "task_failed"}),
                ("DO", {"topic": "task_reopened"}),
                ("KNOW", {"fulfills": "intend"}),
            ],
            ["failed", "accept"],
        ),
    ],
)
async def test_a_part_of_a_task_is_its_child(
    api: Api, steps: list[tuple[str, dict[str, Any]]], results: list[str]
) -> None:
    whole = await api.task(alias="WHOLE")
    part = await api.task(alias="PART", parent="WHOLE")
    (intend,) = (await api.get(f"/v1/threads/{part['thread']}/state"))["open_intends"]
    for place, (act, body) in enumerate(steps):
        body = {**body, "fulfills": intend} if "fulfills" in body else body
        await api.post(thread=part["thread"], act=act, body=body, actor=f"{ACTOR}-{place}")
        await api.engine.forking.drain()
    assert [one["result"] for one in await on(api, whole["thread"], "fork_closed")] == results
    assert (await api.get("/v1/tasks/WHOLE"))["status"] == "open", "without a join it stays as it is"


async def test_only_the_engine_tells_a_parent(api: Api) -> None:
    opening = await opened(api, join="all")
    await forked(api)
    for body in (
        {"topic": "fork_closed", "child_thread": CHILD, "result": "accept"},
        {"topic": "fork_joined", "fulfills": opening, "verdict": "accept"},
    ):
        assert_error(await post(api, PARENT, "KNOW", **body), 403, "WRONG_AUTHOR", body["topic"])


# joining


@pytest.mark.parametrize(
    ("join", "closing", "satisfied"),
    [
        ("all", ["accept"], False),
        ("all", ["accept", "accept"], True),
        ("all", ["accept", "cancel"], False),
        ("any", ["cancel"], False),
        ("any", ["cancel", "accept"], True),
        ("k_of_n:1", ["accept"], True),
        ("k_of_n:2", ["accept"], False),
        ("k_of_n:3", ["accept", "accept"], False),
        ("children.all(c, c.verdict != '')", ["cancel", "accept"], True),
        (f"children.exists(c, c.thread == '{CHILD}' && c.verdict == 'accept')", ["accept"], True),
        ("children.size() == 3", ["accept", "accept"], False),
    ],
)
@pytest.mark.parametrize("task", [False, True])
async def test_the_join_says_when_the_parent_closes(
    api: Api, join: str, closing: list[str], satisfied: bool, task: bool
) -> None:
    parent = PARENT
    if task:
        parent = (await api.task(alias="WHOLE", join=join))["thread"]
    else:
        await opened(api, join=join)
    threads = [CHILD, "th_migrate_db"]
    intends = []
    for child in threads:
        await forked(api, child, parent)
        intends.append(await opened(api, child))
    for child, intend, how in zip(threads, intends, closing, strict=False):
        if how == "accept":
            await closed(api, child, intend)
        else:
            await api.post(thread=child, act="DO", body={"cancels": intend})
        await api.engine.forking.drain()
    joined = await on(api, parent, "fork_joined")
    assert len(joined) == satisfied
    state = await api.get(f"/v1/threads/{parent}/state")
    assert (state["thread"]["status"] in ("closed", "approved")) is satisfied
    api.engine.forking.mark([parent, *threads])
    assert len(await on(api, parent, "fork_joined")) == satisfied


async def test_a_parent_that_somebody_closed_is_not_joined_on_top(api: Api) -> None:
    opening = await opened(api, join="all")
    await forked(api)
    await closed(api, PARENT, opening)
    await closed(api, CHILD, await opened(api, CHILD))
    assert len(await on(api, PARENT, "fork_closed")) == 1, "it is told all the same"
    assert await on(api, PARENT, "fork_joined") == []


async def test_a_join_can_be_given_later_and_a_reopened_parent_is_not_joined_again(api: Api) -> None:
    whole = await api.task(alias="WHOLE")
    part = await api.task(alias="PART", parent="WHOLE")
    (intend,) = (await api.get(f"/v1/threads/{part['thread']}/state"))["open_intends"]
    await closed(api, part["thread"], intend)
    assert await on(api, whole["thread"], "fork_joined") == []
    answer = await api.operator.post("/v1/tasks/WHOLE/amend", json={"join": "all", "actor": ACTOR})
    assert answer.status_code == 201, answer.text
    assert len(await on(api, whole["thread"], "fork_joined")) == 1
    assert (await api.get("/v1/tasks/WHOLE"))["status"] == "approved"
    await api.post(thread=whole["thread"], act="DO", body={"topic": "task_reopened"})
    assert len(await on(api, whole["thread"], "fork_joined")) == 1
    assert (await api.get("/v1/tasks/WHOLE"))["status"] == "open"


async def test_a_bad_join_is_refused_before_anything_is_forked(api: Api) -> None:
    answer = await post(api, "th_new", sub_thread=CHILD, join="children.exists(c, c.x)")
    assert answer.status_code == 422
    assert "body.join" in answer.json()["message"]
    await opened(api, join="whenever it suits")
    answer = await post(api, PARENT, sub_thread=CHILD)
    assert answer.status_code == 422
    assert "the join of this thread" in answer.json()["message"]
    answer = await api.operator.post("/v1/tasks", json={"goal": "g", "join": "k_of_n:none"})
    assert answer.status_code == 422


# running


async def test_a_fork_with_goal_and_target_runs_and_closes_its_parent(durable: Api) -> None:
    await opened(durable, join="all", namespace="docs")
    fork = await forked(durable, goal="make test", target=HERE)

    async def joined() -> Any:
        return await on(durable, PARENT, "fork_joined")

    await until(joined)
    child = await durable.get(f"/v1/threads/{CHILD}/state")
    assert (child["task"]["status"], child["task"]["namespace"]) == ("approved", "docs")
    assert child["task"]["parent_thread"] == PARENT
    status = await durable.get(f"/v1/tasks/{CHILD}/join")
    assert [one["state"] for one in status["subtasks"]] == ["accept"]
    intend = (await durable.get("/v1/records", thread=CHILD))["data"][0]
    assert (intend["act"], intend["actor"], intend["parents"]) == ("INTEND", ACTOR, [fork])
    (told,) = await on(durable, PARENT, "fork_closed")
    assert told["result"] == "accept"
    assert (await durable.get(f"/v1/threads/{PARENT}/state"))["thread"]["status"] == "closed"


@pytest.mark.parametrize("body", [{}, {"goal": "g"}, {"target": HERE}])
async def test_without_goal_and_target_a_fork_is_only_watched(api: Api, body: dict[str, Any]) -> None:
    await forked(api, **body)
    await api.engine.forking.drain()
    assert CHILD not in api.engine.ingest.live.index.threads


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"target": "nowhere"}, ("body", "unknown target 'nowhere'")),
        ({"timeout_secs": -1}, ("body: timeout_secs", "above 0")),
        ({"budget_usd": "much"}, ("body: budget_usd",)),
        ({"adapter": 7}, ("body: adapter",)),
    ],
)
async def test_work_with_a_mistake_is_refused(api: Api, body: dict[str, Any], words: tuple[str, ...]) -> None:
    answer = await post(api, PARENT, **{"sub_thread": CHILD, "goal": "g", "target": HERE, **body})
    assert_error(answer, 422, "INVALID_FANOUT", *words)


async def test_nothing_is_run_for_threads_that_are_over_or_fanned_out(api: Api) -> None:
    work = {"goal": "g", "target": HERE}
    over = await opened(api, "th_over")
    await closed(api, "th_over", over)
    assert_error(await post(api, PARENT, sub_thread="th_over", **work), 409, "CONFLICT", "th_over is closed")
    assert_error(await post(api, "th_over", sub_thread=CHILD, **work), 409, "CONFLICT", "th_over is closed")
    busy = await api.task(alias="BUSY")
    await api.fan_out("BUSY", {"target": "worker-nobody"})
    answer = await post(api, PARENT, sub_thread=busy["thread"], **work)
    assert_error(answer, 409, "CONFLICT", "fanned out already", "leave goal and target out")
    await forked(api, busy["thread"])


async def test_a_fork_begins_the_work_of_a_task_that_is_there(durable: Api) -> None:
    task = await durable.task(alias="T-1", goal="test it")
    await forked(durable, task["thread"], goal="make test", target=HERE)

    async def approved() -> bool:
        return (await durable.get("/v1/tasks/T-1"))["status"] == "approved"

    await until(approved)
    (child,) = (await durable.get("/v1/tasks/T-1/join"))["subtasks"]
    assert (child["goal"], child["state"]) == ("make test", "accept")
    assert (await durable.get("/v1/tasks/T-1"))["goal"] == "test it"


async def test_a_freeze_keeps_a_fork_from_beginning_until_it_is_lifted(durable: Api) -> None:
    await opened(durable, namespace="docs", join="all")
    await forked(durable, goal="g", target="worker-nobody")
    await durable.engine.forking.drain()
    assert (await durable.get(f"/v1/tasks/{CHILD}"))["status"] == "in_progress"
    freeze = {"namespace": "docs", "reason": "why", "actor": ACTOR}
    await durable.operator.post("/v1/fleet/freeze", json={**freeze, "level": "soft"})
    answer = await post(durable, PARENT, sub_thread="th_late", goal="g", target=HERE)
    assert_error(answer, 403, "NAMESPACE_FROZEN")


async def test_a_rule_against_fan_outs_keeps_forks_watched(api: Api) -> None:
    for name, expression, effect in (
        ("no-fan-out", "has(record.body.subtasks)", "deny"),
        ("all-else", "true", "allow"),
    ):
        body = {"expression": expression, "effect": effect, "priority": 1 if effect == "deny" else 900}
        answer = await api.operator.put(f"/v1/config/rules/permission/{name}", json=body)
        assert answer.status_code == 201, answer.text
    answer = await api.operator.post("/v1/config/permissions/enable", json={})
    assert answer.status_code == 201, answer.text
    await forked(api, goal="g", target=HERE)
    await api.engine.forking.drain()
    assert CHILD not in api.engine.ingest.live.tasks
    assert "no-fan-out" in api.engine.forking.refused(CHILD)
    api.engine.forking.look_again()
    await api.engine.forking.drain()
    assert (await api.operator.post("/v1/config/rules/permission/no-fan-out/remove", json={})).is_success
    await api.engine.forking.drain()
    assert CHILD in api.engine.ingest.live.tasks, "once the rule is gone, it runs"


async def test_a_fork_that_failed_blocks_its_parent_until_it_was_retried(durable: Api) -> None:
    whole = await durable.task(alias="WHOLE", join="all")
    await forked(durable, CHILD, whole["thread"], goal="g", target="worker-nobody")
    await durable.engine.forking.drain()
    await report(durable, CHILD, 0, "failed", summary="no such file")
    (told,) = await on(durable, whole["thread"], "fork_closed")
    assert told["summary"] == f"child {CHILD} completed with result failed: no such file"
    why = await durable.get("/v1/tasks/WHOLE/why")
    assert "it cannot join as things stand" in why["sentence"]
    assert "no such file" in why["sentence"]
    assert [one["result"] for one in why["children"]] == ["failed"]
    retry = {"index": 0, "actor": ACTOR, "target": HERE}
    assert (await durable.operator.post(f"/v1/tasks/{CHILD}/retry", json=retry)).status_code == 201

    async def approved() -> bool:
        return (await durable.get("/v1/tasks/WHOLE"))["status"] == "approved"

    await until(approved)
    results = [one["result"] for one in await on(durable, whole["thread"], "fork_closed")]
    assert results == ["failed", "accept"]
    why = await durable.get("/v1/tasks/WHOLE/why")
    assert why["sentence"] == "joined: 1/1 accepted, all needs 1"
    page = await durable.get(f"/v1/threads/{whole['thread']}/replay")
    seen = [
        fact["value"] for frame in page["data"] for fact in frame["after"] if fact["name"] == f"child {CHILD}"
    ]
    assert sorted(set(seen)) == ["accept", "failed: no such file", "open"]


async def test_hundreds_of_children_join_their_parent(api: Api) -> None:
    await opened(api, join="all")
    forks = [record(thread=PARENT, act="INTEND", body={"sub_thread": f"th_{at}"}) for at in range(300)]
    answer = (await api.operator.post("/v1/records/batch", json=forks)).json()
    assert answer["created"] == 300
    opens = [record(thread=f"th_{at}", act="INTEND", body={"goal": "g"}, clock=0) for at in range(300)]
    answer = (await api.operator.post("/v1/records/batch", json=opens)).json()
    closes = [
        record(thread=one["thread"], act="KNOW", body={"fulfills": made["id"]})
        for one, made in zip(opens, answer["data"], strict=True)
    ]
    await api.operator.post("/v1/records/batch", json=closes)
    assert len(await on(api, PARENT, "fork_joined")) == 1
    state = await api.get(f"/v1/threads/{PARENT}/state")
    assert (len(state["children"]), state["children_join"]["complete"]) == (300, True)


async def test_a_bundle_of_a_child_has_its_parent_and_parts_too(api: Api) -> None:
    await opened(api)
    await forked(api)
    await opened(api, CHILD)
    answer = await api.operator.get(
        "/v1/threads/snapshot", params={"threads": CHILD, "causal_closure": "true"}
    )
    assert f'"{PARENT}"' in answer.text


async def test_a_child_with_a_name_that_nobody_types_gets_a_short_one(durable: Api) -> None:
    minted = "th_" + "ab" * 32
    fork = await forked(durable, minted, goal="g", target="worker-nobody")
    await durable.engine.forking.drain()
    assert (await durable.get(f"/v1/tasks/{minted}"))["alias"] == f"FORK-{fork[:10]}"
    await forked(durable, "th_b", goal="g", target="worker-nobody", alias="B-1")
    await forked(durable, "th_c", goal="g", target="worker-nobody")
    await durable.engine.forking.drain()
    aliases = [(await durable.get(f"/v1/tasks/{one}"))["alias"] for one in ("th_b", "th_c")]
    assert aliases == ["B-1", ""]


async def test_who_asks_for_the_subtasks_of_a_parent_is_told_of_its_children(api: Api) -> None:
    whole = await api.task(alias="WHOLE", join="all")
    await forked(api, CHILD, whole["thread"])
    answer = await api.operator.get("/v1/tasks/WHOLE/join")
    assert_error(answer, 409, "CONFLICT", "not fanned out", "child threads", "spl thread show WHOLE")


async def test_a_fork_that_is_taken_back_is_neither_waited_for_nor_told(api: Api) -> None:
    await opened(api, join="all")
    await forked(api)
    second = await forked(api, "th_b", goal="g", target="worker-nobody")
    await api.engine.forking.drain()
    await api.post(thread=PARENT, act="DO", body={"cancels": second})
    await closed(api, CHILD, await opened(api, CHILD))
    assert len(await on(api, PARENT, "fork_joined")) == 1
    await api.post(thread="th_b", act="DO", body={"topic": "task_cancelled"})
    assert [one["child_thread"] for one in await on(api, PARENT, "fork_closed")] == [CHILD]
    state = await api.get(f"/v1/threads/{PARENT}/state")
    assert [one["problem"] for one in state["children"]] == ["", "was taken back"]
    assert (state["open_intends"], state["children_join"]["complete"]) == ([], True)


@pytest.mark.parametrize(
    ("act", "body", "result"),
    [
        ("KNOW", {"fulfills": "intend", "summary": "why"}, "accept"),
        ("KNOW", {"verdict": "reject", "summary": "why"}, "reject"),
        ("KNOW", {"fulfills": "intend", "verdict": "reject", "summary": "why"}, "reject"),
        ("DO", {"cancels": "intend", "reason": "why"}, "cancelled"),
        ("KNOW", {"fulfills": "ff" * 32}, None),
        ("DO", {"cancels": "ff" * 32}, None),
        ("KNOW", {"verdict": "accept"}, None),
    ],
)
async def test_what_closes_a_plain_child(
    api: Api, act: str, body: dict[str, Any], result: str | None
) -> None:
    await opened(api)
    await forked(api)
    intend = await opened(api, CHILD)
    whole = {key: intend if value == "intend" else value for key, value in body.items()}
    await api.post(thread=CHILD, act=act, body=whole)
    told = await on(api, PARENT, "fork_closed")
    assert [one["result"] for one in told] == ([result] if result else [])
    assert all(one["summary"].endswith(": why") for one in told)
    (child,) = (await api.get(f"/v1/threads/{PARENT}/state"))["children"]
    assert (child["status"] == "closed") is (result is not None)


async def test_an_intend_that_opens_a_parent_again_does_not_bring_its_join_back(api: Api) -> None:
    opening = await opened(api, join="any")
    await forked(api)
    await closed(api, PARENT, opening)
    await closed(api, CHILD, await opened(api, CHILD))
    await opened(api)
    assert await on(api, PARENT, "fork_joined") == []
    assert (await api.get(f"/v1/threads/{PARENT}"))["status"] == "observed", "told, and not closed"
