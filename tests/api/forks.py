"""Forks as a caller makes them: threads, their INTENDs, and what they are told."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.conftest import DID, Api, record

PARENT, CHILD = "th_deploy_v2", "th_run_tests"
HERE = f"specific:{DID}"


async def post(api: Api, thread: str, act: str = "INTEND", **body: Any) -> httpx.Response:
    return await api.operator.post("/v1/records", json=record(thread=thread, act=act, body=body))


async def opened(api: Api, thread: str = PARENT, **body: Any) -> str:
    """Open a plain thread; gives its INTEND."""
    return (await api.post(thread=thread, act="INTEND", body={"goal": f"goal of {thread}", **body}))["id"]


async def forked(api: Api, child: str = CHILD, parent: str = PARENT, **body: Any) -> str:
    return (await api.post(thread=parent, act="INTEND", body={"sub_thread": child, **body}))["id"]


async def closed(api: Api, thread: str, intend: str, **body: Any) -> None:
    await api.post(thread=thread, act="KNOW", body={"fulfills": intend, **body})


async def on(api: Api, thread: str, topic: str) -> list[dict[str, Any]]:
    """The bodies of the thread's records with this topic."""
    await api.engine.forking.drain()
    page = await api.get("/v1/records", thread=thread, topic=topic)
    return [one["body"] for one in page["data"]]
