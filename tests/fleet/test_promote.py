"""A coordinator is killed, and one of its workers takes its place, on a fleet of real processes."""

from __future__ import annotations

import os
import signal

from syncropel.settings.home import Home
from tests.child_process import has_ended

from .conftest import Machine, until


def test_a_worker_takes_the_place_of_a_killed_coordinator(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    code, out, err = machine.run("fleet", "promote", "worker-a", "--yes")
    assert (code, out) == (1, ""), "the coordinator runs"
    assert "the coordinator runs: PID" in err
    go, done = machine.path / "go", machine.path / "done"
    waits = f"until test -e {go}; do sleep 0.1; done; touch {done}"
    machine.spl("run", waits, "--alias", "W", "--target", "worker-b", "--detach")
    machine.spl("kill", "--namespace", "docs", "--reason", "before")
    home, killed = Home(machine.path / ".syncro-worker-a"), machine.pids()[".syncro"]
    until(lambda: machine.json("fleet", "status")["dispatches"][0]["began_at"])
    os.kill(killed, signal.SIGKILL)
    until(lambda: has_ended(killed))

    code, _, err = machine.run("fleet", "promote", "worker-a")
    assert (code, "nobody agreed" in err) == (2, True), err
    # The first attempt stops the worker, and cannot start it again.
    text = home.config.read_text()
    home.config.write_text(text.replace('level = "INFO"', 'level = "LOUD"'))
    code, _, err = machine.run("fleet", "promote", "worker-a", "--yes")
    assert (code, "[worker-a] did not start: " in err) == (1, True), err
    assert ".syncro-worker-a" not in machine.pids()
    home.config.write_text(text + "\n# mine\n")

    out = machine.spl("fleet", "promote", "worker-a", "--yes")
    assert "Running goals, which go on: 1 on worker-b" in out
    assert "✓ worker-a leads the fleet at " in out
    assert home.config.read_text().endswith("# mine\n")
    assert not home.promotion.exists()
    again = machine.spl("fleet", "promote", "worker-a", "--yes")
    assert "[worker-a] is the coordinator already" in again
    assert "[worker-b] reports there already" in again

    code, out, err = machine.run("fleet", "start", "--workers", "2")
    assert (code, out) == (1, "")
    assert "worker-a leads this fleet at " in err

    there = {"SYNCROPEL_HOME": str(home.path)}
    split = "split: the former coordinator (http://127.0.0.1:"
    code, out, _ = machine.run("leader", "show", environ=there)
    assert (code, split in out, "worker-a since " in out) == (1, True, True), out
    assert split in machine.run("fleet", "status", environ=there)[1]
    # Whoever starts the old one all the same is told, and so is that one: it changes nothing any more.
    assert "worker-a leads" in machine.run("serve", "--port", str(machine.port))[2]
    until(lambda: "fenced: worker-a leads at " in machine.run("leader", "show")[1])
    until(lambda: machine.run("leader", "show", environ=there)[0] == 0)
    assert "fenced: worker-a leads at " in machine.run("fleet", "status")[1]
    assert "fenced: worker-a leads at " in machine.run("doctor")[1]
    code, out, err = machine.run("kill", "--namespace", "old", "--reason", "r", "--wait", "1")
    assert (code, out) == (1, "")
    assert "this coordinator is fenced: worker-a leads the fleet at http://127.0.0.1:" in err
    assert "W " in machine.spl("task", "list")
    machine.spl("stop")

    def spl(*words: str) -> str:
        code, out, err = machine.run(*words, environ=there)
        assert code == 0, err
        return out

    assert "2 live · 0 stale · 0 archived" in spl("fleet", "list")
    assert "[soft] docs — before" in spl("fleet", "status")
    assert "confirmed by 2 of 2 instances" in spl(
        "kill", "--namespace", "ops", "--reason", "after", "--wait", "30"
    )
    assert "✓ accept" in spl("run", "echo new", "--target", "worker-b", "--wait-secs", "60")
    assert not done.exists()
    go.touch()
    until(done.exists)
    assert "[worker-b] already running" in spl("fleet", "start", "--workers", "1")
    assert "[coordinator] stopped" in spl("fleet", "stop", "--all")
