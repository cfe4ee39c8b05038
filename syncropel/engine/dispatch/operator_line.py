"""The line between one attempt that runs here and its operator: questions up, answers and messages down.

Nothing is remembered here that is not in the log: a daemon that takes a run over finds its open questions,
with the answers that came meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from syncropel.adapters.asking import CANCELLED, Answer, Message, Request
from syncropel.backoff import Backoff
from syncropel.engine.dispatch.question_records import asked_body, plain, too_large
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import InvalidRecord, SyncropelError
from syncropel.folds.fanout.asked import Asked, Conversation
from syncropel.folds.fanout.child import ANSWER, MESSAGE, QUESTION, ChildIntend, Heard
from syncropel.folds.fanout.talk import (
    ALLOW,
    ANSWERED,
    CHOICES,
    DELIVERED,
    DENY,
    ENGINE,
    OPERATOR,
    RULE,
    TIME_LIMIT,
    Decision,
    hint_with,
    question_id,
)
from syncropel.peer.runtime import Runtime
from syncropel.policy.tool_rules import ASK, Ruling

log = logging.getLogger("syncropel.engine.questions")

MOST_ASKED: Final = 10_000
"""Questions of one attempt: more than any work needs, and fewer than fill a log."""
_LOOK_SECS: Final = 3600.0
"""How long one wait for an answer takes at most."""

Found = TypeVar("Found")
Observe = Callable[[str, dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Terms:
    """How the questions of an attempt are decided here. `answer_secs`: how long one waits for an answer."""

    answer_secs: float
    rule: Callable[[Request], Awaitable[Ruling]]


class OperatorLine:
    """The `Operator` of one attempt. `observe` records on the thread of its run."""

    def __init__(
        self, intend: ChildIntend, ingest: Ingest, runtime: Runtime, did: str, observe: Observe, terms: Terms
    ) -> None:
        self._intend = intend
        self._ingest = ingest
        self._runtime = runtime
        self._did = did
        self._observe = observe
        self._terms = terms
        self._news = asyncio.Event()
        self._handed: set[str] = set()
        self._hinted: list[str] = []

    def hear(self) -> None:
        """Something was said to this attempt: whoever waits looks again."""
        self._news.set()
        self._news = asyncio.Event()

    async def ask(self, request: Request) -> Answer:
        request = plain(request)
        about = question_id(self._intend.record, request.id)
        if self._asked(about) is None:
            await self._ask(about, request)
        while (asked := self._asked(about)) is not None and asked.decision is None:
            news = self._news
            if (decision := self._due(about, asked, request)) is not None:
                await self._record(ANSWER, {"question": about, "decision": decision.as_body()})
            else:
                left = asked.until - self._runtime.now()
                await _heard_within(news, min(max(left, 0.0), self._terms.answer_secs, _LOOK_SECS))
        assert asked is not None, "it was recorded before"
        assert asked.decision is not None
        return _told(asked.decision)

    async def told(self, look: Callable[[], Found | None]) -> Found:
        """Wait until this finds something in what the attempt was told."""
        while True:
            news = self._news
            if (found := look()) is not None:
                return found
            await news.wait()

    async def message(self) -> Message:
        while True:
            news = self._news
            for message, heard in self._waiting().items():
                self._handed.add(message)
                return Message(message, str(heard.body.get("text", "")), str(heard.body.get("by", "")))
            await news.wait()

    async def delivered(self, message: Message) -> None:
        await self._note(message, DELIVERED)

    async def answered(self, message: Message) -> None:
        await self._note(message, ANSWERED)

    def hint(self, hint: str, *, hears: bool) -> str:
        """The hint of a run that begins. One that cannot hear while it runs gets with it what was said to it
        until now.
        """
        body = self._intend.body.get("messages")
        carried = [str(one) for one in body] if isinstance(body, list) else []
        waiting = {} if hears else self._waiting()
        self._handed.update(waiting)
        self._hinted = [one for one in (*carried, *waiting) if one not in self._talk.messages]
        return hint_with(hint, (str(heard.body.get("text", "")) for heard in waiting.values()))

    def in_hint(self) -> list[dict[str, Any]]:
        """The observations that the run has got what is in its hint."""
        return [{"message": one, "state": DELIVERED} for one in self._hinted]

    def _waiting(self) -> dict[str, Heard]:
        """What was said to this attempt and was handed to nobody, by the message's id."""
        said = self._ingest.live.children[self._intend.thread].messages.items()
        return {
            message: heard
            for message, heard in said
            if heard.intend == self._intend.record and self._is_new(message)
        }

    def _is_new(self, message: str) -> bool:
        return message not in self._handed and message not in self._talk.messages

    async def _note(self, message: Message, state: str) -> None:
        if state not in self._talk.messages.get(message.id, ()):
            await self._record(MESSAGE, {"message": message.id, "state": state})

    @property
    def _talk(self) -> Conversation:
        return self._ingest.live.talks.of(self._intend.record)

    def _asked(self, about: str) -> Asked | None:
        return self._talk.questions.get(about)

    async def _ask(self, about: str, request: Request) -> None:
        """Record the question; with its decision, where no operator is needed for that."""
        now = self._runtime.now()
        try:
            decision = await self._decided_at_once(request, now)
            until = now + self._terms.answer_secs
            await self._record(QUESTION, asked_body(about, request, now, until, decision))
        except InvalidRecord as error:
            log.warning("a question cannot be recorded: %s", error.message, extra=self._where)
            denied = self._denied(f"it cannot be recorded: {error.message}", now, request)
            bare = Request(request.id, request.kind, "a question that cannot be recorded")
            await self._record(QUESTION, asked_body(about, bare, now, now, denied))

    async def _decided_at_once(self, request: Request, now: float) -> Decision | None:
        if len(self._talk.questions) >= MOST_ASKED:
            return self._denied(f"this attempt has asked {MOST_ASKED} questions already", now, request)
        if request.kind == "permission":
            ruling = await self._terms.rule(request)
            if ruling.decide != ASK and (ruling.decide != "allow" or _may_allow(request)):
                chosen = ALLOW if ruling.decide == "allow" else _denial(request)
                reason = "" if chosen == ALLOW else f"the rule {ruling.rule!r} denies it"
                return Decision(RULE, self._did, chosen, reason=reason, rule=ruling.rule, at=now)
            if not _may_allow(request):
                return self._denied("it offers no option that allows it once", now, request)
        if problem := too_large(request):
            return self._denied(problem, now, request)
        if self._terms.answer_secs <= 0:
            return self._timed_out(request)
        return None

    def _denied(self, reason: str, at: float, request: Request) -> Decision:
        return Decision(ENGINE, self._did, _denial(request), reason=reason, at=at)

    def _timed_out(self, request: Request) -> Decision:
        reason = f"nobody answered within {self._terms.answer_secs:g} s"
        return Decision(TIME_LIMIT, self._did, _denial(request), reason=reason, at=self._runtime.now())

    def _due(self, about: str, asked: Asked, request: Request) -> Decision | None:
        """What the question comes to now; None while it waits."""
        heard = self._ingest.live.children[self._intend.thread].answers.get(about)
        if heard is not None and self._answers(heard, asked):
            return self._answered_by(heard, request)
        return self._timed_out(request) if self._runtime.now() >= asked.until else None

    def _answers(self, heard: Heard, asked: Asked) -> bool:
        body = heard.body
        named = heard.intend == self._intend.record and body.get("digest") == asked.digest
        return named and body.get("chosen") in CHOICES

    def _answered_by(self, heard: Heard, request: Request) -> Decision:
        body, now = heard.body, self._runtime.now()
        text, note, by = (str(body.get(key) or "") for key in ("text", "note", "by"))
        answer = str(body.get("answer", ""))
        if body["chosen"] == ALLOW and _may_allow(request):
            return Decision(OPERATOR, by, ALLOW, text, answer=answer, at=now)
        reason = note or "the operator denies it"
        return Decision(OPERATOR, by, _denial(request), text, reason, answer=answer, at=now)

    async def _record(self, kind: str, body: dict[str, Any]) -> None:
        """Record it as soon as the log takes it. Raises InvalidRecord when none ever will."""
        backoff = Backoff(share=self._runtime.share)
        while True:
            try:
                await self._observe(kind, body)
                return
            except InvalidRecord:
                raise
            except SyncropelError as error:
                log.warning("cannot record a %s yet: %s", kind, error.message, extra=self._where)
            await self._runtime.sleep(backoff.failed())

    @property
    def _where(self) -> dict[str, str]:
        return {"thread_id": self._intend.thread}


def _may_allow(request: Request) -> bool:
    kinds = {one.kind for one in request.options}
    return request.kind == "question" or not kinds or ALLOW in kinds


def _denial(request: Request) -> str:
    """How this request is denied: never for ever, so where nothing denies it once, nothing is chosen."""
    kinds = {one.kind for one in request.options}
    return DENY if not kinds or DENY in kinds else CANCELLED


def _told(decision: Decision) -> Answer:
    by = decision.rule or (TIME_LIMIT if decision.how == TIME_LIMIT else decision.by)
    return Answer(decision.chosen, decision.text, by, decision.reason)


async def _heard_within(news: asyncio.Event, secs: float) -> None:
    waiting = asyncio.ensure_future(news.wait())
    try:
        await asyncio.wait({waiting}, timeout=secs)
    finally:
        waiting.cancel()
