"""What one attempt may still request: each request is reserved before it is sent, and settled after it.

A request passes while what is spent, plus the most that requests in flight can cost, is below the budget. So
all requests but the last one together stay below it, in whatever order: an attempt overshoots by less than
its last request. A request whose cost cannot be bounded makes those behind it wait until it has ended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from syncropel.folds.fanout.reassignments import spends

Ruling = Literal["go", "wait", "spent"]
UNBOUNDED: Final = math.inf


@dataclass(frozen=True, slots=True)
class Most:
    """The most that a request can cost: US dollars and tokens; `UNBOUNDED` when there is no bound."""

    usd: float = UNBOUNDED
    tokens: float = UNBOUNDED


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of a request, as far as it is known; `known`: whether it is complete."""

    usd: float = 0.0
    tokens: int = 0
    known: bool = True


class Account:
    """`usd` and `tokens`: settled so far, over all requests of the attempt. A budget may be None."""

    def __init__(
        self, budget_usd: float | None = None, budget_tokens: int | None = None, usd: float = 0.0
    ) -> None:
        self.budget_usd = budget_usd
        self.budget_tokens = budget_tokens
        self.usd = usd
        self.tokens = 0
        self._held = Most(0.0, 0.0)
        """What requests may have cost beyond what is known of them."""
        self._open: dict[int, Most] = {}

    @property
    def under_way(self) -> int:
        """Requests that are reserved and not settled."""
        return len(self._open)

    def ruling(self) -> Ruling:
        """Whether one more request may be sent now, after those in flight, or never."""
        if self._reaches(self.usd + self._held.usd, self.tokens + self._held.tokens):
            return "spent"
        open_usd = sum(one.usd for one in self._open.values())
        open_tokens = sum(one.tokens for one in self._open.values())
        usd, tokens = self.usd + self._held.usd + open_usd, self.tokens + self._held.tokens + open_tokens
        return "wait" if self._reaches(usd, tokens) else "go"

    def _reaches(self, usd: float, tokens: float) -> bool:
        return spends(usd, self.budget_usd) or (
            self.budget_tokens is not None and tokens >= self.budget_tokens
        )

    def reserve(self, number: int, most: Most) -> None:
        """Reserve the request with this number. Call `ruling` in the same step."""
        self._open[number] = most

    def settle(self, number: int, bill: Bill) -> None:
        """The request has ended. Any unknown part counts as the most that it could have cost."""
        most = self._open.pop(number, Most())
        self.usd += bill.usd
        self.tokens += bill.tokens
        if not bill.known:
            usd = self._held.usd + max(0.0, most.usd - bill.usd)
            tokens = self._held.tokens + max(0.0, most.tokens - bill.tokens)
            self._held = Most(usd, tokens)

    def told(self) -> str:
        """Why no more requests are allowed, in words."""
        if spends(self.usd, self.budget_usd):
            return f"spent ${self.usd:.2f} of its budget of ${self.budget_usd or 0:.2f}"
        if self.budget_tokens is not None and self.tokens >= self.budget_tokens:
            return f"used {self.tokens} tokens of its budget of {self.budget_tokens}"
        most = self._held.usd if self.budget_usd is not None else self._held.tokens
        could = (
            "any amount"
            if math.isinf(most)
            else f"${most:.2f}"
            if self.budget_usd is not None
            else (f"{most:.0f} tokens")
        )
        return f"the provider did not say what a request cost, and it may have been {could}"
