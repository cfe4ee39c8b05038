"""Who calls, as the door noted it in the request's ASGI scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from syncropel.errors import Forbidden, SyncropelError
from syncropel.folds.access import Token
from syncropel.policy.authority import ANYONE, Writer
from syncropel.policy.authority import OPERATOR as THE_OPERATOR

OPERATOR: Final = "syncropel.operator"
"""Key that marks a connection over the Unix socket."""
CALLER: Final = "syncropel.caller"
"""Key of the token that was presented; missing for the operator and without auth."""
RECOGNISED: Final = "syncropel.recognised"
"""Key of a function to call when the token is valid: such a connection is the last to make room."""
WRITER: Final = "syncropel.writer"
"""Key of the `Writer` that the door made out; missing for the operator, and for who has no token."""
NOT_OPERATOR: Final = "syncropel.not_operator"
"""Key of the `NotOperator` that connected to the Unix socket."""
ANY: Final = ""
"""The scope of what every known caller may see, whatever its scopes."""


@dataclass(frozen=True, slots=True)
class NotOperator:
    """A caller on the Unix socket that is not the operator: a goal, or, with a `problem`, nobody knows who.

    `thread`: that of the goal's attempt, empty when nothing names it. `problem`: why nothing is known.
    """

    pid: int
    thread: str = ""
    problem: str = ""


def caller(scope: Scope) -> Token | None:
    """The token of the one who calls; None for the operator, and where no token is asked for."""
    token: Token | None = scope.get(CALLER)
    return token


def writer(scope: Scope) -> Writer:
    """How what this request writes comes here."""
    if scope.get(OPERATOR):
        return THE_OPERATOR
    known: Writer = scope.get(WRITER, ANYONE)
    return known


def lacks(token: Token, needed: str) -> SyncropelError | None:
    """The refusal of what needs this scope, or None when the token has it."""
    if needed == ANY or needed in token.scopes or "admin" in token.scopes:
        return None
    return Forbidden(
        f"{token.sa_id} lacks the scope {needed}", f"it has: {', '.join(sorted(token.scopes)) or 'none'}"
    )
