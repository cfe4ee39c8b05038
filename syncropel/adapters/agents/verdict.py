"""The verdict on an agent's run, from its exit, its final event, and its denied tool calls.

None of the three suffices alone. An agent exits with 0 after a denied edit, after an interrupted turn, and
when its last lines are lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncropel.adapters.gateway.quota import Spent
from syncropel.adapters.reading import how_it_ended, printable, shortened
from syncropel.folds.fanout.state import ACCEPT

RESULT_MISSING: Final = "result_missing"
AGENT_ERROR: Final = "agent_error"
PERMISSION_DENIED: Final = "permission_denied"
MAX_TURNS: Final = "max_turns"
BUDGET_EXCEEDED: Final = "budget_exceeded"
IDLE: Final = "idle"
RATE_LIMITED: Final = "rate_limited"
"""Machine-readable reasons why an attempt failed."""

_TOO_MANY_REQUESTS: Final = 429


@dataclass(frozen=True, slots=True)
class Denied:
    """A tool call that was not allowed. `argument` is one line."""

    tool: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.tool} {self.argument}".strip()


@dataclass(slots=True)
class Ended:
    """The final event. `error` is one of the reasons above when it was not `ok`."""

    ok: bool
    text: str = ""
    error: str = AGENT_ERROR


@dataclass(slots=True)
class Facts:
    """A reader's facts about a run. `denied_known`: whether the agent reports each denied call."""

    said: str = ""
    """The agent's own last message."""
    ended: Ended | None = None
    denied: dict[str, Denied] = field(default_factory=dict)
    denied_known: bool = True
    last_error: str = ""
    """The last error before an end."""
    quota: Spent | None = None
    """That the provider's quota is spent, if an event of the program itself says so."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`verdict` and `summary` are those of an outcome; `reason` is empty when it is accepted."""

    verdict: str
    summary: str
    reason: str = ""


def judge(
    facts: Facts, exit_code: int | None, signal: int | None, stderr_tail: str, *, ignore_denied: bool = False
) -> Verdict:
    """Judge a run that ended by itself. `exit_code` is None when a signal ended it."""
    ended = facts.ended
    if ended is None:
        why = facts.last_error or facts.said or last_line(stderr_tail)
        return _failed(RESULT_MISSING, f"ended without a result ({how_it_ended(exit_code, signal)})", why)
    told = ended.text or facts.said
    if not ended.ok:
        return Verdict("failed", shortened(told or last_line(stderr_tail) or ended.error), ended.error)
    if exit_code != 0:
        return _failed(AGENT_ERROR, f"said that it was done, but: {how_it_ended(exit_code, signal)}", told)
    if facts.denied and not ignore_denied:
        calls = "; ".join(str(one) for one in facts.denied.values())
        return _failed(PERMISSION_DENIED, f"denied: {shortened(calls)}", told)
    return Verdict(ACCEPT, shortened(told))


def error_of(status: int, kind: str = "") -> str:
    """The reason for an API error: HTTP status (0: unknown), and the provider's own error type."""
    limited = status == _TOO_MANY_REQUESTS or "rate_limit" in kind
    return RATE_LIMITED if limited else AGENT_ERROR


def last_line(said: str) -> str:
    """The last non-blank line."""
    return next((line.strip() for line in reversed(printable(said).splitlines()) if line.strip()), "")


def _failed(reason: str, what: str, told: str) -> Verdict:
    return Verdict("failed", f"{what}: {shortened(told)}" if told else what, reason)
