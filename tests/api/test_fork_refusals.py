"""Forks that are refused at the door."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.conftest import ACTOR, Api, assert_error, record, until
from tests.api.forks import CHILD, PARENT, forked, opened, post


@pytest.mark.parametrize(
    ("child", "words"),
    [
        (7, ("body.sub_thread", "not a thread id")),
        (None, ("body.sub_thread", "not a thread id")),
        ([CHILD], ("not a thread id",)),
        ({"th_x": 1}, ("not a thread id",)),
        ("", ("not a thread id",)),
        ("TASK-1", ("'TASK-1'", "not a thread id", "th_run_tests")),
        ("th_a b", ("not a thread id",)),
        ("th_" + "a" * 600, ("not a thread id",)),
        (PARENT, ("the thread itself",)),
        ("th_engine_config", ("a reserved thread",)),
        ("th_fleet_control", ("a reserved thread",)),
    ],
)
async def test_what_is_no_child_is_refused(api: Api, child: Any, words: tuple[str, ...]) -> None:
    await opened(api)
    before = api.engine.store.count
    answer = await post(api, PARENT, sub_thread=child)
    assert_error(answer, 422, "INVALID_FORK", *words)
    assert api.engine.store.count == before


async def test_reserved_threads_have_no_children(api: Api) -> None:
    answer = await post(api, "th_actor_registry", sub_thread=CHILD)
    assert_error(answer, 422, "INVALID_FORK", "reserved thread", "has no children")


async def test_no_thread_becomes_its_own_ancestor(api: Api) -> None:
    await opened(api)
    await forked(api, "th_b")
    await forked(api, "th_c", "th_b")
    for parent, child in (("th_b", PARENT), ("th_c", PARENT), ("th_c", "th_b")):
        assert_error(await post(api, parent, sub_thread=child), 422, "INVALID_FORK", "ancestor", child, "→")
    task: dict[str, Any] = {"task": True, "goal": "g", "parent_thread": "th_c"}
    assert_error(await post(api, PARENT, **task), 422, "INVALID_FORK", "own ancestor", "th_c")
    itself: dict[str, Any] = {"task": True, "goal": "g", "parent_thread": "th_x"}
    assert_error(await post(api, "th_x", **itself), 422, "INVALID_FORK", "own ancestor")
    reserved: dict[str, Any] = {**itself, "parent_thread": "th_consent"}
    assert_error(await post(api, "th_x", **reserved), 422, "INVALID_FORK", "reserved")


async def test_a_circle_within_one_batch_is_refused_where_it_closes(api: Api) -> None:
    batch = [
        record(thread=parent, act="INTEND", body={"sub_thread": child})
        for parent, child in (("th_a", "th_b"), ("th_b", "th_c"), ("th_c", "th_a"), ("th_d", "th_c"))
    ]
    answer = (await api.operator.post("/v1/records/batch", json=batch)).json()
    assert [one["status"] for one in answer["data"]] == ["created", "created", "error", "error"]
    assert "ancestor" in answer["data"][2]["error"]["message"]
    assert "child of th_b already" in answer["data"][3]["error"]["message"]


async def test_a_circle_of_tasks_within_one_batch_is_refused_too(api: Api) -> None:
    def task(thread: str, parent: str) -> dict[str, Any]:
        return record(thread=thread, act="INTEND", body={"task": True, "goal": "g", "parent_thread": parent})

    batch = [task("th_a", "th_b"), task("th_b", "th_a"), task("th_c", "th_a"), task("th_d", "th_a")]
    answer = (await api.operator.post("/v1/records/batch", json=batch)).json()
    assert [one["status"] for one in answer["data"]] == ["created", "error", "created", "created"]


async def test_of_two_calls_at_once_that_make_a_circle_one_is_refused(api: Api) -> None:
    for turn in range(20):
        a, b = f"th_a{turn}", f"th_b{turn}"
        answers = await asyncio.gather(post(api, a, sub_thread=b), post(api, b, sub_thread=a))
        assert sorted(one.status_code for one in answers) == [201, 422]
        tasks: list[dict[str, Any]] = [
            {"task": True, "goal": "g", "parent_thread": f"th_{one}{turn}"} for one in "xy"
        ]
        answers = await asyncio.gather(
            post(api, f"th_y{turn}", **tasks[0]), post(api, f"th_x{turn}", **tasks[1])
        )
        assert sorted(one.status_code for one in answers) == [201, 422]


async def test_a_child_has_one_parent(api: Api) -> None:
    first = await forked(api)
    answer = await post(api, "th_other", sub_thread=CHILD)
    assert_error(answer, 422, "INVALID_FORK", f"child of {PARENT} already")
    assert_error(await post(api, PARENT, sub_thread=CHILD), 422, "INVALID_FORK", "forked", first)
    task: dict[str, Any] = {"task": True, "goal": "g", "parent_thread": "th_other"}
    assert_error(await post(api, CHILD, **task), 422, "INVALID_FORK", f"child of {PARENT}")
    part = await api.task(alias="PART", parent=(await api.task(alias="WHOLE"))["thread"])
    answer = await post(api, PARENT, sub_thread=part["thread"])
    assert_error(answer, 422, "INVALID_FORK", "is a child of", "already")


async def test_the_same_fork_twice_is_one_record(api: Api) -> None:
    whole = record(thread=PARENT, act="INTEND", body={"sub_thread": CHILD}, clock=5)
    assert (await api.operator.post("/v1/records", json=whole)).status_code == 201
    again = await api.operator.post("/v1/records", json=whole)
    assert (again.status_code, again.json()["duplicate"]) == (200, True)


async def test_the_thread_of_a_subtask_is_no_child_and_has_none(api: Api) -> None:
    await api.task(alias="T-1")
    await api.fan_out("T-1", {})

    async def spawned() -> str | None:
        (child,) = (await api.get("/v1/tasks/T-1/join"))["subtasks"]
        return child["child_thread"]

    thread = await until(spawned)
    for parent, child in ((PARENT, thread), (thread, CHILD)):
        assert_error(await post(api, parent, sub_thread=child), 422, "INVALID_FORK", "of a subtask")


async def test_forks_are_not_nested_without_end(api: Api) -> None:
    for depth in range(64):
        await forked(api, f"th_{depth + 1}", f"th_{depth}")
    answer = await post(api, "th_64", sub_thread="th_65")
    assert_error(answer, 422, "INVALID_FORK", "65 deep", "at most 64")


# the namespace


async def test_a_fork_has_the_namespace_of_its_parent(api: Api) -> None:
    await opened(api, namespace="docs")
    await opened(api, "th_elsewhere", namespace="code")
    await opened(api, "th_nowhere")
    await opened(api, "th_same", namespace="docs")
    for child, words in (("th_elsewhere", "'code'"), ("th_nowhere", "'default'")):
        answer = await post(api, PARENT, sub_thread=child)
        assert_error(answer, 422, "INVALID_NAMESPACE", "body.sub_thread", child, words, "'docs'")
    answer = await post(api, PARENT, sub_thread=CHILD, namespace="docs/v1")
    assert_error(answer, 422, "INVALID_NAMESPACE", "body.namespace", "'docs/v1'", "'docs'")
    await forked(api, "th_same")
    await forked(api, CHILD, namespace="docs")
    for body in ({"namespace": "code"}, {"namespace": "default"}, {"task": True}):
        answer = await post(api, CHILD, goal="g", **body)
        assert_error(answer, 422, "INVALID_NAMESPACE", "forked from", "'docs'", '"namespace": "docs"')
    await opened(api, CHILD)
    later = await post(api, CHILD, goal="more", namespace="docs")
    assert later.status_code == 201


async def test_a_freeze_of_the_parents_namespace_holds_its_forks(api: Api) -> None:
    await opened(api, namespace="docs")
    await forked(api)
    await forked(api, "th_deeper", CHILD)
    await api.operator.post(
        "/v1/fleet/freeze", json={"namespace": "docs", "level": "soft", "reason": "why", "actor": ACTOR}
    )
    for thread in (CHILD, "th_deeper"):
        answer = await post(api, thread, goal="g")
        assert_error(answer, 403, "NAMESPACE_FROZEN", "'docs'")
    assert (await post(api, "th_free", goal="g")).status_code == 201
