"""The time that a connection may take over a request, on a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from syncropel.api.http.caller import RECOGNISED
from syncropel.api.http.tally import LATE_HEADS, SLOW_BODIES, Tally
from syncropel.listening.connection import (
    BODY_LOOK_BYTES,
    BODY_LOOK_SECS,
    HEAD_LIMIT_SECS,
    KEEP_ALIVE_SECS,
    MAX_PIPELINED,
    Connection,
)
from syncropel.listening.connection_limit import ConnectionLimiter

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
PIECE = b"x" * (BODY_LOOK_BYTES + 1)


class Timer:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Timers and tasks of an event loop, without the loop."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def call_later(self, secs: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + secs, call))
        return self.timers[-1]

    def call_soon(self, call: Callable[[], None]) -> Timer:
        return self.call_later(0.0, call)

    def create_task(self, work: Any, **_: Any) -> asyncio.Future[None]:
        work.close()  # the app never answers, unless the test lets it
        return asyncio.get_running_loop().create_future()

    def turn(self, secs: float) -> None:
        until = self.now + secs
        while due := [one for one in self.timers if not one.cancelled and one.at <= until]:
            first = min(due, key=lambda one: one.at)
            self.timers.remove(first)
            self.now = first.at
            first.call()
        self.now = until


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.aborted = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Line:
    """A connection that has just been made."""

    def __init__(self) -> None:
        self.loop, self.transport, self.tally, self.connections = (
            Loop(),
            Transport(),
            Tally(),
            ConnectionLimiter(10),
        )
        config = uvicorn.Config(
            _app, http="httptools", lifespan="off", log_config=None, timeout_keep_alive=KEEP_ALIVE_SECS
        )
        self.connection = Connection(config, ServerState(), self.connections, self.tally, self.loop)  # type: ignore[arg-type]
        self.connections.enter(self.connection)
        self.connection.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        if not self.transport.closed:
            self.connection.data_received(data)

    def answer(self) -> None:
        """The app answers the request that is under way."""
        self.connection.cycle.response_started = self.connection.cycle.response_complete = True
        self.connection.on_response_complete()

    def open_after(self, secs: float) -> bool:
        self.loop.turn(secs)
        return not self.transport.closed


async def _app(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.fixture
async def line() -> Line:
    return Line()


async def test_a_first_head_is_awaited_for_its_time_and_no_longer(line: Line) -> None:
    assert line.open_after(HEAD_LIMIT_SECS - 0.1)
    assert not line.open_after(0.2)
    assert line.transport.written == b"", "nothing was asked, so nothing is answered"
    assert line.tally.counts()[LATE_HEADS] == 1


@pytest.mark.parametrize("piece", [b"\r\n", b"x: y\r\n"])
async def test_a_head_that_trickles_in_has_no_more_time(line: Line, piece: bytes) -> None:
    if piece != b"\r\n":
        line.send(b"GET / HTTP/1.1\r\n")
    for _ in range(int(HEAD_LIMIT_SECS) - 1):
        assert line.open_after(1)
        line.send(piece)
    assert not line.open_after(1.1)
    assert line.transport.written.startswith(b"HTTP/1.1 408 ")


async def test_between_requests_a_connection_may_be_idle(line: Line) -> None:
    line.send(GET)
    assert line.open_after(1000), "an answer may take its time"
    line.answer()
    assert line.open_after(KEEP_ALIVE_SECS - 1)
    line.send(GET[:10])
    assert line.open_after(HEAD_LIMIT_SECS - 0.1)
    assert not line.open_after(0.2)


async def test_stray_bytes_between_requests_do_not_keep_it_open(line: Line) -> None:
    line.send(GET)
    line.answer()
    for _ in range(9):
        line.send(b"\r\n")
        assert line.open_after(1)
    line.send(b"\r\n")
    assert not line.open_after(1.1)


async def test_the_head_of_a_second_request_has_its_time_while_the_first_is_at_work(line: Line) -> None:
    line.send(GET + GET[:5])
    assert line.open_after(HEAD_LIMIT_SECS - 0.1)
    assert not line.open_after(0.2)


async def test_a_head_that_waits_with_us_is_not_late(line: Line) -> None:
    line.send(GET + GET + GET[:5])  # after the second one is queued, no more is read
    assert line.connection.flow.read_paused
    assert line.open_after(HEAD_LIMIT_SECS * 3)


async def test_a_body_that_keeps_coming_may_take_as_long_as_it_needs(line: Line) -> None:
    line.send(HEAD)
    for _ in range(20):
        line.send(PIECE)
        assert line.open_after(BODY_LOOK_SECS)


async def test_a_body_that_trickles_in_is_refused(line: Line) -> None:
    line.send(HEAD)
    for _ in range(int(BODY_LOOK_SECS) - 1):
        line.send(b"x")
        assert line.open_after(1)
    assert not line.open_after(1.1)
    assert line.transport.written.startswith(b"HTTP/1.1 408 ")
    assert line.tally.counts()[SLOW_BODIES] == 1


async def test_a_body_that_we_do_not_read_is_not_slow(line: Line) -> None:
    line.send(HEAD + b"x" * 70_000)
    assert line.connection.flow.read_paused
    assert line.open_after(BODY_LOOK_SECS * 3)
    line.connection.flow.resume_reading()
    assert line.open_after(BODY_LOOK_SECS - 0.1), "what stood still counts for one more look"
    assert not line.open_after(BODY_LOOK_SECS * 2)


async def test_a_body_that_waits_for_our_word_is_not_slow(line: Line) -> None:
    line.send(HEAD[:-2] + b"expect: 100-continue\r\n\r\n")
    assert line.open_after(BODY_LOOK_SECS * 3)


async def test_the_rest_of_a_body_that_is_answered_already_has_one_look(line: Line) -> None:
    line.send(HEAD)
    line.answer()
    for _ in range(9):
        line.send(PIECE)
        assert line.open_after(1)
    assert not line.open_after(1.1)


async def test_a_body_that_ends_after_its_answer_leaves_an_idle_connection(line: Line) -> None:
    line.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab")
    line.answer()
    line.send(b"cde")
    assert line.open_after(KEEP_ALIVE_SECS - 0.1)
    assert not line.open_after(0.2)


async def test_requests_ahead_of_the_answers_have_a_limit(line: Line) -> None:
    line.send(GET * (MAX_PIPELINED + 1))
    assert not line.transport.closed
    other = Line()
    other.send(GET * 1000)
    assert other.transport.closed
    assert len(other.connection.pipeline) == MAX_PIPELINED


async def test_what_is_around_a_body_has_a_limit_that_no_body_meets(line: Line) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    line.send(head)
    for _ in range(300):
        line.send(b"1\r\nx\r\n" * 1000)
    assert not line.transport.closed, "chunks of one byte"
    line.send(b"0\r\nx: y\r\n\r\n")
    assert not line.transport.closed
    for endless in (b"x: " + b"y" * 1000 + b"\r\n", b"y" * 1000):
        other = Line()
        other.send(head + b"1\r\nx\r\n0\r\nt: ")
        sent = 0
        while not other.transport.closed:
            other.send(endless)
            sent += len(endless)
            assert sent < 200_000
        assert other.transport.written.startswith(b"HTTP/1.1 400 ")


async def test_a_connection_is_known_by_its_token_and_gone_when_it_is_lost(line: Line) -> None:
    assert line.connections.strangers == 1
    line.send(GET)
    line.connection.scope[RECOGNISED]("sa")  # type: ignore[typeddict-item]
    assert line.connections.strangers == 0
    line.connection.connection_lost(None)
    assert len(line.connections) == 0
    assert line.open_after(1) is False


async def test_one_that_is_turned_away_is_cut_off(line: Line) -> None:
    line.connection.turn_away()
    assert line.transport.aborted
    assert all(one.cancelled for one in line.loop.timers)


async def test_one_that_is_turned_away_before_it_is_made_is_cut_off_then() -> None:
    line = Line()
    late = Connection(line.connection.config, ServerState(), line.connections, line.tally, line.loop)  # type: ignore[arg-type]
    late.turn_away()
    transport = Transport()
    late.connection_made(transport)
    assert transport.aborted
