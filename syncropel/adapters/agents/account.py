"""The facts about an agent's run, and the outcome made from them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from syncropel.adapters.agents.spending import Spending
from syncropel.adapters.agents.verdict import PERMISSION_DENIED, Facts, judge
from syncropel.adapters.base import Outcome
from syncropel.adapters.models.tokens import Tokens
from syncropel.adapters.reading import Session
from syncropel.folds.fanout.state import ACCEPT

_MOST_TOLD: Final = 100
"""Limit on the models and denied calls in a result: a program may invent more than its record can hold."""


@dataclass(frozen=True)
class Account:
    """`unread`: lines that could not be parsed. `spent_known`: whether `spending` is complete.

    `thread`: the tokens of the whole session, where the agent counts those and not the run's own.
    """

    session: Session
    spending: Spending
    facts: Facts
    unread: int
    spent_known: bool
    thread: Tokens | None = None
    tokens_known: bool = True
    """Whether the agent reports all its tokens."""
    session_cost_usd: float | None = None
    """US dollars of the whole session, where the agent counts those and not the run's own."""

    @property
    def cost_usd(self) -> float | None:
        """US dollars; None when unknown."""
        return self.spending.cost_usd if self.spent_known else None

    def as_body(self) -> dict[str, Any]:
        """The result's data about the agent.

        session, model; usage: tokens and cost_usd of each model; cost_usd and tokens of the attempt, None
        where unknown; denied: the denied calls; denials: "known" or "unknown"; unread: lines that could not
        be parsed; thread_tokens, session_cost_usd: those of the session with all its earlier attempts.
        """
        body: dict[str, Any] = {
            "session": self.session.id,
            "model": self.session.model,
            "usage": self.spending.as_body()[:_MOST_TOLD],
            "cost_usd": self.cost_usd,
            "tokens": self.spending.tokens.total if self.spent_known and self.tokens_known else None,
            "denied": [str(one) for one in islice(self.facts.denied.values(), _MOST_TOLD)],
            "denials": "known" if self.facts.denied_known else "unknown",
            "unread": self.unread,
        }
        if self.thread is not None:
            body["thread_tokens"] = self.thread.as_body()
        if self.session_cost_usd is not None:
            body["session_cost_usd"] = self.session_cost_usd
        return body


def outcome_of(
    account: Account, exit_code: int | None, signal: int | None, stderr_tail: str, *, ignore_denied: bool
) -> Outcome:
    """The outcome of a run that ended by itself. Its usage has covered everything it spent."""
    verdict = judge(account.facts, exit_code, signal, stderr_tail, ignore_denied=ignore_denied)
    forgiving = judge(account.facts, exit_code, signal, stderr_tail, ignore_denied=True)
    denied = verdict.reason == PERMISSION_DENIED and forgiving.verdict == ACCEPT
    return Outcome(
        verdict.verdict,
        verdict.summary,
        reason=verdict.reason,
        cost_known=account.cost_usd is not None,
        agent=account.as_body(),
        forgiven=forgiving.summary if denied else None,
    )
