"""Any process may be killed at any moment: the join is reached once, each child accepted once."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from .conftest import Sandbox

SUBTASKS = 50
KILLS = 12
INSTANCES = ("", "worker-a", "worker-b")


def fan_out(sandbox: Sandbox) -> None:
    """Fifty scripts in five layers, pinned and free ones mixed; each notes that it ran."""
    words = []
    for index in range(SUBTASKS):
        target = "worker-a" if index % 3 else "least-loaded-worker"
        depends = f",depends={index - 10}" if index >= 10 else ""
        goal = f"sleep 0.1; echo {index} >> {sandbox.folder}/ran"
        words += ["--subtask", f"goal={goal},target={target}{depends}"]
    sandbox.ok("task", "add", "chaos", "--alias", "C")
    sandbox.ok("task", "fan-out", "C", *words, "--join", "all")


def facts(sandbox: Sandbox, thread: str) -> Counter[tuple[object, ...]]:
    with closing(sqlite3.connect(sandbox.home() / "hub.db")) as log:
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
def test_every_child_is_accepted_once_however_often_processes_are_killed(sandbox: Sandbox, seed: int) -> None:
    chance = random.Random(seed)
    sandbox.start_fleet("--adapter", "bash")
    fan_out(sandbox)
    kills = 0
    for _ in range(200):
        join = sandbox.json("task", "join-status", "C")
        if join["complete"]:
            break
        if kills < KILLS:
            victims = chance.sample(INSTANCES, chance.choice([1, 1, 2, 3]))
            for victim in victims:
                sandbox.kill(victim)
            kills += len(victims)
            sandbox.start_fleet("--adapter", "bash")
    assert join["complete"], join["explanation"]
    assert kills >= 3
    assert all(child["state"] == "accept" for child in join["subtasks"])
    found = facts(sandbox, join["thread"])
    spawned = {key: count for key, count in found.items() if key[1] == "fanout_spawned"}
    reported = {key: count for key, count in found.items() if key[1] == "fanout_child_done"}
    assert len(spawned) == len(reported) == SUBTASKS
    assert set(spawned.values()) == set(reported.values()) == {1}
    assert sum(count for key, count in found.items() if key[0] == "KNOW" and key[4]) == 1
    ran = Counter((sandbox.folder / "ran").read_text().split())
    assert len(ran) == SUBTASKS
