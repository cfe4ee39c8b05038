"""Frames on the wire: server-sent events (WHATWG HTML, section 9.2), one JSON object each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from syncropel.errors import InvalidRecord
from syncropel.peer.link.protocol import FRAME_BYTES
from syncropel.record.canonical import parse_json

_END: Final = b"\n\n"


class BrokenFrame(Exception):
    """What came on a link is no frame; the message says why."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`event`: hello, records, ask, ping, or bye."""

    event: str
    data: dict[str, Any]


def as_text(data: Any) -> str:
    """JSON without line breaks."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encoded(event: str, data: str) -> bytes:
    """A frame as it is sent. `data`: a JSON object without line breaks."""
    # A lone surrogate has no UTF-8; as an escape it is JSON again.
    return f"event: {event}\ndata: {data}\n\n".encode("utf-8", "backslashreplace")


def numbered(n: int, data: str) -> str:
    """A JSON object with another member `n` before its own."""
    return f'{{"n":{n},{data[1:]}'


class FrameReader:
    """Takes bytes as they come, and gives the frames that are complete."""

    def __init__(self, longest: int = FRAME_BYTES) -> None:
        self._held = bytearray()
        self._looked = 0
        self._longest = longest

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that end in this chunk. Raises BrokenFrame, also for one that grows too long."""
        self._held += chunk
        found: list[Frame] = []
        start = 0
        while (end := self._held.find(_END, max(start, self._looked - 1))) >= 0:
            if end - start > self._longest:
                raise self._too_long()
            found.append(parsed(bytes(self._held[start:end])))
            start = self._looked = end + len(_END)
        del self._held[:start]
        if len(self._held) > self._longest:
            raise self._too_long()
        self._looked = len(self._held)
        return found

    def _too_long(self) -> BrokenFrame:
        return BrokenFrame(f"a frame is longer than {self._longest} bytes")


def parsed(block: bytes) -> Frame:
    """The frame in the lines of one event. Raises BrokenFrame."""
    event, data = "", b""
    for line in block.split(b"\n"):
        name, _, value = line.partition(b": ")
        if name == b"event":
            event = value.decode("ascii", "replace")
        elif name == b"data":
            data = value
    try:
        content = parse_json(data)
    except InvalidRecord as error:
        raise BrokenFrame(f"a frame has no valid JSON: {error.message}") from None
    if not event or not isinstance(content, dict):
        raise BrokenFrame("a frame has no name, or is no JSON object")
    return Frame(event, content)
