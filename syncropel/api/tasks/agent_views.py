"""A report's data about a coding agent, its gate, and its worktree, as an answer."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from syncropel.wire.agents import AgentOut, GateOut
from syncropel.wire.reviews import WorktreeLeft

_Part = TypeVar("_Part", bound=BaseModel)


def part_out(model: type[_Part], told: Any) -> _Part | None:
    """A part of a report; None when it does not fit, since an instance of another version may have written
    it.
    """
    try:
        return model.model_validate(told) if told is not None else None
    except ValidationError:
        return None


def agent_out(told: dict[str, Any] | None) -> AgentOut | None:
    """A report's agent data."""
    return part_out(AgentOut, told)


def gate_out(told: dict[str, Any] | None) -> GateOut | None:
    """The result of a gate command."""
    return part_out(GateOut, told)


def worktree_out(told: dict[str, Any] | None) -> WorktreeLeft | None:
    """What an attempt left in its worktree."""
    return part_out(WorktreeLeft, told)
