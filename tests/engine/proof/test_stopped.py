"""What got past a freeze is found, record by record, and what a freeze lets pass is not."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.engine.proof import places
from syncropel.engine.proof.stopped import SLACK_SECS
from syncropel.folds.control.freezes import STOPPED_ACTS
from syncropel.folds.control.rules import FREEZE_RULES, PERMISSION
from syncropel.folds.fanout.state import SPAWNED
from syncropel.record.model import ACTS, Record
from syncropel.record.threads import CONSENT, ENGINE_CONFIG, FLEET_CONTROL
from tests.folds.build import COORDINATOR, WORKER_A

from .logs import NOW, Log, freeze, log, unfreeze, words, write

_SPAWNED_BY = "e" * 64


def child_intend(thread: str, attempt: int = 1, **more: Any) -> Record:
    body = {
        "parent_thread": "th_p",
        "parent_intend": _SPAWNED_BY,
        "index": 0,
        "goal": "g",
        "attempt": attempt,
    }
    return Record(thread, COORDINATOR, "INTEND", {**body, **more})


@pytest.mark.parametrize("act", sorted(ACTS))
@pytest.mark.parametrize("level", ["soft", "hard"])
def test_what_every_freeze_stops(act: str, level: str) -> None:
    made = log(freeze(level=level, grace_secs=60), write(act, namespace="docs"))
    assert made.found() == ([("freeze", 2, 2)] if act in STOPPED_ACTS else [])


def test_a_leak_is_named() -> None:
    made = log(write("KNOW"), freeze("docs"), write("INTEND", "th_leak", namespace="docs/v1"))
    (violation,) = made.proof().violations
    record = made.entries[1].stored.record.id
    assert violation.words() == (
        f"record 3 ({violation.id[:12]}…, thread th_leak) is an INTEND under the soft freeze of 'docs'"
        f" (record {record[:12]}…)"
    )
    assert violation.hint == "see what it did: spl thread show th_leak"
    made = log(freeze("x", level="emergency"), write("PUT"))
    assert "is a PUT under the emergency freeze everywhere (record " in words(made.proof())[0]


@pytest.mark.parametrize(("namespace", "leaks"), [("docs", True), ("docs/v1", True), ("code", False)])
def test_a_freeze_covers_what_is_below_it(namespace: str, leaks: bool) -> None:
    assert bool(log(freeze("docs"), write("DO", namespace=namespace)).found()) is leaks


def test_a_freeze_holds_from_its_record_to_its_lifting() -> None:
    work = write("INTEND", namespace="docs")
    assert log(work, freeze(), write("KNOW"), unfreeze(), work).found() == []
    assert log(work, freeze(), unfreeze(), freeze("docs/v1"), work).found() == []
    assert log(freeze(), freeze("docs/v1"), unfreeze("docs/v1"), work).found() == [("freeze", 4, 4)]


@pytest.mark.parametrize("thread", [FLEET_CONTROL, ENGINE_CONFIG, CONSENT])
def test_what_carries_freezes_passes_them(thread: str) -> None:
    made = log(freeze("x", level="emergency"), write("LEARN", thread), write("KNOW", thread))
    assert made.found() == []
    assert made.add(write("INTEND", thread)).found() == [("freeze", 4, 4)]


def test_a_hard_freeze_stops_everything_once_its_grace_is_over() -> None:
    made = log(write("INTEND", namespace="docs"), freeze(level="hard", grace_secs=30))
    made.add(write("KNOW"), at=NOW + 29)
    made.add(write("KNOW"), at=NOW + 30 + SLACK_SECS - 0.5)
    assert made.found() == []
    made.add(write("KNOW"), at=NOW + 30 + SLACK_SECS)
    made.add(write("KNOW", "th_else"), at=NOW + 99)
    assert made.found() == [("freeze", 5, 5)]
    made.add(unfreeze(), write("KNOW"), at=NOW + 100)
    assert made.found() == [("freeze", 5, 5)]


def test_a_grace_that_began_late_ends_when_it_was_to() -> None:
    """The freeze says when it was set; its record came 20 seconds later."""
    made = log(freeze(level="hard", grace_secs=30, at=NOW), at=NOW + 20)
    assert made.add(write("KNOW", namespace="docs"), at=NOW + 30 + SLACK_SECS).found() == [("freeze", 2, 2)]
    made = log(freeze(level="hard", grace_secs=30, at=NOW + 9000), at=NOW + 20)
    assert made.add(write("KNOW", namespace="docs"), at=NOW + 49 + SLACK_SECS).found() == []
    assert made.add(write("KNOW", namespace="docs"), at=NOW + 50 + SLACK_SECS).found() == [("freeze", 3, 3)]


def test_a_clock_that_jumped_back_begins_a_grace_again_for_what_came_then() -> None:
    made = log(freeze(level="hard", grace_secs=30))
    made.add(write("GET", namespace="docs"), at=NOW + 99)
    made.add(write("GET", namespace="docs"), at=NOW + 1)
    assert made.found() == [("freeze", 2, 2)]


def test_each_freeze_has_a_grace_of_its_own() -> None:
    made = log(freeze("docs", level="hard", grace_secs=10), freeze("code", level="hard", grace_secs=100))
    at = NOW + 50
    made.add(write("KNOW", namespace="code"), write("KNOW", "th_b", namespace="docs"), at=at)
    assert made.found() == [("freeze", 4, 4)]
    assert made.add(freeze("docs", level="soft"), write("KNOW", "th_b"), at=at).found() == [("freeze", 4, 4)]


def test_that_a_run_ended_passes_every_freeze() -> None:
    end = Record("th_a", WORKER_A, "KNOW", {"verdict": "terminated", "namespace": "docs"})
    made = log(freeze(level="hard", grace_secs=0)).add(end, at=NOW + 99)
    assert made.found(WORKER_A) == []
    assert made.found(COORDINATOR) == [("freeze", 2, 2)]
    assert made.found("") == [("freeze", 2, 2)]


def test_restored_history_and_earlier_releases_are_not_held_against_it() -> None:
    made = log(freeze())
    made.add(write("INTEND", namespace="docs"), judged=False)
    assert made.found() == []
    assert log(freeze(), write("INTEND", namespace="docs")).change(1, term=0, ruled=None).change(
        2, term=0, ruled=None
    ).found() == []  # fmt: skip


def test_restored_freezes_hold() -> None:
    made = Log().add(freeze(), judged=False)
    assert made.add(write("INTEND", namespace="docs")).found() == [("freeze", 2, 2)]


def test_rules_of_an_operators_own_are_not_judged_here() -> None:
    name = next(iter(FREEZE_RULES))
    rule = {"topic": PERMISSION, "name": name, "expression": "false", "effect": "deny"}
    default = {"topic": PERMISSION, "name": name, "expression": FREEZE_RULES[name], "effect": "deny"}
    made = log(
        freeze(),
        write("LEARN", ENGINE_CONFIG, **rule),
        write("INTEND", namespace="docs"),
        write("KNOW"),
        write("LEARN", ENGINE_CONFIG, **default),
        write("DO"),
    )
    assert made.found() == [("freeze", 6, 6)]
    assert made.proof().unknown() == ["records written under freeze rules of your own: 2"]


def test_rules_of_the_fleet_are_rules_of_an_operators_own_too() -> None:
    name = next(iter(FREEZE_RULES))
    rule = {"topic": PERMISSION, "name": name, "expression": "false", "effect": "deny"}
    made = log(freeze(), write("LEARN", FLEET_CONTROL, **rule), write("INTEND", namespace="docs"))
    assert made.found() == []
    assert made.proof().unknown() == ["records written under freeze rules of your own: 1"]


def test_behind_a_ruling_record_that_is_lost_nobody_can_say() -> None:
    """It may have lifted the freeze."""
    made = log(freeze(), write("KNOW"), unfreeze(), write("INTEND", namespace="docs")).without(3)
    assert made.found() == [("gap", 3, 3)]


def test_a_thread_with_an_altered_record_may_be_anywhere() -> None:
    made = log(
        write("INTEND", namespace="docs"), freeze(), write("DO"), write("DO", "th_b", namespace="docs")
    )
    assert made.found() == [("freeze", 3, 3), ("freeze", 4, 4)]
    made.unsound = {1}
    assert made.found() == [("freeze", 4, 4)]
    assert made.proof().unknown() == [
        "records whose freezes or namespace depend on a missing or altered record: 2"
    ]


def test_a_thread_is_in_the_namespace_of_its_first_intend() -> None:
    made = log(write("INTEND", "th_a", namespace="docs"), write("INTEND", "th_b", namespace="code"))
    made.add(freeze("docs"), write("DO", "th_a"), write("DO", "th_b"), write("INTEND", "th_c"))
    assert made.found() == [("freeze", 4, 4)]
    assert made.add(freeze("default"), write("DO", "th_c"), write("DO", "th_d")).found() == [
        ("freeze", 4, 4),
        ("freeze", 8, 8),
        ("freeze", 9, 9),
    ]


def test_a_thread_that_begins_under_a_freeze_of_another_namespace() -> None:
    made = log(freeze("docs"), write("DO", "th_a"), write("INTEND", "th_a", namespace="code"))
    made.add(write("INTEND", "th_a", namespace="code"), freeze("code"), write("DO", "th_a"))
    assert made.found() == [("freeze", 6, 6)]


def test_a_task_and_a_subtask_are_in_their_own_namespaces_too() -> None:
    task = write("INTEND", "th_t", task=True, goal="g", namespace="code/task")
    made = log(
        write("INTEND", "th_t", namespace="code"),
        freeze("else"),
        write("DO", "th_t"),
        task,
        freeze("code/task"),
    )
    assert made.add(write("DO", "th_t")).found() == [("freeze", 6, 6)]
    made = log(
        child_intend("th_w", namespace="docs"),
        freeze("else"),
        write("DO", "th_w"),
        child_intend("th_w", attempt=2, namespace="code"),
        freeze("code"),
        write("DO", "th_w"),
    )
    assert made.found() == [("freeze", 6, 6)]


def test_a_subtasks_thread_that_became_a_tasks_is_a_tasks() -> None:
    made = log(
        child_intend("th_w", namespace="docs"),
        write("INTEND", "th_w", task=True, goal="g", namespace="code"),
        child_intend("th_w", attempt=2, namespace="other"),
        freeze("other"),
        write("DO", "th_w"),
    )
    assert made.found() == []


def test_a_fork_is_in_the_namespace_of_its_parent() -> None:
    fork = write("INTEND", "th_p", sub_thread="th_c")
    made = log(write("INTEND", "th_p", namespace="docs"), fork, freeze("docs"), write("DO", "th_c"))
    assert made.found() == [("freeze", 4, 4)]
    spawned = write("DO", "th_other", topic=SPAWNED, child_thread="th_c")
    made = log(write("INTEND", "th_p", namespace="docs"), spawned, fork, freeze("docs"), write("DO", "th_c"))
    assert made.found() == []  # a subtask's thread is its fan-out's, whoever says that it forked it


@pytest.mark.parametrize("kept", [1, 3])
def test_what_was_forgotten_is_read_again(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr(places, "_KEPT", kept)
    spaces = ["docs", "code"]
    made = log(*(write("INTEND", f"th_{n}", namespace=spaces[n % 2]) for n in range(8)), freeze("docs"))
    made.add(*(write("DO", f"th_{n % 8}") for n in range(16)))
    assert made.found() == [("freeze", 10 + n, 10 + n) for n in range(0, 16, 2)]
