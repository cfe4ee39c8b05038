"""Both ends of links over a wire in virtual time that can be cut, muted, and buffered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from syncropel.engine.linking.worker import Trust, WorkerLink
from syncropel.errors import DaemonUnreachable, SyncropelError
from syncropel.peer.link.links import Caller, Links
from syncropel.peer.link.protocol import challenge
from syncropel.peer.link.refusals import ManyLinks
from syncropel.peer.link.report import Transport
from syncropel.wire.version import PROTOCOL
from tests.engine import virtual

COORDINATOR = "did:sync:instance:00000000000000c0"


def did(number: int) -> str:
    return f"did:sync:instance:{number:016x}"


@dataclass
class Answered:
    """An answer as the worker sees it."""

    status_code: int
    pieces: AsyncIterator[bytes]
    headers: dict[str, str]

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        async for piece in self.pieces:
            yield piece


class Wire:
    """What the worker takes for its peers: it calls the coordinator's links without a network."""

    def __init__(self, links: Links, worker: str, sha256: str = "s") -> None:
        self.links = links
        self.worker = worker
        self.sha256 = sha256
        self.muted = self.buffered = self.refuses = self.loses_answers = False
        self.asked: list[tuple[float, dict[str, Any]]] = []
        self.answered: list[tuple[str, dict[str, Any]]] = []
        self._cut: set[asyncio.Event] = set()

    def cut(self) -> None:
        """End every open stream, as a reset does."""
        for one in self._cut:
            one.set()

    @asynccontextmanager
    async def link(self, url: str, query: dict[str, Any], limit_secs: float) -> AsyncIterator[Any]:
        self.asked.append((asyncio.get_running_loop().time(), query))
        if self.refuses:
            raise DaemonUnreachable("connection refused")
        cut = asyncio.Event()
        self._cut.add(cut)
        try:
            yield await self._answer(query, limit_secs, cut)
        finally:
            self._cut.discard(cut)

    async def _answer(self, query: dict[str, Any], limit_secs: float, cut: asyncio.Event) -> Answered:
        polls = "wait" in query
        try:
            if polls and query.get("link"):
                held = self.links.polled(self.worker, query["link"])
            else:
                transport: Transport = "poll" if polls else "stream"
                asks = Caller(self.worker, self.sha256, query["incarnation"], query["protocol"], transport)
                held = self.links.open(
                    asks, lambda link: f"proof of {challenge(query['nonce'], self.worker, link)}"
                )
        except ManyLinks as error:
            return Answered(503, _once(b'{"message":"many"}'), {"retry-after": str(error.wait_secs)})
        except SyncropelError as error:
            told = f'{{"code":"{error.code}","message":"{error.message}"}}'
            return Answered(error.status, _once(told.encode()), {})
        if polls:
            return Answered(200, _once(await self.links.poll(held, query["wait"])), {})
        return Answered(200, self._pieces(self.links.stream(held), limit_secs, cut), {})

    async def _pieces(
        self, frames: AsyncIterator[bytes], limit_secs: float, cut: asyncio.Event
    ) -> AsyncIterator[bytes]:
        came: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def carry() -> None:
            async for frame in frames:
                if not (self.muted or self.buffered):
                    came.put_nowait(frame)
            came.put_nowait(None)

        carrying = asyncio.ensure_future(carry())
        cutting = asyncio.ensure_future(cut.wait())
        try:
            while True:
                coming = asyncio.ensure_future(came.get())
                done, _ = await asyncio.wait(
                    {coming, cutting}, timeout=limit_secs, return_when=asyncio.FIRST_COMPLETED
                )
                if coming not in done:
                    coming.cancel()
                    raise DaemonUnreachable("reset" if cutting in done else "no byte")
                piece = coming.result()
                if piece is None:
                    return
                yield piece
        finally:
            carrying.cancel()
            cutting.cancel()
            await asyncio.gather(carrying, return_exceptions=True)

    async def link_answer(self, url: str, route: str, body: dict[str, Any]) -> None:
        if self.loses_answers:
            raise DaemonUnreachable("lost")
        self.answered.append((route, body))
        try:
            if route == "acks":
                outcomes = (body["status"], body["refusal"]) if "refusal" in body else body["outcomes"]
                self.links.acknowledge(self.worker, body["link"], body["n"], outcomes)
            else:
                self.links.answer(self.worker, body["link"], body["n"], body["status"], body["body"])
        except SyncropelError as error:
            raise DaemonUnreachable(error.message) from None


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def links(**more: Any) -> Links:
    return Links(
        virtual.runtime(),
        hello=lambda: {"leader": COORDINATOR, "interval": 5.0},
        changed=lambda: None,
        **more,
    )


class Worker:
    """A worker whose application is `door`: it keeps what came, and answers 200."""

    def __init__(self, wire: Wire, *, protocol: int = PROTOCOL, share: float = 0.5) -> None:
        self.wire = wire
        self.came: list[tuple[float, str, str, bytes]] = []
        self.slow: dict[str, float] = {}
        """By path, how long a request takes."""
        self.in_touch = True
        self.refuses: dict[str, Any] | None = None
        """The error with which it answers records, with the status 409."""
        self.terms: list[str] = []
        loop_time = virtual.runtime()
        runtime = type(loop_time)(
            loop_time.now, loop_time.monotonic, loop_time.sleep, loop_time.boottime, share=lambda: share
        )
        trust = Trust(
            lambda leader, text, proof: leader == COORDINATOR and proof == f"proof of {text}",
            lambda: self.in_touch,
        )
        peers: Any = wire
        self.link = WorkerLink(peers, "http://coordinator", wire.worker, trust, runtime, protocol)
        self.link.open_to(self._door)
        self.running = asyncio.ensure_future(self.link.run())

    async def _door(
        self, method: str, path: str, query: str, body: bytes, leader: str, term: str
    ) -> tuple[int, bytes]:
        assert leader == COORDINATOR
        await asyncio.sleep(self.slow.get(path, 0.0))
        self.came.append((asyncio.get_running_loop().time(), method, path, body))
        self.terms.append(term)
        if path == "/v1/records/batch" and self.refuses is not None:
            return 409, httpx.Response(409, json=self.refuses).content
        if path == "/v1/records/batch":
            rows = [{"status": "created", "id": "i", "record": "left out"}] * body.count(b'"thread"')
            return 200, httpx.Response(200, json={"data": rows}).content
        return 200, b'{"object":"answer"}'

    def paths(self) -> list[str]:
        return [path for _, _, path, _ in self.came]


async def until(seen: Callable[[], bool], every_secs: float = 0.1) -> None:
    """Wait until this is so; time is virtual."""
    async with asyncio.timeout(600):
        while not seen():  # noqa: ASYNC110 - nobody says when it is
            await asyncio.sleep(every_secs)


async def up(coordinator: Links, worker: str) -> None:
    """Wait until this worker is linked."""
    await until(lambda: coordinator.report(worker).state == "up")
