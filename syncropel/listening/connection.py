"""One HTTP connection: what it may send before its request is routed, and how long it may take."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, cast

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from syncropel.api.http.caller import RECOGNISED
from syncropel.api.http.tally import CLOSED_FOR_ROOM, LATE_HEADS, SLOW_BODIES, Tally
from syncropel.errors import BadRequest, SyncropelError, TooSlow
from syncropel.listening.connection_limit import ConnectionLimiter
from syncropel.listening.joined import JoinedWrites

KEEP_ALIVE_SECS: Final = 75
"""Longer than clients keep an idle connection, so that it is never closed just as a request is sent."""
HEAD_LIMIT_BYTES: Final = 64 * 1024
"""Limit on the target and headers of one request."""
MAX_PIPELINED: Final = 8
"""Requests that may be queued on a connection behind the current one: they cost their sender nothing."""
HEAD_LIMIT_SECS: Final = 10.0
"""From the first byte of a head to its last, and from a new connection to its first head."""
BODY_LOOK_SECS: Final = 10.0
BODY_LOOK_BYTES: Final = 10 * 1024
"""How much of a body must arrive between two checks. A body that was already answered has until the first
check.
"""

_AROUND_BYTES: Final = 2 * HEAD_LIMIT_BYTES
_AROUND_EACH: Final = 16
"""The allowance for bytes around a request's body: a constant, and this many for each byte of it."""
_SLOW_HINT: Final = "build the whole request before sending it"


class _TooMuch(Exception):
    """Raised inside the parser, which turns it into its own kind of error."""


class _Phase(Enum):
    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()


class _Flow(FlowControl):
    """Remembers that reading was paused: then a late body is not its sender's fault."""

    stood_still = False

    def pause_reading(self) -> None:
        self.stood_still = True
        super().pause_reading()


class Connection(HttpToolsProtocol):
    """One connection of a socket. It enforces its size and time limits and refuses malformed HTTP."""

    flow: _Flow

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        connections: ConnectionLimiter,
        tally: Tally,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {}, loop)
        self.stamp: dict[str, object] = {RECOGNISED: self._recognised}
        """Added to the scope of each request."""
        self._connections = connections
        self._tally = tally
        self._phase = _Phase.BETWEEN
        self._received = 0
        """Bytes since the last request ended; inside a head, at most those of one head."""
        self._body = 0
        """Of those, the bytes of the body itself, without its framing."""
        self._seen = 0
        """Of those, how many had arrived at the last check of the body."""
        self._timer: asyncio.TimerHandle | None = None
        """Runs while bytes are awaited: a first head, the rest of a head, the rest of a body."""
        self._turned_away = False
        self.hang_up: Callable[[], None] = lambda: None
        """Ends the connection at once; before there is a transport, that is up to whoever makes it."""
        self._account = ""

    def turn_away(self) -> None:
        self._turned_away = True
        self._stop_timer()
        self.hang_up()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", JoinedWrites(transport, self.loop))
        self.flow = _Flow(transport)
        self.hang_up = transport.abort
        if self._turned_away:
            transport.abort()
        else:
            self._timer = self.loop.call_later(HEAD_LIMIT_SECS, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._phase
        self._received += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        # An unfinished header is inside the parser, which only reports whole ones.
        if self._phase is not _Phase.BODY and self._received > HEAD_LIMIT_BYTES:
            self.send_400_response("")
        elif self._phase is _Phase.BODY and self._received > _AROUND_BYTES + _AROUND_EACH * self._body:
            self.send_400_response("")  # chunks of one byte are fine; endless trailers are not
        elif self._timer is None:
            self._start_timer(before)

    def _start_timer(self, before: _Phase) -> None:
        """Start waiting for the rest of what has begun. `before`: the phase before the last bytes came."""
        if self._phase is _Phase.BODY:
            self._seen = self._received
            self._timer = self.loop.call_later(BODY_LOOK_SECS, self._look_at_body)
        elif self._phase is _Phase.HEAD or (before is _Phase.BETWEEN and self._received):
            self._timer = self.loop.call_later(HEAD_LIMIT_SECS, self._head_is_late)
        elif self.timeout_keep_alive_task is None and self.cycle.response_complete:
            # Its answer was complete before its body, which has cleared the idle limit.
            self.timeout_keep_alive_task = self.loop.call_later(
                KEEP_ALIVE_SECS, self.timeout_keep_alive_handler
            )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def on_message_begin(self) -> None:
        self._phase = _Phase.HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        head_bytes = len(self.url) + sum([len(name) + len(value) for name, value in self.headers])
        if head_bytes > HEAD_LIMIT_BYTES:
            raise _TooMuch
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooMuch
        self._phase = _Phase.BODY
        self._stop_timer()
        self._connections.mark(self, busy=True)
        cast("dict[str, object]", self.scope).update(self.stamp)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._phase = _Phase.BETWEEN
        self._received = self._body = 0
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self._connections.mark(self, busy=False)
        super().on_response_complete()

    def _recognised(self, account: str) -> None:
        if account != self._account:
            self._account = account
            if self._connections.recognise(self, account):
                self._tally.note(CLOSED_FOR_ROOM)

    def _head_is_late(self) -> None:
        self._timer = None
        if self.flow.read_paused:  # its input waits with us, behind requests that are not answered yet
            self._timer = self.loop.call_later(HEAD_LIMIT_SECS, self._head_is_late)
            return
        self._tally.note(LATE_HEADS)
        if self._received:
            self._refuse(TooSlow(f"no complete request head came within {HEAD_LIMIT_SECS:g}s", _SLOW_HINT))
        else:
            self.transport.close()  # no request, so nothing to answer

    def _look_at_body(self) -> None:
        self._timer = None
        came, self._seen = self._received - self._seen, self._received
        flow = self.flow
        excused = flow.read_paused or flow.stood_still or self.cycle.waiting_for_100_continue
        flow.stood_still = False
        if not self.cycle.response_complete and (excused or came >= BODY_LOOK_BYTES):
            self._timer = self.loop.call_later(BODY_LOOK_SECS, self._look_at_body)
            return
        self._tally.note(SLOW_BODIES)
        if self.cycle.response_started:
            self.transport.close()
        else:
            rate = BODY_LOOK_BYTES / BODY_LOOK_SECS
            self._refuse(TooSlow(f"the body came slower than {rate:g} bytes a second", _SLOW_HINT))

    def send_400_response(self, msg: str) -> None:
        self._refuse(
            BadRequest(
                "invalid HTTP request",
                f"the target and the headers may have {HEAD_LIMIT_BYTES} bytes; escape what is not ASCII",
            )
        )

    def _refuse(self, told: SyncropelError) -> None:
        self.transport.write(refusal(told))
        self.transport.close()


def refusal(told: SyncropelError) -> bytes:
    """A complete response that refuses a request before routing; the connection is closed after it."""
    content = json.dumps(told.envelope()).encode()
    head = f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
    return bytes(STATUS_LINE[told.status]) + head.encode() + content
