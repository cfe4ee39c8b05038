"""The tool calls of a run: when each began, how it ended, and which of them came to nothing."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

from syncropel.adapters.agents.verdict import Denied
from syncropel.adapters.models.words import argument, name, one_line, part, parts, text
from syncropel.adapters.reading import Event, ToolCall, ToolResult

_CHANGES: Final = frozenset({"edit", "delete", "move"})
_INTERRUPTED: Final = "user-rejected"
_MOST_TRACKED: Final = 10_000


class Tools:
    """Follows calls by their id. `denied`: those that the agent says were denied."""

    def __init__(self) -> None:
        self.called = 0
        self.interrupted = False
        """Whether a cancelled turn ended a tool, so that the model was not asked anything just then."""
        self.denied: dict[str, Denied] = {}
        self._known: dict[str, dict[str, Any]] = {}
        self._told: set[str] = set()
        self._over: set[str] = set()
        self._failed: dict[str, tuple[str, str]] = {}
        """The last change of each file, if it failed: its call, and what it was in words."""

    def broken(self, denied: Container[str]) -> str:
        """A change of a file that failed, with no later one of that file that succeeded; empty: none.

        `denied`: calls that failed because they were denied.
        """
        return next((words for call, words in self._failed.values() if call not in denied), "")

    def follow(self, update: dict[str, Any], *, asked: bool = False) -> list[Event]:
        """Take a `tool_call`, a `tool_call_update`, or the call of a permission (`asked`).

        A call is told once it is known what it is about; some agents begin it without saying so.
        """
        number = name(update.get("toolCallId"))
        if number not in self._known and len(self._known) >= _MOST_TRACKED:
            self._known.pop(next(iter(self._known)))
        known = self._known.setdefault(number, {})
        known |= {key: value for key, value in update.items() if value not in ([], {}, None)}
        status = update.get("status")
        ended = status in ("completed", "failed")
        events: list[Event] = []
        if number not in self._told and (asked or ended or known.get("rawInput") or known.get("locations")):
            self._told.add(number)
            self.called += 1
            events.append(ToolCall(number, tool_of(known), about(known)))
        if ended and number not in self._over:
            self._over.add(number)
            events.append(self._end(number, known, ok=status == "completed"))
        return events

    def _end(self, number: str, known: dict[str, Any], *, ok: bool) -> ToolResult:
        words = f"{tool_of(known)} {about(known)}".strip()
        why = part(part(known.get("_meta")).get("claudeCode")).get("nonExecutionKind")
        self.interrupted = self.interrupted or why == _INTERRUPTED
        if not ok and why not in (None, _INTERRUPTED):
            self.denied[number] = Denied(tool_of(known), about(known))
        elif known.get("kind") in _CHANGES:
            for path in _paths(known) or [words]:
                if ok:
                    self._failed.pop(path, None)
                else:
                    self._failed[path] = (number, words)
        return ToolResult(number, ok, _summary(known))


def tool_of(call: dict[str, Any]) -> str:
    """What a tool is called."""
    own = part(part(call.get("_meta")).get("claudeCode")).get("toolName")
    return one_line(text(own) or text(call.get("name")) or text(call.get("kind")) or "tool")


def about(call: dict[str, Any]) -> str:
    """What distinguishes a call from others: its command, its file, or its title."""
    given = argument(call.get("rawInput")) if part(call.get("rawInput")) else ""
    paths = _paths(call)
    return given or (one_line(paths[0]) if paths else "") or one_line(text(call.get("title")))


def _paths(call: dict[str, Any]) -> list[str]:
    found = [text(one.get("path")) for one in [*parts(call.get("content")), *parts(call.get("locations"))]]
    return list(dict.fromkeys(path for path in found if path))


def _summary(call: dict[str, Any]) -> str:
    given = call.get("rawOutput")
    if isinstance(given, str):
        return one_line(given)
    said = [text(part(one.get("content")).get("text")) for one in parts(call.get("content"))]
    more = part(given)
    return one_line("\n".join(filter(None, said)) or text(more.get("output")) or text(more.get("error")))
