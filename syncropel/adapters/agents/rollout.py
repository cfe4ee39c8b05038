"""Codex's session file: it contains each request; the output only has their sum at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.models.tokens import Tokens, count
from syncropel.adapters.models.words import name, part, read_object
from syncropel.adapters.tail import Tail

_ANSWERED: Final = frozenset({"function_call_output", "custom_tool_call_output", "local_shell_call_output"})
_PLAIN_ID: Final = frozenset("0123456789abcdef-")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the model. `thread`: the tokens of the whole session with it."""

    model: str
    tokens: Tokens
    thread: Tokens


class Rollout:
    """Follows a session's file. Its format is internal to codex: anything unexpected is skipped."""

    def __init__(self, sessions: Path) -> None:
        self._sessions = sessions
        self._tail: Tail | None = None
        self._model = ""
        self.seen = False
        """Whether the file was found and contained a request."""
        self.waits = False
        """Whether the model has a request that it has not answered, according to the file."""

    def open(self, session: str) -> None:
        """Look for the file of this session."""
        if self._tail is None and session and _PLAIN_ID.issuperset(session):
            found = list(self._sessions.glob(f"*/*/*/rollout-*-{session}.jsonl"))
            self._tail = Tail(found[0]) if len(found) == 1 else None

    def read(self) -> list[Request]:
        """The new requests."""
        found: list[Request] = []
        while self._tail is not None:
            before = self._tail.offset
            found += self._new(self._tail)
            if self._tail.offset == before:
                break
        return found

    def _new(self, tail: Tail) -> Iterator[Request]:
        for _, line in tail.read():
            said = read_object(line) or {}
            kind, told = said.get("type"), part(said.get("payload"))
            if kind == "turn_context":
                self._model = name(told.get("model")) or self._model
            elif kind == "token_usage_record":
                self.seen, self.waits = True, False
                used, total = part(told.get("usage")), part(told.get("thread_token_usage"))
                yield Request(self._model, tokens_of_codex(used), tokens_of_codex(total))
            elif kind == "response_item" and _asks(told):
                self.waits = True


def _asks(item: dict[str, Any]) -> bool:
    """Whether the model is asked to continue after this."""
    return item.get("type") in _ANSWERED or (item.get("type") == "message" and item.get("role") == "user")


def tokens_of_codex(usage: dict[str, Any]) -> Tokens:
    """Codex's counts, whose input includes cached tokens."""
    names = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens")
    read, cached, written, output = (count(usage.get(name)) for name in names)
    reasoning = count(usage.get("reasoning_output_tokens"))
    return Tokens(max(0, read - cached - written), cached, written, output, reasoning)
