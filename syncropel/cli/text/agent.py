"""A coding agent's report about its run, and the result of its gate, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncropel.cli.support.numbers import wall
from syncropel.cli.support.terminal import clean

if TYPE_CHECKING:
    from syncropel.wire.agents import AgentOut, GateOut


def agent_lines(agent: AgentOut | None) -> list[str]:
    """Its model, tokens, and session, and the tool calls that it was denied; nothing without an agent."""
    if agent is None:
        return []
    tokens = "tokens unknown" if agent.tokens is None else f"{agent.tokens:,} tokens"
    denials = "" if agent.denials == "known" else "denials unknown"
    facts = [agent.model or "model unknown", tokens, denials, f"session {agent.session or 'unknown'}"]
    lines = [f"agent: {', '.join(fact for fact in facts if fact)}"]
    return lines + [f"denied: {one}" for one in agent.denied]


def gate_lines(gate: GateOut | None) -> list[str]:
    """The gate command and its result; empty without a gate."""
    if gate is None:
        return []
    from syncropel.client.gate_text import gate_words  # their package loads what `--help` does without

    return [f"gate: {clean(gate_words(gate))}, {wall(gate.runtime_ms / 1000)}s"]
