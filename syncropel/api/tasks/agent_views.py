"""A report's data about a coding agent, as an answer."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from syncropel.wire.agents import AgentOut


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
