"""Sends spans as OpenTelemetry's protocol has them: OTLP over HTTP, in protobuf.

The encoding is OpenTelemetry's own (extra `otel`); the request is ours, so that it is known why one failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import httpx

from syncropel import __version__
from syncropel.errors import SetupError
from syncropel.folds.tasks.spans import Span
from syncropel.settings.adapters import read_private

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

TIMEOUT_SECS: Final = 10.0
_NANOS: Final = 1_000_000_000
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_SUCCESS: Final = range(200, 300)


class NotTaken(Exception):
    """Raised when spans were not taken. `again`: they may be taken later. `after`: not before so many
    seconds, as the endpoint asks.
    """

    def __init__(self, message: str, *, again: bool, after: float = 0.0) -> None:
        super().__init__(message)
        self.again = again
        self.after = after


def need_library() -> None:
    """Raise SetupError where the extra is not installed."""
    for name in ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.common"):
        try:
            found = find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise SetupError(
                "[traces] endpoint needs OpenTelemetry, which is not installed",
                "pip install 'syncropel-console[otel]'",
            )


def header_in(path: Path | None) -> dict[str, str]:
    """The header in a file that only its owner may read. Raises SetupError."""
    if path is None:
        return {}
    text = read_private(path, f"the header file {path}")
    name, colon, value = text.partition(":")
    name = name.strip()
    if not colon or not name or not name.replace("-", "").isalnum() or not name.isascii():
        raise SetupError(f"{path} is not a header", "one line, such as Authorization: Bearer TOKEN")
    return {name: value.strip()}


class Otlp:
    """One endpoint. `instance`: the DID and alias of who sends. `transport` replaces the network in tests."""

    def __init__(
        self,
        endpoint: str,
        header_file: Path | None,
        instance: tuple[str, str],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._header_file = header_file
        self._instance = instance
        self._transport = transport

    async def send(self, spans: Sequence[Span]) -> None:
        """Send them in one request. Raises NotTaken, SetupError."""
        headers = header_in(self._header_file)  # each time: a token is renewed while the daemon runs
        content = await asyncio.to_thread(self.encoded, spans)
        headers["content-type"] = "application/x-protobuf"
        try:
            async with httpx.AsyncClient(
                timeout=TIMEOUT_SECS, transport=self._transport, follow_redirects=False
            ) as client:
                answer = await client.post(self._endpoint, content=content, headers=headers)
        except httpx.HTTPError as error:
            told = str(error) or type(error).__name__
            raise NotTaken(f"{self._endpoint} cannot be reached: {told}", again=True) from None
        if answer.status_code in _SUCCESS:
            return
        again = answer.status_code == _TOO_MANY or answer.status_code >= _SERVER_ERROR
        told = f"{self._endpoint} answered {answer.status_code} {answer.reason_phrase}"
        raise NotTaken(told, again=again, after=_retry_after(answer))

    def encoded(self, spans: Sequence[Span]) -> bytes:
        """The body of a request. Raises SetupError."""
        need_library()
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        resource = _resource(*self._instance)
        content: bytes = encode_spans([_readable(one, resource) for one in spans]).SerializeToString()
        return content


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0.0


@lru_cache(maxsize=4)
def _resource(did: str, alias: str) -> Resource:
    from opentelemetry.sdk.resources import Resource

    # The constructor, and not `create`: that takes over the environment of whoever started the daemon.
    return Resource(
        {
            "service.name": "syncropel",
            "service.version": __version__,
            "service.instance.id": did,
            **({"syncropel.alias": alias} if alias else {}),
        }
    )


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(id_: str) -> SpanContext:
        return SpanContext(int(span.trace, 16), int(id_, 16), False, TraceFlags(TraceFlags.SAMPLED))

    status = Status(StatusCode.ERROR, span.problem) if span.problem else Status(StatusCode.OK)
    attributes: dict[str, Any] = {
        key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for key, value in span.attributes.items()
    }
    return ReadableSpan(
        span.name,
        context(span.id),
        context(span.parent) if span.parent else None,
        resource,
        attributes,
        kind=SpanKind.INTERNAL,
        status=status,
        start_time=round(span.began_at * _NANOS),
        end_time=round(span.ended_at * _NANOS),
        instrumentation_scope=InstrumentationScope("syncropel", __version__),
    )
