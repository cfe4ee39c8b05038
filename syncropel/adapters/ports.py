"""Blocks of TCP ports for attempts that run at once: each has its own, as long as it runs."""

from __future__ import annotations

import socket
from contextlib import closing
from threading import Lock
from typing import Final

FIRST: Final = 20_000
LAST: Final = 29_999
"""Below what systems give to programs that ask for any port."""


class NoPorts(Exception):
    """Every block is taken."""


class PortBlocks:
    """The blocks of one instance, by attempt. Other programs are seen by the ports that they listen on."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    def take(self, attempt: str, count: int, before: int = 0) -> int:
        """The first of `count` ports for this attempt. `before`: what it had before a restart.

        Blocks. Raises NoPorts.
        """
        with self._lock:
            if (known := self._taken.get(attempt)) is not None:
                return known[0]
            bases = range(FIRST, LAST - count + 2, count)
            for base in (before, *bases) if before else bases:
                if self._is_free(base, count):
                    self._taken[attempt] = base, count
                    return base
        raise NoPorts(f"no {count} free ports between {FIRST} and {LAST} are left")

    def hold(self, attempt: str, base: int, count: int) -> None:
        """An attempt that runs already has this block."""
        with self._lock:
            self._taken[attempt] = base, count

    def release(self, attempt: str) -> None:
        """The attempt runs no more."""
        with self._lock:
            self._taken.pop(attempt, None)

    def _is_free(self, base: int, count: int) -> bool:
        for taken, size in self._taken.values():
            if base < taken + size and taken < base + count:
                return False
        return all(map(_is_free, range(base, base + count)))


def _is_free(port: int) -> bool:
    """Whether nobody listens on this port of this machine."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
