"""Sends calls over HTTP: retries, limits, and server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from syncropel.client import foreign_answers
from syncropel.client.events import Event, EventParser
from syncropel.client.limits import Body, EventLines
from syncropel.client.queueing import Queueing
from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError
from syncropel.wire.version import HEADER

if TYPE_CHECKING:
    from syncropel.client.calls import Answer, Call
    from syncropel.client.target import Target

TIMEOUT_SECS: Final = 10.0
STREAM_SILENCE_SECS: Final = 45.0  # heartbeats come every 30 s; longer silence means a dead line
_RETRIES: Final = 2


def _not_there(target: Target) -> DaemonNotRunning:
    return DaemonNotRunning(f"no daemon is running at {target.home}", "start it: spl serve")


def _failure(target: Target, error: Exception) -> DaemonUnreachable:
    if target.missing():
        return _not_there(target)
    if isinstance(error, httpx.ConnectError):
        return DaemonNotRunning(
            f"no daemon answers at {target.name}", "start it: spl serve  (or: spl fleet start --workers 2)"
        )
    if isinstance(error, httpx.TimeoutException):
        return DaemonUnreachable(
            f"{target.name} gave no answer in time", "is it busy or stopped? see: spl status"
        )
    return DaemonUnreachable(
        f"the connection to {target.name} broke: {error or type(error).__name__}",
        "was the daemon stopped just now? see: spl status",
    )


def _decode(call: Call[Answer], response: httpx.Response, content: bytes) -> Answer:
    if response.is_success:
        from syncropel.client import reading  # imports pydantic: the daemon has the request by now

        foreign_answers.check_answer(call.path, response.headers)
        return reading.answer(call.answer, call.path, content)
    raise _remote_error(call.path, response, content)


def _remote_error(path: str, response: httpx.Response, content: bytes) -> RemoteError | DaemonUnreachable:
    status = response.status_code
    try:
        body = json.loads(content)
        line, column = body.get("line"), body.get("column")
        place = (line, column) if type(line) is int and type(column) is int else None
        return RemoteError(status, body["type"], body["code"], body["message"], body.get("hint", ""), place)
    except (ValueError, KeyError, TypeError, AttributeError):
        return foreign_answers.refusal(path, status, response.headers)


def _signed(body: Any, target: Target) -> Any:
    """The body without an actor, where the daemon derives it from the token."""
    if isinstance(body, dict) and "actor" in body and not (target.actor and body["actor"]):
        return {key: value for key, value in body.items() if key != "actor"}
    return body


def _request(call: Call[Any], target: Target) -> dict[str, Any]:
    request: dict[str, Any] = {"method": call.method, "url": call.path}
    if call.query:
        request["params"] = dict(call.query)
    if call.body is not None:
        request["content"] = json.dumps(
            _signed(call.body, target), ensure_ascii=False, allow_nan=False
        ).encode()
        request["headers"] = {"content-type": "application/json"}
    if call.lines is not None:
        request["content"] = call.lines
        request["headers"] = {"content-type": "application/x-ndjson"}
    if call.patience_secs is not None:
        request["timeout"] = httpx.Timeout(TIMEOUT_SECS, read=call.patience_secs, write=call.patience_secs)
    return request


def _stream_headers(last_id: str, bearer: str = "") -> dict[str, str]:
    headers = {"accept": "text/event-stream"}
    if last_id:
        headers["last-event-id"] = last_id
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    return headers


_STREAM_TIMEOUT: Final = httpx.Timeout(TIMEOUT_SECS, read=STREAM_SILENCE_SECS)


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is not a JSON document: its headers, and its bytes in chunks."""

    headers: Mapping[str, str]
    pieces: Iterator[bytes]


class Client:
    """Blocking client. Use one per process; it keeps connections alive. Close it, or use it in a `with`
    block.

    `transport` replaces the network in tests. `on_version` is called with the daemon's version for each
    answer that states it.
    """

    def __init__(
        self,
        target: Target,
        *,
        timeout: float = TIMEOUT_SECS,
        transport: httpx.BaseTransport | None = None,
        on_version: Callable[[str], None] | None = None,
    ) -> None:
        self.target = target
        self._on_version = on_version
        uds = str(target.socket) if target.socket and not target.url else None
        self._http = httpx.Client(
            base_url=target.base_url,
            headers=target.headers,
            timeout=timeout,
            trust_env=False,
            transport=transport or Queueing(httpx.HTTPTransport(uds=uds, verify=target.encrypted)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call[Answer]) -> Answer:
        """Send and decode. Raises RemoteError for an error answer, DaemonUnreachable when there is none."""
        if self.target.missing():
            raise _not_there(self.target)
        for attempt in range(_RETRIES + 1):
            try:
                with self._http.stream(**_request(call, self.target)) as response:
                    self._look_at_version(response)
                    return _decode(call, response, self._content(call.path, response))
            except httpx.HTTPError as error:
                broken = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)
                if not (broken and call.repeatable and attempt < _RETRIES):
                    raise _failure(self.target, error) from error
        raise AssertionError("unreachable")

    @contextmanager
    def watch(self, path: str, last_id: str = "") -> Iterator[Iterator[Event]]:
        """Open an event stream; the block gets an iterator of events. Raises as `send`."""
        if self.target.missing():
            raise _not_there(self.target)
        try:
            with self._http.stream(
                "GET", path, headers=_stream_headers(last_id), timeout=_STREAM_TIMEOUT
            ) as response:
                self._look_at_version(response)
                if not response.is_success:
                    raise _remote_error(path, response, self._content(path, response))
                foreign_answers.check_stream(path, response.headers)
                yield self._events(path, response)
        except httpx.HTTPError as error:
            raise _failure(self.target, error) from error

    @contextmanager
    def download(self, path: str, patience_secs: float) -> Iterator[Download]:
        """GET something other than a JSON document. Raises as `send`, also while the block reads the chunks.

        `patience_secs`: how long each chunk may take.
        """
        if self.target.missing():
            raise _not_there(self.target)
        timeout = httpx.Timeout(TIMEOUT_SECS, read=patience_secs)
        try:
            with self._http.stream("GET", path, timeout=timeout) as response:
                self._look_at_version(response)
                if not response.is_success:
                    raise _remote_error(path, response, self._content(path, response))
                yield Download(response.headers, response.iter_bytes())
        except httpx.HTTPError as error:
            raise _failure(self.target, error) from error

    def _look_at_version(self, response: httpx.Response) -> None:
        if self._on_version is not None and (version := response.headers.get(HEADER)):
            self._on_version(version)

    def _content(self, path: str, response: httpx.Response) -> bytes:
        body = Body(path)
        for part in response.iter_bytes():
            body.add(part)
        return body.content()

    def _events(self, path: str, response: httpx.Response) -> Iterator[Event]:
        parser, lines = EventParser(), EventLines(path)
        for part in response.iter_bytes():
            for line in lines.add(part):
                if (event := parser.feed(line)) is not None:
                    yield event


class AsyncClient:
    """The same, for an event loop."""

    def __init__(
        self,
        target: Target,
        *,
        timeout: float = TIMEOUT_SECS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.target = target
        uds = str(target.socket) if target.socket and not target.url else None
        self._http = httpx.AsyncClient(
            base_url=target.base_url,
            headers=target.headers,
            timeout=timeout,
            trust_env=False,
            transport=transport or httpx.AsyncHTTPTransport(uds=uds, verify=target.encrypted),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, call: Call[Answer]) -> Answer:
        """Send and decode. Raises RemoteError for an error answer, DaemonUnreachable when there is none."""
        if self.target.missing():
            raise _not_there(self.target)
        for attempt in range(_RETRIES + 1):
            try:
                async with self._http.stream(**_request(call, self.target)) as response:
                    return _decode(call, response, await self._content(call.path, response))
            except httpx.HTTPError as error:
                broken = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)
                if not (broken and call.repeatable and attempt < _RETRIES):
                    raise _failure(self.target, error) from error
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def watch(
        self, path: str, last_id: str = "", *, bearer: str = ""
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Open an event stream; the block gets an async iterator of events. Raises as `send`.

        `bearer`: the token for this stream, if it is not the target's.
        """
        if self.target.missing():
            raise _not_there(self.target)
        try:
            async with self._http.stream(
                "GET", path, headers=_stream_headers(last_id, bearer), timeout=_STREAM_TIMEOUT
            ) as response:
                if not response.is_success:
                    content = await self._content(path, response)
                    raise _remote_error(path, response, content)
                foreign_answers.check_stream(path, response.headers)
                yield self._events(path, response)
        except httpx.HTTPError as error:
            raise _failure(self.target, error) from error

    async def _content(self, path: str, response: httpx.Response) -> bytes:
        body = Body(path)
        async for part in response.aiter_bytes():
            body.add(part)
        return body.content()

    async def _events(self, path: str, response: httpx.Response) -> AsyncIterator[Event]:
        parser, lines = EventParser(), EventLines(path)
        async for part in response.aiter_bytes():
            for line in lines.add(part):
                if (event := parser.feed(line)) is not None:
                    yield event
