"""`confirmed` means enforced: after a restore of the coordinator, and on a machine whose clock is wrong."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from syncropel.settings.home import Home
from tests.child_process import has_ended
from tests.fleet.conftest import Machine, machine, until

__all__ = ["machine"]

COORDINATOR, WORKER_A = ".syncro", ".syncro-worker-a"
GRACE_SECS = 5.0
BEHIND_SECS = 90
FAKETIME = next(
    (
        path
        for folder in (os.environ.get("FAKETIME_LIB", ""), "/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")
        if folder
        for path in Path(folder).rglob("libfaketime.so*")
    ),
    None,
)


def at(machine: Machine, home: str) -> dict[str, str]:
    return {"SYNCROPEL_HOME": str(machine.path / home)}


def takes(machine: Machine, home: str, namespace: str = "docs") -> bool:
    """Whether this instance takes new work in the namespace, asked over its own socket."""
    code, _, err = machine.run("task", "add", "x", "--namespace", namespace, environ=at(machine, home))
    assert code == 0 or "freeze" in err, err
    return code == 0


def end(machine: Machine, home: str) -> None:
    daemon = psutil.Process(machine.pids()[home])
    daemon.kill()
    until(lambda: has_ended(daemon.pid))


def serve(machine: Machine, home: str, port: int, environ: Mapping[str, str]) -> None:
    more = {**at(machine, home), **environ}
    with machine.popen("serve", "--port", str(port), environ=more) as process:
        _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err


def copied(machine: Machine) -> Path:
    """A copy of the coordinator's log, as the manual makes it: of a daemon that stands still."""
    machine.spl("stop")
    copy = machine.path / "copy.db"
    shutil.copy(machine.path / COORDINATOR / "hub.db", copy)
    machine.start()
    return copy


def restore(machine: Machine, copy: Path) -> None:
    machine.spl("stop")
    for name in ("hub.db", "hub.db-wal", "hub.db-shm"):
        (machine.path / COORDINATOR / name).unlink(missing_ok=True)
    shutil.copy(copy, machine.path / COORDINATOR / "hub.db")
    machine.start()


def test_a_freeze_holds_after_the_coordinator_was_restored_to_before_another(machine: Machine) -> None:
    machine.start()
    copy = copied(machine)
    machine.spl("kill", "--namespace", "docs", "--reason", "first")
    machine.spl("unkill", "--namespace", "docs")
    machine.spl("kill", "--namespace", "old", "--reason", "the copy does not know of it")
    restore(machine, copy)
    out = machine.spl("kill", "--namespace", "docs", "--reason", "after the restore")
    assert "confirmed by 3 of 3 instances" in out
    assert not takes(machine, WORKER_A)
    assert not takes(machine, COORDINATOR)
    # What the copy does not know is not in force anywhere any more.
    assert takes(machine, WORKER_A, "old")
    machine.spl("unkill", "--namespace", "docs")
    until(lambda: takes(machine, WORKER_A))


def running_since(machine: Machine) -> float:
    """Start a goal on worker-a that runs on; gives when it was seen to run."""
    machine.spl("task", "add", "much", "--alias", "T-1", "--namespace", "docs")
    machine.spl("task", "fan-out", "T-1", "--subtask", "goal=sleep 300,target=worker-a")
    until(lambda: sleeping(machine))
    return time.monotonic()


def sleeping(machine: Machine) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "sleep" and process.environ().get("HOME") == str(machine.path):
                found.append(process)
        except psutil.Error:
            continue
    return found


def takes_a_know(machine: Machine) -> bool:
    """Whether worker-a takes a KNOW in the frozen namespace."""
    socket = str(Home(machine.path / WORKER_A).socket)
    transport = httpx.HTTPTransport(uds=socket)
    with httpx.Client(transport=transport, base_url="http://spl", trust_env=False) as client:
        body = {"namespace": "docs", "n": time.monotonic_ns()}
        record = {"thread": "th_notes", "actor": "did:sync:user:a", "act": "KNOW", "body": body}
        answer = client.post("/v1/records", json=record)
    assert answer.is_success or answer.json()["code"] == "NAMESPACE_FROZEN", answer.text
    return answer.is_success


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed: apt-get install libfaketime")
def test_a_hard_freeze_is_hard_in_time_on_a_machine_whose_clock_is_behind(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    worker: dict[str, Any] = next(
        one for one in machine.json("fleet", "list")["data"] if one["alias"] == "worker-a"
    )
    end(machine, WORKER_A)
    wrong = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"-{BEHIND_SECS}s"}
    serve(machine, WORKER_A, int(worker["endpoint"].rpartition(":")[2]), wrong)

    def is_measured() -> bool:
        # Each heartbeat measures it anew, and too short by as long as it travels.
        row = machine.json("fleet", "show", "worker-a")
        ahead = row["clock_ahead_secs"]
        return row["pid"] != worker["pid"] and ahead == pytest.approx(-BEHIND_SECS, abs=1)

    until(is_measured)
    until(lambda: "worker-a has its clock 90 s behind" in machine.spl("fleet", "status"))
    running_since(machine)
    words = ("--level", "hard", "--grace", f"{GRACE_SECS:g}", "--reason", "stop")
    began = time.monotonic()
    machine.spl("kill", "--namespace", "docs", *words)

    def hard_everywhere() -> bool:
        (found,) = machine.json("fleet", "status")["freezes"]
        return bool(found["refuses_all"])

    until(hard_everywhere)
    said = time.monotonic()
    assert not takes_a_know(machine), "it was said that every write is refused"
    until(lambda: not sleeping(machine))
    assert said - began >= GRACE_SECS
    # The freeze was set after `began`, by as much as the command took to start; so this is no tight limit.
    assert time.monotonic() - began < GRACE_SECS + BEHIND_SECS / 3
