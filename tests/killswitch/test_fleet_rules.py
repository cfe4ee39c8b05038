"""Rules of the whole fleet on real processes: written at the coordinator, judged by every worker."""

from __future__ import annotations

from typing import Any

import psutil

from tests.child_process import has_ended
from tests.fleet.conftest import Machine, machine, until

__all__ = ["machine"]

ONLY_CALLS = 'record.act == "CALL"'


def replace_freeze(machine: Machine, text: str) -> str:
    words = ["--priority", "0", "--effect", "deny", "--expression", text]
    return machine.spl("config", "add-permission-rule", "freeze-soft", *words)


def at(machine: Machine, alias: str) -> dict[str, str]:
    """The environment in which `spl` speaks to this worker's own daemon."""
    return {"SYNCROPEL_HOME": str(machine.path / f".syncro-{alias}")}


def refused_there(machine: Machine, alias: str) -> bool:
    """Whether this worker refuses new work in `docs`, and says that it is because of the freeze."""
    words = ("task", "add", "more", "--namespace", "docs")
    code, _, err = machine.run(*words, environ=at(machine, alias))
    assert code == 0 or "freeze of 'docs'" in err
    return code != 0


def fleet_rules(machine: Machine) -> dict[str, Any]:
    return {one["name"]: one for one in machine.json("fleet", "status")["rules"]}


def taken_by_all(machine: Machine, name: str) -> None:
    until(lambda: not any(one["name"] == name and one["waiting"] for one in fleet_rules(machine).values()))


def test_a_freeze_text_of_the_coordinator_holds_on_every_worker_and_can_be_put_back(machine: Machine) -> None:
    machine.start()
    machine.spl("kill", "--namespace", "docs", "--reason", "look first")
    assert refused_there(machine, "worker-a")
    replace_freeze(machine, ONLY_CALLS)
    taken_by_all(machine, "freeze-soft")
    assert not refused_there(machine, "worker-a")
    assert "freeze-soft (set by an operator) — confirmed by 3 of 3 instances" in machine.spl(
        "fleet", "status"
    )
    code, listed, err = machine.run("config", "list-permission-rules", environ=at(machine, "worker-a"))
    assert code == 0, err
    (line,) = [line for line in listed.splitlines() if ONLY_CALLS in line]
    assert line.split()[:5] == ["0", "freeze-soft", "deny", "-", "fleet"]
    # A worker that dies and comes back takes what was decided meanwhile before anything else.
    worker = psutil.Process(machine.pids()[".syncro-worker-b"])
    worker.kill()
    until(lambda: has_ended(worker.pid))
    assert machine.spl("config", "restore-default-rules").startswith("✓ restored: freeze-soft\n")
    machine.start()
    assert refused_there(machine, "worker-b")
    taken_by_all(machine, "freeze-soft")
    assert refused_there(machine, "worker-a")
    assert "freeze-soft" not in fleet_rules(machine)


def allow(machine: Machine, name: str, expression: str) -> None:
    machine.spl(
        "config",
        "add-permission-rule",
        name,
        "--priority",
        "5",
        "--effect",
        "allow",
        "--expression",
        expression,
    )


def test_the_switch_is_each_instances_own(machine: Machine) -> None:
    machine.start()
    there = at(machine, "worker-a")
    code, _, err = machine.run("config", "permissions-enable", environ=there)
    assert code == 1
    assert "would lock this daemon out" in err
    allow(machine, "everybody", "true")
    taken_by_all(machine, "everybody")
    code, _, err = machine.run("config", "permissions-enable", environ=there)
    assert code == 0, err
    until(lambda: "Permissions: enforced" in machine.spl("fleet", "show", "worker-a"))
    assert "Permissions" not in machine.spl("fleet", "show", "worker-b")
    # A name that the fleet uses is the fleet's.
    code, _, err = machine.run("config", "remove-permission-rule", "everybody", environ=there)
    assert code == 1
    assert "a worker takes it from its coordinator" in err


def test_a_rule_that_the_coordinator_did_not_live_to_push_still_reaches_all(machine: Machine) -> None:
    machine.start()
    allow(machine, "everybody", "true")
    coordinator = psutil.Process(machine.pids()[".syncro"])
    coordinator.kill()
    until(lambda: has_ended(coordinator.pid))
    machine.start()
    until(lambda: len(fleet_rules(machine)["everybody"]["confirmed"]) == 3)
