"""A coding agent's report about its run, and the result of its gate, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncropel.cli.support.numbers import wall
from syncropel.cli.support.terminal import clean

if TYPE_CHECKING:
    from syncropel.wire.agents import AgentOut, GateOut


def agent_lines(agent: AgentOut | None) -> list[str]:
    """Its model, tokens, and session, what the gateway metered, and the denied tool calls; nothing without an
    agent.
    """
    if agent is None:
        return []
    tokens = "tokens unknown" if agent.tokens is None else f"{agent.tokens:,} tokens"
    denials = "" if agent.denials == "known" else "denials unknown"
    facts = [agent.model or "model unknown", tokens, denials, f"session {agent.session or 'unknown'}"]
    lines = [f"agent: {', '.join(fact for fact in facts if fact)}"]
    if (gateway := agent.gateway) is not None:
        refused = f"{gateway.refused} refused" if gateway.refused else ""
        unknown = f"{gateway.unknown} of unknown cost" if gateway.unknown else ""
        told = ", ".join(filter(None, (f"{gateway.requests} requests", refused, unknown)))
        lines += [f"gateway: {told}", *([gateway.disagrees] if gateway.disagrees else [])]
    return lines + [f"denied: {one}" for one in agent.denied]


def gate_lines(gate: GateOut | None) -> list[str]:
    """The gate command and its result; empty without a gate."""
    if gate is None:
        return []
    from syncropel.client.gate_text import gate_words  # their package loads what `--help` does without

    return [f"gate: {clean(gate_words(gate))}, {wall(gate.runtime_ms / 1000)}s"]
