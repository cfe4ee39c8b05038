"""What a provider says of tokens, and what it leaves out."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from tests.gateway.conftest import Bench
from tests.gateway.provider import (
    ASKED,
    MODEL,
    STREAM,
    USD,
    Asked,
    Play,
    encoded,
    events,
    message,
    says,
    streams,
)

LIES: dict[str, Play] = {
    "no usage": streams([one for one in events() if one["type"] != "message_delta"]),
    "no output": streams(events(ends={})),
    "no input": streams(events(counts={})),
    "negative": streams(events(ends={"output_tokens": -5})),
    "text": streams(events(ends={"output_tokens": "20"})),
    "fraction": streams(events(ends={"output_tokens": 1.5})),
    "boolean": streams(events(ends={"output_tokens": True})),
    "huge": streams(events(ends={"output_tokens": 10**40})),
    "list": streams(events(ends={"output_tokens": [20]})),
    "cut": streams(events()[:3]),
    "a search": streams(events(ends={"output_tokens": 20, "server_tool_use": {"web_search_requests": 2}})),
    "another tier": streams(events(ends={"output_tokens": 20, "service_tier": "priority"})),
    "a faster answer": streams(events(ends={"output_tokens": 20, "speed": "fast"})),
    "a dearer place": streams(events(ends={"output_tokens": 20, "inference_geo": "us"})),
    "accepted, and no error": says(202, message()),
    "a model that nobody knows": streams(events(model="a-model-of-nobody")),
    "no JSON": says(200, b"<html>"),
    "a body without usage": says(200, {"type": "message", "model": MODEL}),
    "an encoding that nobody asked for": says(200, b"\x00\x01", "content-encoding: br"),
    "broken gzip": says(200, b"\x1f\x8bxx", "content-encoding: gzip"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_the_provider_does_not_say_is_unknown_and_ends_a_small_budget(
    bench: Bench, lie: str
) -> None:
    provider = await bench.provider(LIES[lie])
    attempt = bench.attempt(provider, budget_usd=0.01)

    async with bench.client.stream(
        "POST", "/v1/messages", content=ASKED, headers={"x-api-key": bench.tokens[0]}
    ) as first:
        async for _ in first.aiter_raw():
            pass
    await attempt.emptied()

    assert not attempt.known
    assert (await bench.ask()).status_code == 400
    assert len(provider.asked) == 1


async def test_a_compressed_answer_passes_as_it_is_and_is_metered(bench: Bench) -> None:
    body = gzip.compress(b"".join(map(encoded, events())))
    head = STREAM.replace(b"connection: close", b"content-encoding: gzip\r\nconnection: close")

    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head + body)

    attempt = bench.attempt(await bench.provider(play))

    answer = await bench.ask()

    assert b"message_stop" in answer.content
    assert attempt.account.usd == pytest.approx(USD)
    assert attempt.known


async def test_counts_that_go_back_are_not_believed(bench: Bench) -> None:
    found = events()
    again = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    attempt = bench.attempt(await bench.provider(streams([*found[:5], again, found[5]])))

    await bench.ask()

    assert attempt.requests[0].tokens.output == 20
