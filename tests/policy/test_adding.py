"""Whether a subtask that an agent asks for is added: one row for each reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncropel.errors import SyncropelError
from syncropel.folds.control.freezes import Control, Freeze
from syncropel.folds.fanout.additions import MOST_ASKED, REFUSED, Request, asked_in
from syncropel.folds.fanout.state import FanOut
from syncropel.policy.adding import check_decision, check_request, decision, refusal
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from tests.folds.adding import added, asked
from tests.folds.build import COORDINATOR, done, fold_fan_out, parent, record, spawned, store, subtask

FIRST = subtask(
    target="worker-a", repo="app", budget_usd=2.0, timeout_secs=60, denied="ignore", model="small"
)
OTHER = subtask(target="least-loaded-worker", repo="docs")


def fan_out(*more: Record, spec: dict[str, Any] | None = None) -> FanOut:
    head = parent([FIRST, OTHER], **{"may_add": 2, **(spec or {})})
    return fold_fan_out(head, spawned(0, 10), asked("a", 20), *more)


def request(fanout: FanOut, index: int = 0) -> Request:
    return next(one for one in fanout.additions.waiting() if one.index == index)


def frozen(**more: Any) -> list[Freeze]:
    control = Control()
    body = {"topic": "freeze", "level": "soft", "namespace": "default", "reason": "look", **more}
    [stored] = store([record("LEARN", 1, body, thread=FLEET_CONTROL)])
    control.apply(stored)
    return list(control.covering("default"))


def by(**body: Any) -> Record:
    return record("LEARN", 30, body, actor=COORDINATOR)


ROWS: dict[str, tuple[FanOut, list[Freeze]]] = {
    "": (fan_out(), []),
    "no such attempt was given to anybody": (fan_out(asked("b", 21, 1), spec={"may_add": 2}), []),
    "the operator lets no agent add subtasks to this fan-out": (fan_out(spec={"may_add": 0}), []),
    "agents have added 1 subtasks, and the operator allows no more": (
        fan_out(added("x", 25, 2), spec={"may_add": 1}),
        [],
    ),
    "its attempt has ended": (fan_out(done(0, 30)), []),
    "its attempt is being ended: superseded": (fan_out(by(topic="fanout_retry_subtask", index=0)), []),
    "its attempt is being ended: budget_exceeded": (fan_out(by(topic="fanout_budget_exceeded")), []),
    "its task is over": (fan_out(record("DO", 30, {"topic": "task_cancelled"})), []),
    "the namespace 'default' is frozen (soft: look); nothing is added meanwhile": (fan_out(), frozen()),
    "everything is frozen (emergency: look); nothing is added meanwhile": (
        fan_out(),
        frozen(level="emergency"),
    ),
}


@pytest.mark.parametrize("why", ROWS)
def test_why_a_subtask_is_not_added(why: str) -> None:
    fanout, freezes = ROWS[why]
    about = request(fanout, 1 if why.startswith("no such") else 0)
    assert refusal(fanout, about, freezes) == why


REACHES: dict[str, tuple[dict[str, Any], str]] = {
    "a target of the operator": ({"target": "least-loaded-worker"}, ""),
    "a repository of the operator": ({"repo": "docs"}, ""),
    "another target": ({"target": "worker-b"}, "no subtask of the operator has the target 'worker-b'"),
    "another repository": ({"repo": "keys"}, "no subtask of the operator works on the repository 'keys'"),
    "after itself": ({"depends_on": [0, 1]}, ""),
    "after one that is not there": (
        {"depends_on": [0, 2]},
        "it is to wait for subtask 2, but there are only 0 to 1",
    ),
}


@pytest.mark.parametrize("name", REACHES)
def test_how_far_a_request_reaches(name: str) -> None:
    wanted, why = REACHES[name]
    fanout = fold_fan_out(parent([FIRST, OTHER], may_add=1), spawned(0, 10), asked("a", 20, **wanted))
    assert refusal(fanout, request(fanout)) == why


def test_what_was_added_widens_nothing() -> None:
    """A target that only an added subtask has is not the operator's."""
    later = added("x", 15, 2, target="worker-b")
    fanout = fold_fan_out(
        parent([FIRST, OTHER], may_add=3), spawned(0, 10), later, asked("a", 20, target="worker-b")
    )
    assert refusal(fanout, request(fanout)) == "no subtask of the operator has the target 'worker-b'"


@pytest.mark.parametrize(("depth", "may"), [(1, False), (2, True), (10, True)])
def test_how_deep_agents_may_add(depth: int, may: bool) -> None:
    head = parent([FIRST, OTHER], may_add=9, add_depth=depth)
    fanout = fold_fan_out(head, added("x", 5, 2), spawned(2, 10), asked("a", 20, 2))
    assert fanout.may_add(0) == 9
    assert fanout.may_add(2) == (9 if may else 0)
    why = "this subtask was added by an agent, and the operator lets it add none"
    assert refusal(fanout, request(fanout, 2)) == ("" if may else why)
    if may:
        assert decision(fanout, request(fanout, 2), "")["depth"] == 2


def test_a_subtask_is_run_by_what_the_operator_named() -> None:
    head = parent([subtask(adapter="codex")], may_add=1)
    fanout = fold_fan_out(head, spawned(0, 10), asked("a", 20))
    assert refusal(fanout, request(fanout)) == "the operator runs this subtask by 'codex', not by 'claude'"


def test_it_has_what_the_subtask_has_that_asked_for_it() -> None:
    retried = by(topic="fanout_retry_subtask", index=0, budget_usd=0.5)
    fanout = fan_out(retried, spawned(0, 40, attempt=2), spec={"namespace": "team.docs"})
    about = replace(request(fanout), attempt=2, child_intend=fanout.spawns[0, 2].child_intend)
    assert refusal(fanout, about) == ""
    made = decision(fanout, about, "")
    assert made["subtask"] == {
        "goal": "do a",
        "adapter": "claude",
        **{key: FIRST[key] for key in ("target", "repo", "timeout_secs", "denied", "model")},
        "budget_usd": 0.5,
    }
    assert (made["index"], made["by"], made["namespace"]) == (2, {"index": 0, "attempt": 2}, "team.docs")


def test_the_same_of_the_same_subtask_is_added_once_whatever_the_limit() -> None:
    fanout = fan_out(added("a", 25, 2), asked("a2", 26, goal="do a"), spec={"may_add": 1})
    assert refusal(fanout, request(fanout)) == ""
    assert decision(fanout, request(fanout), "")["index"] == 2
    assert "subtask" not in decision(fanout, request(fanout), "")


def judged(
    fanout: FanOut | None, freezes: list[Freeze] | None = None, **changes: Any
) -> SyncropelError | None:
    asked_for = request(fanout) if fanout is not None else None
    body = decision(fanout, asked_for, "") if fanout is not None and asked_for is not None else {}
    return check_decision(by(**{**body, **changes}), fanout, freezes or [])


def test_a_decision_is_written_only_while_it_holds() -> None:
    """Between the decision and its record a freeze may come, or another record."""
    assert judged(fan_out()) is None
    assert judged(fan_out(), topic=REFUSED, reason="no") is None
    for refused, word in (
        (judged(fan_out(), frozen()), "frozen"),
        (judged(fan_out(done(0, 30))), "has ended"),
        (judged(fan_out(), asked="s_none"), "nobody asked"),
        (judged(fan_out(), index=3), "not what was asked for"),
        (judged(fan_out(), depth=7), "not what was asked for"),
        (judged(fan_out(), subtask=subtask(goal="something else")), "not what was asked for"),
        (judged(fan_out(), namespace="other"), "not what was asked for"),
        (judged(None, asked="s_none"), "nobody asked"),
    ):
        assert refused is not None
        assert word in refused.message
    again = fan_out(added("a", 25, 2), asked("b", 26))
    refused = judged(again, asked=asked_in(asked("a", 20).body))
    assert refused is not None
    assert "decided already" in refused.message


def test_one_attempt_asks_for_so_many_and_no_more() -> None:
    asks = [asked(f"r{number}", 100 + number) for number in range(MOST_ASKED - 1)]
    fanout = fan_out(*asks)
    assert check_request(asks[0], fanout) is None  # told again
    refused = check_request(asked("one more", 500), fanout)
    assert refused is not None
    assert str(MOST_ASKED) in refused.message
    assert check_request(asked("x", 5, goal=" "), fan_out()) is not None
