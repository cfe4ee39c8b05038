"""What `spl task amend` prints, and how a budget is shown beside its join."""

from __future__ import annotations

from typing import Any

from syncropel.cli.text.task import amended_lines, join_lines
from syncropel.wire import ChildOut, JoinStatus


def status(*reasons: str, **fields: Any) -> JoinStatus:
    children = [
        ChildOut(
            index=index,
            goal="g",
            target="worker-a",
            state="failed" if reason else "pending",
            verdict="failed" if reason else None,
            reason=reason,
        )
        for index, reason in enumerate(reasons)
    ]
    given: dict[str, Any] = {
        "thread": "th_t", "alias": "T", "goal": "g", "namespace": "default", "status": "blocked",
        "parent_intend": "i", "join": "all", "complete": False, "verdict": None, "satisfiable": True,
        "explanation": "", "subtasks": children, "spawned": 1, "completed": 1, "accepted": 0, "cost_usd": 1.0,
        "budget_usd": 4.0, "asked_budget_usd": 1.0, "started_at": 0.0, "revision": 1,
    }  # fmt: skip
    return JoinStatus(**{**given, **fields})


def test_more_money_names_what_it_does_not_bring_back() -> None:
    lines = amended_lines("T", status("budget_exceeded", "", "out of paper"), money=True)
    assert lines[0] == "◇ Budget of th_t is now $1.00 of $4.00 (25%)"
    assert [line for line in lines if "retry" in line] == [
        "  ended for its cost: spl task retry T --subtask 0"
    ]
    many = amended_lines("T", status(*["budget_exceeded"] * 8), money=True)
    assert "  …and 3 more" in many


def test_another_join_is_told() -> None:
    assert amended_lines("T", status("", join="any"), money=False) == ["◇ Join of th_t is now: any"]


def test_a_budget_is_shown_where_there_is_one() -> None:
    assert "  Budget: $1.00 of $4.00 (25%), amended from $1.00" in join_lines(status(""))
    spent = status("", budget_usd=1.0, budget_exceeded=True)
    assert "  Budget: $1.00 of $1.00 (100%) !, spent: nothing more is spawned" in join_lines(spent)
    assert "Budget" not in "\n".join(join_lines(status("", budget_usd=None)))
