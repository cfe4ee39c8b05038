"""What needs a look: the same for the command line and for the console's `!`, whatever the fleet is like."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.client.attention import attention
from syncropel.wire import (
    CollisionOut,
    DispatchOut,
    FanOutProgress,
    FleetStatus,
    InstanceOut,
    LinkOut,
    LogState,
    Toucher,
)
from tests.tui import console_sample as sample
from tests.tui.test_leader import FORMER, leader
from tui.model import fleet
from tui.model.glyphs import UNICODE
from tui.model.moment import Moment

NOW = Moment(sample.AT, sample.AT)


def told(**changes: Any) -> list[str]:
    return [f"{one.kind} {one.name} {one.words}" for one in attention(sample.empty_status(**changes))]


def test_nothing_is_wrong_with_a_fleet_that_works() -> None:
    assert told(dispatches=[sample.dispatch(0)], fanouts=[sample.fanout()]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"instances": [sample.instance("w", status="stale", health="silent")]}, "instance w is stale"),
        ({"instances": [sample.instance("w", status="draining")]}, "instance w is draining"),
        (
            {"leader": leader(split=FORMER)},
            "leader the fleet: split: the former coordinator (http://127.0.0.1:9100) has not been told; "
            "it may still run work",
        ),
        ({"instances": [sample.instance("w", health="ill")]}, "instance w is ill"),
        *(
            (
                {"instances": [sample.instance("w", status=status, refused="no such token")]},
                "instance w runs, but its heartbeats are refused: no such token",
            )
            for status in ("live", "left", "archived")
        ),
        (
            {"instances": [sample.instance("w", link=LinkOut(state="down", problem="it was cut"))]},
            "instance w has its link down: it was cut",
        ),
        (
            {"instances": [sample.instance("w", clock_ahead_secs=-90.0)]},
            "instance w has its clock 90 s behind",
        ),
        (
            {"instances": [sample.instance("w", clock_ahead_secs=5.001)]},
            "instance w has its clock 5 s ahead",
        ),
        (
            {"dispatches": [sample.dispatch(0, alias="T", hangs=True, why="w is stale")]},
            "running T[0] w is stale",
        ),
        (
            {"dispatches": [sample.dispatch(0, alias="T", began_at=sample.AT - 61, timeout_secs=60.0)]},
            "running T[0] runs longer than its 60 s",
        ),
        (
            {"dispatches": [sample.dispatch(0, alias="T", cost_usd=0.6, budget_usd=0.5)]},
            "running T[0] has spent more than its $0.50",
        ),
        (
            {"fanouts": [sample.fanout(alias="T", hangs=[1], cause="waits for [1] w (stale)")]},
            "fan-out T [1] cannot finish as things stand: waits for [1] w (stale)",
        ),
        (
            {"fanouts": [sample.fanout(alias="T", asking=[2])]},
            "fan-out T [2] waits for your decision: spl task approve T --subtask 2",
        ),
        (
            {"instances": [sample.instance("w", log=LogState(state="altered", problem="record a"))]},
            "instance w has a log that is altered: record a",
        ),
        (
            {"log": LogState(state="held", problem="4 of 5 records are gone"), "instances": []},
            "log the log is held: 4 of 5 records are gone",
        ),
        (
            {"instances": [sample.instance("w", backed_up="delivery is backed up: 1 wait")]},
            "instance w has a loop that waits: delivery is backed up: 1 wait",
        ),
        ({"freezes": [sample.freeze(namespace="docs", waiting=["w"])]}, "freeze docs not confirmed by w"),
    ],
)
def test_what_is_wrong_is_said_in_words(changes: dict[str, Any], words: str) -> None:
    assert told(**changes) == [words]


def test_an_emergency_stop_is_called_so_also_where_it_is_not_confirmed() -> None:
    stop = sample.freeze(level="emergency", namespace="*", reason="all", waiting=["w"])
    assert told(freezes=[stop]) == [
        "freeze emergency stop is in force: all",
        "freeze emergency stop not confirmed by w",
    ]


@pytest.mark.parametrize("status", ["archived", "left"])
def test_an_instance_that_is_gone_is_nobodys_trouble(status: str) -> None:
    assert told(instances=[sample.instance("w", status=status, health="silent")]) == []


def test_waiting_in_a_queue_is_not_running_late() -> None:
    assert told(dispatches=[sample.dispatch(0, queued=True, started_at=1.0, timeout_secs=5.0)]) == []


def logs() -> st.SearchStrategy[LogState | None]:
    """The state of a log, with altered records on threads that dispatches and fan-outs of below may have."""
    return st.builds(
        lambda threads: LogState(state="altered", problem="x", altered=threads) if threads else None,
        st.lists(st.sampled_from([sample.THREAD, "th_0", "th_1"]), unique=True),
    )


def instances() -> st.SearchStrategy[InstanceOut]:
    return st.builds(
        lambda number, status, health, log: sample.instance(
            f"w{number}", f"did:{number}", status=status, health=health, log=log
        ),
        st.integers(0, 99),
        st.sampled_from(["live", "stale", "archived", "draining", "left"]),
        st.sampled_from(["healthy", "silent", "draining"]),
        logs(),
    )


def dispatches() -> st.SearchStrategy[DispatchOut]:
    return st.builds(
        lambda index, queued, hangs, began, timeout, cost: sample.dispatch(
            index, queued=queued, hangs=hangs, why="w is stale" if hangs else "", began_at=began,
            timeout_secs=timeout, cost_usd=cost, budget_usd=0.5,
        ),
        st.integers(0, 99), st.booleans(), st.booleans(), st.sampled_from([None, sample.AT - 30]),
        st.sampled_from([None, 20.0, 1e6]), st.sampled_from([0.0, 0.5, 0.6]),
    )  # fmt: skip


def fanouts() -> st.SearchStrategy[FanOutProgress]:
    return st.builds(
        lambda number, satisfiable, hangs, asking: sample.fanout(
            thread=f"th_{number}", satisfiable=satisfiable, hangs=hangs, asking=asking
        ),
        st.integers(0, 4), st.booleans(), st.sampled_from([[], [1]]), st.sampled_from([[], [0]]),
    )  # fmt: skip


@given(
    st.lists(instances(), max_size=3, unique_by=lambda one: one.did),
    st.lists(dispatches(), max_size=3, unique_by=lambda one: one.index),
    st.lists(fanouts(), max_size=3, unique_by=lambda one: one.thread),
)
def test_the_console_marks_exactly_what_the_command_line_tells(
    known: list[InstanceOut], running: list[DispatchOut], waiting: list[FanOutProgress]
) -> None:
    status: FleetStatus = sample.empty_status(instances=known, dispatches=running, fanouts=waiting)
    tables = (
        fleet.instance_rows(status, NOW, UNICODE),
        fleet.dispatch_rows(status, NOW, UNICODE),
        fleet.fanout_rows(status, NOW, UNICODE),
    )
    marked = [sum(row.is_troubled for row in rows) for rows in tables]
    found = [one.kind for one in attention(status)]
    assert marked == [found.count("instance"), found.count("running"), found.count("fan-out")]


def test_files_that_running_subtasks_touch_together_are_told_with_them() -> None:
    by = [Toucher(thread="th_t", alias="T", index=1), Toucher(thread="th_t", alias="T", index=3)]
    other = Toucher(thread="th_u", index=0)
    two = CollisionOut(repo="app", by=by, files=["src/a.py"], count=1)
    three = CollisionOut(repo="app", by=[*by, other], files=["a", "b", "c", "d"], count=9)
    assert told(collisions=[two, three]) == [
        "files app has files touched by T[1] and T[3]: src/a.py",
        "files app has files touched by T[1], T[3] and th_u[0]: a, b, c and 6 more",
    ]
