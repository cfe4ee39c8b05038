"""What the OpenAPI document adds to the routes: the error envelope, and the scope of each call."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from syncropel.api.http.auth import required_scope
from syncropel.wire import ErrorBody


def describe_errors_and_auth(app: FastAPI) -> None:
    """Add both to the document that the framework generates, and serve it.

    It is made at the first request, in a thread: that takes a second or more, and nobody else is to wait.
    """
    plain, one_at_a_time = app.openapi, asyncio.Lock()

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            _describe(plain())
        return plain()

    async def serve(_: Request) -> JSONResponse:
        async with one_at_a_time:
            document = app.openapi_schema or await asyncio.to_thread(described)
        return JSONResponse(document)

    app.openapi = described  # type: ignore[method-assign]
    app.add_route("/openapi.json", serve, include_in_schema=False)


def _describe(document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["ErrorBody"] = ErrorBody.model_json_schema()
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "Every error", "content": content}
            scope = required_scope(method.upper(), path)
            if scope is not None:
                operation["security"] = [{"bearer": [scope] if scope else []}]
