"""A question over real processes: it outlives both daemons, and its answer gets through."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.asking_adapter import installed_in

from .conftest import Machine, until


@pytest.fixture
def fleet(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A coordinator and a worker whose goals ask."""
    path = [str(installed_in(tmp_path / "site")), str(Path(__file__).parents[2])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    machine.beat_every(0.5)
    home = tmp_path / ".syncro-worker-a"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[dispatch]\nadapter = "asking"\n[adapters.asking]\n')
    start(machine)
    return machine


def start(machine: Machine) -> None:
    machine.spl("fleet", "start", "--workers", "1", "--port", str(machine.port), "--worker-port", "0")


def kill(machine: Machine) -> None:
    """Kill every daemon at once."""
    daemons = [psutil.Process(pid) for pid in machine.pids().values()]
    assert len(daemons) == 2
    for daemon in daemons:
        daemon.send_signal(signal.SIGKILL)
    psutil.wait_procs(daemons, timeout=30)


def test_a_question_outlives_both_daemons_and_gets_its_answer(fleet: Machine) -> None:
    asks = [{"text": "run ls", "shown": {"command": "ls -l\x1b[2J"}, "command": ["ls", "-l"]}]
    goal = json.dumps({"asks": asks})
    fleet.spl("run", goal, "--target", "worker-a", "--alias", "T", "--detach", "--allow-unknown")
    [waits] = until(lambda: fleet.json("inbox")["data"])
    assert (waits["kind"], waits["alias"], waits["instance_alias"]) == ("permission", "T", "worker-a")

    kill(fleet)
    start(fleet)
    assert [one["question"] for one in fleet.json("inbox")["data"] if one["question"]] == [waits["question"]]
    shown = fleet.spl(*waits["command"].split()[1:])
    assert '  arguments: ["ls", "-l"]' in shown
    assert "\x1b" not in shown
    assert "allowed; its agent was told" in fleet.spl("task", "answer", "T", "0", "--allow", "--note", "once")
    [child] = fleet.joined("T")["subtasks"]
    assert (child["verdict"], child["summary"].split(":")[0]) == ("accept", "allow_once by did")
    assert fleet.spl("inbox") == "nothing waits for you\n"
    code, _, err = fleet.run("task", "answer", "T", "0", "--allow")
    assert (code, "no question that waits" in err) == (1, True)
