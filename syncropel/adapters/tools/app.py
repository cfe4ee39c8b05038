"""The routes that the token of an attempt opens, beside the gateway on the port for agents.

They are no part of the daemon's API: the token is not known there, and no token of the API is known here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from syncropel.adapters.asking import ALLOW_ONCE, Answer
from syncropel.adapters.calling import (
    MOST_CHOICE,
    MOST_CHOICES,
    MOST_PROGRESS,
    MOST_QUESTION,
    NewSubtask,
    TooMuch,
)
from syncropel.adapters.gateway.app import KNOWN, Receive, Scope, Send
from syncropel.adapters.tools.desk import Caller, Desk, forget_decided, unfinished
from syncropel.errors import BadRequest, NotFound, SyncropelError, TooLarge, Unauthorized
from syncropel.folds.fanout.additions import MOST_DEPENDENCIES, MOST_GOAL, MOST_NAME
from syncropel.record.canonical import parse_json

log = logging.getLogger("syncropel.engine.tools")

PREFIX: Final = "/v1/attempt/"
MOST_BODY: Final = 64 * 1024
"""Bytes of a call."""
MOST_AT_ONCE: Final = 8
"""Calls of one attempt at a time."""
MOST_WAITING: Final = 4
"""Questions of one attempt that wait for an answer at a time; and likewise subtasks that it asks for."""
WAIT_SECS: Final = 20.0
"""How long a call waits for an operator before it says that it still waits."""
BODY_SECS: Final = 20.0
"""How long the body of a call may take."""
_MOST_NUMBER: Final = 100
_SUBTASK: Final = frozenset({"id", "goal", "target", "repo", "depends_on"})

Decided = TypeVar("Decided")
Route = Callable[[Caller, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Leaving(SyncropelError):
    """Raised when the next daemon of this home has to be asked."""

    code = "STARTING"
    status = 503


class AgentsApp:
    """Everything on the port for agents: the routes here, and for all other paths the gateway."""

    def __init__(self, desk: Desk, gateway: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._desk = desk
        self._gateway = gateway
        self._routes: dict[str, Route] = {
            "questions": self._question,
            "subtasks": self._subtask,
            "progress": self._progress,
            "siblings": self._siblings,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope["path"]).startswith(PREFIX):
            await self._gateway(scope, receive, send)
            return
        try:
            status, body = 200, await self._answer(scope, receive)
        except SyncropelError as error:
            told = {"code": error.code, "message": error.message, "hint": error.hint}
            status, body = error.status, {"object": "error", "type": error.type, **told}
        content = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        if self._desk.leaving:
            raise Leaving("this daemon is being replaced", "ask again in a moment")
        caller = self._desk.find(_bearer(scope))
        if caller is None:
            raise Unauthorized(
                "this is no token of an attempt that runs here", "it ends with its attempt, and opens no more"
            )
        scope.get(KNOWN, lambda _: None)(caller.sha256)
        if (outcome := caller.stopped()) is not None:
            raise Unauthorized("this attempt is being ended", outcome.summary)
        route = self._routes.get(str(scope["path"]).removeprefix(PREFIX))
        if route is None or scope["method"] != "POST":
            raise NotFound("there is no such route for an attempt", f"POST {PREFIX}questions, for example")
        if caller.at_once >= MOST_AT_ONCE:
            raise TooMuch(f"{MOST_AT_ONCE} calls of this attempt are under way", "wait for one of them")
        caller.at_once += 1
        try:
            return await route(caller, await _body(receive))
        finally:
            caller.at_once -= 1

    async def _question(self, caller: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
        number = _text(body, "id", _MOST_NUMBER)
        question, choices = _text(body, "question", MOST_QUESTION), _choices(body)
        answer = await self._decided(
            caller.asking, number, "questions", lambda: caller.calls.question(number, question, choices)
        )
        return {"state": "waiting"} if answer is None else {"state": "decided", **_told(answer)}

    async def _subtask(self, caller: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
        number, asked = _text(body, "id", _MOST_NUMBER), _new_subtask(body)
        added = await self._decided(
            caller.adding, number, "subtasks", lambda: caller.calls.add_subtask(number, asked)
        )
        if added is None:
            return {"state": "waiting"}
        return {"state": "decided", "added": added.index, "reason": added.reason}

    async def _decided(
        self,
        asked: dict[str, asyncio.Task[Decided]],
        number: str,
        what: str,
        ask: Callable[[], Coroutine[Any, Any, Decided]],
    ) -> Decided | None:
        """The answer to what has this number, asked for if it is new; None while it waits."""
        task = asked.get(number)
        if task is None:
            forget_decided(asked)
            if unfinished(asked) >= MOST_WAITING:
                raise TooMuch(f"{MOST_WAITING} {what} of this attempt wait", "wait for an answer first")
            task = asked[number] = asyncio.ensure_future(ask())
        await asyncio.wait({task}, timeout=WAIT_SECS)
        if not task.done():
            return None
        asked.pop(number, None)
        if task.cancelled():
            if self._desk.leaving:
                raise Leaving("this daemon is being replaced", "ask again in a moment")
            raise Unauthorized("this attempt has ended", "nobody waits for an answer any more")
        return task.result()

    async def _progress(self, caller: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
        await caller.calls.progress(_text(body, "text", MOST_PROGRESS))
        return {"text": "recorded"}

    async def _siblings(self, caller: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"text": await caller.calls.siblings()}


def _told(answer: Answer) -> dict[str, Any]:
    answered = answer.chosen == ALLOW_ONCE
    return {"answered": answered, "text": answer.text, "by": answer.by, "reason": answer.reason}


def _bearer(scope: Scope) -> str:
    shown = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    kind, _, token = (shown[0] if len(shown) == 1 else "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def _body(receive: Receive) -> dict[str, Any]:
    raw = b""
    try:
        async with asyncio.timeout(BODY_SECS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BadRequest("the call was broken off", "call again")
                raw += message.get("body", b"")
                if len(raw) > MOST_BODY:
                    raise TooLarge(f"a call may have {MOST_BODY} bytes", "say less")
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise BadRequest(f"the body of a call may take {BODY_SECS:g} s", "call again") from None
    body = parse_json(raw or b"{}")
    if not isinstance(body, dict):
        raise BadRequest("a call is an object in JSON", 'for example {"text": "half done"}')
    return body


def _text(body: Mapping[str, Any], key: str, most: int) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"{key} must be a text", "say what you mean")
    return _checked(value, key, most)


def _checked(value: str, key: str, most: int) -> str:
    if len(value) > most:
        raise BadRequest(f"{key} has {len(value)} characters; at most {most}", "shorten it")
    return value.encode("utf-8", "replace").decode()  # no record may contain a lone surrogate


def _new_subtask(body: Mapping[str, Any]) -> NewSubtask:
    if unknown := body.keys() - _SUBTASK:
        raise BadRequest(f"a subtask has no {sorted(unknown)[0]!r}", f"known: {', '.join(sorted(_SUBTASK))}")
    target, repo = (_text(body, key, MOST_NAME) if body.get(key) else "" for key in ("target", "repo"))
    listed = body.get("depends_on") or []
    if not isinstance(listed, list) or not all(type(one) is int and 0 <= one < 2**31 for one in listed):
        raise BadRequest("depends_on must be a list of indexes of subtasks", "for example [0, 1]")
    if len(listed) > MOST_DEPENDENCIES:
        raise BadRequest(f"it waits for {len(listed)} subtasks; at most {MOST_DEPENDENCIES}", "name fewer")
    return NewSubtask(_text(body, "goal", MOST_GOAL), target, repo, tuple(sorted(set(listed))))


def _choices(body: Mapping[str, Any]) -> tuple[str, ...]:
    given = body.get("choices") or []
    if not isinstance(given, list) or not all(isinstance(one, str) and one.strip() for one in given):
        raise BadRequest("choices must be a list of texts", 'for example ["blue", "green"]')
    if len(given) > MOST_CHOICES:
        raise BadRequest(f"there are {len(given)} choices; at most {MOST_CHOICES}", "offer fewer")
    return tuple(_checked(one, "a choice", MOST_CHOICE) for one in given)
