"""What the console remembers between runs, in one private file: theme, screen, sort orders, columns,
views, bookmarks, commands.

It is a convenience and never gets in the way: an unreadable file is reported once and replaced, a failed
write is reported, and the console carries on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tui.model.columns import Choice
from tui.model.places import Place

HISTORY: Final = 200
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700

Order = tuple[str, bool]
"""The column a table is sorted by, and whether descending."""
Orders = dict[str, dict[str, Order]]
"""Screen, then table."""


class Preferences:
    """Stored at `place`; without one, only in memory. `trouble` says what could not be read or written."""

    def __init__(self, place: Path | None) -> None:
        self._place = place
        self.trouble = ""
        self.theme = ""
        self.screen = ""
        self._fleets: dict[str, Orders] = {}
        self._before: Orders = {}  # from before each fleet had its own; used as the initial value
        self._columns: dict[str, dict[str, Choice]] = {}
        self._places: dict[str, dict[str, Place]] = {}
        self.history: list[str] = []
        self._take(self._read())

    def _read(self) -> Mapping[str, Any]:
        if self._place is None:
            return {}
        try:
            found = json.loads(self._place.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self._forgotten(str(error))
            return {}
        if not isinstance(found, dict):
            self._forgotten("it is not a JSON object")
            return {}
        return found

    def _take(self, found: Mapping[str, Any]) -> None:
        try:
            self.theme, self.screen = str(found.get("theme", "")), str(found.get("screen", ""))
            self.history = [str(one) for one in found.get("history", [])][-HISTORY:]
            self._before = _orders(found.get("orders", {}))
            self._columns = {
                str(screen): {str(table): Choice.read(one) for table, one in tables.items()}
                for screen, tables in found.get("columns", {}).items()
            }
            self._places = {
                str(fleet): {str(name): Place.read(one) for name, one in kept.items()}
                for fleet, kept in found.get("places", {}).items()
            }
            self._fleets = {str(name): _orders(kept) for name, kept in found.get("fleets", {}).items()}
        except (TypeError, ValueError, AttributeError) as error:
            self._forgotten(str(error))

    def _forgotten(self, why: str) -> None:
        self.trouble = f"preferences could not be read and start afresh: {self._place}: {why}"

    def orders(self, fleet: str, screen: str) -> dict[str, Order]:
        """The sort orders of a screen's tables, by table; changes to it are stored by the next `save`."""
        screens = self._fleets.setdefault(fleet, {})
        if screen not in screens:
            screens[screen] = dict(self._before.get(screen, {}))
        return screens[screen]

    def columns(self, screen: str) -> dict[str, Choice]:
        """The columns chosen for a screen's tables, on all fleets; changes are stored by the next `save`."""
        return self._columns.setdefault(screen, {})

    def places(self, fleet: str) -> dict[str, Place]:
        """The views and bookmarks of a fleet, by name; changes are stored by the next `save`."""
        return self._places.setdefault(fleet, {})

    def typed(self, line: str) -> None:
        """Add a command that was entered; a repeated one moves to the end."""
        self.history = [*(one for one in self.history if one != line), line][-HISTORY:]

    def save(self) -> None:
        """Write the file, readable by its owner only. On failure `trouble` is set."""
        if self._place is None:
            return
        kept = {
            "theme": self.theme,
            "screen": self.screen,
            "orders": self._before,
            "fleets": self._fleets,
            "columns": {
                screen: {table: one.told() for table, one in tables.items()}
                for screen, tables in self._columns.items()
            },
            "places": {
                fleet: {name: one.kept() for name, one in kept.items()}
                for fleet, kept in self._places.items()
            },
            "history": self.history,
        }
        draft = self._place.with_name(f".{self._place.name}.{os.getpid()}")
        try:
            self._place.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(kept, file, indent=1)
            draft.replace(self._place)
        except OSError as error:
            self.trouble = f"preferences could not be saved: {error}"


def _orders(found: Any) -> Orders:
    return {
        str(screen): {str(table): (str(column), bool(down)) for table, (column, down) in orders.items()}
        for screen, orders in found.items()
    }
