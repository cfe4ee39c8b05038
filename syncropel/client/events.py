"""Server-sent events: lines of a stream in, events out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from syncropel.errors import DaemonUnreachable


@dataclass(frozen=True)
class Event:
    """One server-sent event: its name, its parsed data, and the cursor to resume from."""

    name: str
    data: Any
    id: str = ""


class EventParser:
    """Parses a stream line by line (WHATWG HTML, 9.2.6)."""

    def __init__(self) -> None:
        self._name, self._id = "message", ""
        self._data: list[str] = []

    def feed(self, line: str) -> Event | None:
        """The event that this line completes, if any. Raises DaemonUnreachable when its data is not JSON."""
        if not line:
            return self._finish()
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            self._name = value
        elif key == "data":
            self._data.append(value)
        elif key == "id":
            self._id = value
        return None

    def _finish(self) -> Event | None:
        name, lines = self._name, self._data
        self._name, self._data = "message", []
        if not lines:
            return None
        try:
            return Event(name, json.loads("\n".join(lines)), self._id)
        except ValueError:
            raise DaemonUnreachable(
                "the event stream carried something that is not JSON", "reconnect"
            ) from None
