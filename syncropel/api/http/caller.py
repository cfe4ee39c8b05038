"""The caller, as stored in the request's ASGI scope by the auth layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.types import Scope

from syncropel.errors import Forbidden, SyncropelError
from syncropel.folds.control.access import MEASURES, PULLS, Token
from syncropel.policy.authority import ANYONE, Writer, actor_refusal

OPERATOR: Final = "syncropel.operator"
"""Scope key that marks a connection over the Unix socket."""
LINKED: Final = "syncropel.linked"
"""Scope key of the coordinator (its DID) that asks through the link of this worker."""
NETWORK: Final = "syncropel.network"
"""Scope key that marks a connection of another host."""
CALLER: Final = "syncropel.caller"
"""Scope key of the presented token; missing for the operator and without auth."""
RECOGNISED: Final = "syncropel.recognised"
"""Scope key of a function to call with the account of a valid token: its connection is then closed last when
room is needed.
"""
WRITER: Final = "syncropel.writer"
"""Scope key of the `Writer`; missing for a caller that needs no token."""
NOT_OPERATOR: Final = "syncropel.not_operator"
"""Scope key of the `NotOperator` that connected to the Unix socket."""
BEHIND: Final = "syncropel.behind"
"""Scope key of an async function that finds out whether a goal of this machine made a TCP connection: it
returns its `NotOperator`, or None.
"""
DEFAULT_ACTOR: Final = "did:sync:user:operator"
OF_ACTOR: Final = "the actor; by default the account of the token, or the operator"
ANY: Final = ""
"""The scope of what every known caller may see, whatever its scopes."""


_IMPLIED_BY: Final = {PULLS: ("records:read",), MEASURES: ("records:read",)}


@dataclass(frozen=True, slots=True)
class NotOperator:
    """A caller on the Unix socket that is not the operator: a goal or, with a `problem`, an unknown caller.

    `thread`: that of the goal's attempt, empty when nothing names it. `problem`: why it is unknown.
    """

    pid: int
    thread: str = ""
    problem: str = ""


def caller(scope: Scope) -> Token | None:
    """The caller's token; None for the operator, and where no token is required."""
    token: Token | None = scope.get(CALLER)
    return token


def writer(scope: Scope) -> Writer:
    """The writer of this request's records."""
    known: Writer = scope.get(WRITER, ANYONE)
    return known


def own_name(author: Writer) -> str:
    """The actor of records that do not name one."""
    return author.did if author.author in ("account", "instance") else DEFAULT_ACTOR


class Signer:
    """Sets the actor of this request's records. Raises ActorNotAllowed when the caller may not use it."""

    def __init__(self, request: Request) -> None:
        self._writer = writer(request.scope)

    def __call__(self, asked: str) -> str:
        if not asked:
            return own_name(self._writer)
        if (refusal := actor_refusal(asked, self._writer)) is not None:
            raise refusal
        return asked


Signed = Annotated[Signer, Depends()]


def lacks(token: Token, needed: str) -> SyncropelError | None:
    """The refusal when the token lacks this scope, or None when it has it."""
    scopes = token.scopes
    if needed == ANY or needed in scopes or "admin" in scopes:
        return None
    if not scopes.isdisjoint(_IMPLIED_BY.get(needed, ())):
        return None
    return Forbidden(
        f"{token.sa_id} lacks the scope {needed}", f"it has: {', '.join(sorted(token.scopes)) or 'none'}"
    )
