"""A supervisor in this process, on a system of the test's own."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.supervisor import decide, main, tree
from syncropel.supervisor.main import Supervisor
from syncropel.supervisor.tree import Process
from syncropel.supervisor.words import Spec

GOAL = 700
OWN = os.getpid()
LIMITS = decide.Limits(run=60, interrupt=1, term=1, leftover=1, kill=5, orphan=30, start=15)


class Goal:
    """A goal that remembers what its gate was told."""

    pid = GOAL

    def __init__(self, spec: Spec) -> None:
        self.gate: list[str] = []
        self.started, self.begins = os.pipe()
        self.stdin = -1
        self.why = ""

    def open_gate(self) -> None:
        self.gate.append("open")

    def leave_shut(self) -> None:
        self.gate.append("shut")

    def why_not_started(self) -> str:
        return self.why


class Decider:
    """Remembers what it was told, and answers with what the test says."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.why = "stopped"
        self.started_at = 0.0
        self.goes = True
        self.rests = 0.0
        self.actions = [decide.FINISH]

    def attach(self, now: float) -> None:
        self.told.append(("attach", now))

    def detach(self, now: float) -> None:
        self.told.append(("detach", now))

    def go(self, now: float) -> bool:
        self.told.append(("go", now))
        return self.goes

    def root_exited(self, now: float) -> None:
        self.told.append(("root_exited", now))

    def stop(self, why: str, now: float, *, gently: bool) -> None:
        self.told.append(("stop", why, now, gently))

    def interrupted(self, left: int, now: float) -> None:
        self.told.append(("interrupted", left, now))

    def rest(self, now: float) -> float:
        return self.rests

    def step(self, now: float, *, empty: bool) -> str:
        self.told.append(("step", now, empty))
        return self.actions.pop(0)


class Cgroup:
    def __init__(self) -> None:
        self.done: list[Any] = []

    def take(self, pid: int) -> None:
        self.done.append(("take", pid))

    def kill(self) -> None:
        self.done.append("kill")

    def remove(self) -> None:
        self.done.append("remove")


class System:
    """The processes below and above, and the signals that were sent to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: tree.Table = {}
        self.ends: list[tuple[int, int] | None] = [None]
        self.statuses: dict[int, str] = {}
        self.above: dict[int, list[int]] = {}
        self.sent: list[tuple[int, int]] = []
        self.struck = 0
        self.time = 5.0
        monkeypatch.setattr(main, "now", lambda: self.time)
        monkeypatch.setattr(tree, "look", lambda: dict(self.rows))
        monkeypatch.setattr(tree, "send", lambda one, number: self.sent.append((one.pid, number)))
        monkeypatch.setattr(tree, "strike", self.strike)
        monkeypatch.setattr(tree, "runs", lambda one: one.pid in self.rows)
        monkeypatch.setattr(tree, "status_of", lambda pid: self.statuses.get(pid, ""))
        monkeypatch.setattr(tree, "lineage", self.lineage)
        monkeypatch.setattr("os.waitpid", self.waitpid)

    def add(self, pid: int, parent: int = OWN, group: int = GOAL, name: str = "x", catches: int = 0) -> None:
        self.rows[pid] = Process(pid, parent, group, group, "1", False)
        self.statuses[pid] = f"Name:\t{name}\nSigCgt:\t{catches:016x}\n"

    def strike(self, below: Callable[[], list[Process]]) -> int:
        self.struck += 1
        return len(below())

    def lineage(self, pid: int) -> list[Process]:
        return [Process(one, 0, 0, 0, "1", False) for one in self.above.get(pid, [])]

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        assert (pid, options) == (-1, os.WNOHANG)
        end = self.ends.pop(0)
        if end is None:
            raise ChildProcessError
        return end


class Signals:
    """The C module, on which nothing is set in this process."""

    def __init__(self) -> None:
        self.handlers: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(signal, name)

    def set_wakeup_fd(self, descriptor: int, *, warn_on_full_buffer: bool) -> None:
        assert not warn_on_full_buffer
        assert not os.get_blocking(descriptor)
        self.wakes = descriptor

    def signal(self, number: int, handler: Any) -> None:
        self.handlers[number] = handler


class Run:
    """A supervisor, what is around it, and those who connect to it."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        adopting: bool = True,
        in_group: bool = True,
    ) -> None:
        self.folder = folder
        self.system = System(monkeypatch)
        self.signals = Signals()
        self.cgroup: Any = Cgroup() if in_group else None
        self.listening = socket.socket(socket.AF_UNIX)
        monkeypatch.chdir(folder)  # a path of a socket has to be short
        self.listening.bind("ctl")
        self.listening.listen()
        monkeypatch.setattr(main, "signal", self.signals)
        monkeypatch.setattr(main, "adopt_orphans", lambda: adopting)
        monkeypatch.setattr(main, "Goal", Goal)
        monkeypatch.setattr("syncropel.supervisor.main.Cgroup.make", lambda name: self.cgroup)
        monkeypatch.setattr(main, "_LISTENER_FD", self.listening.fileno())
        spec = Spec(["true"], "/", LIMITS)
        self.words = spec.as_words()
        self.supervisor: Any = Supervisor(str(folder), spec)
        self.goal: Any = self.supervisor._goal
        self.decider = Decider()
        self.supervisor._decider = self.decider  # type: ignore[assignment] # a decider that a test tells
        self.calls: list[socket.socket] = []

    def call(self) -> socket.socket:
        """Somebody who is believed connects, and is taken in."""
        self.system.above = {OWN: [OWN], os.getppid(): []}
        self.calls.append(socket.socket(socket.AF_UNIX))
        self.calls[-1].settimeout(30)
        self.calls[-1].connect(self.listening.getsockname())
        self.supervisor._accept()
        return self.calls[-1]

    @property
    def last(self) -> tuple[int, Any]:
        return list(self.supervisor._callers.items())[-1]

    def say(self, call: socket.socket, words: bytes) -> None:
        """Have the newest caller say this, and be heard."""
        call.sendall(words)
        self.supervisor._listen(*self.last)

    def close(self) -> None:
        for one in [*self.calls, self.listening, self.supervisor._listener]:
            one.close()
        for _, caller in self.supervisor._callers.items():
            caller.close()
        for descriptor in (self.goal.started, self.goal.begins, self.supervisor._woken, self.signals.wakes):
            os.close(descriptor)


def heard(call: socket.socket) -> list[dict[str, Any]]:
    call.setblocking(False)
    try:
        return [json.loads(line) for line in call.recv(65536).splitlines()]
    except BlockingIOError:
        return []
