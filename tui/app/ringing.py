"""Notices outside the screen: the terminal's bell, and desktop messages (OSC 9), limited in rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from textual.app import App

from syncropel.errors import BadRequest
from tui.model.notices import KINDS, Kind, Notice
from tui.model.text import plain

GAP_SECS: Final = 10.0
"""Shortest time between two rings; news in between is announced together."""
_CHARS: Final = 200


@dataclass(frozen=True)
class Wanted:
    """`[console.notify]`: which news to announce, and how."""

    kinds: frozenset[Kind] = frozenset(KINDS)
    bell: bool = True
    desktop: bool = True

    @classmethod
    def read(cls, switches: Mapping[str, Any], where: Callable[[str], str]) -> Wanted:
        """Everything is on unless switched off. Raises BadRequest, with file and line, for an
        invalid switch."""
        for name, value in switches.items():
            if name not in ("bell", "desktop", *KINDS) or not isinstance(value, bool):
                raise BadRequest(
                    f"{where(name)}: {name} = {value!r} makes no sense in [console.notify]",
                    f"true or false for one of: bell, desktop, {', '.join(KINDS)}",
                    code="USAGE",
                )
        kinds = frozenset(one for one in KINDS if switches.get(one, True))
        return cls(kinds, bell=switches.get("bell", True), desktop=switches.get("desktop", True))


def summed(news: Sequence[Notice]) -> str:
    """The first item of some news, and how many more there are."""
    more = len(news) - 1
    return news[0].words + (f" · and {more} more" if more else "")


def to_terminal(app: App[Any]) -> Callable[[str], None]:
    """Writes control sequences that draw nothing straight to the app's terminal, while it has one."""

    def write(sequences: str) -> None:
        if app._driver is not None:
            app._driver.write(sequences)

    return write


class Ringer:
    """Writes to the terminal at most once per interval. `write` gets raw control sequences."""

    def __init__(self, wanted: Wanted, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._wanted, self._write, self._clock = wanted, write, clock
        self._next = float("-inf")
        self._waiting: list[Notice] = []

    def tell(self, news: Sequence[Notice] = ()) -> None:
        """Announce these now, or together with later ones. Called once a second without any."""
        self._waiting += [one for one in news if one.kind in self._wanted.kinds]
        if not self._waiting or self._clock() < self._next:
            return
        words, self._waiting = summed(self._waiting), []
        self._next = self._clock() + GAP_SECS
        bell = "\a" if self._wanted.bell else ""
        message = f"\x1b]9;{plain(words).replace(chr(10), ' ')[:_CHARS]}\a" if self._wanted.desktop else ""
        if bell or message:
            self._write(message + bell)
