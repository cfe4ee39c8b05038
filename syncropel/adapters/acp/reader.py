"""Reads what an agent writes: events, spending, and what came of its turns."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from syncropel.adapters.acp.kinds import Kind
from syncropel.adapters.acp.messages import Call, Message, Notification, Reply, read_message
from syncropel.adapters.acp.spending import SessionSpending
from syncropel.adapters.acp.tools import Tools
from syncropel.adapters.agents.account import Account, outcome_of
from syncropel.adapters.agents.verdict import (
    AGENT_ERROR,
    BUDGET_EXCEEDED,
    MAX_TURNS,
    PERMISSION_DENIED,
    RATE_LIMITED,
    Denied,
    Ended,
    Facts,
)
from syncropel.adapters.base import Outcome
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.models.words import name, part, parts, text
from syncropel.adapters.reading import Event, Notice, Question, Retry, Session, Text
from syncropel.adapters.reading import Final as End

_SESSION: Final = frozenset({"new", "load", "resume"})
_BEFORE: Final = frozenset({"initialize-again", "new", "mode", "model"})
_RETRY: Final = re.compile(r"(?:attempt |\.\.\. )(\d{1,6})(?: of |/)(\d{1,6})")
_STATUS: Final = re.compile(r"(?:\bstatus:? |\bError: |\"code\": ?|\brejected \()(\d{3})\b")
_LIMITS: Final = {"Reached maximum budget": BUDGET_EXCEEDED, "Reached maximum number of turns": MAX_TURNS}
_STOPS: Final = {
    "max_tokens": (AGENT_ERROR, "its answer was cut: it reached the model's limit of tokens"),
    "max_turn_requests": (MAX_TURNS, "it reached its limit of requests in a turn"),
    "refusal": (AGENT_ERROR, "the model refused to go on"),
    "cancelled": (AGENT_ERROR, "its turn was cancelled"),
}


class AcpReader:
    """Reads one run. `inbox`: each message, with the number of lines up to it, for whoever replies.

    `prompted_after`: how many lines came before the first prompt: what the agent says before it repeats an
    earlier session. None: there is no prompt yet.
    """

    def __init__(
        self,
        kind: Kind,
        prices: Prices,
        *,
        model: str = "",
        resumes: str = "",
        paid: float | None = None,
        ignore_denied: bool = False,
        prompted_after: int | None = 0,
    ) -> None:
        self.unread = 0
        self.lines = 0
        self.inbox: deque[tuple[int, Message]] = deque()
        self.prompted_after = prompted_after
        self.denied: Callable[[], Mapping[str, Denied]] = dict
        """The requests that were denied, by their tool call."""
        self._kind = kind
        self._model = model
        self._resumes = resumes
        self._ignore_denied = ignore_denied
        self._facts = Facts(denied_known=kind.tells_denials)
        self._session = Session("", model)
        self._spending = SessionSpending(kind, prices, paid)
        self._tools = Tools()
        self._message = ""
        self._said: list[str] = []
        self._failure = ""
        self._stop = ""

    @property
    def turns(self) -> int:
        """Tools that were called: the protocol does not delimit requests."""
        return self._tools.called

    @property
    def account(self) -> Account:
        """The facts about the run so far."""
        self._facts.denied = {**self._tools.denied, **self.denied()}
        self._facts.said = "".join(self._said)
        spent = self._spending
        return Account(
            self._session,
            spent.spending,
            self._facts,
            self.unread,
            spent_known=spent.known,
            tokens_known=self._kind.says_tokens,
            session_cost_usd=spent.session_cost_usd,
        )

    def feed(self, line: bytes) -> list[Event]:
        self.lines += 1
        if not line.strip():
            return []
        message = read_message(line)
        if message is None:
            self.unread += 1
            return []
        self.inbox.append((self.lines, message))
        if isinstance(message, Reply):
            return self._replied(message)
        if isinstance(message, Call):
            return self._asked(message)
        return self._updated(message)

    def finish(self) -> list[Event]:
        return []

    def fail(self, words: str) -> None:
        """Its conversation came to nothing, for a reason that its output does not say."""
        before = self._facts.ended
        self._facts.ended = Ended(False, words, before.error if before and not before.ok else AGENT_ERROR)

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        if (ended := self._facts.ended) is not None:
            # The conversation decides: how the process went afterwards, which we ended, says nothing.
            exit_code, signal = 0, None
            account = self.account
            if ended.ok and (broken := self._tools.broken(account.facts.denied)):
                self._facts.ended = Ended(False, f"it could not {broken}, and did not make up for it")
            elif not ended.ok and ended.error == AGENT_ERROR and self._stopped_by(account):
                calls = "; ".join(map(str, account.facts.denied.values()))
                self._facts.ended = Ended(False, f"it stopped when it was denied: {calls}", PERMISSION_DENIED)
        return outcome_of(self.account, exit_code, signal, stderr_tail, ignore_denied=self._ignore_denied)

    def _stopped_by(self, account: Account) -> bool:
        return bool(account.facts.denied) and self._stop == "cancelled"

    def _replied(self, reply: Reply) -> list[Event]:
        if reply.id in _SESSION and reply.error is None:
            return self._begun(reply)
        if reply.id in ("load", "resume"):
            return [Notice(f"session {self._resumes} is gone ({reply.problem}): a new one begins")]
        if reply.id == "initialize" and reply.error is not None:
            self._facts.last_error = reply.problem
            return [Notice(f"it cannot begin ({reply.problem}): it is asked once more")]
        if reply.id in _BEFORE and reply.error is not None:
            self._facts.ended = Ended(False, reply.problem, _error_of(reply))
            return [End(False, reply.problem)]
        return self._turn(reply) if reply.id == "prompt" or reply.id.startswith("said-") else []

    def _begun(self, reply: Reply) -> list[Event]:
        models = part(reply.result.get("models")).get("currentModelId")
        options = parts(reply.result.get("configOptions"))
        chosen = next((one.get("currentValue") for one in options if one.get("id") == "model"), "")
        model = self._model or name(models) or name(chosen)
        self._session = Session(name(reply.result.get("sessionId")) or self._resumes, model)
        self._spending.begin(model, resumed=reply.id != "new")
        return [self._session]

    def _asked(self, call: Call) -> list[Event]:
        if call.method != "session/request_permission":
            return []
        self._message = ""
        events = self._tools.follow(part(call.params.get("toolCall")), asked=True)
        choices = tuple(text(one.get("name")) for one in parts(call.params.get("options")))
        title = text(part(call.params.get("toolCall")).get("title"))
        return [*events, Question(str(call.id), title, choices)]

    def _updated(self, message: Notification) -> list[Event]:
        update = part(message.params.get("update"))
        if message.method != "session/update":
            return []
        kind = text(update.get("sessionUpdate"))
        if kind == "usage_update":
            self._spending.paid(part(update.get("cost")))
        if kind == "session_info_update":
            return self._info(part(update.get("_meta")))
        if self.prompted_after is None or self.lines <= self.prompted_after:
            return []
        if kind == "agent_message_chunk":
            return self._says(update)
        if kind in ("tool_call", "tool_call_update"):
            self._message = ""
            return self._tools.follow(update)
        return []

    def _says(self, update: dict[str, Any]) -> list[Event]:
        said = text(part(update.get("content")).get("text"))
        if part(part(update.get("_meta")).get("claudeCode")).get("kind") == "informational":
            return [Notice(said)]
        number = text(update.get("messageId")) or "-"
        if number != self._message:
            self._message, self._said = number, []
        self._said.append(said)
        return [Text(said)]

    def _info(self, meta: dict[str, Any]) -> list[Event]:
        """Retries and failures, which only claude and codex tell."""
        codex = part(meta.get("codex"))
        if part(codex.get("threadStatus")).get("type") == "systemError":
            self._failure = "systemError"
        told = part(codex.get("error"))
        message = text(told.get("message"))
        failure = part(part(part(meta.get("jetbrains")).get("air")).get("sessionFailure"))
        message = message or text(failure.get("title"))
        if not message:
            return []
        if failure.get("severity") == "error" or told.get("willRetry") is False:
            self._failure, self._facts.last_error = "systemError", message
            return [Notice(message)]
        more = f"{message} {text(told.get('additionalDetails'))}".strip()
        tried, status = _RETRY.search(message), _STATUS.search(more)
        numbers = (int(tried[1]), int(tried[2])) if tried else (0, 0)
        self._facts.last_error = more
        return [Retry(*numbers, int(status[1]) if status else 0, message=more)]

    def _turn(self, reply: Reply) -> list[Event]:
        """A turn has ended."""
        told = self._spending.turn(reply, in_tool=self._tools.interrupted)
        if told and self._session.model in ("", "default"):
            self._session = Session(self._session.id, told[0].model)
        air = part(part(part(reply.result.get("_meta")).get("jetbrains")).get("air"))
        failed = text(part(air.get("sessionFailure")).get("title"))
        stop = text(reply.result.get("stopReason"))
        if reply.error is not None:
            ended = Ended(False, reply.problem, _error_of(reply))
        elif stop == "end_turn":
            ended = self._ended(failed)
        else:
            reason, words = _STOPS.get(stop, (AGENT_ERROR, f"its turn ended with {stop!r}"))
            ended = Ended(False, words, reason)
        self._failure, self._stop, self._facts.ended, self._message = "", stop, ended, ""
        return [*told, End(ended.ok, ended.text)]

    def _ended(self, failed: str) -> Ended:
        """`end_turn` alone is no success: codex and gemini say it of failed calls of the model, too."""
        if failed or self._failure or not self._spending.turn_was_paid:
            words = failed or self._facts.last_error or "".join(self._said)
            return Ended(False, words or "the model did not answer", _reason(words))
        return Ended(True, "".join(self._said))


def _error_of(reply: Reply) -> str:
    return RATE_LIMITED if part(reply.error).get("code") == 429 else _reason(reply.problem)


def _reason(words: str) -> str:
    """What an error is, by its text: claude tells its own limits as failures of the session."""
    if limit := next((reason for told, reason in _LIMITS.items() if told in words), ""):
        return limit
    limited = (found := _STATUS.search(words)) is not None and found[1] == "429"
    return RATE_LIMITED if limited or "rate_limit" in words else AGENT_ERROR
