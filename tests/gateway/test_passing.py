"""What passes the gateway, and what it costs."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.gateway.conftest import KEY, Bench
from tests.gateway.provider import (
    MODEL,
    STREAM,
    TOKENS,
    USD,
    Asked,
    encoded,
    events,
    message,
    says,
    streams,
)


async def test_a_stream_passes_as_it_came_and_is_metered(bench: Bench) -> None:
    provider = await bench.provider(streams())
    attempt = bench.attempt(provider)

    answer = await bench.ask()

    assert answer.status_code == 200
    assert answer.content == b"".join(map(encoded, events()))
    (request,) = attempt.requests
    assert (request.model, request.tokens.total, request.known) == (MODEL, TOKENS, True)
    assert request.cost_usd == pytest.approx(USD)
    assert attempt.account.usd == pytest.approx(USD)


async def test_an_answer_that_is_no_stream_is_metered_too(bench: Bench) -> None:
    provider = await bench.provider(says(200, message()))
    attempt = bench.attempt(provider)

    answer = await bench.ask(stream=False)

    assert answer.json() == message()
    assert attempt.requests[0].cost_usd == pytest.approx(USD)


async def test_each_piece_passes_before_the_next_is_there(bench: Bench) -> None:
    heard = asyncio.Event()

    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        first, *rest = events()
        writer.write(STREAM + encoded(first))
        await writer.drain()
        await heard.wait()
        for one in rest:
            writer.write(encoded(one))

    bench.attempt(await bench.provider(play))

    async with bench.client.stream(
        "POST", "/v1/messages", json={"model": MODEL, "max_tokens": 9}, headers={"x-api-key": bench.tokens[0]}
    ) as answer:
        pieces = answer.aiter_raw()
        assert b"message_start" in await anext(pieces)
        heard.set()
        assert b"message_stop" in b"".join([piece async for piece in pieces])


async def test_the_key_goes_to_the_provider_and_nowhere_else(bench: Bench) -> None:
    provider = await bench.provider(
        says(401, {"error": {"message": f"this is no key: {KEY}"}}, f"x-own: {KEY}")
    )
    bench.attempt(provider)

    answer = await bench.ask()

    (asked,) = provider.asked
    assert asked.header("x-api-key") == [KEY]
    assert not any(bench.tokens[0] in value for _, value in asked.headers)
    assert answer.status_code == 401
    assert KEY not in answer.text
    assert KEY not in str(answer.headers)


async def test_what_the_agent_sends_beside_its_request_stays_here(bench: Bench) -> None:
    provider = await bench.provider(says(200, message()))
    bench.attempt(provider)

    await bench.client.post(
        "/v1/messages?beta=true",
        json={"model": MODEL, "max_tokens": 1},
        headers={
            "authorization": f"Bearer {bench.tokens[0]}",
            "anthropic-beta": "one,two",
            "cookie": "a=b",
            "openai-organization": "another",
            "x-forwarded-for": "1.2.3.4",
            "accept-encoding": "gzip, br",
        },
    )

    (asked,) = provider.asked
    assert asked.line == "POST /v1/messages?beta=true HTTP/1.1"
    assert asked.header("anthropic-beta") == ["one,two"]
    assert asked.header("accept-encoding") == ["identity"]
    assert asked.header("host") == [provider.url.removeprefix("http://")]
    for name in ("authorization", "cookie", "openai-organization", "x-forwarded-for"):
        assert asked.header(name) == []


async def test_counting_tokens_costs_nothing(bench: Bench) -> None:
    provider = await bench.provider(says(200, {"input_tokens": 7}))
    attempt = bench.attempt(provider)

    answer = await bench.ask(path="/v1/messages/count_tokens")

    assert answer.json() == {"input_tokens": 7}
    assert attempt.requests == []


async def test_an_error_of_the_provider_passes_and_costs_nothing(bench: Bench) -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "try again"}}
    provider = await bench.provider(says(529, body, "retry-after: 3"))
    attempt = bench.attempt(provider, budget_usd=0.000001)

    answers = [await bench.ask() for _ in range(3)]

    assert [one.status_code for one in answers] == [529] * 3
    assert answers[0].headers["retry-after"] == "3"
    assert json.loads(answers[0].content) == body
    assert attempt.account.ruling() == "go"
