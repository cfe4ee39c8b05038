"""The OpenAPI document: whole, true, and as the protocol has it."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest

from docs_tools import openapi
from syncropel.api.http import openapi as made

from .conftest import Api
from .test_auth import NEEDS


@pytest.fixture
def document() -> dict[str, Any]:
    """Made once: that takes a second or more."""
    return openapi.document()


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


async def test_the_daemon_serves_it_and_answers_others_while_it_is_made(
    api: Api, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()
    describe = made._describe

    def held(document: dict[str, Any]) -> None:
        asked.set()
        assert answered.wait(60)
        describe(document)

    monkeypatch.setattr(made, "_describe", held)
    first, second = (asyncio.ensure_future(api.get("/openapi.json")) for _ in range(2))
    assert await asyncio.to_thread(asked.wait, 60)
    await api.get("/health")
    answered.set()
    assert await first == await second == document


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    ids = set()
    for method, path, operation in operations(document):
        assert operation["description"], path
        ids.add(operation["operationId"])
        parameters = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert parameters == set(re.findall(r"\{(\w+)\}", path)), path
        assert ("requestBody" in operation) == (method != "get"), path
    assert len(ids) == len(operations(document))


def test_every_operation_names_its_scope_and_its_errors(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        needed = NEEDS[method.upper(), path]
        assert operation.get("security", []) == (
            [{"bearer": [needed] if needed else []}] if needed is not None else []
        )
        error = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/ErrorBody"}
        assert "422" not in operation["responses"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_streams_are_streams_and_everything_else_has_a_model(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        (good,) = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        (kind,) = good["content"]
        streams = {
            "watch": "text/event-stream",
            "link": "text/event-stream",
            "snapshot": "application/x-ndjson",
            "metrics": "text/plain",
        }
        assert kind == streams.get(path.rpartition("/")[2], "application/json")
        if kind == "application/json":
            assert "$ref" in good["content"][kind]["schema"], path


async def test_every_documented_example_of_a_method_is_answered(api: Api, document: dict[str, Any]) -> None:
    for method, path, _ in operations(document):
        if not path.endswith("/watch"):
            answer = await api.operator.request(method, re.sub(r"\{\w+\}", "x", path))
            assert answer.status_code != 405, path
            assert answer.status_code < 500, path
