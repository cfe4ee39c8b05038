"""Places in the console: where the operator is, was, or wants to be again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tui.model.setup import BASE_SCREENS
from tui.model.text import first_line, plain

VISITED: Final = 50
"""How many places of a fleet can be gone back to."""
LONGEST: Final = 40
"""Characters of the name of a view or a bookmark."""


@dataclass(frozen=True)
class Place:
    """A screen, what it is about, and the row under the cursor of one of its tables; `base` is the screen
    that it lies on. A view has a filter and sort orders (table, column, whether descending) instead of a row.
    `words` are its breadcrumbs.
    """

    screen: str
    base: str = ""
    thread: str = ""
    index: int | None = None
    did: str = ""
    table: str = ""
    row: str = ""
    filter: str = ""
    sorts: tuple[tuple[str, str, bool], ...] = ()
    words: str = ""

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it another place: not where the cursor is on it."""
        return (self.screen, self.thread, self.index, self.did)

    @property
    def is_view(self) -> bool:
        """Whether it is a way to look at a list, rather than one thing."""
        return self.screen in BASE_SCREENS and not self.row

    def as_view(self) -> Place:
        """The filter and the order of a list, without the row."""
        return replace(self, row="", words=self.screen)

    def told(self) -> str:
        """In a list: what it shows, and how."""
        parts = [first_line(self.words) or self.screen]
        parts += [f"filter {first_line(self.filter)}"] if self.filter else []
        parts += [f"{table} by {column}{' down' if down else ''}" for table, column, down in self.sorts]
        return " · ".join(parts)

    def kept(self) -> Mapping[str, Any]:
        """As it is kept in a file."""
        return {**self.__dict__, "sorts": [list(one) for one in self.sorts]}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Place:
        """From a file. Raises TypeError, ValueError, or AttributeError when it makes no sense."""
        words = {
            name: str(found.get(name, ""))
            for name in ("screen", "base", "thread", "did", "table", "row", "filter", "words")
        }
        index = found.get("index")
        sorts = tuple((str(table), str(column), bool(down)) for table, column, down in found.get("sorts", ()))
        return cls(**words, index=None if index is None else int(index), sorts=sorts)


class Visited:
    """The places of one fleet in the order of the visits, and which of them is in front."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._at = -1

    @property
    def places(self) -> Sequence[Place]:
        return self._places

    def come(self, place: Place) -> None:
        """A place is in front. What was gone back from is forgotten when it is another one."""
        if self._at >= 0 and self._places[self._at].identity == place.identity:
            self._places[self._at] = place
            return
        self._places = [*self._places[: self._at + 1], place][-VISITED:]
        self._at = len(self._places) - 1

    @property
    def here(self) -> Place | None:
        """The one in front, or the last before something that is no place."""
        return self._places[self._at] if self._places else None

    def move(self, by: int) -> Place | None:
        """The place before the one in front, or after it; None at the end."""
        if not 0 <= self._at + by < len(self._places):
            return None
        self._at += by
        return self._places[self._at]


def objection(name: str) -> str:
    """Why a view or bookmark cannot be named so; empty when it can."""
    if not name:
        return "type a name first (n)"
    if len(name) > LONGEST:
        return f"the name is longer than {LONGEST} characters"
    return "" if plain(name) == name and name.isprintable() else "the name has characters that do not show"
