"""What a freeze would meet is told from the folds, and agrees with what the freeze then stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.control.freezes import Control
from syncropel.folds.control.namespaces import Namespaces
from syncropel.folds.explain.blast import Blast, blast
from syncropel.folds.tasks.state import TaskState, fold_task
from syncropel.folds.tasks.tally import Tally
from syncropel.freeze_levels import EVERYWHERE
from syncropel.record.threads import FLEET_CONTROL, NAMESPACE_REGISTRY

from . import build

PLACES = ("docs", "docs/v0.11", "docs/v0.11/a", "docsy", "site", "default")


def task(namespace: str, *subtasks: dict[str, Any], records: tuple[Any, ...] = (), **more: Any) -> TaskState:
    parent = build.parent(subtasks, namespace=namespace, **more)
    return fold_task(build.THREAD, build.store([parent, *records]))


def plain_task(namespace: str, status_topic: str = "") -> TaskState:
    records = [build.record("INTEND", 0, {"task": True, "goal": "one", "namespace": namespace})]
    records += [build.record("DO", 1, {"topic": status_topic})] if status_topic else []
    return fold_task(build.THREAD, build.store(records))


def look(namespace: str, *tasks: TaskState, spending: dict[str, float] | None = None) -> Blast:
    return met(namespace, tasks, spending, Namespaces(), Control())


def met(
    namespace: str,
    tasks: Sequence[TaskState],
    spending: dict[str, float] | None,
    registry: Namespaces,
    control: Control,
) -> Blast:
    tally = Tally(changed=dict.fromkeys(str(at) for at in range(len(tasks))))
    tally.settle(lambda at: tasks[int(at)])
    active = [one for one in tasks if one.fanout is not None and one.fanout.active]
    used = {one.namespace for one in tasks}
    return blast(namespace, active, tally.open_tasks, used, spending or {}, registry, control)


def running(namespace: str = "docs/v0.11") -> TaskState:
    """One done, one in flight on worker-a, one pending, one behind it."""
    subtasks = [build.subtask(), build.subtask(), build.subtask(), build.subtask(2)]
    facts = (build.spawned(0, 1), build.spawned(1, 2), build.done(0, 3))
    return task(namespace, *subtasks, records=facts)


def test_it_counts_what_is_in_flight_what_waits_and_what_that_has_spent() -> None:
    state = running()
    assert state.fanout is not None
    spending = {state.fanout.spawns[(1, 1)].child_intend: 0.25, state.fanout.spawns[(0, 1)].child_intend: 9.0}
    found = look("docs", state, spending=spending)
    assert (found.in_flight, found.pending, found.spend_usd) == (1, 2, 0.25)
    assert found.instances == {build.WORKER_A}
    assert found.descendants == ("docs/v0.11",)
    assert [one.alias for one in found.fanouts] == ["T-1"]


def test_what_lies_beside_or_above_is_not_met() -> None:
    for place in ("docs/v0.11/a", "docs/v0", "site", "docsy", "default"):
        found = look(place, running())
        assert (found.in_flight, found.pending, found.fanouts, found.open_tasks) == (0, 0, (), 0)
    assert look(EVERYWHERE, running()).in_flight == 1


def test_tasks_that_nobody_goes_on_with_are_not_open() -> None:
    closed = [plain_task("docs", "task_cancelled")]
    assert look("docs", plain_task("docs"), plain_task("docs", "task_blocked"), *closed).open_tasks == 2


def test_registered_namespaces_below_are_told_and_closed_ones_are_not() -> None:
    registry = Namespaces()
    bodies = [
        ("namespace_created", "docs/a"),
        ("namespace_created", "docs/b"),
        ("namespace_archived", "docs/b"),
    ]
    for clock, (topic, name) in enumerate(bodies):
        record = build.record("LEARN", clock, {"topic": topic, "namespace": name}, thread=NAMESPACE_REGISTRY)
        registry.apply(build.store([record])[0])
    found = met("docs", [plain_task("docs")], {}, registry, Control())
    assert found.descendants == ("docs/a",)


def test_freezes_over_it_already_are_told() -> None:
    control = Control()
    body = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "r", "at": 1.0}
    control.apply(build.store([build.record("LEARN", 0, body, thread=FLEET_CONTROL)])[0])
    assert [one.namespace for one in met("docs/v0.11", [], {}, Namespaces(), control).frozen] == ["docs"]
    assert met("site", [], {}, Namespaces(), control).frozen == ()


@given(st.sampled_from(PLACES), st.lists(st.sampled_from(PLACES), max_size=5))
def test_it_meets_exactly_the_tasks_whose_new_work_the_freeze_would_refuse(
    frozen: str, places: list[str]
) -> None:
    control = Control()
    body = {"topic": "freeze", "level": "soft", "namespace": frozen, "reason": "r", "at": 1.0}
    control.apply(build.store([build.record("LEARN", 0, body, thread=FLEET_CONTROL)])[0])
    refused = [place for place in places if control.refusal("DO", place) is not None]
    found = look(frozen, *map(running, places))
    assert sorted(one.namespace for one in found.fanouts) == sorted(refused)
