"""/v1/tasks/{name}/subtasks/{index}/attempts and /reviews: attempts side by side, approved or rejected."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.http.caller import Signed
from syncropel.api.http.request_body import RequestBody
from syncropel.api.tasks.attempt_views import attempts
from syncropel.api.tasks.merge_views import merged_into
from syncropel.api.tasks.review_views import review_out
from syncropel.api.tasks.task_requests import Request, made_record
from syncropel.api.tasks.task_views import find_fan_out, find_task
from syncropel.api.tasks.waiting import Look
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, InvalidRecord, NotFound, SyncropelError
from syncropel.folds.fanout.reviews import REVIEW, Said, parse_review
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.reviewing import dependents, not_rejectable, unfit
from syncropel.record.model import MAX_CLOCK
from syncropel.wire import AttemptList, AttemptOut, ReviewTaken
from syncropel.wire.review_limits import MOST_NOTES

_MOST_BRANCH: Final = 255
"""Characters of a branch's name in a hint, which is a variable of a program: its worker has written it."""

Number = Annotated[int, Field(ge=1, le=MAX_CLOCK)]


class NewNote(RequestBody):
    """A remark of a review. `quote` and `line` need a `path`."""

    text: str = Field(min_length=1, description="the remark")
    path: str = Field(default="", description="the file; empty: it is about the whole")
    line: Number | None = Field(default=None, description="the line, from 1; null: about the whole file")
    side: Literal["new", "old"] = Field(
        default="new", description="whether the line is in the new file or in the old one"
    )
    quote: str = Field(default="", description="what stands in that line")


class NewReview(Request):
    """POST /v1/tasks/{name}/subtasks/{index}/reviews"""

    verdict: Literal["accept", "reject"] = Field(
        description="approve the attempt, or reject it: then the next one begins, with the notes as its hint"
    )
    attempt: Number = Field(description="number of the attempt that was looked at")
    commit: str = Field(
        default="", description="the commit that was looked at; empty only if the attempt's result names none"
    )
    text: str = Field(default="", description="about the whole")
    notes: list[NewNote] = Field(
        default=[], max_length=MOST_NOTES, description="remarks, most of them about lines of files"
    )
    anyway: bool = Field(
        default=False, description="reject although subtasks that depend on it have begun; they keep theirs"
    )


def router(engine: Engine) -> APIRouter:
    """The routes of reviews."""
    routes = APIRouter(tags=["tasks"])

    @routes.get("/v1/tasks/{name}/subtasks/{index}/attempts")
    async def get_attempts(name: str, index: int) -> AttemptList:
        """Every attempt at a subtask: its result, what it changed and cost, and what reviewers said."""
        await engine.lists.warm(name)
        state = find_task(engine, name)
        fanout = _fan_out(state, index)
        child, latest, look = fan_out_children(fanout)[index], fanout.attempt(index), Look(engine)
        names = engine.ingest.live.names()
        made = attempts(fanout, index, range(1, latest + 1), look.lost, names)
        unapprovable = unfit(state, index, latest)
        return AttemptList(
            thread=state.thread,
            alias=state.alias,
            namespace=fanout.spec.namespace,
            index=index,
            goal=child.subtask.goal,
            repo=child.subtask.repo,
            adapter=child.subtask.adapter,
            latest=latest,
            state=child.state,  # type: ignore[arg-type]  # the fold's states are the wire's
            joined=fanout.joined is not None,
            not_approvable=_words(unapprovable),
            not_rejectable=_words(unapprovable or not_rejectable(state, index)),
            dependents=dependents(fanout, index),
            data=[_as_of_now(one, fanout, state, index, look) for one in made],
        )

    @routes.post("/v1/tasks/{name}/subtasks/{index}/reviews", status_code=201)
    async def review(name: str, index: int, body: NewReview, sign: Signed) -> ReviewTaken:
        """Approve an accepted attempt, or reject it. A rejection begins the next attempt, as a retry does,
        and its notes are that one's hint. The attempt must be the latest, and its task must not have joined.
        """
        actor = sign(body.actor)
        state = find_task(engine, name)
        fanout, said = _fan_out(state, index), _said(index, body)
        hint = said.hint(_branch(fanout, said)) if said.rejects else ""
        fields: dict[str, Any] = {"topic": REVIEW, **said.as_body()}
        fields |= {"hint": hint} if said.rejects else {}
        fields |= {"namespace": state.namespace, "at": engine.runtime.now()}
        record = made_record(state.thread, actor, "LEARN", fields, [fanout.intend])
        written = await engine.ingest.append_one(record)
        return _taken(engine, state, index, written.stored.record.id)

    return routes


def _fan_out(state: TaskState, index: int) -> FanOut:
    fanout = find_fan_out(state)
    if not 0 <= index < len(fanout.spec.subtasks):
        name = state.alias or state.thread
        raise NotFound(
            f"{name} has no subtask {index}: it has {len(fanout.spec.subtasks)}, from 0 on",
            f"see them: spl task join-status {name}",
        )
    return fanout


def _said(index: int, body: NewReview) -> Said:
    try:
        return parse_review({"index": index, **body.model_dump(exclude={"actor"})})
    except ValueError as error:
        raise InvalidRecord(f"the review is invalid: {error}", "see: spl task reject --help") from None


def _branch(fanout: FanOut, said: Said) -> str:
    report = fanout.reports.get((said.index, said.attempt))
    branch = ((report.worktree or {}) if report is not None else {}).get("branch")
    fits = isinstance(branch, str) and branch.isprintable() and len(branch) <= _MOST_BRANCH
    return str(branch) if fits and said.commit else ""


def _as_of_now(one: AttemptOut, fanout: FanOut, state: TaskState, index: int, look: Look) -> AttemptOut:
    """The attempt with what it has spent while it runs, and with where it was merged."""
    told: dict[str, Any] = {}
    merges = [merged_into(merge, index) for merge in state.merges.by_id.values() if index in merge.merged()]
    if merged := [into for into in merges if into.attempt == one.attempt]:
        told["merged"] = merged[-1]
    spawn = fanout.unreported.get((index, one.attempt))
    if spawn is not None and (running := look.running.get(spawn.child_intend)) is not None:
        told |= {"cost_usd": running.cost_usd, "cost_unknown": running.cost_unknown}
    return one.model_copy(update=told)


def _taken(engine: Engine, state: TaskState, index: int, record: str) -> ReviewTaken:
    """The answer, from the log as it is now. Raises Conflict when the review is not on the task's thread."""
    now = engine.ingest.live.tasks[state.thread]
    fanout = find_fan_out(now)
    found = next((one for one in fanout.reviews.of(index) if one.record == record), None)
    if found is None:
        raise Conflict("the review is not on the task's thread", "look at it: spl thread records THREAD")
    return ReviewTaken(
        thread=now.thread,
        alias=now.alias,
        review=review_out(found),
        next_attempt=found.said.attempt + 1 if found.said.rejects else None,
        hint=found.hint,
        dependents=dependents(fanout, index) if found.said.rejects else [],
    )


def _words(error: SyncropelError | None) -> str:
    return error.message if error is not None else ""
