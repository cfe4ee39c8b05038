"""Notes on the lines of an attempt's diff, as drafts: nothing of them is sent before a review is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from syncropel.client.patch import Patch, PatchLine, Side, quote

_BEARING: Final = frozenset({"file", "context", "added", "removed"})
"""Kinds of lines that a note is shown at."""


@dataclass(frozen=True)
class Place:
    """What a note is on: a line of a file, before or after, with that line as `quote`; or the file."""

    path: str
    line: int | None = None
    side: Side = "new"
    quote: str = ""

    @property
    def key(self) -> tuple[str, int | None, Side]:
        """The same for the same place, whatever stands there."""
        return self.path, self.line, self.side

    @property
    def label(self) -> str:
        """As a reviewer names it: `src/a.py:12`."""
        if self.line is None:
            return self.path
        return f"{self.path}:{self.line}{' (before)' if self.side == 'old' else ''}"


@dataclass(frozen=True)
class Note:
    """A note, and its place."""

    place: Place
    text: str

    def body(self) -> dict[str, Any]:
        """As the daemon takes it."""
        place = self.place
        body: dict[str, Any] = {"text": self.text, "path": place.path}
        if place.line is not None:
            body |= {"line": place.line, "side": place.side}
        return body | ({"quote": place.quote} if place.quote else {})


def place_of(patch: Patch, line: PatchLine) -> Place | None:
    """What a note on this line is on: a line that is neither before nor after stands for its file."""
    if not patch.files:
        return None
    path, number, side = _key(patch, line)
    return Place(path, number, side, quote(line.text) if number is not None else "")


def _key(patch: Patch, line: PatchLine) -> tuple[str, int | None, Side]:
    """The key of a line's place: of one that is before and after, that after."""
    places = list(patch.places(line))
    if not places:
        return patch.files[line.file].path, None, "new"
    side, path, number = places[-1]
    return path, number, side


class Notes:
    """The notes on one attempt, in the order of their making. Each change makes another `version`."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, int | None, Side], Note] = {}
        self.text = ""
        """What is to be said of the attempt as a whole."""
        self.version = 0

    def __len__(self) -> int:
        return len(self._notes)

    def all(self) -> list[Note]:
        """By file and line."""
        return sorted(
            self._notes.values(), key=lambda one: (one.place.path, one.place.line or 0, one.place.side)
        )

    def put(self, place: Place, text: str) -> None:
        """Note this; without a text, take the note back."""
        if text:
            self._notes[place.key] = Note(place, text)
        else:
            self._notes.pop(place.key, None)
        self.version += 1

    def at(self, place: Place) -> str:
        """The note on this place; empty when there is none."""
        note = self._notes.get(place.key)
        return note.text if note is not None else ""

    def on(self, patch: Patch, line: PatchLine) -> str:
        """The note that is shown at this line: that on a file stands at its title."""
        if not self._notes or line.kind not in _BEARING:
            return ""
        note = self._notes.get(_key(patch, line))
        return note.text if note is not None else ""

    def clear(self) -> None:
        """They were sent."""
        self._notes.clear()
        self.text = ""
        self.version += 1


class Drafts:
    """The notes on each attempt that was looked at, as long as the console runs."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, int, int], Notes] = {}

    def of(self, thread: str, index: int, attempt: int) -> Notes:
        return self._notes.setdefault((thread, index, attempt), Notes())
