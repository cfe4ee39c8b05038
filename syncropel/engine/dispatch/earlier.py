"""What this instance knows of an attempt's predecessors."""

from __future__ import annotations

from typing import Any

from syncropel.folds.fanout.child import ChildIntend, ChildState


def earlier_agent(state: ChildState, intend: ChildIntend, adapter: str) -> dict[str, Any] | None:
    """What the previous attempt reported about its agent, if it ran here with the same adapter."""
    for attempt in sorted((one for one in state.intends if one < intend.attempt), reverse=True):
        result = state.results.get(state.intends[attempt].record)
        agent = result.body.get("agent") if result else None
        if isinstance(agent, dict):
            return agent if agent.get("adapter") == adapter else None
    return None
