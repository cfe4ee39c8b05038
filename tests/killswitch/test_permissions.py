"""Permission rules on a fleet of real processes: enforced, audited, and never a trap without a way out."""

from __future__ import annotations

from tests.fleet.conftest import Machine, machine

__all__ = ["machine"]

MALLORY = {"SPL_ACTOR": "did:sync:user:mallory"}
DAEMONS = 'current_actor().startsWith("did:sync:instance:")'
PEOPLE = 'current_actor().startsWith("did:sync:user:") && current_actor() != "did:sync:user:mallory"'


def allow(machine: Machine, name: str, expression: str, effect: str = "allow", priority: str = "10") -> None:
    words = ["--priority", priority, "--effect", effect, "--expression", expression]
    machine.spl("config", "add-permission-rule", name, *words)


def test_rules_hold_for_who_types_and_a_lock_out_is_undone_on_the_stopped_store(machine: Machine) -> None:
    machine.start()
    code, _, err = machine.run("config", "permissions-enable")
    assert code == 1
    assert "spl config add-permission-rule" in err
    allow(machine, "daemons", DAEMONS)
    allow(machine, "people", PEOPLE)
    machine.spl("config", "permissions-enable")
    machine.spl("task", "add", "work", "--alias", "W-1")
    machine.spl("task", "fan-out", "W-1", "--subtask", "goal=one,target=worker-a")
    assert machine.joined("W-1")["verdict"] == "accept"
    for words in (
        ["task", "add", "mischief"],
        ["task", "list"],
        ["fleet", "status"],
        ["config", "list-rules"],
    ):
        code, out, err = machine.run(*words, environ=MALLORY)
        assert (code, out) == (1, ""), words
        assert "denied to did:sync:user:mallory" in err
    # The way out of a rule that shuts everybody out is the stopped store.
    allow(machine, "nobody", "true", "deny", "1")
    assert machine.run("task", "list")[0] == 1
    machine.spl("stop")
    machine.spl("config", "permissions-unlock")
    machine.start()
    assert machine.json("task", "show", "W-1")["status"] == "approved"
    kept = machine.json("records", "list", "--topic", "permission_denied")
    assert "did:sync:user:mallory" in {one["body"]["denied"] for one in kept["data"]}
