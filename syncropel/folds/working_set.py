"""A part of a fold that is larger than memory: what was not kept is loaded again when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Final, Generic, TypeVar

V = TypeVar("V")

ABSENT_KEPT: Final = 4096
"""How many keys without a value are remembered, before all of them are forgotten."""


class WorkingSet(Generic[V]):
    """Values by key, of which only some are held in memory.

    `load` finds a value that is not held, None for one that does not exist. A value begins to exist only by
    being set here, so a key without one is not looked for again until then. Without `load` everything is
    held. There is no way to walk through all of it: that takes as long as the log is.

    Only the thread that made it changes what is held. Another one that looks gets a value that it loads for
    itself, which may be out of date before it could be put where the next record is applied.
    """

    __slots__ = ("_absent", "_held", "_owner", "load")

    def __init__(self, load: Callable[[str], V | None] | None = None) -> None:
        self._held: dict[str, V] = {}
        self._absent: set[str] = set()
        """Keys that were looked for in vain: most records are asked for what their thread does not have."""
        self._owner = get_ident()
        self.load = load

    def get(self, key: str) -> V | None:
        """The value, None when there is none."""
        found = self._held.get(key)
        if found is None and self.load is not None and key not in self._absent:
            found = self.load(key)
            if get_ident() == self._owner:
                self._loaded(key, found)
        return found

    def _loaded(self, key: str, found: V | None) -> None:
        if found is not None:
            self._held[key] = found
            return
        if len(self._absent) >= ABSENT_KEPT:
            self._absent.clear()
        self._absent.add(key)

    def __getitem__(self, key: str) -> V:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._held or (isinstance(key, str) and self.get(key) is not None)

    def __setitem__(self, key: str, value: V) -> None:
        self._held[key] = value
        self._absent.discard(key)

    def setdefault(self, key: str, default: V) -> V:
        """The value; `default`, from now on, when there is none."""
        found = self.get(key)
        if found is None:
            found = self[key] = default
        return found

    def forget(self, key: str) -> None:
        """Hold this value no longer; it is loaded when it is next asked for."""
        self._held.pop(key, None)

    def held(self) -> Iterator[tuple[str, V]]:
        """What is in memory now, the longest held first."""
        return iter(list(self._held.items()))

    def peek(self, key: str) -> V | None:
        """The value if it is in memory."""
        return self._held.get(key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WorkingSet) and self._held == other._held

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """How many values are in memory."""
        return len(self._held)
