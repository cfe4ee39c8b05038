"""Any process may be killed at any moment: the join is reached once, each child accepted once."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing

import psutil
import pytest

from tests.child_process import has_ended

from .conftest import Machine, until

SUBTASKS = 50
KILLS = 12
HOMES = (".syncro", ".syncro-worker-a", ".syncro-worker-b")


def fan_out(machine: Machine) -> None:
    """Fifty scripts in five layers, pinned and free ones mixed; each notes that it ran. The last layer waits
    until enough processes were killed: on a busy machine all would be over before the first was."""
    words = []
    for index in range(SUBTASKS):
        target = "worker-a" if index % 3 else "least-loaded-worker"
        depends = f",depends={index - 10}" if index >= 10 else ""
        wait = f"until [ -e {machine.path}/enough ]; do sleep 0.1; done" if index >= 40 else "sleep 0.1"
        goal = f"{wait}; echo {index} >> {machine.path}/ran"
        words += ["--subtask", f"goal={goal},target={target}{depends}"]
    machine.spl("task", "add", "chaos", "--alias", "C")
    machine.spl("task", "fan-out", "C", *words, "--join", "all")


def kill(machine: Machine, home: str) -> None:
    """SIGKILL the instance of this home and wait until it is gone."""
    process = psutil.Process(machine.pids()[home])
    process.kill()
    until(lambda: has_ended(process.pid))


def facts(machine: Machine, thread: str) -> Counter[tuple[object, ...]]:
    with closing(sqlite3.connect(machine.path / ".syncro" / "hub.db")) as log:
        rows = log.execute(
            "SELECT act, json_extract(body, '$.topic'), json_extract(body, '$.index'),"
            " json_extract(body, '$.attempt'), json_extract(body, '$.fulfills') IS NOT NULL"
            " FROM records WHERE thread = ?",
            (thread,),
        ).fetchall()
    return Counter(
        (act, topic, index, attempt, bool(fulfills)) for act, topic, index, attempt, fulfills in rows
    )


@pytest.mark.parametrize("seed", [7, 11])
def test_every_child_is_accepted_once_however_often_processes_are_killed(machine: Machine, seed: int) -> None:
    chance = random.Random(seed)
    machine.start("--adapter", "bash")
    fan_out(machine)
    kills = 0
    while kills < KILLS:
        victims = chance.sample(HOMES, chance.choice([1, 1, 2, 3]))
        for victim in victims:
            kill(machine, victim)
        kills += len(victims)
        machine.start("--adapter", "bash")
    assert not machine.json("task", "join-status", "C")["complete"]
    (machine.path / "enough").touch()
    join = machine.joined("C")
    assert all(child["state"] == "accept" for child in join["subtasks"])
    found = facts(machine, join["thread"])
    spawned = {key: count for key, count in found.items() if key[1] == "fanout_spawned"}
    reported = {key: count for key, count in found.items() if key[1] == "fanout_child_done"}
    assert len(spawned) == len(reported) == SUBTASKS
    assert set(spawned.values()) == set(reported.values()) == {1}
    assert sum(count for key, count in found.items() if key[0] == "KNOW" and key[4]) == 1
    ran = Counter((machine.path / "ran").read_text().split())
    assert len(ran) == SUBTASKS
