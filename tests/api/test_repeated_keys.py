"""A key that occurs twice in one JSON object is refused by its name, whoever would have read it."""

from __future__ import annotations

import json

import pytest
from fastapi.routing import APIRoute

from syncropel.api.app import create_routes

from .conftest import Api, assert_error, record

TWICE = b'{"thread":"t","actor":"did:sync:user:a","act":"DO","body":{"namespace":"a","n":1,"namespace":"b"}}'


async def test_a_record_with_a_key_twice_is_refused_at_every_depth(api: Api) -> None:
    for raw in (TWICE, TWICE.replace(b'"namespace":"b"', b'"deep":[{"x":{"k":1,"k":1}}]')):
        answer = await api.operator.post("/v1/records", content=raw)
        key = "'k'" if b'"k"' in raw else "'namespace'"
        assert_error(answer, 422, "INVALID_RECORD", f"the key {key} occurs twice")
    twice = b'{"act":"KNOW","thread":"t","actor":"did:sync:user:a","act":"DO"}'
    assert_error(await api.operator.post("/v1/records", content=twice), 422, "INVALID_RECORD", "'act'")
    escaped = b'{"thread":"t","actor":"did:sync:user:a","act":"DO","\\u0061ct":"KNOW"}'
    assert_error(await api.operator.post("/v1/records", content=escaped), 422, "INVALID_RECORD", "'act'")
    assert (await api.operator.get("/v1/threads/t")).status_code == 404


async def test_equal_keys_of_different_objects_are_none(api: Api) -> None:
    body = {"a": {"a": [{"a": 1}, {"a": 2}]}, "b": '"a": 1, "a": 2'}
    answer = await api.operator.post("/v1/records", json=record(body=body))
    assert answer.status_code == 201
    assert answer.json()["body"] == body


async def test_a_long_record_is_looked_at_too(api: Api) -> None:
    long = TWICE.replace(b'"n":1', b'"n":"' + b"x" * 100_000 + b'"')
    assert_error(await api.operator.post("/v1/records", content=long), 422, "INVALID_RECORD", "'namespace'")


async def test_of_a_batch_of_lines_the_line_is_refused_and_of_a_list_all(api: Api) -> None:
    good = json.dumps(record()).encode()
    lines = await api.operator.post("/v1/records/batch", content=good + b"\n" + TWICE + b"\n")
    told = lines.json()["data"]
    assert [one["status"] for one in told] == ["created", "error"]
    assert told[1]["error"]["message"].startswith("line 2: the key 'namespace' occurs twice")
    answer = await api.operator.post("/v1/records/batch", content=b"[" + good + b"," + TWICE + b"]")
    assert_error(answer, 422, "INVALID_RECORD", "'namespace'")


async def test_a_bundle_with_a_key_twice_is_altered(api: Api) -> None:
    await api.post(thread="t")
    bundle = (await api.operator.get("/v1/threads/snapshot", params={"threads": "t"})).content
    altered = bundle.replace(b'"act":"KNOW"', b'"act":"DO","act":"KNOW"')
    assert altered != bundle
    answer = await api.operator.post("/v1/threads/restore", content=altered)
    assert_error(answer, 422, "INVALID_BUNDLE", "line 2: the key 'act' occurs twice")


def routes_with_a_body(api: Api) -> list[tuple[str, str]]:
    app = create_routes(api.engine)
    found = [
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
        if method not in ("GET", "HEAD")
    ]
    assert len(found) > 25
    return found


async def test_every_route_that_takes_a_body_refuses(api: Api) -> None:
    """Also those that a model reads, which would take the last of the two in silence."""
    own = {"/v1/threads/restore", "/v1/records/batch"}  # they read lines, see above
    for method, path in routes_with_a_body(api):
        if path in own:
            continue
        where = path.replace("{", "").replace("}", "").replace(":path", "")
        for raw in (b'{"reason":"a","reason":"b"}', b' [ {"x":{"reason":1,"reason":1}} ]'):
            answer = await api.operator.request(
                method, where, content=raw, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 422, (method, path, answer.text)
            assert "the key 'reason' occurs twice in one object" in answer.text, (method, path)


async def test_the_value_that_a_model_would_have_taken_changes_nothing(api: Api) -> None:
    raw = b'{"namespace":"docs","namespace":"other","reason":"r"}'
    answer = await api.operator.post(
        "/v1/fleet/freeze", content=raw, headers={"content-type": "application/json"}
    )
    assert_error(answer, 422, "INVALID_RECORD", "'namespace'")
    assert (await api.get("/v1/fleet/status"))["freezes"] == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
async def test_a_body_over_the_limit_is_refused_whatever_the_method(api: Api, method: str) -> None:
    path = "/v1/config/rules/precondition/p"
    answer = await api.operator.request(method, path, content=b"x" * (2 * 1024 * 1024 + 1))
    assert_error(answer, 413, "TOO_LARGE", "limit")
