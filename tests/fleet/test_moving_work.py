"""Draining, budgets and reassignment over real processes: work moves or ends as records say, only once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from .conftest import Machine, until

ALL_DIDS = ("worker-a", "worker-b")


@pytest.fixture
def fleet(machine: Machine) -> Machine:
    """Two workers that run bash one goal at a time. One that is silent for six seconds is given up: longer
    than a busy machine lets a process wait."""
    machine.beat_every(0.5)
    for worker in ALL_DIDS:
        home = machine.path / f".syncro-{worker}"
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text("[dispatch]\nmax_concurrent = 1\n")
    machine.start("--adapter", "bash")
    return machine


def fan_out(machine: Machine, *subtasks: str, budget: str = "", join: str = "all") -> None:
    words = [word for one in subtasks for word in ("--subtask", one)]
    machine.spl("task", "add", "work", "--alias", "T")
    machine.spl("task", "fan-out", "T", *words, "--join", join, *(["--budget", budget] if budget else []))


def subtasks(machine: Machine) -> list[dict[str, Any]]:
    return machine.json("task", "join-status", "T")["subtasks"]


def waits_for(gate: Path, *, noting: str = "") -> str:
    """A goal that runs until this file is there."""
    note = f"echo {noting} >> {gate}.ran; " if noting else ""
    return f"{note}until [ -e {gate} ]; do sleep 0.05; done"


def ran(gate: Path) -> list[str]:
    file = gate.with_name(f"{gate.name}.ran")
    return file.read_text().split() if file.exists() else []


def status_of(machine: Machine, alias: str) -> str:
    return {one["alias"]: one["status"] for one in machine.json("fleet", "list", "--all")["data"]}[alias]


def test_a_draining_worker_finishes_what_it_began_and_gives_away_what_it_did_not(
    fleet: Machine, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    began = waits_for(gate, noting="a$SPL_ATTEMPT")
    fan_out(
        fleet,
        f'goal="{began}",target=worker-a',
        f'goal="{waits_for(gate, noting="b")}",target=worker-b',
        "goal=echo free,target=round-robin",
        "goal=echo free,target=round-robin",
        "goal=echo bound,target=worker-a",
    )
    until(lambda: len(ran(gate)) == 2)
    until(lambda: all(one["state"] == "in_progress" for one in subtasks(fleet)))
    fleet.spl("drain", "start", "--instance", "worker-a", "--reason", "new disk")
    assert status_of(fleet, "worker-a") == "draining"

    dids = fleet.dids()
    moved = until(lambda: [one for one in subtasks(fleet) if one["attempt"] == 2])
    assert {one["instance"] for one in moved} == {dids["worker-b"]}
    assert "taken over from worker-a (draining)" in {one["why"] for one in moved}
    bound = until(lambda: (one := subtasks(fleet)[4])["why"] and one)
    assert "spl task retry T --subtask 4 --target OTHER" in bound["why"]
    code, _, err = fleet.run("drain", "status", "--instance", "worker-a", "--no-wait")
    assert (code, "1 still in flight" in err) == (1, True)

    waiting = fleet.popen("drain", "status", "--instance", "worker-a")
    gate.touch()
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert "worker-a (draining): 0 in flight · new disk" in out
    assert "1 not begun" in out

    fleet.spl("task", "retry", "T", "--subtask", "4", "--target", "worker-b")
    join = fleet.joined("T")
    assert [one["state"] for one in join["subtasks"]] == ["accept"] * 5
    assert join["subtasks"][4]["instance"] == dids["worker-b"]
    assert sorted(ran(gate)) == ["a1", "b"]
    fleet.spl("drain", "stop", "--instance", "worker-a")
    assert status_of(fleet, "worker-a") == "live"


def test_at_the_deadline_what_runs_goes_to_others_or_is_ended(fleet: Machine, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    fan_out(
        fleet,
        f'goal="{waits_for(gate, noting="$SPL_ATTEMPT")}",target=least-loaded-worker',
        f'goal="{waits_for(tmp_path / "never", noting="bound")}",target=worker-b',
    )
    until(lambda: ran(gate) and ran(tmp_path / "never"))
    aliases = {did: alias for alias, did in fleet.dids().items()}
    first = aliases[subtasks(fleet)[0]["instance"]]
    assert first == "worker-a"
    fleet.spl("drain", "start", "--instance", "worker-b", "--deadline", "0")
    ended = until(lambda: (one := subtasks(fleet)[1])["verdict"] and one)
    assert (ended["verdict"], ended["reason"]) == ("terminated", "drained")
    fleet.spl("drain", "stop", "--instance", "worker-b")
    fleet.spl("drain", "start", "--instance", "worker-a", "--deadline", "0")
    until(lambda: ran(gate) == ["1", "2"])
    gate.touch()
    moved = until(lambda: (one := subtasks(fleet)[0])["verdict"] and one)
    assert (moved["verdict"], moved["attempt"], aliases[moved["instance"]]) == ("accept", 2, "worker-b")
    assert fleet.run("drain", "status")[0] == 0


def test_an_archived_workers_subtasks_go_elsewhere_and_do_not_run_again_when_it_is_back(
    fleet: Machine, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    fan_out(
        fleet,
        f'goal="{waits_for(gate, noting="free$SPL_ATTEMPT")}",target=least-loaded-worker',
        f'goal="{waits_for(gate, noting="bound$SPL_ATTEMPT")}",target=worker-a',
    )
    until(lambda: all(one["state"] == "in_progress" for one in subtasks(fleet)))
    until(lambda: "free1" in ran(gate))
    victim = {did: alias for alias, did in fleet.dids().items()}[subtasks(fleet)[0]["instance"]]
    assert victim == "worker-a"
    pid = fleet.pids()[".syncro-worker-a"]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: status_of(fleet, "worker-a") == "archived")
    until(lambda: "free2" in ran(gate))
    bound = subtasks(fleet)[1]
    assert "bound to it" in bound["why"]
    assert "--target OTHER" in bound["why"]
    fleet.spl("task", "retry", "T", "--subtask", "1", "--target", "worker-b")
    os.kill(pid, signal.SIGCONT)
    until(lambda: status_of(fleet, "worker-a") == "live")
    gate.touch()
    join = fleet.joined("T")
    dids = fleet.dids()
    assert [(one["attempt"], one["instance"]) for one in join["subtasks"]] == [(2, dids["worker-b"])] * 2
    assert sorted(ran(gate)) == ["bound2", "free1", "free2"]


def test_a_worker_that_died_does_not_run_what_was_given_to_others_and_has_joined(
    fleet: Machine, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    fan_out(fleet, f'goal="{waits_for(gate, noting="$SPL_ATTEMPT")}",target=least-loaded-worker')
    until(lambda: ran(gate) == ["1"])
    os.kill(fleet.pids()[".syncro-worker-a"], signal.SIGKILL)
    until(lambda: ran(gate) == ["1", "2"])
    gate.touch()
    fleet.joined("T")
    fleet.start("--adapter", "bash")
    home = fleet.path / ".syncro-worker-a"
    thread = subtasks(fleet)[0]["child_thread"]
    verdicts = until(lambda: results(fleet, home, thread))
    assert verdicts == ["terminated"]
    assert ran(gate) == ["1", "2"]


def results(machine: Machine, home: Path, thread: str) -> list[str]:
    """Verdicts on a child thread in an instance's own log."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "hub.db")) as log:
        rows = log.execute(
            "SELECT json_extract(body, '$.verdict') FROM records WHERE thread = ? AND act = 'KNOW'", (thread,)
        ).fetchall()
    return [verdict for (verdict,) in rows]


def test_a_goal_that_spends_its_budget_is_ended(fleet: Machine, tmp_path: Path) -> None:
    spend = 'until false; do echo 0.10 >> "$SPL_COST_FILE"; sleep 0.2; done'
    fan_out(fleet, f"goal={spend},target=worker-a,budget=0.50", "goal=true,target=worker-b,budget=0.50")
    until(lambda: "Spend:" in fleet.spl("fleet", "status"))
    over = until(lambda: (one := subtasks(fleet)[0])["verdict"] and one)
    assert (over["verdict"], over["reason"]) == ("failed", "budget_exceeded")
    assert over["summary"].startswith("budget_exceeded: spent $0.")
    assert 0.5 - 1e-9 <= over["cost_usd"] < 2
    until(lambda: subtasks(fleet)[1]["verdict"] == "accept")
    warned = (fleet.path / ".syncro-worker-a" / "logs" / "spl.log").read_text()
    assert "has spent $0.40 of its budget of $0.50" in warned


def test_a_fan_out_that_spends_its_budget_spawns_nothing_more_and_ends_what_runs(
    fleet: Machine, tmp_path: Path
) -> None:
    never = tmp_path / "never"
    fan_out(
        fleet,
        f"goal='echo 0.60 >> \"$SPL_COST_FILE\"; {waits_for(never)}',target=worker-a",
        f"goal='echo 0.60 >> \"$SPL_COST_FILE\"; {waits_for(never)}',target=worker-b",
        "goal=true,target=worker-a,depends=0",
        budget="1.00",
    )
    join = until(lambda: (status := fleet.json("task", "join-status", "T"))["completed"] == 2 and status)
    assert [one["reason"] for one in join["subtasks"]] == ["budget_exceeded", "budget_exceeded", ""]
    assert [one["state"] for one in join["subtasks"]] == ["failed", "failed", "blocked"]
    assert not join["satisfiable"]
    assert join["cost_usd"] == pytest.approx(1.2)
    code, _, err = fleet.run("task", "retry", "T", "--subtask", "0")
    assert (code, "has spent its budget of $1.00" in err) == (1, True)


def test_a_subtask_is_stopped_by_hand_and_its_siblings_go_on(fleet: Machine, tmp_path: Path) -> None:
    fan_out(fleet, "goal=sleep 600,target=worker-a", "goal=echo beside,target=worker-b")
    until(lambda: subtasks(fleet)[0]["state"] == "in_progress")
    fleet.spl("task", "stop", "T", "--subtask", "0", "--reason", "wrong")
    until(lambda: subtasks(fleet)[0]["state"] == "terminated")
    ended, beside = subtasks(fleet)
    assert ended["reason"] == "wrong"
    assert until(lambda: subtasks(fleet)[1]["state"] == "accept")
    assert beside["attempt"] == 1
    code, _, err = fleet.run("task", "stop", "T", "--subtask", "0")
    assert code == 1
    assert "[0] is terminated: there is nothing to stop" in err


def test_what_runs_on_after_a_cancel_is_named_and_ended_when_asked(fleet: Machine) -> None:
    fan_out(fleet, "goal=sleep 600,target=worker-a", "goal=echo beside,target=worker-b")
    until(lambda: [one["state"] for one in subtasks(fleet)] == ["in_progress", "accept"])
    told = fleet.spl("task", "cancel", "T")
    assert "[0] still runs on worker-a" in told
    assert "spl task cancel T --end" in told
    assert "is being ended on worker-a" in fleet.spl("task", "cancel", "T", "--end")
    until(lambda: subtasks(fleet)[0]["state"] == "terminated")
    task = fleet.json("task", "show", "T")
    assert task["status"] == "cancelled"


def test_what_runs_on_after_a_join_can_be_stopped(fleet: Machine) -> None:
    fan_out(fleet, "goal=sleep 600,target=worker-a", "goal=echo enough,target=worker-b", join="any")
    until(lambda: [one["state"] for one in subtasks(fleet)] == ["in_progress", "accept"])
    fleet.joined("T")
    fleet.spl("task", "stop", "T", "--subtask", "0")
    until(lambda: subtasks(fleet)[0]["state"] == "terminated")
