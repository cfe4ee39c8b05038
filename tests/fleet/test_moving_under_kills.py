"""Drains come and go while workers are killed: every subtask is accepted once, each attempt moved once."""

from __future__ import annotations

import random

from .conftest import Machine
from .test_kill import HOMES, facts, kill

SUBTASKS = 16
ROUNDS = 6


def test_work_moves_once_however_often_processes_are_killed(machine: Machine) -> None:
    chance = random.Random(5)
    machine.beat_every(0.2)
    machine.start("--adapter", "bash")
    words = []
    for index in range(SUBTASKS):
        target = "least-loaded-worker" if index % 2 else "round-robin"
        words += ["--subtask", f"goal=sleep 0.8,target={target}"]
    machine.spl("task", "add", "chaos", "--alias", "C")
    machine.spl("task", "fan-out", "C", *words, "--join", "all")
    for _ in range(ROUNDS):
        victim = chance.choice(["worker-a", "worker-b"])
        deadline = ["--deadline", "0"] if chance.random() < 0.5 else []
        machine.spl("drain", "start", "--instance", victim, *deadline)
        kill(machine, chance.choice(HOMES[1:]))
        machine.start("--adapter", "bash")
        machine.spl("drain", "stop", "--instance", victim)
    join = machine.joined("C")
    assert [one["state"] for one in join["subtasks"]] == ["accept"] * SUBTASKS
    found = facts(machine, join["thread"])
    for topic in ("fanout_spawned", "fanout_child_done", "fanout_reassign_subtask"):
        counts = {key: count for key, count in found.items() if key[1] == topic}
        assert set(counts.values()) <= {1}, counts
    assert sum(count for key, count in found.items() if key[0] == "KNOW" and key[4]) == 1
