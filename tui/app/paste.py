"""Pasted text stays text, also when the marks around it come in pieces.

A terminal puts marks around what is pasted. Textual's parser takes a mark whose pieces are further apart than
the delay of `esc`, as on a slow line, for keys, and then all that was pasted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import Final

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.message import Message

BEGIN: Final = "\x1b[200~"
END: Final = "\x1b[201~"
PATIENCE_SECS: Final = 1.0
"""So long the rest of a mark is waited for, and the end of a paste of which nothing more comes."""


class PasteParser(XTermParser):
    """Takes what is pasted out before keys are looked for. `clock` in seconds."""

    def __init__(self, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(debug)
        self._clock = clock
        self._pasted: str | None = None
        self._held, self._since = "", 0.0
        self._escaped = False

    def feed(self, data: str) -> Iterable[Message]:
        """The messages of what was read; nothing was read at the end of all input."""
        if not data:
            yield from super().feed(data)
            return
        if self._escaped and data.startswith(BEGIN[1:]):
            data = "\x1b" + data  # nobody types that; its escape was taken for the key
        self._escaped = False
        data, self._held, self._since = self._held + data, "", self._clock()
        while data:
            data = yield from (self._keys(data) if self._pasted is None else self._paste(data))

    def tick(self) -> Iterable[Message]:
        """What follows from nothing having come for a while."""
        silent = self._clock() - self._since
        if self._held == "\x1b" and silent >= constants.ESCAPE_DELAY:
            self._held, self._escaped = "", True
            yield events.Key("escape", "\x1b")
        elif self._held and silent >= PATIENCE_SECS:
            held, self._held = self._held, ""
            yield from super().feed(held)
        elif self._pasted is not None and silent >= PATIENCE_SECS:
            yield self._whole()
        yield from super().tick()

    def _keys(self, data: str) -> Generator[Message, None, str]:
        before, mark, after = data.partition(BEGIN)
        if mark:
            self._pasted = ""
        else:
            before, self._held = _without_begun(data, BEGIN)
        if before:
            yield from super().feed(before)
        return after

    def _paste(self, data: str) -> Generator[Message, None, str]:
        assert self._pasted is not None
        inside, mark, after = (self._pasted + data).partition(END)
        self._pasted = inside
        if mark:
            yield self._whole()
        return after

    def _whole(self) -> events.Paste:
        text, self._pasted = self._pasted or "", None
        return events.Paste(text.replace("\x00", ""))


def _without_begun(data: str, mark: str) -> tuple[str, str]:
    """The data without a begun mark at its end, and that."""
    for size in range(min(len(mark) - 1, len(data)), 0, -1):
        if data.endswith(mark[:size]):
            return data[:-size], data[-size:]
    return data, ""


def install() -> None:
    """Let the driver that is made next read by this parser."""
    linux_driver.XTermParser = PasteParser  # type: ignore[attr-defined]  # the name it reads
