"""A worker whose heartbeats are refused, on a fleet of real processes: `spl kill` reaches it, or says that it
does not."""

from __future__ import annotations

from tests.fleet.conftest import Machine, machine, until

__all__ = ["machine"]

SECRETS = ("instance.token", "coordinator.json", "fleet.token")


def test_a_worker_that_left_and_runs_again_without_its_credential(machine: Machine) -> None:
    machine.start()
    machine.spl("fleet", "stop", "--instance", "worker-a")
    until(lambda: machine.json("fleet", "show", "worker-a")["status"] == "left")
    home = machine.path / ".syncro-worker-a"
    there = {"SYNCROPEL_HOME": str(home)}
    kept = {name: (home / "secrets" / name).rename(machine.path / name) for name in SECRETS}
    (home / "secrets" / "coordinator.json").write_text("{}")
    port = machine.json("fleet", "show", "worker-a")["endpoint"].rpartition(":")[2]
    code, _, err = machine.run("serve", "--port", port, environ=there)
    assert code == 0, err
    until(lambda: machine.json("fleet", "show", "worker-a")["refused"])
    # Its coordinator can prove nothing to it, so no freeze reaches it, and no success may be told.
    code, out, err = machine.run("kill", "--namespace", "docs", "--reason", "stop", "--wait", "5")
    assert code == 1, out
    assert "confirmed by 2 of 3" in out
    assert "not reached, as its heartbeats are refused: worker-a (" in err
    code, _, err = machine.run("task", "add", "x", "--namespace", "docs", environ=there)
    assert (code, "has not heard from its coordinator since it started" in err) == (1, True), err
    assert "worker-a runs, but its heartbeats are refused: " in machine.spl("fleet", "status")
    assert machine.spl("logs", "--level", "WARN").count("worker-a runs, but its heartbeats are refused") == 1
    assert "refused of worker-a: " in machine.run("doctor")[1]
    for command in ("doctor", "status"):
        told = machine.run(command, environ=there)[1]
        assert "the coordinator refuses this worker's" in told, (command, told)
        assert "it has not heard from its coordinator since it started" in told, (command, told)
    assert "the coordinator refuses this worker's heartbeats" in (home / "logs" / "spl.log").read_text()
    # It knows its coordinator again, and takes the freeze from it, although it proves nothing itself.
    kept["coordinator.json"].rename(home / "secrets" / "coordinator.json")
    until(lambda: not machine.json("fleet", "status")["freezes"][0]["waiting"])
    assert machine.json("fleet", "show", "worker-a")["refused"] != ""
    assert "confirmed by 3 of 3" in machine.spl("kill", "--namespace", "more", "--reason", "stop")
    # With its credential it is let in.
    for name in ("instance.token", "fleet.token"):
        kept[name].rename(home / "secrets" / name)
    until(lambda: machine.json("fleet", "show", "worker-a")["refused"] == "")
    code, _, err = machine.run("task", "add", "y", "--namespace", "docs", environ=there)
    assert (code, "soft freeze of 'docs'" in err) == (1, True)
    assert "confirmed by 3 of 3" in machine.spl("kill", "--namespace", "other", "--reason", "stop")
