"""Sends calls over HTTP and waits: retries, limits, and server-sent events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

from syncropel.client import foreign_answers
from syncropel.client.events import Event, EventParser
from syncropel.client.foreign_answers import EVENTS
from syncropel.client.limits import Body, EventLines
from syncropel.client.lines import (
    Line,
    LineError,
    NoAnswerInTime,
    NoSocket,
    NotConnected,
    Request,
    Response,
    Untrusted,
)
from syncropel.client.local import LocalLine
from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError
from syncropel.wire.start_words import STARTING
from syncropel.wire.version import HEADER

if TYPE_CHECKING:
    import httpx

    from syncropel.client.calls import Answer, Call
    from syncropel.client.target import Target

TIMEOUT_SECS: Final = 10.0
STARTING_POLL_SECS: Final = 0.25
STREAM_SILENCE_SECS: Final = 45.0  # heartbeats come every 30 s; longer silence means a dead line
RETRIES: Final = 2


def not_there(target: Target) -> DaemonNotRunning:
    return DaemonNotRunning(f"no daemon is running at {target.home}", "start it: spl serve")


def failure(target: Target, error: LineError) -> DaemonUnreachable:
    if target.missing():
        return not_there(target)
    if isinstance(error, Untrusted):
        problem = error.problem
        return DaemonUnreachable(f"{target.name}: {problem.told}", problem.hint, code=problem.code)
    if isinstance(error, NotConnected):
        return DaemonNotRunning(
            f"no daemon answers at {target.name}", "start it: spl serve  (or: spl fleet start --workers 2)"
        )
    if isinstance(error, NoSocket):
        return DaemonUnreachable(
            f"cannot open a connection to {target.name}: {error}",
            "close other programs, or raise the limit of open files: ulimit -n",
        )
    if isinstance(error, NoAnswerInTime):
        return DaemonUnreachable(
            f"{target.name} gave no answer in time", "is it busy or stopped? see: spl status"
        )
    return DaemonUnreachable(
        f"the connection to {target.name} broke: {error}",
        "was the daemon stopped just now? see: spl status",
    )


def decode(call: Call[Answer], response: Response, content: bytes) -> Answer:
    if response.is_success:
        from syncropel.client import reading  # imports pydantic: the daemon has the request by now

        foreign_answers.check_answer(call.path, response.headers)
        return reading.answer(call.answer, call.path, content)
    raise remote_error(call.path, response, content)


def remote_error(path: str, response: Response, content: bytes) -> RemoteError | DaemonUnreachable:
    status = response.status_code
    try:
        body = json.loads(content)
        line, column = body.get("line"), body.get("column")
        place = (line, column) if type(line) is int and type(column) is int else None
        return RemoteError(status, body["type"], body["code"], body["message"], body.get("hint", ""), place)
    except (ValueError, KeyError, TypeError, AttributeError):
        return foreign_answers.refusal(path, status, response.headers)


def may_ask_again(error: RemoteError, deadline: float) -> bool:
    """Whether a daemon only has to be waited for: it reads its log, and has not looked at the request."""
    return error.code == STARTING and time.monotonic() + STARTING_POLL_SECS < deadline


def _signed(body: Any, target: Target) -> Any:
    """The body without an actor, where the daemon derives it from the token."""
    if isinstance(body, dict) and "actor" in body and not (target.actor and body["actor"]):
        return {key: value for key, value in body.items() if key != "actor"}
    return body


def request_of(call: Call[Any], target: Target, patience_secs: float) -> Request:
    """A call as a request to this daemon. `patience_secs`: where the call itself says nothing."""
    path, content, headers = call.path, call.lines, dict(target.headers)
    if call.query:
        query = {
            key: str(one).lower() if one is True or one is False else one for key, one in call.query.items()
        }
        path += ("&" if "?" in path else "?") + urlencode(query)
    if call.lines is not None:
        headers["content-type"] = "application/x-ndjson"
    elif call.body is not None:
        signed = _signed(call.body, target)
        content = json.dumps(signed, ensure_ascii=False, allow_nan=False).encode()
        headers["content-type"] = "application/json"
    return Request(call.method, path, headers, content, call.patience_secs or patience_secs)


def stream_of(path: str, target: Target, last_id: str, bearer: str = "") -> Request:
    """The request for an event stream. `bearer`: its token, if that is not the target's."""
    headers = {**target.headers, "accept": EVENTS}
    if last_id:
        headers["last-event-id"] = last_id
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    return Request("GET", path, headers, None, STREAM_SILENCE_SECS)


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
        self._timeout = timeout
        self._on_version = on_version
        self._line = _line(target, timeout, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._line.close()

    def send(self, call: Call[Answer]) -> Answer:
        """Send and decode. Raises RemoteError for an error answer, DaemonUnreachable when there is none.

        A daemon that still reads its log is asked again, for as long as an answer may take.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self._send(call)
            except RemoteError as error:
                if not may_ask_again(error, deadline):
                    raise
                time.sleep(STARTING_POLL_SECS)

    def _send(self, call: Call[Answer]) -> Answer:
        if self.target.missing():
            raise not_there(self.target)
        request = request_of(call, self.target, self._timeout)
        for attempt in range(RETRIES + 1):
            try:
                with self._line.stream(request) as response:
                    self._look_at_version(response)
                    return decode(call, response, self._content(call.path, response))
            except LineError as error:
                if not (error.again and call.repeatable and attempt < RETRIES):
                    raise failure(self.target, error) from error
        raise AssertionError("unreachable")

    @contextmanager
    def watch(self, path: str, last_id: str = "") -> Iterator[Iterator[Event]]:
        """Open an event stream; the block gets an iterator of events. Raises as `send`."""
        if self.target.missing():
            raise not_there(self.target)
        try:
            with self._line.stream(stream_of(path, self.target, last_id)) as response:
                self._look_at_version(response)
                if not response.is_success:
                    raise remote_error(path, response, self._content(path, response))
                foreign_answers.check_stream(path, response.headers)
                yield self._events(path, response)
        except LineError as error:
            raise failure(self.target, error) from error

    @contextmanager
    def download(self, path: str, patience_secs: float) -> Iterator[Download]:
        """GET something other than a JSON document. Raises as `send`, also while the block reads the chunks.

        `patience_secs`: how long each chunk may take.
        """
        if self.target.missing():
            raise not_there(self.target)
        request = Request("GET", path, self.target.headers, None, patience_secs)
        try:
            with self._line.stream(request) as response:
                self._look_at_version(response)
                if not response.is_success:
                    raise remote_error(path, response, self._content(path, response))
                yield Download(response.headers, response.iter_bytes())
        except LineError as error:
            raise failure(self.target, error) from error

    def _look_at_version(self, response: Response) -> None:
        if self._on_version is not None and (version := response.headers.get(HEADER)):
            self._on_version(version)

    def _content(self, path: str, response: Response) -> bytes:
        body = Body(path)
        for part in response.iter_bytes():
            body.add(part)
        return body.content()

    def _events(self, path: str, response: Response) -> Iterator[Event]:
        parser, lines = EventParser(), EventLines(path)
        for part in response.iter_bytes():
            for line in lines.add(part):
                if (event := parser.feed(line)) is not None:
                    yield event


def _line(target: Target, timeout: float, transport: httpx.BaseTransport | None) -> Line:
    if transport is None and target.socket is not None and not target.url:
        return LocalLine(target.socket, timeout)
    from syncropel.client.remote import HttpxLine  # imports httpx, which takes as long as a short command

    return HttpxLine(target, timeout, transport)
