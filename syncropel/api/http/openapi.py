"""What the OpenAPI document says beside the routes: the one shape of errors, and which scope a call needs."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from syncropel.api.http.auth import required_scope
from syncropel.wire import ErrorBody


def describe_errors_and_auth(app: FastAPI) -> None:
    """Lay both over the document that the framework makes."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            _describe(plain())
        return plain()

    app.openapi = described  # type: ignore[method-assign]


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
