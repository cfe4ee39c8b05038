"""Reads the output of `claude -p --output-format stream-json --verbose`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from syncropel.adapters.agents.account import Account, outcome_of
from syncropel.adapters.agents.spending import Spending
from syncropel.adapters.agents.verdict import (
    AGENT_ERROR,
    BUDGET_EXCEEDED,
    MAX_TURNS,
    Denied,
    Ended,
    Facts,
    error_of,
)
from syncropel.adapters.base import Outcome
from syncropel.adapters.gateway.quota import Spent
from syncropel.adapters.models.prices import Prices, plain
from syncropel.adapters.models.tokens import Tokens, count
from syncropel.adapters.models.words import (
    argument,
    dollars,
    name,
    one_line,
    part,
    parts,
    read_object,
    text,
    texts,
)
from syncropel.adapters.reading import Event, Notice, Retry, Session, Text, ToolCall, ToolResult
from syncropel.adapters.reading import Final as End

SYNTHETIC: Final = "<synthetic>"
"""The model of a message that the program itself wrote, for example about an error."""
_LIMITS: Final = {"error_max_turns": MAX_TURNS, "error_max_budget_usd": BUDGET_EXCEEDED}


class ClaudeReader:
    """Reads one run. With partial messages a request's tokens are known when it ends, otherwise all at the
    end.
    """

    def __init__(self, prices: Prices, *, ignore_denied: bool = False) -> None:
        self.unread = 0
        self.turns = 0
        """Answers of the model, excluding those to subagents."""
        self._facts = Facts()
        self._ignore_denied = ignore_denied
        self._spending = Spending(prices)
        self._session = Session("")
        self._settled = False
        self._partial = False
        self._streams: dict[str, str] = {}
        """The model of a streaming message, by the tool call whose subagent asked ("": the agent itself)."""
        self._seen = ""

    @property
    def account(self) -> Account:
        """The facts about the run so far."""
        known = (self._settled or self._partial or not self._session.id) and not self._streams
        return Account(self._session, self._spending, self._facts, self.unread, spent_known=known)

    def feed(self, line: bytes) -> list[Event]:
        if not line.strip():
            return []
        said = read_object(line)
        read = _READERS.get(text(said.get("type"))) if said is not None else None
        if said is None or read is None:
            self.unread += said is None
            return []
        return read(self, said)

    def finish(self) -> list[Event]:
        return []

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        return outcome_of(self.account, exit_code, signal, stderr_tail, ignore_denied=self._ignore_denied)

    def _system(self, said: dict[str, Any]) -> list[Event]:
        if said.get("subtype") == "init":
            session = Session(name(said.get("session_id")), name(said.get("model")))
            known, self._session = self._session, session
            return [session] if session != known else []
        if said.get("subtype") == "api_retry":
            waits = dollars(said.get("retry_delay_ms")) or 0.0
            tries = count(said.get("attempt")), count(said.get("max_retries"))
            return [Retry(*tries, count(said.get("error_status")), waits / 1000, text(said.get("error")))]
        return []

    def _limited(self, said: dict[str, Any]) -> list[Event]:
        """Whether its subscription's quota is spent, and until when (unix seconds)."""
        about = part(said.get("rate_limit_info"))
        if about.get("status") == "rejected":
            self._facts.quota = Spent(None, dollars(about.get("resetsAt")))
        return []

    def _stream(self, said: dict[str, Any]) -> list[Event]:
        event, asker = part(said.get("event")), text(said.get("parent_tool_use_id"))
        if event.get("type") == "message_start":
            self._partial = True
            self._streams[asker] = self._full_name(name(part(event.get("message")).get("model")))
        if event.get("type") != "message_delta":
            return []
        model, tokens = self._streams.pop(asker, self._session.model), _tokens(part(event.get("usage")))
        return [self._spending.request(model, tokens)] if tokens.total else []

    def _assistant(self, said: dict[str, Any]) -> list[Event]:
        message = part(said.get("message"))
        own = not said.get("parent_tool_use_id")
        if message.get("model") == SYNTHETIC:
            self._facts.last_error = "\n".join(text(one.get("text")) for one in parts(message.get("content")))
            return [Notice(self._facts.last_error)]
        if own and message.get("id") != self._seen:
            self._seen = text(message.get("id"))
            self.turns += 1
        events: list[Event] = []
        for one in parts(message.get("content")):
            if one.get("type") == "text":
                events.append(Text(text(one.get("text"))))
                self._facts.said = text(one.get("text")) if own else self._facts.said
            elif one.get("type") == "tool_use":
                events.append(
                    ToolCall(text(one.get("id")), text(one.get("name")), argument(one.get("input")))
                )
        return events

    def _user(self, said: dict[str, Any]) -> list[Event]:
        results = parts(part(said.get("message")).get("content"))
        return [
            ToolResult(
                text(one.get("tool_use_id")), one.get("is_error") is not True, _shown(one.get("content"))
            )
            for one in results
            if one.get("type") == "tool_result"
        ]

    def _result(self, said: dict[str, Any]) -> list[Event]:
        for one in parts(said.get("permission_denials")):
            denied = Denied(one_line(text(one.get("tool_name"))), argument(one.get("tool_input")))
            self._facts.denied[text(one.get("tool_use_id")) or str(denied)] = denied
        subtype = text(said.get("subtype"))
        ok = subtype == "success" and said.get("is_error") is False
        told = text(said.get("result")) or _errors(said)
        error = _LIMITS.get(subtype) or error_of(count(said.get("api_error_status")))
        self._facts.ended = Ended(ok, told, error if not ok else AGENT_ERROR)
        return [*self._settle(said), End(ok, told)]

    def _settle(self, said: dict[str, Any]) -> list[Event]:
        """The program's own account of everything this process has spent, including side requests."""
        self._settled = said.get("terminal_reason") != "aborted_streaming"
        told = [
            self._spending.settle(name(model), _tokens_used(part(used)), dollars(part(used).get("costUSD")))
            for model, used in part(said.get("modelUsage")).items()
        ]
        return [one for one in told if one is not None]

    def _full_name(self, model: str) -> str:
        """The session's name for the model: `init` includes the variant, which requests omit."""
        return self._session.model if plain(self._session.model) == model else model


def _errors(said: dict[str, Any]) -> str:
    """The errors in a result without text, without remarks for developers."""
    errors = [one for one in texts(said.get("errors")) if not one.startswith("[ede_")]
    return "\n".join(errors) or text(said.get("terminal_reason"))


def _tokens(usage: dict[str, Any]) -> Tokens:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    return Tokens(*(count(usage.get(name)) for name in names))


def _tokens_used(usage: dict[str, Any]) -> Tokens:
    names = ("inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "outputTokens")
    return Tokens(*(count(usage.get(name)) for name in names))


def _shown(content: Any) -> str:
    if isinstance(content, str):
        return one_line(content)
    return one_line("\n".join(text(one.get("text")) for one in parts(content)))


_READERS: Final[dict[str, Callable[[ClaudeReader, dict[str, Any]], list[Event]]]] = {
    "system": ClaudeReader._system,
    "rate_limit_event": ClaudeReader._limited,
    "stream_event": ClaudeReader._stream,
    "assistant": ClaudeReader._assistant,
    "user": ClaudeReader._user,
    "result": ClaudeReader._result,
}
