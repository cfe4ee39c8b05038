"""Tokens: counted as they are billed, each kind apart."""

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
        """What these have more than the others, kind by kind; never below 0."""
        return Tokens(*(max(0, mine - its) for mine, its in zip(self.all(), other.all(), strict=True)))

    def all(self) -> tuple[int, ...]:
        """The counts in the order of the fields."""
        return (self.input, self.cached_input, self.cache_write, self.output, self.reasoning)

    @property
    def total(self) -> int:
        """All that was read or written; reasoning is part of the output."""
        return self.input + self.cached_input + self.cache_write + self.output

    def usage(self, model: str, cost_usd: float | None) -> Usage:
        """The event that tells these tokens."""
        return Usage(model, **self.as_body(), cost_usd=cost_usd)

    def as_body(self) -> dict[str, int]:
        """The counts by name, as `read_tokens` reads them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def tokens_of(usage: Usage) -> Tokens:
    """The counts of an event."""
    return Tokens(usage.input, usage.cached_input, usage.cache_write, usage.output, usage.reasoning)


def read_tokens(body: Any) -> Tokens:
    """Counts from an object such as `as_body` makes; what is missing or no count is 0."""
    found = body if isinstance(body, dict) else {}
    return Tokens(*(count(found.get(field.name)) for field in fields(Tokens)))


def count(value: Any) -> int:
    """A number of tokens or turns from a program's own words; 0 for anything that is none."""
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if usable else 0
