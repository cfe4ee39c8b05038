"""One envelope for every error, whoever raised it. An internal error reaches the client as an id only."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from syncropel.errors import BadRequest, InvalidRecord, NotFound, SyncropelError, Unavailable

log = logging.getLogger("syncropel.api")

_STATUS_WORDS = {
    404: ("not_found", "NOT_FOUND", "nothing is at this path", "GET /openapi.json lists the paths"),
    405: (
        "invalid_request",
        "METHOD_NOT_ALLOWED",
        "this path does not take that method",
        "see /openapi.json",
    ),
    413: ("invalid_request", "TOO_LARGE", "the request is too large", "send less at a time"),
}


def error_response(error: SyncropelError, headers: dict[str, str] | None = None) -> Response:
    """The envelope as a response."""
    return json_response(error.envelope(), error.status, headers)


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, "application/json")


def internal_error(error: Exception, path: str) -> Response:
    """Log the error with a fresh id; give the client the id and nothing else."""
    error_id = uuid.uuid4().hex
    log.error("internal error %s at %s", error_id, path, exc_info=error)
    told = SyncropelError(
        f"internal error {error_id}", "look for this id in the daemon's log", code="INTERNAL"
    )
    return error_response(told)


def install_error_handlers(app: FastAPI) -> None:
    """Make the app answer every error with the envelope."""

    @app.exception_handler(SyncropelError)
    async def _known(_: Request, error: SyncropelError) -> Response:
        headers = {"retry-after": "2"} if isinstance(error, Unavailable) else None
        return error_response(error, headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        kind = InvalidRecord if first["loc"][0] == "body" else BadRequest
        told = kind(f"{place}: {first['msg']}", "see /openapi.json for the shape")
        told.status = 422
        return error_response(told)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return error_response(
                NotFound(f"nothing is at {request.url.path}", "GET /openapi.json lists the paths")
            )
        type_, code, message, hint = _STATUS_WORDS.get(
            error.status_code, ("invalid_request", "HTTP_ERROR", str(error.detail), "see /openapi.json")
        )
        body = {"object": "error", "type": type_, "code": code, "message": message, "hint": hint}
        return json_response(body, error.status_code, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def _internal(request: Request, error: Exception) -> Response:
        return internal_error(error, request.url.path)
