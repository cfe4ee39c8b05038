"""Output as lines that are safe to show: goals may write terminal control sequences."""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

MAX_LINE_CHARS: Final = 16_384
"""A longer line is split."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_TAB: Final = "    "
_JOINERS: Final = "\u200c\u200d"
"""Scripts and emoji need these two; they show nothing by themselves."""


def reader(format_: str) -> OutputLines | EventLines:
    """The line reader for an output of this format; an unknown format is read as text."""
    return EventLines() if format_ == "events" else OutputLines()


class OutputLines:
    """Turns the bytes of an output, as they arrive, into safe lines."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def add(self, data: bytes) -> list[str]:
        """The lines that these bytes complete."""
        return self._take(self._rest + self._decoder.decode(data))

    def finish(self) -> list[str]:
        """The rest, when no more bytes will come."""
        lines = self._take(self._rest + self._decoder.decode(b"", final=True) + "\n")
        self._rest = ""
        return lines if lines != [""] else []

    def _take(self, text: str) -> list[str]:
        # A lone carriage return starts a line, too: text that a terminal would overwrite is not hidden.
        held = text.endswith("\r")
        text = (text[:-1] if held else text).replace("\r\n", "\n").replace("\r", "\n")
        *whole, rest = text.split("\n")
        self._rest = rest + ("\r" if held else "")
        if len(rest) >= MAX_LINE_CHARS:
            whole.append(rest)
            self._rest = ""
        return [
            safe(line[at : at + MAX_LINE_CHARS])
            for line in whole
            for at in range(0, max(1, len(line)), MAX_LINE_CHARS)
        ]


class EventLines:
    """The same for a transcript: JSON documents in, lines out."""

    def __init__(self) -> None:
        self._documents = EventDocuments()

    def add(self, data: bytes) -> list[str]:
        return [line for event in self._documents.add(data) for line in event_lines(event)]

    def finish(self) -> list[str]:
        return []


class EventDocuments:
    """Turns the bytes of a transcript, as they arrive, into whole documents."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> list[dict[str, Any]]:
        """The events that these bytes complete; anything else is omitted."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        events = []
        for line in whole:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                events.append(event)
        return events


def event_lines(event: Mapping[str, Any]) -> list[str]:
    """What an agent said or did, as lines that are safe to show."""
    kind = str(event.get("kind", ""))
    told = _EVENTS[kind](event) if kind in _EVENTS else f"{kind}: {event.get('text', '')}"
    lines = OutputLines()
    return [*lines.add(told.encode("utf-8", "replace")), *lines.finish()]


def _session(event: Mapping[str, Any]) -> str:
    model = f", model {event['model']}" if event.get("model") else ""
    return f"· session {event.get('id')}{model}"


def _tool_call(event: Mapping[str, Any]) -> str:
    return f"→ {_line(event, 'name')} {_line(event, 'argument')}".rstrip()


def _tool_result(event: Mapping[str, Any]) -> str:
    return f"  {'✓' if event.get('ok') else '✗'} {_line(event, 'summary')}".rstrip()


def _usage(event: Mapping[str, Any]) -> str:
    cached = f" (+{event['cached_input']:,} cached)" if event.get("cached_input") else ""
    cost = event.get("cost_usd")
    spent = "cost unknown" if cost is None else f"${cost:.4f}"
    tokens = f"{event.get('input', 0):,}{cached} in, {event.get('output', 0):,} out"
    return f"· tokens {tokens} · {spent} · {_line(event, 'model')}"


def _retry(event: Mapping[str, Any]) -> str:
    of = f" of {event['of']}" if event.get("of") else ""
    status = f", HTTP {event['status']}" if event.get("status") else ""
    return f"· waiting for the API, try {event.get('attempt')}{of}{status} {_line(event, 'message')}".rstrip()


def _question(event: Mapping[str, Any]) -> str:
    choices = event.get("choices") or ()
    return f"? {event.get('text', '')}" + (f" [{' / '.join(map(str, choices))}]" if choices else "")


def _final(event: Mapping[str, Any]) -> str:
    text = str(event.get("text", ""))
    return "✓ done" if event.get("ok") else f"✗ ended with an error: {text}"


def _line(event: Mapping[str, Any], name: str) -> str:
    return " ".join(str(event.get(name, "")).split())


_EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "text": lambda event: str(event.get("text", "")),
    "session": _session,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
    "usage": _usage,
    "retry": _retry,
    "question": _question,
    "notice": lambda event: f"! {event.get('text', '')}",
    "final": _final,
    "gate": lambda event: f"│ {event.get('text', '')}",
}


def safe(line: str) -> str:
    """A line without terminal control: colours are dropped, everything else is shown escaped."""
    line = _COLOUR.sub("", line).replace("\t", _TAB)
    if line.isprintable():
        return line
    return "".join(char if _is_shown(char) else _escape(char) for char in line)


def _is_shown(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
