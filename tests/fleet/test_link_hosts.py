"""A coordinator and a linked worker on two hosts: what the network does to them, and that they come back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncropel.client import Client, Target, credential_calls
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home
from syncropel.settings.keyring import Keyring
from tests.child_process import ChildProcess
from tests.fleet.conftest import Machine, until
from tests.fleet.hosts import Host, two_hosts

__all__ = ["two_hosts"]

_OUT = 9443
_SILENCE_SECS = 9.0


@dataclass
class Apart:
    """The coordinator's machine, and the host of its worker, `laptop`."""

    coordinator: Machine
    laptop: Machine
    far: Host

    def link(self) -> dict[str, Any]:
        found: dict[str, Any] = self.coordinator.json("fleet", "show", "laptop")["link"]
        return found

    def up(self, *, after: float = 0.0) -> bool:
        """Whether there is a link, made after this time."""
        link = self.link()
        return link["state"] == "up" and link["since"] > after

    def runs(self, name: str) -> None:
        """Have the worker run a goal, and wait for its result: accepted, at the first attempt."""
        self.coordinator.spl("task", "add", "a goal", "--alias", name)
        self.coordinator.spl("task", "dispatch", name, "--target", "laptop")
        (subtask,) = self.coordinator.joined(name)["subtasks"]
        assert (subtask["verdict"], subtask["attempt"]) == ("accept", 1)


@pytest.fixture
def apart(two_hosts: list[Host], tmp_path: Path) -> Iterator[Apart]:
    near, far = two_hosts
    coordinator, laptop = near.machine(tmp_path / "near"), far.machine(tmp_path / "far")
    homes = [Home(machine.path / ".syncro") for machine in (coordinator, laptop)]
    dids = []
    for home in homes:
        make_home(home)
        dids.append(load_or_create_identity(home).did)
    url = f"http://{near.address}:{_OUT}"
    homes[1].config.write_text(
        f'[fleet]\nalias = "laptop"\ncoordinator_url = "{url}"\nlink = true\n[server]\nport = 9201\n'
    )
    up = Keyring(homes[1]).make_own(dids[1])
    Keyring(homes[1]).trust(dids[0], Keyring(homes[0]).make_towards(dids[1], dids[0]), url)
    coordinator.spl("serve")
    with Client(Target(socket=homes[0].socket)) as client:
        client.send(credential_calls.issue(dids[1], up, ""))
    argv = near.argv(sys.executable, "-m", "tests.fleet.relay", near.address, str(_OUT), "9100")
    with ChildProcess(argv, stdout=subprocess.PIPE) as relay:
        assert relay.stdout is not None
        relay.stdout.readline()
        laptop.spl("serve")
        both = Apart(coordinator, laptop, far)
        until(lambda: "laptop" in both.coordinator.dids() and both.up())
        yield both
        for machine in (laptop, coordinator):
            machine.run("stop")
        relay.kill()


def test_over_a_slow_network_a_freeze_is_confirmed_and_a_nat_that_forgets_costs_one_link(
    apart: Apart,
) -> None:
    apart.far.delay(0.1)
    told = apart.coordinator.spl("kill", "--namespace", "docs", "--reason", "a test")
    assert "confirmed by 2 of 2" in told
    apart.coordinator.spl("unkill", "--namespace", "docs")
    apart.runs("SLOW")
    apart.far.mend()
    before = apart.link()["since"]
    apart.far.forget_flows()
    until(lambda: apart.up(after=before))
    apart.runs("NAT")


def test_a_link_that_was_cut_or_lost_one_way_comes_back_and_a_stopped_coordinator_loses_nothing(
    apart: Apart,
) -> None:
    before = apart.link()["since"]
    apart.far.cut()
    code, _, _ = apart.coordinator.run("kill", "--namespace", "docs", "--reason", "cut", "--wait", "1")
    assert code != 0, "not confirmed by who is cut off"
    time.sleep(_SILENCE_SECS + 1)
    apart.far.mend()
    until(lambda: apart.up(after=before))
    until(lambda: "confirmed by 2 of 2" in apart.coordinator.spl("fleet", "status"))
    apart.coordinator.spl("unkill", "--namespace", "docs")

    before = apart.link()["since"]
    apart.far.lose(received=1.0)
    time.sleep(_SILENCE_SECS + 1)
    apart.far.mend()
    until(lambda: apart.up(after=before))

    pid = int((apart.coordinator.path / ".syncro" / "run" / "spl.pid").read_text())
    before = apart.link()["since"]
    os.kill(pid, signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        stack.callback(os.kill, pid, signal.SIGCONT)
        time.sleep(_SILENCE_SECS + 3)
    until(lambda: apart.up(after=before))
    assert apart.link()["transport"] == "stream", "a stopped coordinator is no proxy"
    apart.runs("AFTER")
