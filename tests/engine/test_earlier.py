"""What an instance knows of the attempts before one: the agent's session that a retry goes on with."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.engine.dispatch.earlier import earlier_agent
from syncropel.folds.fanout.child import ChildIntend, ChildResult, ChildState


def state(*agents: tuple[int, dict[str, Any] | None]) -> ChildState:
    """A child thread with these attempts, each with what its result says of its agent."""
    made = ChildState("th_child")
    for attempt, agent in agents:
        record = str(attempt) * 64
        made.intends[attempt] = ChildIntend(record, "th_child", attempt, {"attempt": attempt})
        made.results[record] = ChildResult("r", record, {"agent": agent} if agent else {})
    return made


MINE = {"adapter": "claude", "session": "one"}
LATER = {"adapter": "claude", "session": "two"}
OTHER = {"adapter": "codex", "session": "three"}


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ([], None),
        ([(1, MINE)], MINE),
        ([(1, MINE), (2, LATER)], LATER),
        ([(1, MINE), (2, None)], MINE),
        ([(1, MINE), (2, OTHER)], None),
        ([(4, LATER)], None),
    ],
)
def test_the_last_attempt_of_the_same_adapter_counts(before: list[Any], found: object) -> None:
    intend = ChildIntend("3" * 64, "th_child", 3, {"attempt": 3})
    assert earlier_agent(state(*before), intend, "claude") == found
