"""`spl why` and `spl task tree` of a plain thread that has child threads."""

from __future__ import annotations

from typing import Any

from syncropel.cli.text.diagnosis import tree_lines
from syncropel.cli.text.explain import why_lines
from syncropel.wire import TaskTree, TaskWhy
from tests.api.conftest import Api
from tests.api.forks import CHILD, PARENT, closed, forked, opened, post


async def why(api: Api, thread: str = PARENT) -> TaskWhy:
    await api.engine.forking.drain()
    return TaskWhy.model_validate(await api.get(f"/v1/tasks/{thread}/why"))


async def tree(api: Api, thread: str = PARENT) -> TaskTree:
    await api.engine.forking.drain()
    return TaskTree.model_validate(await api.get(f"/v1/tasks/{thread}/tree"))


async def test_a_parent_that_joins_tells_what_it_waits_for_and_what_closed_it(api: Api) -> None:
    opening = await opened(api, join="all")
    await forked(api)
    told = await why(api)
    assert (told.status, told.of_join, told.alias) == ("open", True, "")
    assert told.sentence.startswith("not closed yet: 0/1 accepted")
    assert [one.record for one in told.proofs] == [opening]
    assert [one.thread for one in told.children] == [CHILD]
    await closed(api, CHILD, await opened(api, CHILD), verdict="accept", summary="458/458 pass")
    told = await why(api)
    assert (told.status, told.of_join) == ("closed", True)
    assert told.sentence.startswith("joined: ")
    assert [one.shows for one in told.proofs] == ["records the join", f"child {CHILD} closed: accept"]


async def test_a_join_out_of_reach_says_what_would_help(api: Api) -> None:
    await opened(api, join="all")
    await forked(api)
    await closed(api, CHILD, await opened(api, CHILD), verdict="reject")
    told = await why(api)
    assert told.sentence.startswith("it cannot join as things stand: ")
    assert told.hint == f"fork another thread: spl thread fork {PARENT}"


async def test_a_parent_without_a_join_says_so(api: Api) -> None:
    await opened(api)
    await forked(api)
    told = await why(api)
    assert "no join over its 1 child thread" in told.sentence
    assert not told.of_join
    assert "fulfills" in told.hint


async def test_who_closed_it_and_why(api: Api) -> None:
    opening = await opened(api)
    await forked(api)
    await closed(api, PARENT, opening, summary="all is well")
    told = await why(api)
    assert told.sentence.startswith("closed (fulfilled) by ")
    assert told.sentence.endswith(": all is well")
    told_lines = why_lines(told)
    assert told_lines[0] == f"{PARENT}: {told.sentence}"
    assert any(CHILD in line for line in told_lines)


async def test_the_tree_has_children_of_children_and_tasks(api: Api) -> None:
    await opened(api)
    await forked(api)
    await forked(api, "th_leaf")
    await opened(api, CHILD)
    await forked(api, "th_below", CHILD)
    part: dict[str, Any] = {"task": True, "goal": "a part", "alias": "P-1", "parent_thread": PARENT}
    await post(api, "th_part", **part)
    told = await tree(api)
    assert (told.thread, told.alias, told.status, told.nodes) == (PARENT, "", "open", [])
    assert [one.thread for one in told.tasks] == ["th_part", CHILD]
    assert [one.thread for one in told.children] == ["th_leaf"]
    assert [one.thread for one in told.tasks[1].children] == ["th_below"]
    lines = tree_lines(told)
    assert [line.strip("│└├─ ·").split("  ")[0].split(" ")[0] for line in lines] == [
        PARENT,
        "P-1",
        CHILD,
        "th_below",
        "th_leaf",
    ]


async def test_the_tree_of_a_task_has_the_children_of_its_plain_children(api: Api) -> None:
    await post(api, "th_t", task=True, goal="much", alias="T-9")
    await forked(api, CHILD, "th_t")
    await opened(api, CHILD)
    await forked(api, "th_below", CHILD)
    told = await tree(api, "T-9")
    assert [one.thread for one in told.tasks] == [CHILD]
    assert [one.thread for one in told.tasks[0].children] == ["th_below"]


async def test_a_thread_without_children_is_no_task(api: Api) -> None:
    await opened(api)
    for what in ("why", "tree"):
        answer = await api.operator.get(f"/v1/tasks/{PARENT}/{what}")
        assert answer.status_code == 404
