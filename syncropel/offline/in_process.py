"""Runs an HTTP application on its own thread, with a transport that reaches it without a network.

Whatever the application does, the caller's event loop stays free. Responses stream, so server-sent events
work as they do over a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx
from starlette.types import ASGIApp, Message

Done = TypeVar("Done")


class LoopThread:
    """An event loop on its own thread, which ends with `close` and never delays the process's exit."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    self._loop.run_until_complete(task)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def submit(self, work: Coroutine[Any, Any, Done]) -> Future[Done]:
        """Run `work` on the loop. Cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    @property
    def is_here(self) -> bool:
        """Whether the caller runs on this thread, and would wait for itself."""
        return threading.current_thread() is self._thread

    async def run(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Run `work` on the loop and wait for it from another one."""
        return await asyncio.wrap_future(self.submit(work))

    async def close(self) -> None:
        """Cancel whatever runs and end the thread. Safe to call twice."""
        await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """The same for callers without an event loop; blocks."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class InProcessTransport(httpx.AsyncBaseTransport):
    """Sends requests to an application that runs on a LoopThread."""

    def __init__(self, app: ASGIApp, thread: LoopThread) -> None:
        self._app = app
        self._thread = thread

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = _Answer(asyncio.get_running_loop())
        answer.work = self._thread.submit(self._serve(_scope(request), await request.aread(), answer))
        answer.work.add_done_callback(answer.ended)
        try:
            status, headers = await answer.started
        except BaseException:
            answer.work.cancel()
            raise
        return httpx.Response(status, headers=headers, stream=answer)

    async def _serve(self, scope: dict[str, Any], body: bytes, answer: _Answer) -> None:
        gone = asyncio.Event()
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            part = next(parts, None)
            if part is None:
                await gone.wait()
                return {"type": "http.disconnect"}
            return part

        async def send(message: Message) -> None:
            answer.take(message)

        await self._app(scope, receive, send)


class _Answer(httpx.AsyncByteStream):
    """One response on its way from the application's loop to the caller's."""

    work: Future[None]

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.started: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = loop.create_future()

    def take(self, message: Message) -> None:
        """Accept what the application sends. Runs on its thread."""
        if message["type"] == "http.response.start":
            self._tell(self._start, (message["status"], list(message.get("headers", ()))))
        elif message["type"] == "http.response.body" and message.get("body"):
            self._tell(self._chunks.put_nowait, message["body"])

    def ended(self, work: Future[None]) -> None:
        """The application is done with this request."""
        self._tell(self._finish, None if work.cancelled() else work.exception())

    def _tell(self, what: Any, value: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the caller's loop is gone
            self._loop.call_soon_threadsafe(what, value)

    def _start(self, head: tuple[int, list[tuple[bytes, bytes]]]) -> None:
        if not self.started.done():
            self.started.set_result(head)

    def _finish(self, error: BaseException | None) -> None:
        if not self.started.done():
            self.started.set_exception(httpx.ReadError(f"it gave no answer: {error!r}"))
        self._chunks.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def aclose(self) -> None:
        self.work.cancel()


def _scope(request: httpx.Request) -> dict[str, Any]:
    raw_path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
    }
