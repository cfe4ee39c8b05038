"""Sends calls over HTTP from an event loop: what `transport` does, by httpx."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Self

import httpx

from syncropel.client import foreign_answers
from syncropel.client.events import Event, EventParser
from syncropel.client.limits import Body, EventLines
from syncropel.client.remote import told
from syncropel.client.transport import (
    RETRIES,
    STARTING_POLL_SECS,
    TIMEOUT_SECS,
    decode,
    failure,
    may_ask_again,
    not_there,
    remote_error,
    request_of,
    stream_of,
)
from syncropel.errors import DaemonUnreachable, RemoteError, SetupError

if TYPE_CHECKING:
    from syncropel.client.calls import Answer, Call
    from syncropel.client.lines import Request
    from syncropel.client.target import Target


class AsyncClient:
    """As `transport.Client`, for an event loop."""

    def __init__(
        self,
        target: Target,
        *,
        timeout: float = TIMEOUT_SECS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.target = target
        self._timeout = timeout
        self._unusable: DaemonUnreachable | None = None
        """Why nothing can be sent: the target's CA cannot be read. A console with other fleets goes on."""
        try:
            verify = target.verify()
        except SetupError as error:
            verify = False
            self._unusable = DaemonUnreachable(error.message, error.hint)
        uds = str(target.socket) if target.socket and not target.url else None
        self._http = httpx.AsyncClient(
            base_url=target.base_url,
            trust_env=False,
            transport=transport or httpx.AsyncHTTPTransport(uds=uds, verify=verify),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, call: Call[Answer]) -> Answer:
        """Send and decode. Raises RemoteError for an error answer, DaemonUnreachable when there is none.

        A daemon that still reads its log is asked again, for as long as an answer may take.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return await self._send(call)
            except RemoteError as error:
                if not may_ask_again(error, deadline):
                    raise
                await asyncio.sleep(STARTING_POLL_SECS)

    async def _send(self, call: Call[Answer]) -> Answer:
        self._must_be_usable()
        request = request_of(call, self.target, self._timeout)
        for attempt in range(RETRIES + 1):
            try:
                async with self._stream(request) as response:
                    return decode(call, response, await self._content(call.path, response))
            except httpx.HTTPError as error:
                problem = told(error)
                if not (problem.again and call.repeatable and attempt < RETRIES):
                    raise failure(self.target, problem) from error
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def watch(
        self, path: str, last_id: str = "", *, bearer: str = ""
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Open an event stream; the block gets an async iterator of events. Raises as `send`.

        `bearer`: the token for this stream, if it is not the target's.
        """
        self._must_be_usable()
        asking = self._stream(stream_of(path, self.target, last_id, bearer))
        async with AsyncExitStack() as until_read:
            with self._failures():
                response = await until_read.enter_async_context(asking)
                if not response.is_success:
                    content = await self._content(path, response)
                    raise remote_error(path, response, content)
            foreign_answers.check_stream(path, response.headers)
            yield self._events(path, response)

    def _must_be_usable(self) -> None:
        if self._unusable is not None:
            raise self._unusable
        if self.target.missing():
            raise not_there(self.target)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Raises what httpx raises as DaemonUnreachable. Never around a block of the caller's, which may use
        httpx itself.
        """
        try:
            yield
        except httpx.HTTPError as error:
            raise failure(self.target, told(error)) from error

    def _stream(self, request: Request) -> AbstractAsyncContextManager[httpx.Response]:
        return self._http.stream(
            request.method,
            request.path,
            headers=request.headers,
            content=request.content,
            timeout=httpx.Timeout(self._timeout, read=request.patience_secs, write=request.patience_secs),
        )

    async def _content(self, path: str, response: httpx.Response) -> bytes:
        body = Body(path)
        async for part in response.aiter_bytes():
            body.add(part)
        return body.content()

    async def _events(self, path: str, response: httpx.Response) -> AsyncIterator[Event]:
        parser, lines = EventParser(), EventLines(path)
        with self._failures():
            async for part in response.aiter_bytes():
                for line in lines.add(part):
                    if (event := parser.feed(line)) is not None:
                        yield event
