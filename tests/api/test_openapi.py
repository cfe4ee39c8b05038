"""The OpenAPI document: whole, true, and as the protocol has it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Api
from .test_auth import NEEDS


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    return await api.get("/openapi.json")


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in references(value)]
    return [one for value in node for one in references(value)] if isinstance(node, list) else []


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


async def test_every_operation_is_described(document: dict[str, Any]) -> None:
    ids = set()
    for method, path, operation in operations(document):
        assert operation["description"], path
        ids.add(operation["operationId"])
        parameters = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert parameters == set(re.findall(r"\{(\w+)\}", path)), path
        assert ("requestBody" in operation) == (method != "get"), path
    assert len(ids) == len(operations(document))


async def test_every_operation_names_its_scope_and_its_errors(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        needed = NEEDS[method.upper(), path]
        assert operation.get("security", []) == (
            [{"bearer": [needed] if needed else []}] if needed is not None else []
        )
        error = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/ErrorBody"}
        assert "422" not in operation["responses"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_streams_are_streams_and_everything_else_has_a_model(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        (good,) = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        (kind,) = good["content"]
        streams = {"watch": "text/event-stream", "snapshot": "application/x-ndjson"}
        assert kind == streams.get(path.rpartition("/")[2], "application/json")
        if kind == "application/json":
            assert "$ref" in good["content"][kind]["schema"], path


async def test_every_documented_example_of_a_method_is_answered(api: Api, document: dict[str, Any]) -> None:
    for method, path, _ in operations(document):
        if not path.endswith("/watch"):
            answer = await api.operator.request(method, re.sub(r"\{\w+\}", "x", path))
            assert answer.status_code != 405, path
            assert answer.status_code < 500, path
