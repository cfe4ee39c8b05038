"""A log of records in memory that answers like a daemon, for tests of programs that use the client.

kernel = MockKernel()
client = Client(endpoint="http://mock", identity=who, transport=kernel.transport())
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import httpx

from syncropel.api.http.paging import record_page
from syncropel.api.records.query import answer
from syncropel.errors import NotFound, SyncropelError
from syncropel.record.canonical import parse_json
from syncropel.record.model import parse_record
from syncropel.store.base import RecordFilter
from syncropel.store.memory import MemoryStore
from syncropel.store.pace import WITHIN_SECS, Pace
from syncropel.store.query.documents import read_query
from syncropel.store.query.searching import search

Records = list[dict[str, Any]]


class MockKernel:
    """Accepts records and returns them, with the ids and the refusals of a daemon's log.

    It knows no tokens, rules, tasks, or streams. `records` has all records in order of arrival, `threads`
    those of each thread.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.records: Records = []
        self.threads: dict[str, Records] = {}
        self._store = MemoryStore(clock=time.time)
        self._failing = {"POST": 0, "GET": 0}

    def transport(self) -> httpx.MockTransport:
        """What a client takes as its `transport`, with or without an event loop."""
        return httpx.MockTransport(self._answer)

    def records_in(self, thread: str) -> Records:
        """The records of a thread in order of arrival."""
        return list(self.threads.get(thread, ()))

    def records_by_kind(self, kind: str) -> Records:
        """The records with this `body.kind`."""
        return [one for one in self.records if one["body"].get("kind") == kind]

    def records_by_actor(self, actor: str) -> Records:
        """The records of this actor."""
        return [one for one in self.records if one["actor"] == actor]

    def count(self) -> int:
        """How many records there are."""
        return len(self.records)

    def fail_next_post(self, n: int = 1) -> None:
        """Let the next `n` posts fail as if no daemon were listening."""
        self._failing["POST"] += n

    def fail_next_get(self, n: int = 1) -> None:
        """Let the next `n` GETs fail as if no daemon were listening."""
        self._failing["GET"] += n

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self._failing.get(request.method, 0) > 0:
            self._failing[request.method] -= 1
            raise httpx.ConnectError("a failure that the test asked for")
        # The caller may run an event loop on this thread, in which nothing can be waited for.
        with ThreadPoolExecutor(1) as own_thread:
            return own_thread.submit(asyncio.run, self._served(request)).result()

    async def _served(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._routed(request)
        except SyncropelError as error:
            return httpx.Response(error.status, json=error.envelope())

    async def _routed(self, request: httpx.Request) -> httpx.Response:
        match request.method, request.url.path.split("/")[1:]:
            case "POST", ["v1", "records"]:
                return await self._append(request.content)
            case "POST", ["v1", "records", "query"]:
                return await self._query(request.content)
            case "GET", ["v1", "records"]:
                return await self._page(request, request.url.params.get("thread"))
            case "GET", ["v1", "threads", thread, "records"]:
                return await self._page(request, unquote(thread))
            case "GET", ["health"]:
                return httpx.Response(200, json={"status": "ok", "store": "mock", "records": self.count()})
        raise NotFound(f"no route {request.method} {request.url.path} in a MockKernel")

    async def _append(self, content: bytes) -> httpx.Response:
        (outcome,) = await self._store.append([parse_record(parse_json(content))])
        if isinstance(outcome, SyncropelError):
            raise outcome
        flat = outcome.stored.flat()
        if outcome.created:
            self.records.append(flat)
            self.threads.setdefault(flat["thread"], []).append(flat)
        status = 201 if outcome.created else 200
        return httpx.Response(status, json={**flat, "duplicate": not outcome.created})

    async def _page(self, request: httpx.Request, thread: str | None) -> httpx.Response:
        asked = request.url.params
        since = asked.get("since")
        wanted = RecordFilter(
            thread=thread,
            actor=asked.get("actor"),
            act=asked.get("act"),
            topic=asked.get("topic"),
            since=None if since is None else int(since),
            limit=int(asked.get("limit", 100)),
        )
        page = await record_page(self._store, wanted, _pace(WITHIN_SECS))
        return httpx.Response(200, content=bytes(page.body))

    async def _query(self, content: bytes) -> httpx.Response:
        async def readable(thread: str) -> bool:
            return True

        query = read_query(parse_json(content))
        found = await search(self._store, query, readable, _pace(query.within_secs))
        return httpx.Response(200, text=answer(query, found))


def _pace(within_secs: float) -> Pace:
    return Pace(time.monotonic, time.monotonic() + within_secs, lambda: False)
