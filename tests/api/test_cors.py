"""Web pages of other origins: preflights, answers that a page may read, a list that changes meanwhile."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import Api, MakeApi, assert_error, record, without_auth

APP = "https://app.example.com"
OTHER = "https://evil.example.com"
ALLOW = "access-control-allow-origin"


async def allow(api: Api, *origins: str) -> httpx.Response:
    return await api.operator.put("/v1/config/cors", json={"origins": list(origins)})


async def preflight(
    api: Api, origin: str, method: str = "POST", headers: str = "authorization"
) -> httpx.Response:
    asked = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }
    return await api.tcp.options("/v1/records", headers=asked)


async def test_without_a_list_no_page_may_call(api: Api) -> None:
    answer = await preflight(api, APP)
    assert_error(answer, 401, "UNAUTHORIZED")
    assert ALLOW not in answer.headers
    reader = await api.bearer("records:read")
    assert ALLOW not in (await api.tcp.get("/v1/records", headers={**reader, "origin": APP})).headers


async def test_a_listed_page_may_ask_and_read_the_answer_and_others_may_not(api: Api) -> None:
    assert (await allow(api, APP, "http://localhost:5173")).json()["origins"] == [
        APP,
        "http://localhost:5173",
    ]
    reader = await api.bearer("records:read")
    for origin in (APP, "http://localhost:5173"):
        asked = await preflight(api, origin)
        assert asked.status_code == 200
        assert asked.headers[ALLOW] == origin
        assert "authorization" in asked.headers["access-control-allow-headers"].lower()
        assert "PUT" in asked.headers["access-control-allow-methods"]
        answer = await api.tcp.get("/v1/records", headers={**reader, "origin": origin})
        assert (answer.status_code, answer.headers[ALLOW]) == (200, origin)
        assert "origin" in answer.headers["vary"].lower()
    refused = await preflight(api, OTHER)
    assert refused.status_code == 400
    assert ALLOW not in refused.headers
    assert ALLOW not in (await api.tcp.get("/v1/records", headers={**reader, "origin": OTHER})).headers


async def test_a_page_needs_a_token_as_anybody_and_may_read_why_it_was_refused(api: Api) -> None:
    await allow(api, APP)
    answer = await api.tcp.get("/v1/records", headers={"origin": APP})
    assert_error(answer, 401, "UNAUTHORIZED", "bearer")
    assert answer.headers[ALLOW] == APP
    assert "access-control-allow-credentials" not in answer.headers


async def test_what_a_page_has_no_use_for_is_refused_at_the_preflight(api: Api) -> None:
    await allow(api, APP)
    assert (await preflight(api, APP, headers="x-syncropel-actor")).status_code == 400
    assert (await preflight(api, APP, method="DELETE")).status_code == 400


async def test_the_list_is_replaced_and_cleared_while_the_daemon_runs(api: Api) -> None:
    await allow(api, APP)
    await allow(api, OTHER)
    assert (await preflight(api, APP)).status_code == 400
    assert (await preflight(api, OTHER)).status_code == 200
    await allow(api)
    assert (await preflight(api, OTHER)).status_code == 401
    assert (await api.get("/v1/config/cors"))["origins"] == []


async def test_the_list_is_a_record_and_survives_a_restart(durable: Api) -> None:
    await allow(durable, APP)
    found = await durable.get("/v1/records", thread="th_engine_config", topic="auth_cors_origins")
    assert found["data"][0]["body"]["origins"] == [APP]
    await durable.lifecycle.stop()
    engine = await durable.lifecycle.start()
    assert engine.ingest.live.access.origins == (APP,)


@pytest.mark.parametrize(
    ("origin", "word"),
    [
        ("*", "name every origin"),
        ("null", "null"),
        ("app.example.com", "https://app.example.com"),
        ("https://app.example.com/", "an origin has no path: https://app.example.com"),
        ("https://app.example.com/page?x", "an origin has no path: https://app.example.com"),
        ("https://me@app.example.com", "as a browser sends them"),
        ("ftp://app.example.com", "as a browser sends them"),
        ("https://app.example.com:99999", "65535"),
        ("https://app.example.com:0", "as a browser sends them"),
        ("https://*.example.com", "as a browser sends them"),
        ("https://exämple.com", "as a browser sends them"),
        ("https://a\r\nset-cookie: x", "as a browser sends them"),
        ("", "as a browser sends them"),
    ],
)
async def test_what_is_no_origin_is_refused_and_the_list_stays(api: Api, origin: str, word: str) -> None:
    await allow(api, APP)
    assert_error(await allow(api, OTHER, origin), 400, "INVALID_ORIGIN", word)
    body = {"topic": "auth_cors_origins", "origins": [OTHER, origin]}
    raw = record(thread="th_engine_config", act="LEARN", body=body)
    assert_error(await api.operator.post("/v1/records", json=raw), 400, "INVALID_ORIGIN", word)
    assert (await api.get("/v1/config/cors"))["origins"] == [APP]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("HTTPS://App.Example.com:443", APP),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080",) * 2,
    ],
)
async def test_an_origin_is_kept_as_a_browser_sends_it(api: Api, typed: str, kept: str) -> None:
    assert (await allow(api, typed, kept)).json()["origins"] == [kept]


async def test_a_record_without_a_list_is_refused(api: Api) -> None:
    body: dict[str, Any] = {"topic": "auth_cors_origins", "origins": APP}
    answer = await api.operator.post(
        "/v1/records", json=record(thread="th_engine_config", act="LEARN", body=body)
    )
    assert_error(answer, 422, "INVALID_RECORD", "list")


async def test_without_auth_a_listed_page_may_call_and_no_other_may(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    await allow(api, APP)
    answer = await api.tcp.get("/v1/records", headers={"origin": APP})
    assert (answer.status_code, answer.headers[ALLOW]) == (200, APP)
    assert_error(await api.tcp.get("/v1/records", headers={"origin": OTHER}), 403, "FORBIDDEN", "web page")
    for site in ("cross-site", "same-site"):
        fetched = {"origin": APP, "sec-fetch-site": site}
        assert (await api.tcp.get("/v1/records", headers=fetched)).status_code == 200
        twice = [("origin", APP), ("origin", OTHER), ("sec-fetch-site", site)]
        assert_error(await api.tcp.get("/v1/records", headers=twice), 403, "FORBIDDEN", "web page")
    elsewhere = {"origin": APP, "host": "daemon.example.com"}
    assert_error(await api.tcp.get("/v1/records", headers=elsewhere), 403, "FORBIDDEN", "web page")


async def test_the_operators_socket_knows_no_origins(api: Api) -> None:
    await allow(api, APP)
    assert ALLOW not in (await api.operator.get("/v1/records", headers={"origin": APP})).headers


async def test_the_latest_list_counts_whatever_the_order_in_which_they_come(api: Api) -> None:
    for clock, origins in ((900, [APP]), (800, [OTHER])):
        body = {"topic": "auth_cors_origins", "origins": origins}
        await api.post(thread="th_engine_config", act="LEARN", clock=clock, body=body)
    assert (await api.get("/v1/config/cors"))["origins"] == [APP]
