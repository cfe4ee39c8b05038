"""A report's data about a coding agent, as an answer."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from syncropel.wire.agents import AgentOut, GateOut


def agent_out(told: dict[str, Any] | None) -> AgentOut | None:
    """Parse a report's agent data; None when it does not fit, since an instance of another version may have
    written it.
    """
    if told is None:
        return None
    try:
        return AgentOut.model_validate(told)
    except ValidationError:
        return None


def gate_out(told: dict[str, Any] | None) -> GateOut | None:
    """The same of a gate command."""
    try:
        return GateOut.model_validate(told) if told is not None else None
    except ValidationError:
        return None
