"""A running digest over all ids of a log, which can be continued from any block without the ids before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

BLOCK: Final = 1024
"""Ids per block. The digest at the end of a block begins the next, so that little has to be reread to
continue.
"""


class RunningDigest:
    """SHA-256 over ids in log order. `begun`: the digest at the end of the previous block, in hex;
    `sequence`: how many ids that covers, a multiple of BLOCK.
    """

    def __init__(self, sequence: int = 0, begun: str = "") -> None:
        if sequence % BLOCK:
            raise ValueError(f"a block ends at a multiple of {BLOCK}, not at {sequence}")
        self.sequence = sequence
        self.begun = begun
        """The digest at the end of the last full block."""
        self._hash = hashlib.sha256(begun.encode())

    def add(self, ids: Sequence[str]) -> None:
        """Add the next ids."""
        taken = 0
        while taken < len(ids):
            room = BLOCK - self.sequence % BLOCK
            some = ids[taken : taken + room]
            self._hash.update("".join(some).encode())
            taken += len(some)
            self.sequence += len(some)
            if len(some) == room:
                self.begun = self._hash.hexdigest()
                self._hash = hashlib.sha256(self.begun.encode())

    @property
    def block_start(self) -> int:
        """How many ids `begun` covers."""
        return self.sequence - self.sequence % BLOCK

    def value(self) -> str:
        """The digest of all ids so far, in hex; empty while there are none."""
        return self._hash.hexdigest() if self.sequence % BLOCK else self.begun


def digest_of(ids: Iterable[str]) -> str:
    """The digest of these ids, in hex."""
    running = RunningDigest()
    running.add(list(ids))
    return running.value()
