"""What this instance knows of an attempt's predecessors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncropel.folds.fanout.child import ChildIntend, ChildState
from syncropel.folds.fanout.spend import KINDS, Spent


def earlier_agent(state: ChildState, intend: ChildIntend, adapter: str) -> dict[str, Any] | None:
    """What the previous attempt reported about its agent, if it ran here with the same adapter."""
    for attempt in sorted((one for one in state.intends if one < intend.attempt), reverse=True):
        result = state.results.get(state.intends[attempt].record)
        agent = result.body.get("agent") if result else None
        if isinstance(agent, dict):
            return agent if agent.get("adapter") == adapter else None
    return None


def resumed_agent(spent: Spent, before: dict[str, Any] | None, adapter: str) -> dict[str, Any] | None:
    """The agent session that an attempt continues when it starts again after its worker went down: its own,
    otherwise that of the attempt before it. `before`: that one, as `earlier_agent` finds it.
    """
    runs = sorted((one for one in spent.agents.values() if one.session), key=lambda one: one.named_by[1])
    if not runs:
        return before
    session = runs[-1].session
    found: dict[str, Any] = {"adapter": adapter, "session": session}
    thread = before.get("thread_tokens") if before and before.get("session") == session else {}
    if isinstance(thread, dict):
        own = [one.tokens for one in runs if one.session == session]
        kinds = [{kind: count for kind in KINDS if type(count := thread.get(kind)) is int}, *own]
        found["thread_tokens"] = {kind: sum(one.get(kind, 0) for one in kinds) for kind in KINDS}
    return found


def asked_for(start: Mapping[str, Any], before: dict[str, Any] | None) -> dict[str, Any] | None:
    """The session that a run was started with, by the body of its start record."""
    session = start.get("resumes")
    if not isinstance(session, str):
        return None
    if "resumed_tokens" not in start:  # of an older version, or not known
        return before
    found = {"adapter": start.get("adapter"), "session": session}
    return {**found, "thread_tokens": start["resumed_tokens"]}
