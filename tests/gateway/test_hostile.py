"""Agents and providers that mean no good."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from syncropel.adapters import Outcome
from syncropel.adapters.gateway.app import MOST_BODY
from syncropel.adapters.gateway.attempt import MOST_AT_ONCE
from syncropel.adapters.gateway.dialects import Responses
from tests.gateway.conftest import LIMIT_SECS, Bench, until
from tests.gateway.provider import (
    ASKED,
    STREAM,
    USD,
    Asked,
    encoded,
    events,
    message,
    says,
    streams,
)


async def raw(bench: Bench, sent: bytes) -> bytes:
    """What comes back until the gateway closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port)
    writer.write(sent)
    try:
        async with asyncio.timeout(LIMIT_SECS):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def post(bench: Bench, target: str, *more: str, body: bytes = ASKED) -> bytes:
    lines = [
        f"POST {target} HTTP/1.1",
        "host: 127.0.0.1",
        f"x-api-key: {bench.tokens[-1]}",
        f"content-length: {len(body)}",
        "connection: close",
        *more,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("token", ["", "wrong", "ä", "x" * 5000])
async def test_no_other_token_is_taken(bench: Bench, token: str) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider)

    answer = await bench.client.post("/v1/messages", content=ASKED, headers=[(b"x-api-key", token.encode())])

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    assert provider.asked == []


async def test_two_credentials_are_none(bench: Bench) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider)

    sent = post(bench, "/v1/messages", f"authorization: Bearer {bench.tokens[0]}")

    assert b" 401 " in await raw(bench, sent)
    assert provider.asked == []


async def test_a_token_is_of_no_use_after_the_end_of_its_attempt(bench: Bench) -> None:
    provider = await bench.provider(streams())
    attempt = bench.attempt(provider)
    bench.attempt(provider)
    assert (await bench.ask(token=bench.tokens[0])).status_code == 200

    bench.gateway.close(attempt)

    assert (await bench.ask(token=bench.tokens[0])).status_code == 401
    assert (await bench.ask(token=bench.tokens[1])).status_code == 200
    assert len(attempt.requests) == 1


@pytest.mark.parametrize(
    "target",
    [
        "//v1/messages",
        "/v1//messages",
        "/v1/messages/",
        "/v1/./messages",
        "/v1/messages/../files",
        "/v1/messages%2f..%2ffiles",
        "/v1/messages/batches",
        "/v1/files",
        "/v1/responses",
        "/",
        "/V1/MESSAGES",
        "/v1/messages;x=1",
    ],
)
async def test_only_exact_paths_are_sent_on(bench: Bench, target: str) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider)

    assert b" 404 " in await raw(bench, post(bench, target))
    assert provider.asked == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(bench: Bench, method: str) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider)

    answer = await bench.client.request(method, "/v1/messages", headers={"x-api-key": bench.tokens[0]})

    assert answer.status_code == 404
    assert provider.asked == []


async def test_an_address_in_the_request_leads_nowhere_else(bench: Bench) -> None:
    provider, other = await bench.provider(streams()), await bench.provider(streams())
    bench.attempt(provider)

    await raw(bench, post(bench, f"{other.url}/v1/messages"))
    await raw(bench, post(bench, "/v1/messages", f"host: {other.url.removeprefix('http://')}"))
    connect = f"CONNECT {other.url.removeprefix('http://')} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    assert b" 200 " not in await raw(bench, connect)

    assert other.asked == []


@pytest.mark.parametrize("query", ["?a=b%0d%0ax-evil:1", "?x=" + "y" * 300, "?a=//evil", "?a=@evil"])
async def test_a_query_that_could_be_more_than_one_is_refused(bench: Bench, query: str) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider)

    assert b" 400 " in await raw(bench, post(bench, f"/v1/messages{query}"))
    assert provider.asked == []


@pytest.mark.parametrize(
    "line",
    [
        "anthropic-beta: one\r\n x-evil: folded",
        "anthropic-beta: one\rx-evil: 1",
        "anthropic-beta: a\0b",
        "anthropic-beta: ä",
        "transfer-encoding: chunked",
    ],
)
async def test_no_header_can_be_smuggled_in(bench: Bench, line: str) -> None:
    provider = await bench.provider(says(200, message()))
    bench.attempt(provider)

    await raw(bench, post(bench, "/v1/messages", line))

    for asked in provider.asked:
        assert asked.header("x-evil") == []
        assert not any("\r" in value or "\0" in value for _, value in asked.headers)


async def test_a_request_behind_another_on_one_connection_is_checked_as_the_first(bench: Bench) -> None:
    provider = await bench.provider(says(200, message()))
    attempt = bench.attempt(provider)
    good = post(bench, "/v1/messages").replace(b"connection: close", b"connection: keep-alive")
    bad = post(bench, "/v1/messages").replace(bench.tokens[0].encode(), b"another-token")

    answers = await raw(bench, good + good + bad)

    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.count(b"HTTP/1.1 401") == 1
    assert len(attempt.requests) == len(provider.asked) == 2


async def test_a_compressed_request_is_refused(bench: Bench) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider)
    body = gzip.compress(ASKED)

    answer = await raw(bench, post(bench, "/v1/messages", "content-encoding: gzip", body=body))

    assert b" 400 " in answer
    assert provider.asked == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"1"])
async def test_what_is_no_request_is_refused(bench: Bench, body: bytes) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider)

    assert b" 400 " in await raw(bench, post(bench, "/v1/messages", body=body))
    assert provider.asked == []


async def test_a_body_over_the_limit_is_refused(bench: Bench) -> None:
    provider = await bench.provider(streams())
    attempt = bench.attempt(provider)

    answer = await bench.client.post(
        "/v1/messages", content=b"x" * (MOST_BODY + 1), headers={"x-api-key": bench.tokens[0]}
    )

    assert answer.status_code == 413
    assert (attempt.bodies, attempt.at_once) == (0, 0)


async def test_a_background_response_cannot_be_metered(bench: Bench) -> None:
    provider = await bench.provider(streams())
    bench.attempt(provider, dialect=Responses())

    answer = await bench.ask(path="/v1/responses", background=True)

    assert answer.status_code == 400
    assert provider.asked == []


async def test_a_thousand_requests_at_the_last_cent_cost_one(bench: Bench) -> None:
    provider = await bench.provider(streams())
    attempt = bench.attempt(provider, budget_usd=USD)

    async def ask(client: httpx.AsyncClient) -> int:
        headers = {"x-api-key": bench.tokens[0]}
        while True:
            answer = await client.post("/v1/messages", content=ASKED, headers=headers)
            if not answer.headers.get("retry-after"):
                return answer.status_code
            await asyncio.sleep(0.2)  # as it was told to, only sooner

    async def fifty() -> list[int]:
        some = httpx.Limits(max_connections=10)
        client = httpx.AsyncClient(
            base_url=bench.gateway.url, trust_env=False, timeout=LIMIT_SECS, limits=some
        )
        async with client:
            return await asyncio.gather(*(ask(client) for _ in range(50)))

    # A client's own search for a free connection is quadratic: one of a thousand would be most of the work.
    statuses = [status for part in await asyncio.gather(*(fifty() for _ in range(20))) for status in part]

    assert (statuses.count(200), statuses.count(400)) == (1, 999)
    assert len(provider.asked) == 1
    assert attempt.account.usd == pytest.approx(USD)


async def test_an_attempt_cannot_have_more_than_so_many_requests_here(bench: Bench) -> None:
    held = asyncio.Event()

    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        await says(200, message())(asked, writer)

    provider = await bench.provider(play)
    attempt = bench.attempt(provider)
    asking = [asyncio.ensure_future(bench.ask()) for _ in range(MOST_AT_ONCE)]
    await until(lambda: len(provider.asked) == MOST_AT_ONCE)

    late = await bench.ask()

    assert (late.status_code, late.headers["retry-after"]) == (429, "1")
    held.set()
    assert {one.status_code for one in await asyncio.gather(*asking)} == {200}
    assert attempt.at_once == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_not_passed_back(bench: Bench, status: int) -> None:
    other = await bench.provider(streams())
    provider = await bench.provider(says(status, {}, f"location: {other.url}/v1/messages"))
    bench.attempt(provider)

    answer = await bench.ask()

    assert (answer.status_code, "location" in answer.headers) == (502, False)
    assert other.asked == []


async def test_a_provider_that_trickles_is_cut_with_its_attempt(bench: Bench) -> None:
    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + encoded(events()[0]))
        while True:
            await writer.drain()
            writer.write(b":")
            await asyncio.sleep(0.05)

    provider = await bench.provider(play)
    attempt = bench.attempt(provider)
    asking = asyncio.ensure_future(bench.ask())
    await provider.begun.wait()
    await until(lambda: attempt.account.under_way == 1)

    bench.gateway.close(attempt)

    answer = await asking
    async with asyncio.timeout(LIMIT_SECS):
        await provider.gone.wait()
    await attempt.emptied()
    assert b"this attempt has ended" in answer.content
    (request,) = attempt.requests
    assert not request.known


async def test_an_agent_that_goes_away_is_not_paid_for(bench: Bench) -> None:
    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + encoded(events()[0]))
        await writer.drain()
        await asyncio.Event().wait()

    provider = await bench.provider(play)
    attempt = bench.attempt(provider)

    async with bench.client.stream(
        "POST", "/v1/messages", content=ASKED, headers={"x-api-key": bench.tokens[0]}
    ) as answer:
        await anext(answer.aiter_raw())

    async with asyncio.timeout(LIMIT_SECS):
        await provider.gone.wait()
    await until(lambda: not attempt.account.under_way)
    assert (attempt.requests[0].known, attempt.requests[0].tokens.input) == (False, 1000)


async def test_a_request_that_waits_is_refused_when_its_attempt_is_stopped(bench: Bench) -> None:
    ended: list[Outcome] = []

    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    provider = await bench.provider(play)
    attempt = bench.attempt(provider, budget_usd=0.001, stopped=lambda: ended[0] if ended else None)
    first = asyncio.ensure_future(bench.ask())
    await provider.begun.wait()
    second = asyncio.ensure_future(bench.ask())
    await until(lambda: attempt.at_once == 2)

    ended.append(Outcome("terminated", "ended by the hard freeze of 'docs': wrong", reason="frozen"))
    third = await bench.ask()
    bench.gateway.close(attempt)

    assert third.status_code == 400
    assert third.json()["error"]["message"] == "syncropel: ended by the hard freeze of 'docs': wrong"
    assert third.json()["error"]["code"] == "frozen"
    assert {one.status_code for one in await asyncio.gather(first, second)} == {401}
    assert len(provider.asked) == 1


async def test_a_provider_that_is_not_there_is_no_end(bench: Bench) -> None:
    provider = await bench.provider(streams())
    attempt = bench.attempt(provider, budget_usd=0.000001)
    provider_port, provider.port = provider.port, 1
    attempt.upstream = type(attempt.upstream)("x", "http://127.0.0.1:1", "KEY", attempt.upstream.dialect)

    assert (await bench.ask()).status_code == 502

    assert provider_port
    assert attempt.account.ruling() == "go"


async def test_a_daemon_that_leaves_its_work_ends_a_request_without_a_word(bench: Bench) -> None:
    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + encoded(events()[0]))
        await writer.drain()
        await asyncio.Event().wait()

    provider = await bench.provider(play)
    attempt = bench.attempt(provider)
    asking = asyncio.ensure_future(bench.ask())
    async with asyncio.timeout(LIMIT_SECS):
        await provider.begun.wait()

    await bench.gateway.stop(keep_work=True)

    with pytest.raises(httpx.TransportError):
        await asking
    with pytest.raises(httpx.TransportError):
        await bench.ask()
    (request,) = attempt.requests
    assert (request.known, attempt.closed) == (False, None)
    assert len(provider.asked) == 1
