"""Reads the last lines that a subtask has written, for the details of the row under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncropel.client import output_calls, output_text
from syncropel.errors import SyncropelError
from tui.model.facts import Fact
from tui.model.output import OutputRing, last_lines

if TYPE_CHECKING:
    from syncropel.wire import ChildOut, OutputPage
    from tui.connection.session import Session

LINES: Final = 6
BYTES: Final = 64 * 1024
"""The most that is read at once: a transcript line may be that long."""
LOOK_SECS: Final = 0.5
"""The shortest time between two requests."""
LOOKS: Final = 4
"""A running subtask whose output has not grown is read again after this many looks."""
_NONE: Final = "NO_OUTPUT"


@dataclass(frozen=True)
class Place:
    """One attempt of a subtask. `state`: the last lines are final once it has ended."""

    thread: str
    index: int
    attempt: int
    state: str

    @property
    def runs(self) -> bool:
        return self.state == "in_progress"


def place_of(thread: str, child: ChildOut | None) -> Place | None:
    """What there is to read of a subtask; None until an instance has it."""
    if child is None or child.spawned_at is None:
        return None
    return Place(thread, child.index, child.attempt, child.state)


class Glance:
    """One subtask at a time. Subtasks that the cursor only passes over are not requested, one that has ended
    is requested once, and nothing is requested while there is no place to look at.
    """

    def __init__(self, session: Session, on_news: Callable[[], None]) -> None:
        self._session, self._on_news = session, on_news
        self._place: Place | None = None
        self._read: Place | None = None
        self._page: OutputPage | None = None
        self._ring = OutputRing(LINES)
        self._trouble = ""
        self._has_none = False
        self._changed = asyncio.Event()

    def look(self, place: Place | None) -> None:
        """The cursor is on this subtask, or on none."""
        if place != self._place:
            self._place = place
            self._changed.set()

    def facts(self) -> Sequence[Fact]:
        """The last lines; empty where there are none, or they have not been read yet."""
        place, read = self._place, self._read
        if place is None or read is None or self._has_none:
            return ()
        if (read.thread, read.index, read.attempt) != (place.thread, place.index, place.attempt):
            return ()
        return last_lines(self._ring, self._page, self._trouble, LINES)

    async def run(self) -> None:
        """Serve until cancelled."""
        sleep = self._session.outside.sleep
        self._changed.set()  # it may have been cancelled in the middle of a request
        quiet = 0
        while True:
            if not (self._place is not None and self._place.runs and self._read == self._place):
                await self._changed.wait()
            elif quiet:
                quiet -= 1
                await sleep(LOOK_SECS)
                if not self._changed.is_set():
                    continue
            self._changed.clear()
            if (place := self._place) is None:
                continue
            before = self._page
            await self._fetch(place)
            grows = self._page is not None and (before is None or before.size != self._page.size)
            quiet = 0 if grows else LOOKS - 1
            await sleep(LOOK_SECS)

    async def _fetch(self, place: Place) -> None:
        call = output_calls.output(place.thread, place.index, attempt=place.attempt, tail=LINES, limit=BYTES)
        page, trouble, has_none = None, "", False
        try:
            page = await self._session.send(call)
        except SyncropelError as error:
            has_none = error.code == _NONE
            trouble = error.message
        except Exception as error:  # noqa: BLE001 - a task that ended in silence would freeze the lines
            trouble = f"unexpected {type(error).__name__}: {error}"
        if place != self._place and page is None:
            return
        if trouble:
            self._page = None
            self._ring.clear()
        if page is not None:
            self._page = page
            self._ring.clear()
            lines = output_text.reader(page.format)
            self._ring.add([*lines.add(output_calls.data(page)), *lines.finish()])
        self._read, self._trouble, self._has_none = place, trouble, has_none
        self._on_news()
