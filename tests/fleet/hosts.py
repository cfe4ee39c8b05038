"""Hosts of their own on one machine: network namespaces, each joined by a veth pair to one switch.

    with Hosts(2) as (near, far):
        near.run("spl", "fleet", "invite")
        far.cut()

They share the machine's files and processes, not its network: 127.0.0.1 is another for each.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil
import pytest

from tests.fleet.conftest import Machine
from tests.fleet.switch import NAMED, Switch, compute_checksums, mac, within

PREFIX: Final = "spltest"
_numbers = count()


@dataclass(frozen=True)
class Host:
    """One network namespace. `number` counts from 0; its address can be reached from every other host."""

    name: str
    number: int
    switch: Switch

    @property
    def address(self) -> str:
        return _address(self.number)

    def argv(self, *words: str) -> list[str]:
        """A command that runs on this host."""
        return ["ip", "netns", "exec", self.name, *words]

    def machine(self, path: Path, port: int = 9100) -> Machine:
        """A user's home folder on this host: its commands and daemons are processes there."""
        path.mkdir(parents=True, exist_ok=True)
        return Machine(path, port, None, tuple(self.argv()))

    def cut(self) -> None:
        """Lose everything from and to this host, and tell nobody."""
        self.lose(sent=1.0, received=1.0)

    def lose(self, *, sent: float = 0.0, received: float = 0.0) -> None:
        """Lose this share of the packets that it sends, and of those that are sent to it."""
        self.switch.sent[self.number].loss = sent
        self.switch.received[self.number].loss = received

    def delay(self, secs: float) -> None:
        """Let each packet from and to this host take so long: a round trip takes twice as long."""
        self.switch.sent[self.number].secs = self.switch.received[self.number].secs = secs

    def forget_flows(self) -> None:
        """As a NAT before this host that restarts: open connections are dead, and nobody is told."""
        self.switch.forget_flows(self.number)

    def mend(self) -> None:
        """Lose and delay nothing any more."""
        self.lose()
        self.delay(0.0)


class Hosts:
    """So many hosts on one switch. The block's end ends every process on them, by its id, and removes the
    namespaces, by their names.
    """

    def __init__(self, number: int, seed: int = 0) -> None:
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
            self._add(stack, name)
            names = [f"{name}-{one}" for one in range(number)]
            for one, host in enumerate(names):
                self._add(stack, host)
                _join(host, one, name)
            switch = Switch(name, number, seed)
            stack.callback(switch.close)
            self.all = [Host(host, one, switch) for one, host in enumerate(names)]
            self._stack = stack.pop_all()

    def __enter__(self) -> list[Host]:
        return self.all

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @staticmethod
    def _add(stack: contextlib.ExitStack, name: str) -> None:
        _ip("netns", "add", name)
        stack.callback(remove, name)


def _join(host: str, number: int, switch: str) -> None:
    """Join a namespace to the switch's, with the same addresses each time."""
    address = ":".join(f"{byte:02x}" for byte in mac(number))
    peer = ["peer", "name", f"port{number}", "netns", switch]
    _ip("link", "add", "eth0", "netns", host, "address", address, "type", "veth", *peer)
    within(host, lambda: compute_checksums("eth0"))
    _ip("-n", host, "address", "add", f"{_address(number)}/24", "dev", "eth0")
    for namespace, device in ((host, "lo"), (host, "eth0"), (switch, f"port{number}")):
        _ip("-n", namespace, "link", "set", device, "up")


def _address(number: int) -> str:
    return f"10.77.0.{number + 1}"


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def remove(name: str) -> None:
    """End what runs in a namespace, by its id, and remove it."""
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
    for pid in listed.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _sweep() -> None:
    """Remove namespaces of a test run that was killed before it could."""
    for left in NAMED.glob(f"{PREFIX}-*"):
        maker = re.fullmatch(rf"{PREFIX}-(\d+)-.*", left.name)
        if maker is not None and not psutil.pid_exists(int(maker[1])):
            remove(left.name)


@cache
def why_not() -> str:
    """Why this machine cannot have hosts of their own; empty if it can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (Debian's package iproute2)"
    try:
        _sweep()
        with Hosts(1):
            return ""
    except OSError as error:
        return f"network namespaces cannot be made here: {error}"


@pytest.fixture
def two_hosts() -> Iterator[list[Host]]:
    """Two hosts that reach each other; skipped where there can be none."""
    if told := why_not():
        pytest.skip(told)
    with Hosts(2) as hosts:
        yield hosts
