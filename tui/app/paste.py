"""Keeps pasted text together even when its bracketed-paste markers arrive in pieces.

A terminal puts markers around pasted text. When the pieces of a marker arrive further apart than the `esc`
delay, as on a slow line, Textual's parser takes the marker, and then the whole paste, for keys.
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
"""How long to wait for the rest of a marker, and for the end of a paste that has gone silent."""


class PasteParser(XTermParser):
    """Extracts pasted text before keys are parsed. `clock` is in seconds."""

    def __init__(self, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(debug)
        self._clock = clock
        self._pasted: str | None = None
        self._held, self._since = "", 0.0
        self._escaped = False

    def feed(self, data: str) -> Iterable[Message]:
        """Return the messages for this input; an empty string means end of input."""
        if not data:
            yield from super().feed(data)
            return
        if self._escaped and data.startswith(BEGIN[1:]):
            data = "\x1b" + data  # nobody types this; its escape was taken for the key
        self._escaped = False
        data, self._held, self._since = self._held + data, "", self._clock()
        while data:
            data = yield from (self._keys(data) if self._pasted is None else self._paste(data))

    def tick(self) -> Iterable[Message]:
        """Act on a period without input."""
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
    """Split off an incomplete marker at the end of the data; return both parts."""
    for size in range(min(len(mark) - 1, len(data)), 0, -1):
        if data.endswith(mark[:size]):
            return data[:-size], data[-size:]
    return data, ""


def install() -> None:
    """Make the next driver that is created use this parser."""
    linux_driver.XTermParser = PasteParser  # type: ignore[attr-defined]  # the name it reads
