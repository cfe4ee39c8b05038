"""A coding agent's report about its run, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncropel.wire.agents import AgentOut


def agent_lines(agent: AgentOut | None) -> list[str]:
    """Its model, tokens, and session, and the tool calls that it was denied; nothing without an agent."""
    if agent is None:
        return []
    tokens = "tokens unknown" if agent.tokens is None else f"{agent.tokens:,} tokens"
    denials = "" if agent.denials == "known" else "denials unknown"
    facts = [agent.model or "model unknown", tokens, denials, f"session {agent.session or 'unknown'}"]
    lines = [f"agent: {', '.join(fact for fact in facts if fact)}"]
    return lines + [f"denied: {one}" for one in agent.denied]
