"""What a report says of a coding agent, as an answer."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from syncropel.wire.agents import AgentOut


def agent_out(told: dict[str, Any] | None) -> AgentOut | None:
    """From a report, which may come from an instance of another version: then it may make no sense here."""
    if told is None:
        return None
    try:
        return AgentOut.model_validate(told)
    except ValidationError:
        return None
