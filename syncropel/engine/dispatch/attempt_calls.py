"""What the agent of one attempt may ask this instance for, within its limits. They are counted from the log,
so a daemon that takes the run over goes on counting.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from syncropel.adapters.asking import QUESTION, Answer, Request
from syncropel.adapters.briefing import printable, render_siblings
from syncropel.adapters.calling import Added, NewSubtask, TooMuch
from syncropel.engine.dispatch.operator_line import Observe, OperatorLine
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import Forbidden
from syncropel.folds.fanout.additions import MOST_ASKED, Wanted, addition_id
from syncropel.folds.fanout.asked import Conversation
from syncropel.folds.fanout.child import PROGRESS, SUBTASK, ChildIntend
from syncropel.folds.fanout.talk import question_id
from syncropel.peer.runtime import Runtime

MOST_QUESTIONS: Final = 50
"""Questions in words of one attempt."""
MOST_REPORTS: Final = 1000
"""Reports of progress of one attempt."""
REPORT_GAP_SECS: Final = 5.0
"""The time from one report of progress to the next."""
LOOK_GAP_SECS: Final = 5.0
"""For how long what was heard of the other subtasks is told again."""

Siblings = Callable[[ChildIntend], Awaitable[dict[str, Any]]]
"""Asks for the other subtasks of an attempt's task: fields of the wire model `SiblingsOut`."""


class AttemptCalls:
    """The `Calls` of one attempt, which this adapter runs. `observe` records on the thread of its run."""

    def __init__(
        self,
        intend: ChildIntend,
        ingest: Ingest,
        runtime: Runtime,
        line: OperatorLine,
        observe: Observe,
        siblings: Siblings,
        adapter: str,
    ) -> None:
        self._adapter = adapter
        self._intend = intend
        self._ingest = ingest
        self._runtime = runtime
        self._line = line
        self._observe = observe
        self._siblings = siblings
        self._turn = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._asking: set[str] = set()
        self._seen: tuple[float, str] | None = None
        """What was last heard of the other subtasks, and when (monotonic seconds)."""

    async def question(self, number: str, question: str, choices: tuple[str, ...]) -> Answer:
        request = _called(number)
        about = question_id(self._intend.record, request)
        if about not in self._talk.questions:
            asked = {key for key, one in self._talk.questions.items() if one.kind == QUESTION}
            if len(asked | self._asking) >= MOST_QUESTIONS:
                raise TooMuch(
                    f"this attempt has asked {MOST_QUESTIONS} questions already", "go on with what you know"
                )
        self._asking.add(about)
        try:
            shown = {"question": question, **({"choices": list(choices)} if choices else {})}
            first = next(line for line in question.splitlines() if line.strip())
            return await self._line.ask(Request(request, QUESTION, " ".join(first.split()), shown=shown))
        finally:
            self._asking.discard(about)

    async def add_subtask(self, number: str, asked: NewSubtask) -> Added:
        request = _called(number)
        about = addition_id(self._intend.record, request)
        async with self._turn:
            known = self._talk.subtasks
            if request not in known:
                if not self._intend.body.get("may_add"):
                    raise Forbidden(
                        "the operator lets this subtask add none",
                        "do the work yourself, or say what is missing",
                    )
                if len(known) >= MOST_ASKED:
                    raise TooMuch(
                        f"this attempt has asked for {MOST_ASKED} subtasks already",
                        "go on with what you have",
                    )
                goal = printable(asked.goal)
                wanted = Wanted(goal, self._adapter, asked.target, asked.repo, asked.depends_on)
                await self._observe(SUBTASK, {"subtask": wanted.as_body(request)})
        live, thread = self._ingest.live, self._intend.thread
        heard = await self._line.told(lambda: live.children[thread].additions.get(about))
        added, reason = heard.body.get("added"), str(heard.body.get("reason", ""))
        return Added(added if type(added) is int else None, reason)

    async def progress(self, text: str) -> None:
        said = printable(" ".join(text.split()))
        async with self._turn:
            talk, now = self._talk, self._runtime.now()
            if talk.reports >= MOST_REPORTS:
                raise TooMuch(f"this attempt has reported {MOST_REPORTS} times already", "go on without")
            if 0 <= (since := now - talk.progress_at) < REPORT_GAP_SECS:
                if said == talk.progress:
                    return  # repeated, since its daemon went away before it answered
                left = REPORT_GAP_SECS - since
                raise TooMuch(f"the last report was {since:.1f} s ago", f"report again in {left:.1f} s")
            await self._observe(PROGRESS, {"text": said})

    async def siblings(self) -> str:
        async with self._looking:
            now = self._runtime.monotonic()
            if self._seen is None or now - self._seen[0] >= LOOK_GAP_SECS:
                self._seen = now, render_siblings(await self._siblings(self._intend))
            return self._seen[1]

    @property
    def _talk(self) -> Conversation:
        return self._ingest.live.talks.of(self._intend.record)


def _called(number: str) -> str:
    """What an agent's number is called here: it must not be taken for the id of a request for permission."""
    return f"w_{hashlib.sha256(number.encode()).hexdigest()[:16]}"
