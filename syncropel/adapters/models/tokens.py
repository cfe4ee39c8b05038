"""Token counts by kind, as they are billed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from syncropel.adapters.reading import Usage

_LARGEST: Final = 2**53


@dataclass(frozen=True, slots=True)
class Tokens:
    """`input` includes neither `cached_input` nor `cache_write`; `output` includes `reasoning`."""

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(*(mine + its for mine, its in zip(self.all(), other.all(), strict=True)))

    def beyond(self, other: Tokens) -> Tokens:
        """The excess over the others, kind by kind; never below 0."""
        return Tokens(*(max(0, mine - its) for mine, its in zip(self.all(), other.all(), strict=True)))

    def all(self) -> tuple[int, ...]:
        """The counts in the order of the fields."""
        return (self.input, self.cached_input, self.cache_write, self.output, self.reasoning)

    @property
    def total(self) -> int:
        """Everything read or written; reasoning is part of the output."""
        return self.input + self.cached_input + self.cache_write + self.output

    def usage(self, model: str, cost_usd: float | None) -> Usage:
        """The event that reports these tokens."""
        return Usage(model, **self.as_body(), cost_usd=cost_usd)

    def as_body(self) -> dict[str, int]:
        """The counts by name, as `read_tokens` reads them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def read_tokens(body: Any) -> Tokens:
    """Counts from an object made by `as_body`; missing or invalid counts are 0."""
    found = body if isinstance(body, dict) else {}
    return Tokens(*(count(found.get(field.name)) for field in fields(Tokens)))


def count(value: Any) -> int:
    """A number of tokens or turns from a program's output; 0 when it is invalid."""
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if usable else 0
