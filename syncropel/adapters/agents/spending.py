"""The account of one attempt: tokens and US dollars by model, each reported once."""

from __future__ import annotations

from typing import Any

from syncropel.adapters.models.prices import Prices
from syncropel.adapters.models.tokens import Tokens
from syncropel.adapters.reading import Usage


class Spending:
    """Adds up an attempt's spending, and makes `Usage` events that report it."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._tokens: dict[str, Tokens] = {}
        self._dollars: dict[str, float | None] = {}
        self._settled: set[str] = set()

    def request(self, model: str, tokens: Tokens) -> Usage:
        """One request has ended."""
        return self._tell(model, tokens, self._prices.of(model, tokens))

    def several(self, model: str, tokens: Tokens) -> Usage:
        """Requests have ended of which only the sum is known."""
        return self._tell(model, tokens, self._prices.of_sum(model, tokens))

    def settle(self, model: str, tokens: Tokens, cost_usd: float | None) -> Usage | None:
        """The program's own account of a model so far, which overrides what was counted until now; the
        operator's price overrides its price. None when nothing is new.

        An account lower than what was counted, or than an earlier account, takes nothing back.
        """
        before, paid = self._tokens.get(model, Tokens()), self._dollars.get(model, 0.0)
        lower = before.beyond(tokens).total > 0
        new = tokens.beyond(before)
        tokens = before + new
        if self._prices.has_own(model):
            cost_usd = self._prices.of_sum(model, tokens)
        elif cost_usd is not None and paid is not None and (lower or model in self._settled):
            cost_usd = max(cost_usd, paid)
        self._settled.add(model)
        self._tokens[model] = tokens
        if cost_usd is None:
            self._dollars[model] = None
            return new.usage(model, None) if new.total else None
        self._dollars[model] = cost_usd
        more = cost_usd - (paid or 0.0)
        return new.usage(model, more) if new.total or abs(more) > 1e-12 else None

    def _tell(self, model: str, tokens: Tokens, cost_usd: float | None) -> Usage:
        self._tokens[model] = self._tokens.get(model, Tokens()) + tokens
        paid = self._dollars.get(model, 0.0)
        self._dollars[model] = None if cost_usd is None or paid is None else paid + cost_usd
        return tokens.usage(model, cost_usd)

    @property
    def tokens(self) -> Tokens:
        """All tokens of this attempt."""
        return sum(self._tokens.values(), Tokens())

    @property
    def cost_usd(self) -> float | None:
        """US dollars of this attempt; None when a model's price is unknown."""
        known = [one for one in self._dollars.values() if one is not None]
        return sum(known) if len(known) == len(self._dollars) else None

    def as_body(self) -> list[dict[str, Any]]:
        """For each model: its name, tokens, and US dollars, None where unknown."""
        return [
            {"model": model, **tokens.as_body(), "cost_usd": self._dollars[model]}
            for model, tokens in self._tokens.items()
        ]
