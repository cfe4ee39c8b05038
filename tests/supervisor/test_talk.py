"""What a supervisor reads from those who connect to it, and what reaches the goal's stdin."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from syncropel.supervisor import talk
from syncropel.supervisor.talk import Caller, Feed


@pytest.fixture
def pair() -> Iterator[tuple[Caller, socket.socket]]:
    """A caller as the supervisor has it, and the other end."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(60)
    with ours, theirs:
        yield Caller(ours), theirs


Pair = tuple[Caller, socket.socket]


def test_lines_come_whole_however_they_are_cut(pair: Pair) -> None:
    caller, other = pair
    assert caller.lines() == []
    other.sendall(b"attach\nhere\nsto")
    assert caller.lines() == ["attach", "here"]
    assert caller.lines() == []
    other.sendall(b"p now\n\n\xff\n")
    assert caller.lines() == ["stop now", "", "\ufffd"]
    assert (caller.gone, caller.feeds, caller.attached) == (False, False, False)


def test_what_comes_behind_stdin_is_for_the_goal(pair: Pair) -> None:
    caller, other = pair
    other.sendall(b"attach\nstd")
    assert caller.lines() == ["attach"]
    assert caller.rest() == b""
    other.sendall(b"in\nstop now\nand " + b"more" * 5000)
    assert caller.lines() == ["stdin"]
    assert (caller.feeds, caller.gone) == (True, False)
    assert caller.lines() == [], "no line of it is heard"
    assert caller.rest() == b"stop now\nand " + b"more" * 5000
    assert caller.rest() == b""


@pytest.mark.parametrize(("length", "gone"), [(4096, False), (4097, True)])
def test_a_line_has_a_limit(pair: Pair, length: int, gone: bool) -> None:
    caller, other = pair
    other.sendall(b"here\n" + b"x" * length)
    assert caller.lines() == ["here"]
    assert caller.gone is gone
    other.sendall(b"\n")
    caller.lines()
    assert caller.gone is gone, "it does not come back"


def test_who_hangs_up_is_heard_out_first(pair: Pair) -> None:
    caller, other = pair
    other.sendall(b"stop now\n")
    other.close()
    assert (caller.lines(), caller.gone) == (["stop now"], False)
    assert (caller.lines(), caller.gone) == ([], True)


def test_a_connection_that_breaks_is_gone(pair: Pair) -> None:
    caller, other = pair
    caller.say("attached")
    other.close()  # with something unread: the next read fails
    assert caller.read() == b""
    assert caller.gone


def test_it_is_told_lines_of_json(pair: Pair) -> None:
    caller, other = pair
    caller.say("attached", pid=7, why="")
    caller.say("ended", status={"left": [1]})
    with other.makefile() as lines:
        assert [json.loads(lines.readline()) for _ in range(2)] == [
            {"said": "attached", "pid": 7, "why": ""},
            {"said": "ended", "status": {"left": [1]}},
        ]
    assert not caller.gone


def test_who_does_not_listen_holds_nothing_up(pair: Pair) -> None:
    caller, _ = pair
    for _ in range(10_000):
        caller.say("started", filler="x" * 1000)
        if caller.gone:
            break
    assert caller.gone


def test_a_connection_is_closed(pair: Pair) -> None:
    caller, other = pair
    caller.close()
    assert other.recv(1) == b""
    assert caller.read() == b""
    assert caller.gone


class Credentials:
    """A connection with these credentials of its peer."""

    def __init__(self, raw: bytes | OSError) -> None:
        self.raw = raw

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def getsockopt(self, level: int, option: int, length: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        assert length >= 12
        if isinstance(self.raw, OSError):
            raise self.raw
        return self.raw


def credentials(*numbers: int) -> Any:
    return Credentials(b"".join(number.to_bytes(4, sys.byteorder) for number in numbers))


def test_who_calls_is_told_by_the_kernel(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pair[0].pid == os.getpid()
    assert Caller(credentials(70_000, 1000, 1000)).pid == 70_000
    unknown: Any = Credentials(OSError())
    assert Caller(unknown).pid == 0
    monkeypatch.setattr(talk, "socket", object())  # a system without such credentials
    assert Caller(credentials(7, 1, 1)).pid == 0


@pytest.fixture
def pipe() -> Iterator[tuple[Feed, int]]:
    """What the goal reads from, and the other end of it."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    feed = Feed(writes)
    yield feed, reads
    os.close(reads)
    feed.close()


Pipe = tuple[Feed, int]


def test_a_goal_reads_what_it_is_given_and_then_the_end(pipe: Pipe) -> None:
    feed, reads = pipe
    feed.take(b"one ")
    feed.take(b"two")
    feed.take()
    assert not feed.waits
    assert os.read(reads, 100) == b"one two"
    with pytest.raises(BlockingIOError):
        os.read(reads, 100)
    feed.close()
    assert os.read(reads, 100) == b""
    assert feed.descriptor == -1
    feed.take(b"more")
    feed.close()
    assert not feed.waits


def test_what_a_goal_does_not_read_yet_is_kept_in_order_also_when_it_is_the_end(pipe: Pipe) -> None:
    feed, reads = pipe
    whole = b"".join(number.to_bytes(4, "big") for number in range(100_000))
    feed.take(whole[:300_000])
    assert feed.waits
    feed.take(whole[300_000:])
    feed.close()
    assert feed.waits
    assert feed.descriptor >= 0, "it has not read all of it"
    read = b""
    while part := os.read(reads, 65536):
        read += part
        feed.take()
    assert read == whole
    assert (feed.waits, feed.descriptor) == (False, -1)


def test_a_goal_that_reads_no_more_is_fed_no_more() -> None:
    reads, writes = os.pipe()
    feed = Feed(writes)
    os.close(reads)
    feed.take(b"hello")
    assert (feed.waits, feed.descriptor) == (False, -1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writes)


def test_a_goal_without_a_stdin_is_given_nothing() -> None:
    feed = Feed(-1)
    feed.take(b"hello")
    assert not feed.waits
    feed.close()
    assert feed.descriptor == -1


class Kernel:
    """Descriptors that take what they are given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def set_blocking(self, descriptor: int, blocking: bool) -> None:
        self.calls.append(("blocking", descriptor, blocking))

    def write(self, descriptor: int, data: bytes) -> int:
        self.calls.append(("write", descriptor, data))
        return len(data)

    def close(self, descriptor: int) -> None:
        self.calls.append(("close", descriptor))


def test_descriptor_0_is_one_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setattr(talk, "os", kernel)
    feed = Feed(0)
    feed.take(b"hello")
    feed.close()
    assert kernel.calls == [("blocking", 0, False), ("write", 0, b"hello"), ("close", 0)]
