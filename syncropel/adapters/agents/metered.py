"""An agent whose requests pass the gateway: the gateway's account overrides the agent's own figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from syncropel.adapters.agents.account import Account
from syncropel.adapters.agents.verdict import AGENT_ERROR, BUDGET_EXCEEDED, RATE_LIMITED, RESULT_MISSING
from syncropel.adapters.base import Observe, Outcome
from syncropel.adapters.following import KINDS, Following
from syncropel.adapters.gateway.attempt import Attempt
from syncropel.adapters.gateway.journal import Request
from syncropel.adapters.models.tokens import Tokens
from syncropel.adapters.reading import Event, OutputReader, Usage
from syncropel.folds.fanout.child import STREAM_EVENT

_KINDS: Final[Mapping[type, str]] = {kind: told for kind, told in KINDS.items() if kind is not Usage}
_MOST_TOLD: Final = 100
_SAME_SHARE: Final = 0.01
"""Two figures for one cost differ when they are further apart than this share."""
_BY_REFUSAL: Final = frozenset({AGENT_ERROR, RATE_LIMITED, RESULT_MISSING, BUDGET_EXCEEDED})
"""Reasons an agent may end with when its requests are refused."""


@runtime_checkable
class AgentReader(OutputReader, Protocol):
    """Reads an agent's output. `turns`: what `max_turns` counts."""

    @property
    def turns(self) -> int: ...

    @property
    def account(self) -> Account:
        """The facts about the run so far."""
        ...


def events_of(run: str) -> str:
    """The name under which the log counts a run's requests, beside the events of its output."""
    return f"{run}/gateway"


class MeteredReader:
    """Reads an agent's output; the spending comes from the gateway."""

    def __init__(self, agent: AgentReader, attempt: Attempt) -> None:
        self.agent = agent
        self.attempt = attempt

    @property
    def unread(self) -> int:
        return self.agent.unread

    @unread.setter
    def unread(self, lines: int) -> None:
        self.agent.unread = lines

    def feed(self, line: bytes) -> list[Event]:
        return self.agent.feed(line)

    def finish(self) -> list[Event]:
        return self.agent.finish()

    def body(self) -> dict[str, Any]:
        """The result's data about the agent."""
        return metered(self.agent.account.as_body(), self.attempt)

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        outcome = self.agent.outcome(exit_code, signal, stderr_tail)
        agent = metered(outcome.agent or {}, self.attempt)
        outcome = replace(outcome, agent=agent, cost_known=agent["cost_usd"] is not None)
        refusal = self.attempt.final_refusal
        if refusal is None or outcome.reason not in _BY_REFUSAL:
            return outcome
        return replace(outcome, reason=refusal.reason or outcome.reason, summary=refusal.told)


class MeteredFollowing(Following):
    """Observes each request that has ended, and everything in the output except the agent's token counts."""

    def __init__(
        self, output: Path, reader: MeteredReader, run: str, events: Mapping[str, int], attempt: Attempt
    ) -> None:
        super().__init__(output, reader, run, events.get(run, 0), kinds=_KINDS)
        self._attempt = attempt
        self._name = events_of(run)
        self._seen = events.get(self._name, 0)

    async def read_on(self, observe: Observe) -> None:
        self._collect()
        await super().read_on(observe)

    async def finish(self, observe: Observe) -> None:
        await self._attempt.emptied()
        self._collect()
        await super().finish(observe)

    def _collect(self) -> None:
        with self._one_at_a_time:
            for request in self._attempt.requests[self._seen :]:
                self._seen += 1
                if not request.known or request.tokens.total:
                    self._add(*self._told(request), self._seen)

    def _told(self, request: Request) -> tuple[Usage, str, dict[str, Any]]:
        where: dict[str, Any] = {"run": self._name, "events": self._seen}
        usage = request.tokens.usage(request.model, request.cost_usd)
        return usage, STREAM_EVENT, where if request.known else {**where, "cost_unknown": True}


def metered(said: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    """An agent's data about its run (`Account.as_body`), with what the gateway knows.

    gateway: requests, refused, unknown (requests whose cost is unknown), said (the agent's own tokens and
    cost_usd), and disagrees: in words, how the two differ; empty when they do not.
    """
    totals = attempt.totals()
    tokens = sum((used for used, _ in totals.values()), Tokens())
    costs = [cost for _, cost in totals.values() if cost is not None]
    known = attempt.known
    cost = math.fsum(costs) if known and len(costs) == len(totals) else None
    agent = {"cost_usd": said.get("cost_usd"), "tokens": said.get("tokens")}
    told = {
        "requests": len(attempt.requests),
        "refused": attempt.refused,
        "unknown": sum(not one.known for one in attempt.requests),
        "said": agent,
        "disagrees": _difference(agent, tokens.total if known else None, cost),
    }
    usage = [
        {"model": model, **used.as_body(), "cost_usd": cost_usd}
        for model, (used, cost_usd) in list(totals.items())[:_MOST_TOLD]
    ]
    return {
        **said,
        "usage": usage,
        "cost_usd": cost,
        "tokens": tokens.total if known else None,
        "gateway": told,
    }


def _difference(said: Mapping[str, Any], tokens: int | None, cost: float | None) -> str:
    differs = []
    if said["tokens"] is not None and tokens is not None and said["tokens"] != tokens:
        differs.append(f"{said['tokens']} tokens, the gateway metered {tokens}")
    if said["cost_usd"] is not None and cost is not None:
        most = max(said["cost_usd"], cost)
        if abs(said["cost_usd"] - cost) > max(_SAME_SHARE * most, 1e-6):
            differs.append(f"${said['cost_usd']:.4f}, the gateway metered ${cost:.4f}")
    return f"the agent says {' and '.join(differs)}" if differs else ""
