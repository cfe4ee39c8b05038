"""One attempt at the gateway: what it may request, what it has requested, and the costs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.base import Job, Outcome
from syncropel.adapters.gateway.account import UNBOUNDED, Account, Most
from syncropel.adapters.gateway.answers import Used
from syncropel.adapters.gateway.dialects import Asked, Dialect
from syncropel.adapters.gateway.journal import Journal, Request
from syncropel.adapters.gateway.refusals import Refusal, Refused
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.models.tokens import Tokens

JOURNAL: Final = "gateway.jsonl"
MOST_AT_ONCE: Final = 32
"""Requests of one attempt in flight or waiting; more are told to come again."""
MOST_REQUESTS: Final = 100_000
"""Requests of one attempt, including those that the provider refused: each is remembered until its end."""
MOST_BODIES: Final = 64 * 1024 * 1024
"""Bytes of request bodies that one attempt may have here at once."""
_EMPTIED_SECS: Final = 5.0
_OVER_BUDGET: Final = "budget_exceeded"
_ENDED: Final = Refusal("unauthorized", "this attempt has ended")


@dataclass(frozen=True)
class Upstream:
    """Where an adapter's requests go. `provider`: its name in the fleet; `key`: its file in `secrets/`."""

    provider: str
    url: str
    key: str
    dialect: Dialect


def new_token() -> tuple[str, str]:
    """A token for an attempt, and the hash that the gateway keeps."""
    token = f"spl-attempt-{secrets.token_urlsafe(32)}"
    return token, hashlib.sha256(token.encode()).hexdigest()


@dataclass(eq=False)
class Attempt:
    """Created before the agent starts, attached to its run, closed at its end. `sha256`: of its
    token (hex)."""

    upstream: Upstream
    sha256: str
    prices: Prices
    account: Account
    stopped: Callable[[], Outcome | None]
    requests: list[Request] = field(default_factory=list)
    """Those that have ended, in the order of their ends."""
    refused: int = 0
    final_refusal: Refusal | None = None
    """The last refusal after which the agent could not continue."""
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    """Tasks that carry a request now: cut when the attempt is closed."""
    bodies: int = 0
    """Bytes of request bodies here now."""
    at_once: int = 0
    """Requests here now."""
    _journal: Journal | None = None
    _last: int = 0
    _closed: Refusal | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, job: Job, upstream: Upstream, sha256: str, prices: Prices) -> Attempt:
        """For a job that may already have spent something."""
        account = Account(job.budget_usd, job.budget_tokens, job.spent_usd)
        return cls(upstream, sha256, prices, account, job.stopped)

    def attach(self, run: Path, observed: int = 0) -> None:
        """Restore what the run has requested already; from here on it may send requests. `observed`: how many
        of these the account's initial values include.
        """
        self._journal = Journal(run / JOURNAL)
        ended, cut = self._journal.read()
        for one in cut:
            self._journal.end(one)  # its daemon died: nobody knows whether the provider answered
        for number, one in enumerate([*ended, *cut]):
            bill = replace(one.bill, usd=0.0) if number < observed else one.bill
            self.account.reserve(one.number, one.most)
            self.account.settle(one.number, bill)
            self.requests.append(one)
            self._last = max(self._last, one.number)

    def close(self, refusal: Refusal = _ENDED) -> None:
        """Refuse everything from here on, and cut requests in flight."""
        self._closed = self._closed or refusal
        self._changed.set()
        for task in self.tasks:
            task.cancel()

    def leave(self) -> None:
        """Cut requests in flight, and leave the rest to the next daemon."""
        for task in self.tasks:
            task.cancel()

    async def emptied(self) -> None:
        """Wait until all requests are settled; that is soon once it is closed, since all are cut then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EMPTIED_SECS):
                while self.account.under_way:
                    self._changed.clear()
                    await self._changed.wait()

    @property
    def closed(self) -> Refusal | None:
        """Why nothing more is forwarded, once that is final."""
        return self._closed

    def refuse(self, refusal: Refusal) -> Refused:
        """Remember why a request is refused; return the exception."""
        self.refused += 1
        if refusal.kind in ("stopped", "quota"):
            self.final_refusal = refusal
        return Refused(refusal)

    async def admit(self, asked: Asked) -> int:
        """Wait until the request may be sent, and reserve it; return its number. Raises Refused, OSError."""
        most = self._most(asked)
        while True:
            if (refusal := self._closed or self._stopped()) is not None:
                raise self.refuse(refusal)
            if self._last >= MOST_REQUESTS:
                raise self.refuse(Refusal("stopped", f"over {MOST_REQUESTS} requests", "too_many_requests"))
            ruling = self.account.ruling()
            if ruling == "spent":
                told = f"{_OVER_BUDGET}: {self.account.told()}"
                raise self.refuse(Refusal("stopped", told, _OVER_BUDGET))
            if ruling == "go":
                break
            self._changed.clear()
            await self._changed.wait()
        if self._journal is None:
            raise self.refuse(Refusal("busy", "the run has not begun", retry_after=1))
        self._last += 1
        self._journal.begin(Request(self._last, asked.model, most))
        self.account.reserve(self._last, most)
        return self._last

    def _stopped(self) -> Refusal | None:
        outcome = self.stopped()
        return Refusal("stopped", outcome.summary, outcome.reason) if outcome is not None else None

    def _most(self, asked: Asked) -> Most:
        if asked.most_input is None or asked.most_output is None:
            return Most()
        input_, output = asked.most_input, asked.most_output
        # At the price of the dearest kind of input, doubled for what is written to a cache for an hour.
        prices = [
            self.prices.of(asked.model, Tokens(2 * input_, 0, 0, output)),
            self.prices.of(asked.model, Tokens(0, 0, input_, output)),
        ]
        known = [one for one in prices if one is not None]
        return Most(max(known) if len(known) == len(prices) else UNBOUNDED, input_ + output)

    def settle(self, number: int, asked: Asked, used: Used | None) -> None:
        """The request has ended. `used`: None when nothing was charged."""
        most = self._most(asked)
        if used is None:
            ended = Request(number, asked.model, most, Tokens(), 0.0, known=True)
        else:
            model = used.model or asked.model
            cost = self._cost(model, used)
            known = used.known and used.priced and cost is not None
            ended = Request(number, model, most, used.tokens, cost, known)
        self.account.settle(number, ended.bill)
        self.requests.append(ended)
        self._changed.set()
        if self._journal is not None:
            self._journal.end(ended)

    def _cost(self, model: str, used: Used) -> float | None:
        tokens, hour = used.tokens, used.hour_long
        # Anthropic charges twice the price of input for what it keeps for an hour, and no list has that.
        priced = replace(tokens, input=tokens.input + 2 * hour, cache_write=tokens.cache_write - hour)
        return self.prices.of(model, priced)

    def totals(self) -> dict[str, tuple[Tokens, float | None]]:
        """By model: tokens and US dollars, None where a cost is unknown."""
        found: dict[str, tuple[Tokens, float | None]] = {}
        for one in self.requests:
            if one.known and not one.tokens.total:
                continue
            tokens, cost = found.get(one.model, (Tokens(), 0.0))
            both = None if cost is None or one.cost_usd is None else cost + one.cost_usd
            found[one.model] = (tokens + one.tokens, both)
        return found

    @property
    def known(self) -> bool:
        """Whether all requests have ended, and their cost is known."""
        return not self.account.under_way and all(one.known for one in self.requests)
