"""Who connected to a Unix socket, as the kernel and the table of processes say."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncropel.api.http.caller import NotOperator
from syncropel.listening import callers, peer
from syncropel.listening.callers import Callers
from syncropel.system import own_addresses, tcp_owner
from syncropel.system.ancestry import SUPERVISOR, Process, ProcFiles

CONNECT = """
import socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
print(flush=True)
sys.stdin.read()
"""


class Doctored(ProcFiles):
    """This system's table, in which some processes look different."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.environs: dict[int, bytes | None] = {}
        self.stuck = threading.Event()

    def look(self, pid: int) -> Process | None:
        found = super().look(pid)
        return found and Process(found.pid, found.parent, self.names.get(pid, found.name), found.started)

    def environ(self, pid: int) -> bytes | None:
        if self.environs.get(pid) == b"stuck":
            self.stuck.wait(30)
        return self.environs.get(pid, b"")


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s"))
        one.listen()
        yield one


class Line:
    """A process that is connected; `end` it to have it gone."""

    def __init__(self, listener: socket.socket, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONNECT, listener.getsockname()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environ},
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.accepted, _ = listener.accept()
        self.pid = self.process.pid

    def end(self) -> None:
        self.process.communicate(b"")
        self.accepted.close()


@pytest.fixture
def line(listener: socket.socket) -> Iterator[Line]:
    one = Line(listener)
    yield one
    one.end()


async def who(found: Callers, line: Line) -> NotOperator | None:
    sight = found.look(line.accepted)
    try:
        return await found.decide(sight)
    finally:
        sight.close()


async def test_a_process_of_this_user_is_the_operator(line: Line) -> None:
    assert await who(Callers(), line) is None


async def test_this_very_process_is_the_operator() -> None:
    here, there = socket.socketpair()
    with here, there:
        found = Callers()
        sight = found.look(here)
        assert not sight.is_stranger
        assert await found.decide(sight) is None
        sight.close()


async def test_one_below_a_supervisor_is_its_goal(line: Line) -> None:
    table = Doctored()
    table.names[os.getpid()] = SUPERVISOR
    table.environs[os.getpid()] = b"SPL_CHILD_THREAD=th_1"
    found = Callers(table)
    sight = found.look(line.accepted)
    assert sight.is_stranger
    assert await found.decide(sight) == NotOperator(line.pid, "th_1")
    sight.close()
    table.environs.clear()
    assert await who(found, line) == NotOperator(line.pid)


async def test_one_with_the_environment_of_a_goal_is_a_goal(listener: socket.socket) -> None:
    line = Line(listener, SPL_CHILD_THREAD="th_2")
    assert await who(Callers(), line) == NotOperator(line.pid, "th_2")
    line.end()


async def test_one_whose_ancestor_has_that_environment_is_a_goal(line: Line) -> None:
    table = Doctored()
    table.environs[os.getppid()] = b"SPL_CHILD_THREAD=th_3"
    assert await who(Callers(table), line) == NotOperator(line.pid, "th_3")


async def test_one_that_hides_its_environment_is_unknown_and_its_ancestors_may(line: Line) -> None:
    table = Doctored()
    table.environs[os.getppid()] = None
    assert await who(Callers(table), line) is None
    table.environs[line.pid] = None
    found = await who(Callers(table), line)
    assert found is not None
    assert found.problem == f"the environment of PID {line.pid} cannot be read"


async def test_root_may_hide_it_from_a_daemon_that_is_not(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Doctored()
    table.environs[line.pid] = None
    monkeypatch.setattr(peer, "_credentials", lambda _: (line.pid, 0))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert await who(Callers(table), line) is None
    # What runs below a goal is a goal, also as root.
    table.names[os.getpid()] = SUPERVISOR
    assert await who(Callers(table), line) == NotOperator(line.pid)


async def test_another_user_is_not_the_operator(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_credentials", lambda _: (line.pid, 4711))
    found = await who(Callers(), line)
    assert found is not None
    assert "uid 4711" in found.problem


async def test_one_that_has_ended_is_unknown_whoever_holds_its_connection(listener: socket.socket) -> None:
    line = Line(listener)
    line.process.communicate(b"")
    found = await who(Callers(), line)
    line.accepted.close()
    assert found is not None
    assert f"PID {line.pid} is gone" in found.problem


async def test_one_that_ends_while_it_is_looked_at_is_unknown(listener: socket.socket) -> None:
    line = Line(listener)
    found = Callers()
    sight = found.look(line.accepted)
    line.process.communicate(b"")
    told = await found.decide(sight)
    sight.close()
    line.accepted.close()
    assert told is not None
    assert "ended" in told.problem


async def test_without_a_handle_the_table_tells_who_has_ended(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "_handle", lambda _: -1)
    line = Line(listener)
    assert await who(Callers(), line) is None
    found = Callers()
    sight = found.look(line.accepted)
    line.process.communicate(b"")
    told = await found.decide(sight)
    line.accepted.close()
    assert told is not None
    assert "ended" in told.problem


@pytest.mark.parametrize("pid", [0, -1])
async def test_one_from_a_namespace_that_is_not_seen_is_unknown(
    line: Line, monkeypatch: pytest.MonkeyPatch, pid: int
) -> None:
    monkeypatch.setattr(peer, "_credentials", lambda _: (pid, os.getuid()))
    found = await who(Callers(), line)
    assert found is not None
    assert "PID namespace" in found.problem


async def test_what_the_kernel_does_not_say_is_unknown(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: socket.socket) -> tuple[int, int]:
        raise OSError("no such option")

    monkeypatch.setattr(peer, "_credentials", fail)
    found = await who(Callers(), line)
    assert found is not None
    assert "no such option" in found.problem


async def test_an_environment_that_cannot_be_read_to_its_end_stops_nobody_else(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "LOOK_SECS", 0.2)
    monkeypatch.setattr(callers, "MAX_LOOKS", 2)
    table = Doctored()
    found = Callers(table)
    bad, good = Line(listener), Line(listener)
    table.environs[bad.pid] = b"stuck"
    told = await who(found, bad)
    assert told is not None
    assert "cannot be read in time" in told.problem
    assert await who(found, good) is None
    # A goal in the same state is still a goal, only without a name, and takes nothing from the operator.
    table.names[bad.pid] = SUPERVISOR
    for _ in range(3):
        assert await who(found, bad) == NotOperator(bad.pid)
    assert await who(found, good) is None
    del table.names[bad.pid]
    assert await who(found, bad) is not None
    refused = await who(found, good)
    assert refused is not None, "as many looks as there may be do not end"
    table.stuck.set()
    async with asyncio.timeout(60):
        while await who(found, good) is not None:  # noqa: ASYNC110 - threads end when they do
            await asyncio.sleep(0.01)
    bad.end()
    good.end()


def test_a_handle_is_let_go(line: Line) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        Callers().look(line.accepted).close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_who_connected_is_looked_for_whatever_address_the_caller_has_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A caller on this machine may bind another of its addresses before it connects."""
    asked = []

    def owner_of(near: object, far: object) -> None:
        asked.append((near, far))

    monkeypatch.setattr(tcp_owner, "can_tell", lambda: True)
    monkeypatch.setattr(tcp_owner, "owner_of", owner_of)
    monkeypatch.setattr(own_addresses, "is_ours", lambda address: address in ("192.0.2.1", "2001:db8::1"))
    found = Callers()

    refused = await found.behind(("192.0.2.2", 4000), ("127.0.0.1", 9100))
    elsewhere = await found.behind(("192.0.2.2", 4000), ("192.0.2.1", 9100))

    assert refused is not None
    assert elsewhere is None
    assert asked == [(("192.0.2.2", 4000), ("127.0.0.1", 9100))]

    # By the outer address it is still a process of this machine, and looked for; over IPv6 it cannot be.
    outer = await found.behind(("192.0.2.1", 4000), ("192.0.2.1", 9443))
    six = await found.behind(("2001:db8::1", 4000), ("2001:db8::1", 9443))
    assert outer is not None
    assert six is not None
    assert "IPv6" in six.problem
    assert len(asked) == 2
    assert await found.behind(("2001:db8::2", 4000), ("2001:db8::1", 9443)) is None
