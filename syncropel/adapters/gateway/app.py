"""The gateway as a web application: each request is checked, reserved, forwarded, metered, and settled.

Only exact paths are known, and only they are forwarded, to the address that the operator configured. The
answer is passed on chunk by chunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import httpx

from syncropel.adapters.gateway.answers import AnswerReader, Used
from syncropel.adapters.gateway.attempt import MOST_AT_ONCE, MOST_BODIES, Attempt
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.gateway.dialects import Asked, error_body, error_headers
from syncropel.adapters.gateway.quota import quota_of
from syncropel.adapters.gateway.refusals import STATUSES, Refusal, Refused, refused
from syncropel.adapters.models.words import part, text
from syncropel.adapters.reading import shortened
from syncropel.errors import SetupError

log = logging.getLogger("syncropel.engine.gateway")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ABORT: Final = "syncropel.abort"
"""Scope member: closes the connection of the request at once."""
KNOWN: Final = "syncropel.known"
"""Scope member: says whose the connection is, so that one attempt cannot take the room of others."""
MOST_BODY: Final = 32 * 1024 * 1024
"""Longest body of a request; providers accept no more."""
_MOST_ERROR: Final = 1024 * 1024
_ERROR_SECS: Final = 30.0
_PARSED_HERE: Final = 64 * 1024
_QUERY: Final = re.compile(rb"[A-Za-z0-9_=&.-]{0,200}")
_REDIRECTS: Final = range(300, 400)
_ERRORS: Final = 400
_SENT_ON: Final = frozenset(
    {
        b"accept",
        b"content-type",
        b"user-agent",
        b"originator",
        b"session-id",
        b"thread-id",
        b"x-app",
    }
)
_SENT_ON_AS: Final = (b"anthropic-", b"openai-beta", b"x-stainless-", b"x-claude-", b"x-codex-", b"x-client-")
_PASSED_BACK: Final = ("content-type", "content-length", "content-encoding", "retry-after", "retry-after-ms")
_PASSED_BACK_AS: Final = (
    "request-id",
    "x-request-id",
    "x-should-retry",
    "anthropic-",
    "x-ratelimit-",
    "openai-",
)


class GatewayApp:
    """Serves the agents of one instance."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(self._gateway, scope, receive, send).run()


class _Exchange:
    """One request and its answer."""

    def __init__(self, gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
        self._gateway = gateway
        self._scope = scope
        self._receive = receive
        self._send = send
        self._began = False
        """Whether the head of a response was sent."""
        self._streams = False
        self._left = False
        self._attempt: Attempt | None = None
        self._body = 0
        self._watch: asyncio.Task[None] | None = None

    async def run(self) -> None:
        if self._aborted():
            return
        try:
            await self._answer()
        except Refused as stop:
            await self._refuse(stop.refusal)
        except asyncio.CancelledError:
            attempt = self._attempt
            if self._left:
                return
            if self._aborted():
                return
            if attempt is None or attempt.closed is None:
                raise
            # Cut, and not by this daemon's shutdown: the agent is told, if it still listens.
            asyncio.current_task().uncancel()  # type: ignore[union-attr]
            await self._refuse(attempt.closed)
        finally:
            if self._watch is not None:
                self._watch.cancel()
            self._leave()

    def _aborted(self) -> bool:
        """Close the connection without a response when the agent should ask the next daemon."""
        if self._gateway.leaving:
            self._scope.get(ABORT, _nothing)()
        return self._gateway.leaving

    async def _answer(self) -> None:
        scope = self._scope
        if scope["method"] == "HEAD" and scope["raw_path"] == b"/":
            await self._whole(200, {}, b"")  # claude checks whether a server is there
            return
        self._attempt = attempt = self._known()
        scope.get(KNOWN, _nothing)(attempt.sha256)
        dialect, method = attempt.upstream.dialect, str(scope["method"])
        path = bytes(scope["raw_path"]).decode("latin-1")
        asks = method == "POST" and path in dialect.asks
        if not asks and (method, path) not in dialect.free:
            raise refused("unknown", f"{method} of this path is not sent on")
        if not _QUERY.fullmatch(scope["query_string"]):
            raise refused("invalid", "this query is not sent on")
        self._enter(attempt)
        raw = await self._read_body()
        self._begin_to_watch()
        body = await _parsed(raw) if method == "POST" else {}
        if (refusal := attempt.closed or self._gateway.refusal(attempt.upstream)) is not None:
            raise attempt.refuse(refusal)
        if asks:
            await self._ask(attempt, raw, dialect.read(body, len(raw)))
        else:
            await self._forward(attempt, raw, None)

    def _known(self) -> Attempt:
        """Whose token this is. Raises Refused."""
        shown = []
        for name, value in self._scope["headers"]:
            if name == b"x-api-key":
                shown.append(value.decode("latin-1"))
            elif name == b"authorization":
                kind, _, token = value.decode("latin-1").partition(" ")
                shown.append(token.strip() if kind.lower() == "bearer" else "")
        attempt = self._gateway.find(shown[0]) if len(shown) == 1 else None
        if attempt is None:
            raise refused("unauthorized", "this is no token of an attempt that runs here")
        return attempt

    def _enter(self, attempt: Attempt) -> None:
        if attempt.at_once >= MOST_AT_ONCE:
            self._attempt = None
            told = f"{MOST_AT_ONCE} requests of this attempt are under way"
            raise attempt.refuse(Refusal("busy", told, retry_after=1))
        attempt.at_once += 1
        task = asyncio.current_task()
        assert task is not None
        attempt.tasks.add(task)

    def _leave(self) -> None:
        if self._attempt is None or (task := asyncio.current_task()) not in self._attempt.tasks:
            return
        self._attempt.tasks.discard(task)
        self._attempt.at_once -= 1
        self._attempt.bodies -= self._body

    async def _read_body(self) -> bytes:
        headers = dict(self._scope["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise refused("invalid", "a compressed request cannot be metered: send it as it is")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._left = True
                raise asyncio.CancelledError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            self._keep(len(parts[-1]))
            if size > MOST_BODY:
                raise refused("too_large", f"a request may have {MOST_BODY} bytes")
            if not message.get("more_body", False):
                return b"".join(parts)

    def _keep(self, size: int) -> None:
        assert self._attempt is not None
        self._body += size
        self._attempt.bodies += size
        if self._attempt.bodies > MOST_BODIES:
            told = f"the requests of this attempt have more than {MOST_BODIES} bytes"
            raise self._attempt.refuse(Refusal("busy", told, retry_after=1))

    def _begin_to_watch(self) -> None:
        """Stop when the agent disconnects: what it does not wait for must not be paid for."""
        carrier = asyncio.current_task()
        assert carrier is not None

        async def watch() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            self._left = True
            carrier.cancel()

        self._watch = asyncio.create_task(watch())

    async def _ask(self, attempt: Attempt, raw: bytes, asked: Asked) -> None:
        try:
            number = await attempt.admit(asked)
        except OSError as error:
            raise refused("unreachable", f"the account cannot be written: {error.strerror}") from None
        carried = _Carried()
        try:
            await self._forward(attempt, raw, carried)
        finally:
            carried.settle_late(attempt, number, asked)

    async def _forward(self, attempt: Attempt, raw: bytes, carried: _Carried | None) -> None:
        upstream, scope = attempt.upstream, self._scope
        try:
            key = self._gateway.key(upstream)
        except SetupError as error:
            log.error("the gateway has no key for %s: %s", upstream.provider, error.message)
            raise refused("unreachable", f"the gateway has no key for {upstream.provider}") from None
        query = f"?{scope['query_string'].decode('ascii')}" if scope["query_string"] else ""
        url = f"{upstream.url}{scope['raw_path'].decode('latin-1')}{query}"
        own = {**upstream.dialect.headers(key), "accept-encoding": "identity"}
        headers = [
            *_sent_on(scope["headers"]),
            *((name.encode(), text.encode()) for name, text in own.items()),
        ]
        client = self._gateway.client
        try:
            request = client.build_request(scope["method"], url, headers=headers, content=raw)
            if carried is not None:
                carried.sent = True
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if carried is not None:
                    carried.sent = False  # it never left
                raise
            async with contextlib.aclosing(response):
                await self._pass_back(attempt, response, carried, key)
        except httpx.TimeoutException:
            raise refused("timeout", f"{upstream.provider} does not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise refused("unreachable", f"{upstream.provider}: {type(error).__name__}") from None

    async def _pass_back(
        self, attempt: Attempt, response: httpx.Response, carried: _Carried | None, key: str
    ) -> None:
        status, headers = response.status_code, response.headers
        if status in _REDIRECTS:
            raise refused("unreachable", f"{attempt.upstream.provider} sends elsewhere: set provider_url")
        if status != 200:
            if carried is not None and status >= _ERRORS:
                carried.sent = False  # an error costs nothing
            await self._pass_error(attempt, response, key)
            return
        content_type = headers.get("content-type", "")
        reader = None
        if carried is not None:
            reader = carried.reader = attempt.upstream.dialect.reader(
                content_type, headers.get("content-encoding", "")
            )
        self._streams = content_type.startswith("text/event-stream")
        await self._head(status, _passed_back(headers))
        async for piece in response.aiter_raw():
            if reader is not None:
                reader.feed(piece)
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        if carried is not None:
            await carried.read()
        await self._send({"type": "http.response.body", "body": b""})

    async def _pass_error(self, attempt: Attempt, response: httpx.Response, key: str) -> None:
        body = bytearray()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ERROR_SECS):
                async for piece in response.aiter_bytes():
                    body += piece[: _MOST_ERROR - len(body)]
                    if len(body) >= _MOST_ERROR:
                        break
        told = bytes(body).replace(key.encode(), b"(the key)")
        headers = {
            name: value for name, value in _passed_back(response.headers).items() if "content-" not in name
        }
        spent = quota_of(response.status_code, response.headers, _json(told), self._gateway.runtime.now())
        if spent is not None:
            self._gateway.hear(attempt.upstream.provider, spent, True)
            # This makes the agent end: after the provider's own error it may wait silently for the reset.
            words = shortened(text(part(part(_json(told)).get("error")).get("message")))
            because = f"the quota of {attempt.upstream.provider} is spent{f': {words}' if words else ''}"
            raise attempt.refuse(Refusal("quota", because, "rate_limited"))
        kind = response.headers.get("content-type", "application/json")
        await self._whole(response.status_code, {**headers, "content-type": kind}, told)

    async def _refuse(self, refusal: Refusal) -> None:
        if not self._began:
            ends = self._attempt.upstream.dialect.spent if self._attempt is not None else ""
            body = json.dumps(error_body(refusal, ends)).encode()
            headers = {"content-type": "application/json", **error_headers(refusal)}
            await self._whole(STATUSES[refusal.kind], headers, body)
        elif self._streams and self._attempt is not None:
            event = self._attempt.upstream.dialect.event(refusal)
            await self._send({"type": "http.response.body", "body": b"\n\n" + event})
        else:
            self._scope.get(ABORT, _nothing)()

    async def _whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        await self._head(status, {**headers, "content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body})

    async def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self._began = True
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})


class _Carried:
    """What is known of a forwarded request. `sent`: whether it may cost something."""

    def __init__(self) -> None:
        self.sent = False
        self.reader: AnswerReader | None = None
        self._used: Used | None = None

    async def read(self) -> None:
        """Parse the rest of the answer, now that it is complete."""
        assert self.reader is not None
        self._used = (
            await asyncio.to_thread(self.reader.finish) if self.reader.large else self.reader.finish()
        )

    def settle_late(self, attempt: Attempt, number: int, asked: Asked) -> None:
        """Settle what was not settled, however it ended: an answer that was cut is incomplete."""
        used = self._used
        if used is None and self.sent:
            used = self.reader.used() if self.reader is not None else Used()
        try:
            attempt.settle(number, asked, used)
        except OSError as error:  # this daemon's account has it; the next one treats it as unknown
            log.error("the journal of a run cannot be written: %s", error.strerror)


async def _parsed(raw: bytes) -> dict[str, Any]:
    """The request's JSON object. Raises Refused."""
    found = _json(raw) if len(raw) <= _PARSED_HERE else await asyncio.to_thread(_json, raw)
    if not isinstance(found, dict):
        raise refused("invalid", "a request must be a JSON object")
    return found


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _sent_on(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name in _SENT_ON or name.startswith(_SENT_ON_AS)]


def _passed_back(headers: httpx.Headers) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name in _PASSED_BACK or name.startswith(_PASSED_BACK_AS)
    }


def _nothing(*_: object) -> None:
    """Stand-in where no server is interested in the connection."""
