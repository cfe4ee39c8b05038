"""A run's requests to its model, in a file of the run: a daemon that comes back continues the account.

One line says that a request begins, with the most that it can cost, before the request is sent; another one
its actual cost. A request without the second line was in flight when its daemon died, and its cost is
unknown.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.cost_file import open_plain
from syncropel.adapters.gateway.account import UNBOUNDED, Bill, Most
from syncropel.adapters.models.tokens import Tokens, read_tokens
from syncropel.adapters.models.words import dollars, name

_LONGEST: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One request: its number in the run and, once it has ended, its cost.

    `cost_usd`: US dollars as far as they are known, None without a price. `known`: whether tokens and cost
    are complete.
    """

    number: int
    model: str
    most: Most
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    known: bool = False

    @property
    def bill(self) -> Bill:
        """What the account settles."""
        return Bill(self.cost_usd or 0.0, self.tokens.total, self.known)


class Journal:
    """Appends to the file of one run. Raises OSError when the disk refuses a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, request: Request) -> None:
        """Call this before the request is sent."""
        most = [None if math.isinf(one) else one for one in (request.most.usd, request.most.tokens)]
        self._write({"begins": request.number, "model": request.model, "most": most})

    def end(self, request: Request) -> None:
        """Call this once nothing more comes of the request."""
        told = {"tokens": request.tokens.as_body(), "cost_usd": request.cost_usd, "known": request.known}
        self._write({"ends": request.number, "model": request.model, **told})

    def _write(self, line: dict[str, Any]) -> None:
        handle = os.open(
            self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            os.write(handle, json.dumps(line).encode() + b"\n")
        finally:
            os.close(handle)

    def read(self) -> tuple[list[Request], list[Request]]:
        """The requests that have ended, in the order of their ends, and those that have not."""
        begun: dict[int, Request] = {}
        ended: dict[int, Request] = {}
        for line in self._lines():
            number = line.get("begins", line.get("ends"))
            if type(number) is not int:
                continue
            if "begins" in line:
                begun[number] = Request(number, name(line.get("model")), _most(line.get("most")))
            else:
                before = begun.get(number, Request(number, "", Most()))
                ended.setdefault(number, _ended(before, line))
        return list(ended.values()), [one for number, one in begun.items() if number not in ended]

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            with open_plain(self._path) as file:
                found = file.read(_LONGEST).splitlines()
        except OSError:
            return
        for line in found:
            try:
                read = json.loads(line)
            except ValueError:  # the daemon died while it wrote this
                continue
            if isinstance(read, dict):
                yield read


def _most(told: Any) -> Most:
    pair = told if isinstance(told, list) and len(told) == 2 else (None, None)
    usd, tokens = map(dollars, pair)
    return Most(UNBOUNDED if usd is None else usd, UNBOUNDED if tokens is None else tokens)


def _ended(before: Request, line: dict[str, Any]) -> Request:
    return Request(
        before.number,
        name(line.get("model")) or before.model,
        before.most,
        read_tokens(line.get("tokens")),
        dollars(line.get("cost_usd")),
        line.get("known") is True,
    )
