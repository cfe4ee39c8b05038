"""Which columns of a table the operator wants to see, and which one comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tui.model.rows import Column


@dataclass(frozen=True)
class Choice:
    """`always` are columns that are hidden last, `never` those that are not shown; all others as there is
    room. `pinned` comes first and is never hidden.
    """

    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    pinned: str = ""

    def of(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """These columns, as chosen. At least one is left."""
        kept = [one for one in columns if one.key not in self.never] or list(columns[:1])
        chosen = [self._placed(one) for one in kept]
        return tuple(sorted(chosen, key=lambda one: one.key != self.pinned))

    def _placed(self, one: Column) -> Column:
        if one.key == self.pinned or not one.drop:
            return replace(one, drop=0)
        return replace(
            one, drop=1 if one.key in self.always else one.drop + 1, over=one.over and one.over + 1
        )

    def turned(self, key: str) -> Choice:
        """The column as there is room, then always, then never."""
        if key in self.always:
            pinned = "" if key == self.pinned else self.pinned
            return replace(self, always=_without(self.always, key), never=(*self.never, key), pinned=pinned)
        if key in self.never:
            return replace(self, never=_without(self.never, key))
        return replace(self, always=(*self.always, key))

    def pin(self, key: str) -> Choice:
        """This column first, or none."""
        pinned = "" if key == self.pinned else key
        return replace(self, pinned=pinned, never=_without(self.never, key))

    def told(self) -> Mapping[str, Any]:
        """As it is kept in a file."""
        return {"always": [*self.always], "never": [*self.never], "pinned": self.pinned}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Choice:
        """From a file. Raises TypeError or AttributeError when it makes no sense."""
        always, never = (tuple(map(str, found.get(name, ()))) for name in ("always", "never"))
        return cls(always, never, str(found.get("pinned", "")))


def _without(some: Sequence[str], key: str) -> tuple[str, ...]:
    return tuple(one for one in some if one != key)


NONE = Choice()
