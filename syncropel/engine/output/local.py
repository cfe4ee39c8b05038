"""The output of the attempts that this instance was given, from their files."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any, Final, Literal

from syncropel.adapters.output_file import Piece, output_path, read_piece, read_tail
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import NoOutput, NotFound
from syncropel.folds.fanout.child import ChildIntend
from syncropel.wire import OutputPage

ATTEMPT_UNKNOWN: Final = "ATTEMPT_UNKNOWN"
"""Code of the error that an instance was not given such an attempt."""
MAX_BYTES: Final = 256 * 1024
"""The most that one piece has."""
LONGEST_CHARACTER: Final = 4
"""Bytes of one character in UTF-8."""


class LocalOutput:
    """Reads what attempts write on this instance. `work`: its folder of work."""

    def __init__(self, ingest: Ingest, did: str, work: Path) -> None:
        self._ingest = ingest
        self._did = did
        self._work = work

    async def read(
        self, child_thread: str, attempt: int | None, offset: int, limit: int, tail: int | None = None
    ) -> OutputPage:
        """A piece of an attempt's output: from `offset`, or with `tail` the last so many lines.

        `attempt`: None for the latest. Raises NotFound for an attempt that was not given to this instance,
        NoOutput when there is none of it.
        """
        intend = self._find(child_thread, attempt)
        # Looked at before the file is read: what was written until the attempt ended is in it then.
        result = self._ingest.live.children[child_thread].results.get(intend.record)
        path = output_path(self._work, child_thread, intend.attempt)
        try:
            if tail is None:
                piece = await asyncio.to_thread(read_piece, path, offset, limit)
            else:
                piece = await asyncio.to_thread(read_tail, path, tail, limit)
        except FileNotFoundError:
            if result is not None:
                raise _none(intend, result.body) from None
            piece = Piece(0, b"", 0)  # it has not begun, or its adapter writes none
        except OSError as error:
            raise NoOutput(
                f"the output of attempt {intend.attempt} is not a plain file any more: {error.strerror}",
                f"something replaced it; look on that instance: ls -l {path}",
            ) from None
        return OutputPage(
            child_thread=child_thread,
            index=int(intend.body["index"]),
            attempt=intend.attempt,
            instance=self._did,
            path=str(path),
            state=result.body["verdict"] if result is not None else "in_progress",
            ended=result is not None,
            offset=piece.offset,
            size=piece.size,
            **_as_text(piece, ended=result is not None),
        )

    def _find(self, child_thread: str, attempt: int | None) -> ChildIntend:
        child = self._ingest.live.children.get(child_thread)
        intend = None
        if child is not None:
            intend = child.latest if attempt is None else child.intends.get(attempt)
        if intend is not None:
            return intend
        which = "" if child is None or attempt is None else f"attempt {attempt} of "
        raise NotFound(
            f"this instance was not given {which}{child_thread!r}",
            "ask its coordinator: spl task logs NAME N",
            code=ATTEMPT_UNKNOWN,
        )


def _none(intend: ChildIntend, result: dict[str, Any]) -> NoOutput:
    if "output" in result:
        return NoOutput(f"the output of attempt {intend.attempt} was removed from its instance's disk")
    adapter = intend.body.get("adapter")
    named = f"the adapter {adapter!r}" if adapter else "its adapter"
    return NoOutput(
        f"attempt {intend.attempt} has no output: {named} writes none, or it ended before it began",
        "see what came of it: spl task join-status NAME",
    )


def _as_text(piece: Piece, *, ended: bool) -> dict[str, Any]:
    """The data of a page. Text ends between two characters, where the rest of the last one may still come."""
    data = piece.data
    more = not ended or piece.offset + len(data) < piece.size
    cut = _cut_character(data) if more else 0
    whole = data[: len(data) - cut] or data
    encoding: Literal["utf-8", "base64"] = "utf-8"
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        encoding, whole, text = "base64", data, base64.b64encode(data).decode()
    return {"encoding": encoding, "data": text, "next_offset": piece.offset + len(whole)}


def _cut_character(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character."""
    for back in range(1, min(LONGEST_CHARACTER, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            return 0
    return 0
