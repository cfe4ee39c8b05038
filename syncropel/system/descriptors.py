"""How many files and sockets this process may have open, and how they are allocated."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass
from typing import Final

WANTED: Final = 16_384
"""More than this is never requested: it covers MAX_TCP with every reserve, and goals inherit the limit."""
MAX_TCP: Final = 8_192
OPERATORS: Final = 128
"""Connections of the Unix socket that stay available, whatever TCP does."""
OWN: Final = 128
"""The store and its readers, logs, listeners, what a request opens, and what is accepted in one turn."""
PEERS: Final = 128
"""Outgoing connections to other instances."""
PER_GOAL: Final = 8
"""Pipes, files, and sockets of one running goal."""


def raise_limit() -> int:
    """Raise this process's soft limit towards the hard one, as far as is useful; return the new limit.

    If the system refuses, the limit stays as it is.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (WANTED, 10_240):  # macOS takes at most 10,240, even where the hard limit says "unlimited"
        reachable = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < reachable:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return WANTED if soft == resource.RLIM_INFINITY else soft


@dataclass(frozen=True, slots=True)
class Shares:
    """Out of `limit` descriptors: the most TCP connections, and how many Unix ones are always free."""

    limit: int
    tcp: int
    operators: int


def share_out(limit: int, goals: int) -> Shares:
    """Allocate `limit` descriptors on an instance that runs this many goals at once.

    Under a limit too low for every reserve, TCP gets a quarter and the operator an eighth.
    """
    reserve = OWN + PEERS + PER_GOAL * goals + OPERATORS
    return Shares(limit, min(MAX_TCP, max(limit - reserve, limit // 4)), min(OPERATORS, max(limit // 8, 4)))
