"""Reads the output of `codex exec --json`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from syncropel.adapters.agents.account import Account, outcome_of
from syncropel.adapters.agents.rollout import Rollout, tokens_of_codex
from syncropel.adapters.agents.spending import Spending
from syncropel.adapters.agents.verdict import Denied, Ended, Facts, error_of
from syncropel.adapters.base import Outcome
from syncropel.adapters.gateway.quota import Spent
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.models.tokens import Tokens
from syncropel.adapters.models.words import name, one_line, part, parts, read_object, text
from syncropel.adapters.reading import Event, Notice, Retry, Session, Text, ToolCall, ToolResult
from syncropel.adapters.reading import Final as End

_RETRY: Final = re.compile(r"Reconnecting\.\.\. (\d{1,6})/(\d{1,6}) ?\(?(.*?)\)?", re.DOTALL)
_STATUS: Final = re.compile(r"\bstatus:? (\d{3})\b")
_LIMIT: Final = re.compile(r"usage limit|rate.limit|quota", re.IGNORECASE)
_SPENT: Final = "You've hit your usage limit"
"""The prefix of its error message when the provider says that the quota is spent."""
_DENIED: Final = re.compile(r"ERROR codex_core::\S+: error=(.*rejected by user approval settings.*)")
"""A denied call produces no event, only such a line on stderr; its absence proves nothing."""
_NEW_THREAD: Final = Tokens()
_NOISE: Final = ("Reading additional input from stdin", "WARNING: proceeding")
"""Prefixes of lines that it writes to stderr in every run."""


class CodexReader:
    """Reads one run. Its tokens come with the end of a turn, summed over the whole thread; with the session's
    file (`rollout`) request by request.

    `model`: the one it was told to use, since no event says so. `resumes`: the thread to continue, empty for
    a new one. `before`: the tokens that this thread had; None when unknown, and then this run's share is
    unknown too.
    """

    def __init__(
        self,
        prices: Prices,
        model: str = "",
        resumes: str = "",
        before: Tokens | None = _NEW_THREAD,
        rollout: Rollout | None = None,
        *,
        ignore_denied: bool = False,
    ) -> None:
        self.unread = 0
        self.turns = 0
        """Tools that were called: no event delimits requests."""
        self._facts = Facts(denied_known=False)
        self._ignore_denied = ignore_denied
        self._spending = Spending(prices)
        self._session = Session("", model)
        self._resumes = resumes
        self._thread: Tokens | None = before
        self._rollout = rollout
        self._total: Tokens | None = None
        self._open: set[str] = set()
        self._asked = False
        self._counted = False
        self._told = False

    @property
    def account(self) -> Account:
        """The facts about the run so far."""
        live = self._rollout is not None and self._rollout.seen and self._thread is not None
        waits = self._rollout is not None and self._rollout.waits
        known = self._counted or not self._asked or (live and not waits)
        thread = self._thread if self._told or known or live else None
        return Account(
            self._session, self._spending, self._facts, self.unread, spent_known=known, thread=thread
        )

    def feed(self, line: bytes) -> list[Event]:
        if not line.strip():
            return []
        said = read_object(line)
        read = _READERS.get(text(said.get("type"))) if said is not None else None
        if said is None or read is None:
            self.unread += said is None
            return []
        return [*read(self, said), *self._requests()]

    def finish(self) -> list[Event]:
        """The rest of its usage. By now its session's file is complete: it is read first, so that a reader
        that starts over reports in the same order.
        """
        told, total, before = self._requests(), self._total, self._thread
        if total is None:
            return told
        self._thread, self._told, self._counted = total, True, before is not None
        if before is None:
            return [*told, Notice("tokens unknown: what the thread had used before is not known")]
        new = total.beyond(before)
        return [*told, self._spending.several(self._session.model, new)] if new.total else told

    def _requests(self) -> list[Event]:
        """Requests in the session's file that were not reported yet."""
        if self._rollout is None or self._thread is None:
            return []
        told: list[Event] = []
        self._rollout.open(self._session.id)
        for one in self._rollout.read():
            if one.thread.total > self._thread.total:
                self._thread = one.thread
                told.append(self._spending.request(one.model or self._session.model, one.tokens))
        return told

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        for line in stderr_tail.splitlines():
            if found := _DENIED.search(line):
                self._facts.denied[line] = Denied(one_line(found[1]))
        told = "\n".join(one for one in stderr_tail.splitlines() if not one.startswith(_NOISE))
        return outcome_of(self.account, exit_code, signal, told, ignore_denied=self._ignore_denied)

    def _begun(self, said: dict[str, Any]) -> list[Event]:
        self._session = Session(name(said.get("thread_id")), self._session.model)
        if self._session.id != self._resumes:
            self._thread = _NEW_THREAD
        return [self._session]

    def _turn(self, said: dict[str, Any]) -> list[Event]:
        self._asked, self._told = True, False
        return []

    def _item_started(self, said: dict[str, Any]) -> list[Event]:
        item = part(said.get("item"))
        tool = _TOOLS.get(text(item.get("type")))
        if tool is None or text(item.get("id")) in self._open:
            return []
        self.turns += 1
        self._open.add(text(item.get("id")))
        return [ToolCall(text(item.get("id")), tool, _argument(item))]

    def _item_completed(self, said: dict[str, Any]) -> list[Event]:
        item = part(said.get("item"))
        kind = text(item.get("type"))
        if kind == "agent_message":
            self._facts.said = text(item.get("text"))
            return [Text(self._facts.said)]
        if kind == "error":
            return [Notice(text(item.get("message")))]
        if kind not in _TOOLS:
            return []
        events = self._item_started(said)
        self._open.discard(text(item.get("id")))
        if item.get("status") == "declined":
            self._facts.denied[text(item.get("id"))] = Denied(_TOOLS[kind], _argument(item))
        return [*events, ToolResult(text(item.get("id")), item.get("status") == "completed", _shown(item))]

    def _error(self, said: dict[str, Any]) -> list[Event]:
        message = text(said.get("message"))
        if waits := _RETRY.fullmatch(message):
            return [Retry(int(waits[1]), int(waits[2]), _status(waits[3]), 0.0, waits[3])]
        self._facts.last_error = _plain(message)
        return [Notice(self._facts.last_error)]

    def _completed(self, said: dict[str, Any]) -> list[Event]:
        self._facts.ended = Ended(ok=True, text=self._facts.said)
        total = tokens_of_codex(part(said.get("usage")))
        # It only grows: a lower value later takes nothing back.
        self._total = total if self._total is None else self._total + total.beyond(self._total)
        return [self._end()]

    def _failed(self, said: dict[str, Any]) -> list[Event]:
        message = _plain(text(part(said.get("error")).get("message"))) or self._facts.last_error
        limit = "rate_limit" if _LIMIT.search(message) else ""
        if message.startswith(_SPENT):
            self._facts.quota = Spent(None)
        self._facts.ended = Ended(ok=False, text=message, error=error_of(_status(message), limit))
        return [self._end()]

    def _end(self) -> End:
        ended = self._facts.ended or Ended(ok=False)
        return End(ended.ok, ended.text)


def _plain(message: str) -> str:
    """The message of an API error, which codex may repeat as the document that it came in."""
    found = read_object(message.encode()) if message.startswith("{") else None
    return text(part((found or {}).get("error")).get("message")) or message


def _status(message: str) -> int:
    found = _STATUS.search(message)
    return int(found[1]) if found else 0


def _argument(item: dict[str, Any]) -> str:
    if changes := parts(item.get("changes")):
        return one_line(", ".join(f"{text(one.get('kind'))} {text(one.get('path'))}" for one in changes))
    if item.get("type") == "mcp_tool_call":
        return one_line(f"{text(item.get('server'))} {text(item.get('tool'))}")
    return one_line(text(item.get("command")) or text(item.get("query")))


def _shown(item: dict[str, Any]) -> str:
    output = one_line(text(item.get("aggregated_output")))
    code = item.get("exit_code")
    failed = f"exit status {code}" if isinstance(code, int) and code else ""
    return ": ".join(one for one in (failed, output or text(part(item.get("error")).get("message"))) if one)


_TOOLS: Final = {
    "command_execution": "shell",
    "file_change": "edit",
    "mcp_tool_call": "mcp",
    "web_search": "web_search",
}

_READERS: Final[dict[str, Callable[[CodexReader, dict[str, Any]], list[Event]]]] = {
    "thread.started": CodexReader._begun,
    "turn.started": CodexReader._turn,
    "item.started": CodexReader._item_started,
    "item.completed": CodexReader._item_completed,
    "error": CodexReader._error,
    "turn.completed": CodexReader._completed,
    "turn.failed": CodexReader._failed,
}
