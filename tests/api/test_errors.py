"""One envelope, whatever goes wrong and whoever says so."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from syncropel.errors import StoreError, Unavailable

from .conftest import Api, assert_error, record

JSON_POSTS = ("/v1/tasks", "/v1/fleet/heartbeat", "/v1/service-accounts")


async def test_no_such_path(api: Api) -> None:
    for path in ("/", "/v1", "/v2/records", "/v1/tasks/a/nothing", "/health/", "/v1/records/"):
        assert_error(await api.operator.get(path), 404, "NOT_FOUND", path)


async def test_a_path_that_is_not_utf8_or_holds_odd_bytes(durable: Api) -> None:
    for path in ("/v1/tasks/%ff%fe", "/v1/threads/%00/state", "/%ed%a0%80", "/v1/records/%e2%80%a8"):
        assert_error(await durable.operator.get(path), 404, "NOT_FOUND")


async def test_an_odd_host_header_is_no_internal_error(api: Api) -> None:
    for host in ("[", "a b", "", "x" * 5000):
        assert_error(await api.operator.get("/nope", headers={"host": host}), 404, "NOT_FOUND")


async def test_a_path_that_does_not_take_the_method(api: Api) -> None:
    for method, path in (("DELETE", "/health"), ("PUT", "/v1/records"), ("POST", "/v1/threads")):
        answer = await api.operator.request(method, path)
        assert_error(answer, 405, "METHOD_NOT_ALLOWED")
        assert "GET" in answer.headers["allow"]
    answer = await api.operator.get("/v1/bootstrap/service-account")
    assert_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"


async def test_options_and_odd_methods(api: Api) -> None:
    for method in ("OPTIONS", "TRACE", "PROPFIND", "GETS"):
        assert_error(await api.operator.request(method, "/v1/records"), 405, "METHOD_NOT_ALLOWED")


async def test_head_is_get_without_the_body(api: Api) -> None:
    for path in ("/health", "/v1/fleet/status", "/v1/records"):
        get, head = await api.operator.get(path), await api.operator.head(path)
        assert head.status_code == 200
        assert head.headers["content-type"] == get.headers["content-type"]
        assert head.content == b""
    missing = await api.operator.head("/v1/tasks/none")
    assert (missing.status_code, missing.content) == (404, b"")


@pytest.mark.parametrize("path", JSON_POSTS)
@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[]", b"null", b'"x"', b'{"a":' * 50_000, b"nan"])
async def test_a_malformed_body(api: Api, path: str, raw: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await api.operator.post(path, content=raw, headers=headers)
    assert_error(answer, 422, "INVALID_RECORD", "openapi.json")
    assert not answer.json()["message"][0].isdigit()


@pytest.mark.parametrize("path", JSON_POSTS)
async def test_a_body_of_another_content_type(api: Api, path: str) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "image/png"):
        answer = await api.operator.post(path, content=b'{"x":1}', headers={"content-type": kind})
        assert answer.status_code == 422
        assert answer.json()["object"] == "error"


@pytest.mark.parametrize("path", JSON_POSTS)
async def test_a_body_beyond_every_limit_is_not_read(api: Api, path: str) -> None:
    sent = 0

    async def chunks() -> Any:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 65536

    answer = await api.operator.post(path, content=chunks(), headers={"content-type": "application/json"})
    assert_error(answer, 413, "TOO_LARGE", "2097152")


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/v1/records", {"limit": -1}, "limit"),
        ("/v1/records", {"limit": 0}, "limit"),
        ("/v1/records", {"limit": 1001}, "1000"),
        ("/v1/records", {"limit": "many"}, "limit"),
        ("/v1/records", {"since": -2}, "since"),
        ("/v1/records", {"since": 2**63}, "since"),
        ("/v1/records", {"since": "9" * 5000}, "since"),
        ("/v1/records", {"since": 1.5}, "since"),
        ("/v1/records/watch", {"since": 2**63}, "since"),
        ("/v1/records/watch", {"since": -2}, "since"),
        ("/v1/threads", {"limit": -1}, "limit"),
        ("/v1/threads", {"since": -2}, "since"),
        ("/v1/threads/th_instance_registry/records", {"since": 2**63}, "since"),
        ("/v1/threads/th_instance_registry/watch", {"since_clock": 2**63}, "since_clock"),
        ("/v1/tasks", {"limit": 0}, "limit"),
        ("/v1/engine/health", {"details": "perhaps"}, "details"),
    ],
)
async def test_a_bad_query_is_named(durable: Api, path: str, query: dict[str, Any], words: str) -> None:
    assert_error(await durable.operator.get(path, params=query), 422, "BAD_REQUEST", words)


async def test_a_bad_cursor_header(durable: Api) -> None:
    for cursor in ("x", "-1", "1.5", "9" * 19, "9" * 5000, "²"):
        headers = {b"last-event-id": cursor.encode()}
        answer = await durable.operator.get("/v1/records/watch", headers=headers)
        assert_error(answer, 400, "BAD_REQUEST", "Last-Event-ID")


async def test_unknown_words_in_a_filter(api: Api) -> None:
    assert_error(await api.operator.get("/v1/tasks", params={"status": "closed"}), 400, "BAD_REQUEST", "done")
    assert_error(await api.operator.get("/v1/records", params={"act": "know"}), 400, "BAD_REQUEST", "KNOW")


async def test_a_long_message_is_cut(api: Api) -> None:
    answer = await api.operator.post("/v1/records", json=record(act="x" * 100_000))
    assert_error(answer, 422, "INVALID_RECORD", "xxx")
    assert len(answer.content) < 5000


@pytest.mark.parametrize("path", ["/v1/records", "/v1/tasks"])
async def test_an_internal_error_reaches_the_client_as_an_id(
    api: Api, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(api.engine.ingest, "append_one", broken)
    body = record() if path == "/v1/records" else {"goal": "x"}
    with caplog.at_level(logging.ERROR):
        answer = await api.operator.post(path, json=body)
    assert_error(answer, 500, "INTERNAL", "log")
    assert "secret reason" not in answer.text
    assert "Traceback" not in answer.text
    (error_id,) = re.findall(r"[0-9a-f]{32}", answer.json()["message"])
    (logged,) = [one for one in caplog.records if error_id in one.getMessage()]
    assert logged.exc_info is not None
    assert path in logged.getMessage()


async def test_a_full_disk_is_told_and_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: Any) -> Any:
        raise StoreError("no room left", "free some disk space")

    monkeypatch.setattr(api.engine.store, "append", full)
    with caplog.at_level(logging.ERROR):
        answer = await api.operator.post("/v1/records", json=record())
    assert_error(answer, 500, "STORE_ERROR", "no room left", "free some")
    assert any("no room left" in one.getMessage() for one in caplog.records)


async def test_a_stopping_daemon_says_when_to_come_back(api: Api) -> None:
    await api.lifecycle.stop()
    for path, body in (("/v1/records", record()), ("/v1/tasks", {"goal": "x"})):
        answer = await api.operator.post(path, json=body)
        assert_error(answer, Unavailable.status, "UNAVAILABLE", "stopping")
        assert int(answer.headers["retry-after"]) > 0
    for path in ("/v1/records/watch", "/v1/fleet/watch", "/v1/threads/th_instance_registry/watch"):
        assert_error(await api.operator.get(path), 503, "UNAVAILABLE")


async def test_the_client_that_leaves_in_the_middle_of_a_body_posts_nothing(api: Api) -> None:
    lines = b"".join(json.dumps(record(body={"n": n})).encode() + b"\n" for n in range(3))
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": lines, "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    before = api.engine.store.count
    scope = {
        "type": "http", "method": "POST", "path": "/v1/records/batch", "raw_path": b"/v1/records/batch",
        "query_string": b"", "headers": [], "scheme": "http", "server": ("127.0.0.1", 1),
        "client": ("127.0.0.1", 2), "root_path": "", "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"}, "syncropel.operator": True,
    }  # fmt: skip
    await api.app(scope, receive, send)
    assert api.engine.store.count == before
