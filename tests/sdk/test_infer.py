"""Asking for an inference, and waiting for its answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncropel import Client, InferOptions, InferPending, InferResult
from tests.api.conftest import Api

from .conftest import WHO, make_client

ASKED: dict[str, Any] = {
    "input": {"goal": "g"},
    "responders": [{"kind": "llm"}],
    "fold": {"function": "consensus"},
}
QUICK = InferOptions(poll_interval_ms=10, poll_timeout_ms=20_000, thread="asked")


async def test_a_question_is_answered(client: Client, api: Api) -> None:
    waiting = asyncio.create_task(client.infer(ASKED, QUICK))
    asked: list[dict[str, Any]] = []
    while not asked:
        asked = await client.query_thread("asked")
    for n in range(120):
        await client.emit(act="GET", kind="x.y.z", body={"n": n}, thread="asked")
    answer = {"answer": 42, "fulfills": asked[0]["id"]}
    await client.emit(act="KNOW", kind="infer.result.v1", body=answer, thread="asked")
    result = await waiting
    assert isinstance(result, InferResult)
    assert (result.answer, result.thread_id) == (42, "asked")


async def test_a_question_that_nobody_waits_for(client: Client) -> None:
    pending = await client.infer(ASKED, InferOptions(wait=False))
    assert isinstance(pending, InferPending)
    (record,) = await client.query_thread(pending.thread_id)
    assert (record["id"], record["act"]) == (pending.correlation_id, "INTEND")


async def test_what_goes_wrong(client: Client, api: Api) -> None:
    with pytest.raises(TimeoutError, match="no answer within 1 ms"):
        await client.infer(ASKED, InferOptions(poll_interval_ms=1, poll_timeout_ms=1))
    with pytest.raises(ValueError, match="responders"):
        await client.infer({})
    stranger = make_client(api.app, identity=WHO)
    with pytest.raises(RuntimeError, match="HTTP 401"):
        await stranger.infer(ASKED)
