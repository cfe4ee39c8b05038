"""One envelope for every error, whoever raised it. Of an internal error, the client gets only an id."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from syncropel.errors import (
    BadRequest,
    InvalidRecord,
    NotFound,
    SyncropelError,
    Unauthorized,
    Unavailable,
)
from syncropel.peer.link.refusals import ManyLinks
from syncropel.store.refusals import Moved, OutcomeUnknown, StoreBusy, StoreHeld, StoreUnreachable

log = logging.getLogger("syncropel.api")

MESSAGE_CHARS: Final = 1000
_NAMED_CHARS: Final = 80
_PASSING: Final = (Unavailable, Moved, StoreBusy, StoreUnreachable, OutcomeUnknown)
"""What may be over when the client asks again."""
RETRY_AFTER_SECS: Final = 2
_SHAPE_HINT: Final = "see /openapi.json for the shape"
_ALIAS_HINT: Final = "up to 64 letters, digits, dots, - and _; the first is a letter or a digit"


def error_response(error: SyncropelError) -> Response:
    """The envelope as a response. A failure of this daemon is logged too, since the client may
    not read it."""
    if error.status >= 500 and not isinstance(error, (*_PASSING, StoreHeld)):
        log.error("%s", error.message)
    return _envelope(error)


def internal_error(error: Exception, path: str) -> Response:
    """Log the error with a fresh id; give the client the id and nothing else."""
    error_id = uuid.uuid4().hex
    log.error("internal error %s at %s", error_id, path, exc_info=error)
    return _envelope(
        SyncropelError(f"internal error {error_id}", "look for this id in the daemon's log", code="INTERNAL")
    )


def _envelope(error: SyncropelError, headers: dict[str, str] | None = None) -> Response:
    headers = dict(headers or {})
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = "Bearer"
    elif isinstance(error, _PASSING):
        wait_secs = error.wait_secs if isinstance(error, ManyLinks) else RETRY_AFTER_SECS
        headers["retry-after"] = str(wait_secs)
    body = error.envelope()
    if len(body["message"]) > MESSAGE_CHARS:  # it repeats the input
        body["message"] = body["message"][:MESSAGE_CHARS] + "…"
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate has no UTF-8; as a backslash escape it is JSON again.
    return Response(text.encode("utf-8", "backslashreplace"), error.status, headers, "application/json")


def install_error_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make the app answer every error with the envelope. `routes`: all its routes."""

    @app.exception_handler(SyncropelError)
    async def _known(_: Request, error: SyncropelError) -> Response:
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return error_response(_told(error.errors()[0]))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return _framework_error(request, error, routes)

    @app.exception_handler(Exception)
    async def _internal(request: Request, error: Exception) -> Response:
        return internal_error(error, request.scope["path"])


def _told(problem: dict[str, Any]) -> SyncropelError:
    """A failed validation in words: the location and what is wrong there."""
    location, message = problem["loc"], str(problem["msg"])
    if problem["type"] == "json_invalid":
        reason = problem.get("ctx", {}).get("error", "")
        return InvalidRecord(f"the body is not JSON at character {location[-1]}: {reason}", _SHAPE_HINT)
    kind = InvalidRecord if location[0] == "body" else BadRequest
    place = ".".join(str(part) for part in location[1:]) or "the body"
    told = kind(f"{place}: {message}", _SHAPE_HINT)
    if problem["type"] == "string_pattern_mismatch" and location[-1] == "alias":
        told = kind(f"{place}: {problem['input'][:_NAMED_CHARS]!r} cannot be one", _ALIAS_HINT)
    told.status = 422
    return told


def _allowed(request: Request, routes: Sequence[BaseRoute]) -> str:
    # The framework names the methods of one route only, and a path may have several.
    methods = {
        method
        for route in routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _framework_error(request: Request, error: HTTPException, routes: Sequence[BaseRoute]) -> Response:
    """Refusals by the framework itself: unknown path, wrong method, unreadable body."""
    cause = error.__cause__
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if isinstance(cause, SyncropelError):
        return error_response(cause)
    path = request.scope["path"]
    if error.status_code == 404:
        return _envelope(NotFound(f"nothing is at {path}", "GET /openapi.json lists the paths"))
    if error.status_code == 405:
        headers["allow"] = _allowed(request, routes)
        told: SyncropelError = BadRequest(
            f"{path} does not take {request.method}",
            f"it takes {headers['allow']}",
            code="METHOD_NOT_ALLOWED",
        )
    elif error.status_code == 400:
        return _envelope(InvalidRecord("the body cannot be read as JSON", _SHAPE_HINT))
    else:
        told = BadRequest(str(error.detail), "see /openapi.json", code="HTTP_ERROR")
    told.status = error.status_code
    return _envelope(told, headers)
