"""A worker that is revoked while it runs, on a fleet of real processes: it stops, and stays stopped."""

from __future__ import annotations

from functools import partial

from tests.fleet.conftest import Machine, machine, until
from tests.fleet.test_containment import escaping, give, sleepers

__all__ = ["machine"]


def test_a_revoked_worker_ends_its_work_and_takes_none_until_it_is_let_in_again(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "R-1", escaping(machine))
    until((machine.path / "ready").exists)
    home = machine.path / ".syncro-worker-a"
    there = {"SYNCROPEL_HOME": str(home)}
    machine.spl("fleet", "revoke", "worker-a", "--reason", "laptop lost")
    until(lambda: not sleepers(machine))

    def told(command: str) -> bool:
        return "its coordinator revoked it (laptop lost)" in machine.run(command, environ=there)[1]

    for command in ("status", "doctor"):
        # That it is revoked it knows from an answer; the reason comes with the control record after it.
        until(partial(told, command))
    assert "ends what runs and refuses every write" in (home / "logs" / "spl.log").read_text()
    # It stays so when it starts anew where it can ask nobody.
    machine.spl("stop")
    for command in ("stop", "serve"):
        code, _, err = machine.run(command, environ=there)
        assert code == 0, err
    code, _, err = machine.run("task", "add", "x", environ=there)
    assert (code, "revoked it (laptop lost)" in err, "--reissue" in err) == (1, True, True), err
    machine.start("--reissue", "worker-a")
    until(lambda: machine.run("task", "add", "x", environ=there)[0] == 0)
    assert "takes no work" not in machine.run("status", environ=there)[1]
    shown = machine.json("fleet", "show", "worker-a")
    assert (shown["status"], shown["credential"], shown["refused"]) == ("live", "own", "")
