"""/v1/tasks/{name}/messages: what an operator says to running subtasks, and what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from syncropel.api.http.caller import Signed
from syncropel.api.tasks.talk_views import message_out
from syncropel.api.tasks.task_requests import Request, made_record, posted
from syncropel.api.tasks.task_views import find_fan_out, find_task
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, Conflict
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.talk import SAY
from syncropel.wire import Page, PostedRecord
from syncropel.wire.questions import MessageOut


class NewMessage(Request):
    """POST /v1/tasks/{name}/subtasks/{index}/messages"""

    text: str = Field(min_length=1, description="what the agent is to hear")


def router(engine: Engine) -> APIRouter:
    """The routes of messages."""
    routes = APIRouter(tags=["questions"])

    @routes.get("/v1/tasks/{name}/messages")
    async def get_messages(
        name: str, subtask: Annotated[int | None, Query(description="only those to this subtask")] = None
    ) -> Page[MessageOut]:
        """What was said to the subtasks of a task, the oldest first, and what became of it."""
        state = find_task(engine, name)
        found = find_fan_out(state).talk.messages()
        return Page(data=[message_out(state, one) for one in found if subtask in (None, one.index)])

    @routes.post("/v1/tasks/{name}/subtasks/{index}/messages", status_code=201, response_model=PostedRecord)
    async def say(name: str, index: int, body: NewMessage, sign: Signed) -> Response:
        """Say something to a running subtask. It is recorded, and passed on to its instance."""
        state = find_task(engine, name)
        attempt = _attempt(name, find_fan_out(state), index)
        fields = {
            "topic": SAY,
            "index": index,
            "attempt": attempt,
            "text": body.text,
            "namespace": state.namespace,
            "at": engine.runtime.now(),
        }
        parent = find_fan_out(state).intend
        record = made_record(state.thread, sign(body.actor), "LEARN", fields, [parent])
        return posted(await engine.ingest.append_one(record))

    return routes


def _attempt(name: str, fanout: FanOut, index: int) -> int:
    """The attempt that hears. Raises BadRequest, or Conflict for one that has not begun; whether it is over,
    or has too much to hear, the guard tells.
    """
    count = len(fanout.spec.subtasks)
    if not 0 <= index < count:
        raise BadRequest(f"{name} has no subtask {index}", f"its subtasks are 0 to {count - 1}")
    attempt = fanout.attempt(index)
    if fanout.active and fanout.spawn(index) is None:
        raise Conflict(f"{name} [{index}] was given to nobody yet", f"see: spl task join-status {name}")
    return attempt
