"""The config thread holds the hashes of all secrets: to read it takes `config:read`, by whatever road."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from .conftest import Api, assert_error, record
from .streams import watch
from .test_auth import NEEDS

CONFIG = "th_engine_config"
HERE = f"/v1/threads/{CONFIG}"
REFUSED = [
    ("GET", f"/v1/records?thread={CONFIG}"),
    ("GET", f"/v1/records?thread=x&thread={CONFIG}"),
    ("GET", "/v1/records/{record_id}"),
    ("POST", '/v1/records/query {"filter":{"thread":"th_engine_config"}}'),
    ("POST", '/v1/records/query {"filter":{},"thread":"th_engine_config"}'),
    ("POST", '/v1/records/query {"filter":{"thread":"music.library"},"thread":"th_engine_config"}'),
    ("GET", HERE),
    ("GET", f"{HERE}/records"),
    ("GET", "/v1/threads/th%5Fengine%5Fconfig/records"),
    ("HEAD", f"{HERE}/records"),
    ("GET", f"{HERE}/state"),
    ("GET", f"{HERE}/participants"),
    ("GET", f"{HERE}/watch?since_clock=-1"),
    ("GET", f"{HERE}/replay"),
    ("GET", f"{HERE}/replay/changes"),
    ("GET", f"{HERE}/replay/1"),
    ("GET", f"{HERE}/diff?with=music.library"),
    ("GET", f"/v1/threads/music.library/diff?with={CONFIG}"),
    ("GET", f"/v1/threads/snapshot?threads={CONFIG}"),
    ("GET", f"/v1/threads/snapshot?threads=music.library&threads={CONFIG}&causal_closure=true"),
    ("GET", "/v1/threads/snapshot?all=true"),
]
LEFT_OUT = [
    ("GET", "/v1/records"),
    ("GET", "/v1/records?topic=api_token"),
    ("GET", f"/v1/records?thread={CONFIG}&thread=music.library"),
    ("POST", '/v1/records/query {"filter":{}}'),
    ("GET", "/v1/threads/music.library/records"),
    ("GET", "/v1/threads/snapshot?threads=music.library&causal_closure=true"),
]
HASHED = [
    ("GET", "/v1/records"),
    ("GET", f"/v1/records?thread={CONFIG}"),
    ("GET", "/v1/records?topic=api_token"),
    ("GET", "/v1/records/{record_id}"),
    ("POST", '/v1/records/query {"filter":{"topic":"api_token"}}'),
    ("GET", f"{HERE}/records"),
    ("GET", f"{HERE}/replay"),
    ("GET", f"/v1/threads/snapshot?threads={CONFIG}"),
    ("GET", "/v1/threads/snapshot?all=true"),
]
"""Roads on which `config:read` does meet a hash: what the others would show, were they not withheld."""


async def granted(api: Api) -> dict[str, Any]:
    """The record of a token, with something else beside it in the log."""
    await api.post(thread="music.library")
    await api.bearer("records:write")
    (found,) = (await api.get("/v1/records", thread=CONFIG, topic="api_token"))["data"]
    return dict(found)


async def ask(api: Api, method: str, road: str, found: dict[str, Any], *scopes: str) -> httpx.Response:
    path, _, content = road.partition(" ")
    headers = await api.bearer(*scopes)
    url = path.replace("{record_id}", found["id"])
    return await api.tcp.request(method, url, headers=headers, content=content or None)


def test_every_road_of_a_reader_is_in_the_tables() -> None:
    """A new route under threads or records must say here what a reader sees of the config thread."""
    needed = {
        path
        for (_, path), scope in NEEDS.items()
        if scope == "records:read" and path.startswith(("/v1/records", "/v1/threads"))
    }
    taken = {road.partition(" ")[0].partition("?")[0] for _, road in [*REFUSED, *LEFT_OUT]}
    taken |= {"/v1/threads", "/v1/records/watch"}  # the list names threads only; the stream has a test below

    def covered(path: str) -> bool:
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
        return any(re.fullmatch(pattern, one) for one in taken)

    assert {path for path in needed if not covered(path)} == set()


@pytest.mark.parametrize(("method", "road"), REFUSED)
async def test_a_reader_is_refused_what_is_all_config(api: Api, method: str, road: str) -> None:
    found = await granted(api)
    refused = await ask(api, method, road, found, "records:read")
    assert refused.status_code == 403
    if method != "HEAD":
        assert_error(refused, 403, "FORBIDDEN", "config:read")
    # What streams is asked for its head alone: it would go on.
    method = "HEAD" if "watch" in road else method
    for scopes in (("records:read", "config:read"), ("admin",)):
        assert (await ask(api, method, road, found, *scopes)).status_code == 200


@pytest.mark.parametrize(("method", "road"), LEFT_OUT)
async def test_config_is_left_out_of_what_a_reader_may_ask_for(api: Api, method: str, road: str) -> None:
    found = await granted(api)
    answer = await ask(api, method, road, found, "records:read")
    assert answer.status_code == 200, answer.text
    assert CONFIG not in answer.text
    assert found["body"]["token_sha256"] not in answer.text
    assert "topic=api_token" in road or "music.library" in answer.text


@pytest.mark.parametrize(("method", "road"), HASHED)
async def test_who_may_read_config_sees_it_as_before(api: Api, method: str, road: str) -> None:
    found = await granted(api)
    answer = await ask(api, method, road, found, "records:read", "config:read")
    assert found["body"]["token_sha256"] in answer.text


async def test_a_stream_of_everything_passes_config_over(api: Api) -> None:
    await granted(api)
    reader = await api.bearer("records:read")
    async with watch(api.app, "/v1/records/watch?since=0", operator=False, **reader) as stream:
        seen = await stream.records(1)
        while seen[-1].data["record"]["thread"] != "music.library":
            seen += await stream.records(1)
        await api.bearer("threads:write")  # mints a token, while the stream is open
        await api.post(thread="music.library", body={"n": 2})
        while seen[-1].data["record"]["body"] != {"n": 2}:
            seen += await stream.records(1)
        assert {one.data["record"]["thread"] for one in seen} & {CONFIG} == set()


async def test_pages_without_config_lose_none_and_repeat_none(durable: Api) -> None:
    for number in range(5):
        await durable.post(thread="music.library", body={"n": number})
        await durable.bearer("records:read", "fleet:write", *["threads:write"] * number)
    reader = await durable.bearer("records:read")
    seen, since = [], None
    while True:
        params = {"limit": 2} | ({} if since is None else {"since": since})
        page = (await durable.tcp.get("/v1/records", params=params, headers=reader)).json()
        seen += [one["body"].get("n") for one in page["data"] if one["thread"] == "music.library"]
        assert CONFIG not in {one["thread"] for one in page["data"]}
        since = page["next_cursor"]
        if since is None:
            break
    assert seen == [0, 1, 2, 3, 4]


async def test_the_operator_reads_it_over_the_socket_and_a_writer_may_post_without_seeing(api: Api) -> None:
    found = await granted(api)
    assert (await api.get(f"/v1/records/{found['id']}"))["body"] == found["body"]
    writer = await api.bearer("records:write", "config:write")
    body = {"topic": "auth_cors_origins", "origins": []}
    mine = record(thread=CONFIG, act="LEARN", body=body)
    assert (await api.tcp.post("/v1/records", json=mine, headers=writer)).status_code == 201
