"""/v1/questions: what running goals ask, and an operator's answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import fastapi
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from syncropel.api.http.caller import Signed
from syncropel.api.http.paging import Limit
from syncropel.api.http.reading import refusal_to_read_thread
from syncropel.api.tasks.talk_views import in_work, question_out
from syncropel.api.tasks.task_requests import Request, made_record, posted
from syncropel.api.tasks.task_views import find_fan_out, find_task
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, NotFound
from syncropel.folds.fanout.talk import ALLOW, ANSWER, DENY, Question
from syncropel.folds.tasks.state import TaskState
from syncropel.wire import Page, PostedRecord
from syncropel.wire.questions import QuestionDetail, QuestionOut

_VERDICTS = {"allow": ALLOW, "deny": DENY}


class NewQuestionAnswer(Request):
    """POST /v1/questions/{id}/answer. Allow, deny, or answer in words; denied words may be given a note."""

    digest: str = Field(description="that of the question, which says what was shown")
    verdict: Literal["allow", "deny"] | None = Field(default=None, description="not with a text")
    text: str | None = Field(default=None, min_length=1, description="the answer to a question, in words")
    note: str = Field(default="", description="why, for the agent and for the log")


def router(engine: Engine) -> APIRouter:
    """The routes of questions."""
    routes = APIRouter(tags=["questions"])

    @routes.get("/v1/questions")
    async def get_questions(
        request: fastapi.Request,
        task: Annotated[str | None, Query(description="only those of this task, by alias or thread")] = None,
        limit: Limit = 1000,
        open_: Annotated[bool, Query(alias="open", description="only those that wait for an answer")] = False,
    ) -> Page[QuestionOut]:
        """What running goals ask, the oldest first; of more than `limit` the latest. Without `task`: of the
        tasks that are not over, or of which something still runs.
        """
        states = [await _readable(engine, request, task)] if task is not None else in_work(engine)
        found = [
            question_out(engine, state, one) for state in states for one in _questions(state, undecided=open_)
        ]
        found = [one for one in found if not open_ or one.state == "open"]
        return Page(data=sorted(found, key=lambda one: (one.asked_at, one.id))[-limit:])

    @routes.get("/v1/questions/{question}")
    async def get_question(
        request: fastapi.Request,
        question: str,
        task: Annotated[str | None, Query(description="the task, needed once that is over")] = None,
    ) -> QuestionDetail:
        """One question with all that it shows."""
        state, asked = await _found(engine, request, question, task)
        stored = await engine.store.get(asked.record)
        said: dict[str, Any] = stored.record.body["question"] if stored is not None else {}
        shown = said.get("shown")
        return QuestionDetail(
            **question_out(engine, state, asked, said.get("options")).model_dump(),
            shown=shown if isinstance(shown, dict) else None,
            command=command if isinstance(command := said.get("command"), list) else None,
            paths=paths if isinstance(paths := said.get("paths"), list) else [],
            root=str(said.get("root", "")),
        )

    @routes.post("/v1/questions/{question}/answer", status_code=201, response_model=PostedRecord)
    async def answer(
        request: fastapi.Request, question: str, body: NewQuestionAnswer, sign: Signed
    ) -> Response:
        """Answer a question that waits. It is recorded, and passed on to the instance that asked."""
        state, asked = await _found(engine, request, question, None)
        if (body.verdict is None) == (body.text is None):
            raise BadRequest("answer one way", "give either a verdict or a text")
        if body.text is not None and asked.kind != "question":
            raise BadRequest("this is a request for permission", "give a verdict: allow or deny")
        if body.verdict == "allow" and asked.kind == "question":
            raise BadRequest("this is a question, not a request for permission", "give a text, or deny it")
        fields: dict[str, Any] = {
            "topic": ANSWER,
            "index": asked.index,
            "attempt": asked.attempt,
            "question": asked.id,
            "digest": body.digest,
            "chosen": _VERDICTS[body.verdict or "allow"],
            "namespace": state.namespace,
            "at": engine.runtime.now(),
        }
        fields |= {key: value for key, value in (("text", body.text), ("note", body.note)) if value}
        record = made_record(state.thread, sign(body.actor), "LEARN", fields, [asked.record])
        return posted(await engine.ingest.append_one(record))

    return routes


def _questions(state: TaskState, *, undecided: bool) -> list[Question]:
    talk = find_fan_out(state).talk
    return talk.waiting() if undecided else talk.questions()


async def _readable(engine: Engine, request: fastapi.Request, task: str) -> TaskState:
    """The fanned-out task of this name. Raises NotFound, Conflict, or why it may not be read."""
    state = find_task(engine, task)
    find_fan_out(state)
    if (refusal := await refusal_to_read_thread(request.scope, engine, state.thread)) is not None:
        raise refusal
    return state


async def _found(
    engine: Engine, request: fastapi.Request, question: str, task: str | None
) -> tuple[TaskState, Question]:
    """The question with this id and its task. Raises NotFound, or why it may not be read."""
    for state in _known(engine, task):
        asked = state.fanout.talk.question(question) if state.fanout is not None else None
        if asked is not None:
            return await _readable(engine, request, state.thread), asked
    raise NotFound(
        f"no question {question!r} waits here",
        "see: spl inbox; of a task that is over: spl task answer NAME N",
    )


def _known(engine: Engine, task: str | None) -> Iterator[TaskState]:
    """The task of this name; without one, those where something runs, then what else is in memory."""
    live = engine.ingest.live
    if task is not None:
        yield find_task(engine, task)
        return
    yield from in_work(engine)
    yield from (state for _, state in live.tasks.held())
