"""Requests that are refused because of who leads: those of a coordinator whose term is over, and changes that
a fenced coordinator is asked for.
"""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from syncropel.engine.fleet.leading import Leading
from syncropel.errors import SyncropelError
from syncropel.policy.leading import NotLeader
from syncropel.wire.leader import TERM_HEADER

_HEADER: Final = TERM_HEADER.encode()
_MOST_DIGITS: Final = 10
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_STILL: Final = frozenset(
    {
        "/v1/records/query",
        "/v1/expr/check",
        "/v1/expr/eval",
        "/v1/backups",
        "/v1/fleet/heartbeat",
        "/v1/leader/announce",
        "/v1/leader/take",
    }
)
"""What a fenced coordinator still does: reads, backups, and what concerns who leads."""


def refusal_by_term(scope: Scope, leading: Leading, *, known: bool) -> SyncropelError | None:
    """Why nobody speaks for the term that this request names, or None. `known`: the caller presented a secret
    that is known here, and is told how the leader proves that it leads.
    """
    if leading.leader is None:
        return None
    for name, value in scope["headers"]:
        if name == _HEADER:
            term, _, did = value.decode("latin-1").partition(" ")
            if term.isascii() and term.isdecimal() and len(term) <= _MOST_DIGITS:
                return leading.refusal((int(term), did), with_proof=known)
    return None


def refusal_to_change(scope: Scope, leading: Leading) -> SyncropelError | None:
    """Why this instance, if it is fenced, changes nothing, or None."""
    if scope["method"] in _READS or scope["path"] in _STILL:
        return None
    leader = leading.standing.fenced
    return None if leader is None else NotLeader(leader)
