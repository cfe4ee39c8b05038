"""Determines the cost of an answer while it passes: model, tokens, and whether that is complete."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.adapters.gateway.streams import LONGEST_EVENT, Inflated, Lines
from syncropel.adapters.models.tokens import Tokens
from syncropel.adapters.models.words import part, read_object, text

_AT_ONCE: Final = 64 * 1024
"""Events up to this size are parsed while the stream passes; longer ones at its end."""
_MOST_LATE: Final = 4


@dataclass(frozen=True)
class Used:
    """The usage of a request. `known`: whether the provider reported all of it; `priced`: whether a price
    list applies to it. `hour_long`: tokens written to a cache for an hour, part of `tokens.cache_write`.
    """

    model: str = ""
    tokens: Tokens = field(default_factory=Tokens)
    known: bool = False
    priced: bool = True
    hour_long: int = 0


class AnswerReader(ABC):
    """Reads one answer with status 200. `streams`: whether it consists of server-sent events."""

    def __init__(self, content_type: str, encoding: str) -> None:
        self._streams = content_type.partition(";")[0].strip().lower() == "text/event-stream"
        self._plain = Inflated(encoding.strip().lower())
        self._lines = Lines()
        self._body: list[bytes] = []
        self._size = 0
        self._late: list[bytes] = []
        self._lost = False

    def feed(self, data: bytes) -> None:
        """Take the next chunk."""
        for piece in self._plain.feed(data):
            if self._streams:
                for line in self._lines.feed(piece):
                    self._line(line)
            else:
                self._size += len(piece)
                if self._size <= LONGEST_EVENT:
                    self._body.append(piece)

    def _line(self, line: bytes) -> None:
        if not line.startswith(b"data:") or b'"usage"' not in line:
            return
        if len(line) <= _AT_ONCE:
            self._take(part(read_object(line[5:])))
        elif len(self._late) < _MOST_LATE:
            self._late.append(line[5:])
        else:
            self._lost = True

    def finish(self) -> Used:
        """The result. Large answers take a while: do not call this on an event loop that others wait for."""
        for line in self._late:
            self._take(part(read_object(line)))
        if not self._streams and self._size <= LONGEST_EVENT:
            self._whole(part(_parsed(b"".join(self._body))))
        used = self.used()
        broken = self._plain.broken or self._lines.lost or self._lost or self._size > LONGEST_EVENT
        return Used(used.model, used.tokens, used.known and not broken, used.priced, used.hour_long)

    @property
    def large(self) -> bool:
        """Whether `finish` has much to parse."""
        return bool(self._late) or self._size > _AT_ONCE

    @abstractmethod
    def _take(self, event: dict[str, Any]) -> None:
        """One event that mentions usage."""

    @abstractmethod
    def _whole(self, body: dict[str, Any]) -> None:
        """An answer that is not a stream."""

    @abstractmethod
    def used(self) -> Used:
        """What is known so far."""


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def counted(usage: dict[str, Any], key: str) -> int | None:
    """A token count; None when the provider gives none, or an invalid one."""
    value = usage.get(key)
    return value if type(value) is int and 0 <= value <= _LARGEST else None


_LARGEST: Final = 2**40


class ClaudeAnswer(AnswerReader):
    """Anthropic's messages. A stream reports its input when it starts and its output when it ends."""

    _COUNTS: Final = (
        "input_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "output_tokens",
    )

    _USUAL: Final = {
        "service_tier": (None, "standard"),
        "speed": (None, "standard"),
        "inference_geo": (None, "", "global", "not_available"),
    }
    """What else the price depends on, and the values that the lists assume."""

    def __init__(self, content_type: str, encoding: str) -> None:
        super().__init__(content_type, encoding)
        self._model = ""
        self._most: dict[str, int] = {}
        self._ended = False
        self._priced = True
        self._hour_long = 0

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("type") == "message_start":
            message = part(event.get("message"))
            self._model = text(message.get("model"))[:200]
            self._count(part(message.get("usage")))
        elif event.get("type") == "message_delta":
            usage = part(event.get("usage"))
            self._count(usage)
            stops = text(part(event.get("delta")).get("stop_reason"))
            self._ended = self._ended or bool(stops and counted(usage, "output_tokens") is not None)

    def _whole(self, body: dict[str, Any]) -> None:
        if body.get("type") == "message":
            self._model = text(body.get("model"))[:200]
            usage = part(body.get("usage"))
            self._count(usage)
            self._ended = counted(usage, "output_tokens") is not None

    def _count(self, usage: dict[str, Any]) -> None:
        for key in self._COUNTS:
            if (found := counted(usage, key)) is not None:
                self._most[key] = max(found, self._most.get(key, 0))
            elif usage.get(key) is not None:
                self._priced = False
        written = part(usage.get("cache_creation"))
        self._hour_long = max(self._hour_long, counted(written, "ephemeral_1h_input_tokens") or 0)
        tools = part(usage.get("server_tool_use"))
        standard = all(usage.get(key) in usual for key, usual in self._USUAL.items())
        # Searches and faster tiers have prices of their own, which no list of tokens has.
        self._priced = self._priced and standard and not any(tools.values())

    def used(self) -> Used:
        tokens = Tokens(*(self._most.get(key, 0) for key in self._COUNTS))
        known = self._ended and "input_tokens" in self._most
        return Used(self._model, tokens, known, self._priced, min(self._hour_long, tokens.cache_write))


class ResponsesAnswer(AnswerReader):
    """OpenAI's responses. The last event has everything; its input includes cached tokens."""

    _LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
    _BILLED: Final = frozenset(
        {
            "web_search_call",
            "file_search_call",
            "code_interpreter_call",
            "image_generation_call",
            "computer_call",
        }
    )

    def __init__(self, content_type: str, encoding: str) -> None:
        super().__init__(content_type, encoding)
        self._used = Used()

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("type") in self._LAST:
            self._whole(part(event.get("response")))

    def _whole(self, body: dict[str, Any]) -> None:
        usage = part(body.get("usage"))
        read, output = counted(usage, "input_tokens"), counted(usage, "output_tokens")
        details = part(usage.get("input_tokens_details"))
        cached = min(counted(details, "cached_tokens") or 0, read or 0)
        written = min(counted(details, "cache_write_tokens") or 0, (read or 0) - cached)
        reasoning = counted(part(usage.get("output_tokens_details")), "reasoning_tokens") or 0
        tokens = Tokens((read or 0) - cached - written, cached, written, output or 0, reasoning)
        items = body.get("output")
        billed = isinstance(items, list) and any(part(one).get("type") in self._BILLED for one in items)
        tier = body.get("service_tier") in (None, "default", "auto")
        known = read is not None and output is not None
        self._used = Used(text(body.get("model"))[:200], tokens, known, tier and not billed)

    def used(self) -> Used:
        return self._used
