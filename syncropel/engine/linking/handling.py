"""Does what comes over a link, in the worker's own application, and answers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from syncropel.errors import DaemonUnreachable
from syncropel.peer.link.frames import BrokenFrame, Frame, as_text
from syncropel.peer.link.protocol import BATCH, CONTROL, MOST_ASKS, MOST_FRAMES, may_ask

log = logging.getLogger("syncropel.engine.link")

Door = Callable[[str, str, str, bytes, str, str], Awaitable[tuple[int, bytes]]]
"""Has the worker's application answer a request: method, path as it is sent, query, body, the DID of the
coordinator that asks, and the term that it speaks for; returns the HTTP status and the body."""
Answer = Callable[[str, dict[str, Any]], Awaitable[None]]

_OK: Final = 200
_FORBIDDEN: Final = 403
_SLACK: Final = 2
"""An answer may be on its way while the next frame comes: so many times the limits are too much."""
_QUIET: Final = frozenset({"ping", "hello"})


class Handling:
    """The frames of one link. Control has its own queue, so that work never delays it; both keep their order.

    What has begun is finished even when the link ends: a write is not left in the middle.
    """

    def __init__(self, link: str, leader: str, door: Door, answer: Answer) -> None:
        self.link = link
        self._leader = leader
        self._door = door
        self._answer = answer
        self._queues: dict[str, asyncio.Queue[Frame]] = {"control": asyncio.Queue(), "work": asyncio.Queue()}
        self._tasks: set[asyncio.Task[None]] = set()
        self._asks = 0
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def during(self, reading: Coroutine[Any, Any, None]) -> None:
        """Do what comes while this reads frames and gives them to `take`; raise what ends that. Raises
        DaemonUnreachable when an answer did not reach the coordinator.
        """
        loops = [asyncio.ensure_future(self._serve(queue)) for queue in self._queues.values()]
        parts = [asyncio.ensure_future(reading), *loops, self._failed]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def take(self, frame: Frame) -> None:
        """Begin with a frame. Raises BrokenFrame for what a coordinator may not send."""
        if frame.event == "records":
            self._queue("control" if frame.data.get("kind") == "control" else "work", frame)
        elif frame.event == "ask":
            if (frame.data.get("method"), frame.data.get("path")) == CONTROL:
                self._queue("control", frame)
            else:
                self._ask(frame)
        elif frame.event not in _QUIET:
            raise BrokenFrame(f"a frame is called {frame.event[:40]!r}")

    def _queue(self, lane: str, frame: Frame) -> None:
        if self._queues[lane].qsize() >= MOST_FRAMES * _SLACK:
            raise BrokenFrame("the coordinator sends more frames than it may")
        self._queues[lane].put_nowait(frame)

    def _ask(self, frame: Frame) -> None:
        if self._asks >= MOST_ASKS * _SLACK:
            raise BrokenFrame("the coordinator asks more at once than it may")
        self._asks += 1

        async def ask() -> None:
            try:
                await self._do(frame)
            finally:
                self._asks -= 1

        self._begin(ask())

    def _begin(self, doing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(self, queue: asyncio.Queue[Frame]) -> None:
        while True:
            await asyncio.shield(self._begin(self._do(await queue.get())))

    async def _do(self, frame: Frame) -> None:
        n, term = frame.data.get("n"), str(frame.data.get("term", ""))
        if frame.event == "records":
            body = as_text(frame.data.get("records")).encode("utf-8", "backslashreplace")
            status, answer = await self._through_door(*BATCH, "", body, term)
            self._send("acks", {"n": n, **_outcomes(status, answer)})
            return
        method, path, query = (str(frame.data.get(key, "")) for key in ("method", "path", "query"))
        if not may_ask(method, path):
            log.warning("the coordinator asked for %s %s, which is not for it", method[:8], path[:200])
            told = {"code": "FORBIDDEN", "message": "this is not asked through a link", "object": "error"}
            self._send("answers", {"n": n, "status": _FORBIDDEN, "body": told})
            return
        content = frame.data.get("body")
        body = b"" if content is None else as_text(content).encode("utf-8", "backslashreplace")
        status, answer = await self._through_door(method, path, query, body, term)
        self._send("answers", {"n": n, "status": status, "body": answer})

    async def _through_door(
        self, method: str, path: str, query: str, body: bytes, term: str
    ) -> tuple[int, Any]:
        status, answer = await self._door(method, path, query, body, self._leader, term)
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, {}

    def _send(self, route: str, body: dict[str, Any]) -> None:
        """Answer, while the next frame is being done. An answer that is lost ends the link: what it was about
        is sent again."""

        async def send() -> None:
            try:
                await self._answer(route, body)
            except DaemonUnreachable as error:
                if not self._failed.done():
                    told = f"an answer did not reach the coordinator: {error.message}"
                    self._failed.set_exception(DaemonUnreachable(told, error.hint))

        self._begin(send())


def _outcomes(status: int, answer: Any) -> dict[str, Any]:
    """What is said of a batch: of each record whether it is in the log, or why none could be taken."""
    rows = answer.get("data") if isinstance(answer, dict) else None
    if status == _OK and isinstance(rows, list):
        kept = ("status", "id", "error")
        return {"outcomes": [{key: row[key] for key in kept if key in row} for row in rows]}
    return {"status": status, "refusal": answer if isinstance(answer, dict) else {}}
