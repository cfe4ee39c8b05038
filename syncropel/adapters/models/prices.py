"""Token prices in US dollars: the operator's own list, then that of `genai-prices`.

`genai-prices` comes with the extra `agents`. Its list is part of the package, so no network is used. A model
that neither list has costs an unknown amount, which is None and never 0.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from syncropel.adapters.models.tokens import Tokens

_PER: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. Cached and written tokens without a price of their own cost
    as `input`."""

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None

    def of(self, tokens: Tokens) -> float:
        """US dollars."""
        cached = self.input if self.cached_input is None else self.cached_input
        written = self.input if self.cache_write is None else self.cache_write
        dollars = (
            tokens.input * self.input
            + tokens.cached_input * cached
            + tokens.cache_write * written
            + tokens.output * self.output
        )
        return dollars / _PER


@dataclass(frozen=True, slots=True)
class Prices:
    """`own`: the operator's prices by the model's name, which take precedence."""

    own: Mapping[str, Price] = field(default_factory=dict)

    def has_own(self, model: str) -> bool:
        """Whether the operator has a price for this model."""
        return self._own(model) is not None

    def of(self, model: str, tokens: Tokens) -> float | None:
        """The cost of one request in US dollars; None when the model's price is unknown.

        Some models charge more per token above a request size, so a sum of requests cannot be priced here.
        """
        own = self._own(model)
        return _listed(model, tokens) if own is None else own.of(tokens)

    def of_sum(self, model: str, tokens: Tokens) -> float | None:
        """The cost of several requests together; None unless the model has one price for every size."""
        own = self._own(model)
        if own is not None:
            return own.of(tokens)
        return _listed(model, tokens) if flat(model) or _below_tiers(model, tokens) else None

    def knows(self, model: str) -> bool:
        """Whether there is a price for the model."""
        return bool(model) and self.of(model, Tokens(1, 0, 0, 1)) is not None

    def _own(self, model: str) -> Price | None:
        return self.own.get(model) or self.own.get(plain(model))


def plain(model: str) -> str:
    """The model's name without a variant in brackets: `claude-x[1m]` is `claude-x`."""
    return model.partition("[")[0]


def flat(model: str) -> bool:
    """Whether the list has one price for requests of every size; False for an unlisted model."""
    return _tier(model) == 0


def _below_tiers(model: str, tokens: Tokens) -> bool:
    start = _tier(model)
    return start is not None and tokens.input + tokens.cached_input + tokens.cache_write < start


@functools.cache
def _tier(model: str) -> int | None:
    """The number of input tokens from which on the list's price changes; 0: never. None: the model is not
    listed.
    """
    listed = _find(model)
    if listed is None:
        return None
    prices = listed.get_prices(datetime.now(UTC))
    starts = [tier.start for name in _RATES if (rate := getattr(prices, name, None)) for tier in _tiers(rate)]
    return min(starts, default=0)


_RATES: Final = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


def _tiers(rate: Any) -> list[Any]:
    return list(getattr(rate, "tiers", ()))


def _find(model: str) -> Any:
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:  # the extra is not installed
        return None
    try:
        return get_snapshot().find_provider_model(plain(model), None, None, None)[1]
    except LookupError:
        return None


def _listed(model: str, tokens: Tokens) -> float | None:
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    usage = Usage(
        input_tokens=tokens.input + tokens.cached_input + tokens.cache_write,
        cache_read_tokens=tokens.cached_input,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.output,
    )
    try:
        return float(calc_price(usage, model_ref=plain(model)).total_price)
    except (LookupError, ValueError):  # not listed, or without a price for one kind of token
        return None
