"""Who may write what, on a fleet of real processes: stolen and forged words do not stand, true ones do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import psutil

from tests.fleet.conftest import Machine, machine, until

__all__ = ["machine"]


class Attacker:
    """Somebody who has a token, and asks an instance over TCP."""

    def __init__(self, machine: Machine, token: str) -> None:
        self._machine = machine
        self._token = token
        self._urls = {one["alias"]: one["endpoint"] for one in machine.json("fleet", "list")["data"]}

    def post(self, alias: str, body: Any, path: str = "/v1/records") -> tuple[int, dict[str, Any]]:
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._urls[alias] + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def is_refused(self, alias: str, body: Any, path: str = "/v1/records") -> None:
        status, answer = self.post(alias, body, path)
        assert status in (401, 403), (alias, status, answer)


def secret(machine: Machine, home: str, name: str) -> str:
    return (machine.path / home / "secrets" / name).read_text().strip()


def minted(machine: Machine, *words: str) -> Attacker:
    return Attacker(machine, machine.json("token", "mint", "sa-x", *words)["token"])


def words(act: str, thread: str, actor: str = "did:sync:service:sa-x", **body: Any) -> dict[str, Any]:
    return {"thread": thread, "actor": actor, "act": act, "body": body}


def long_work(machine: Machine, name: str, target: str) -> dict[str, Any]:
    """A fan-out of one goal that runs until it is told; gives its dispatch once it runs."""
    machine.spl("task", "add", "much", "--alias", name, "--namespace", "docs")
    goal = f"until [ -e {machine.path / 'told'} ]; do sleep 0.1; done"
    machine.spl("task", "fan-out", name, "--subtask", f"goal={goal},target={target}")

    def running() -> Any:
        found = [one for one in machine.json("fleet", "status")["dispatches"] if one["alias"] == name]
        return found[0] if found and found[0]["began_at"] is not None else None

    return until(running)


def test_no_token_lifts_a_freeze_on_one_worker(machine: Machine) -> None:
    machine.start()
    machine.spl("kill", "--namespace", "docs", "--reason", "wrong prices")
    unfreeze = words("LEARN", "th_fleet_control", topic="unfreeze", namespace="docs", level="soft")
    tokens = [
        secret(machine, ".syncro", "fleet.token"),
        secret(machine, ".syncro-worker-a", "instance.token"),
        secret(machine, ".syncro-worker-b", "instance.token"),
        machine.json("token", "mint", "sa-y", "--scope", "admin", "--actor", "*")["token"],
    ]
    for token in tokens:
        attacker = Attacker(machine, token)
        for alias in ("coordinator", "worker-a", "worker-b"):
            for clock in (None, 2**62, 2**63 - 1):
                attacker.is_refused(alias, {**unfreeze, "clock": clock})
            if token != tokens[-1]:
                attacker.is_refused(alias, {"namespace": "docs"}, "/v1/fleet/unfreeze")
    assert machine.spl("kill", "--namespace", "more", "--reason", "x").count("confirmed by 3 of 3") == 1
    # Whoever may ask worker-a for anything finds the freeze there.
    down = next((machine.path / ".syncro/secrets/peers").iterdir())
    assert down.stat().st_mode & 0o777 == 0o600
    for file in (machine.path / ".syncro/secrets/peers").iterdir():
        coordinator = Attacker(machine, file.read_text().strip())
        answers = [
            coordinator.post(alias, words("DO", "t", "did:sync:user:x", namespace="docs"))
            for alias in ("worker-a", "worker-b")
        ]
        assert sorted(answer.get("code", "") for _, answer in answers) == ["NAMESPACE_FROZEN", "UNAUTHORIZED"]


def test_a_forged_result_is_refused_and_the_true_one_is_taken(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    attacker = minted(machine, "--scope", "records:write", "--actor", "*")
    one = long_work(machine, "TRUE-1", "worker-a")
    task = machine.json("task", "show", "TRUE-1")["thread"]
    worker, other = one["instance"], machine.dids()["worker-b"]
    join = next(
        record["id"]
        for record in machine.json("thread", "records", task)["data"]
        if record["act"] == "INTEND" and "subtasks" in record["body"]
    )
    about = {
        "index": 0,
        "attempt": 1,
        "worker": worker,
        "child_thread": one["child_thread"],
        "verdict": "accept",
    }
    stolen = Attacker(machine, secret(machine, ".syncro-worker-b", "instance.token"))
    shared = Attacker(machine, secret(machine, ".syncro", "fleet.token"))
    for actor in (worker, other, "did:sync:user:x"):
        forged = words("DO", task, actor, topic="fanout_child_done", **about)
        for caller in (attacker, stolen, shared):
            caller.is_refused("coordinator", forged)
            caller.is_refused("coordinator", {**forged, "clock": 3})
        for caller in (attacker, stolen):
            caller.is_refused("coordinator", words("KNOW", task, actor, fulfills=join, verdict="accept"))
        spawn = words("DO", task, actor, topic="fanout_spawned", **about, instance=other)
        attacker.is_refused("coordinator", spawn)
    attacker.is_refused("coordinator", words("KNOW", task, worker, text="as another"))
    assert any("was refused" in line for line in machine.spl("task", "diagnose", "TRUE-1").splitlines())
    machine.spl("kill", "--namespace", "docs", "--level", "hard", "--grace", "0", "--reason", "stop")
    for alias in ("coordinator", "worker-a"):
        ended = words("KNOW", task, worker, namespace="docs", verdict="terminated")
        attacker.is_refused(alias, ended)
        stolen.is_refused(alias, ended)
    assert machine.json("task", "join-status", "TRUE-1")["completed"] == 0
    machine.spl("unkill", "--namespace", "docs")
    status = (
        machine.joined("TRUE-1")
        if False
        else until(
            lambda: (found := machine.json("task", "join-status", "TRUE-1"))["completed"] == 1 and found
        )
    )
    assert status["subtasks"][0]["verdict"] == "terminated"


def test_a_worker_that_is_revoked_in_the_middle_of_its_work(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    one = long_work(machine, "MOVE-1", "least-loaded-worker")
    lost = machine.json("fleet", "show", one["instance"])["alias"]
    told = machine.spl("fleet", "revoke", lost, "--reason", "laptop lost")
    assert f"✓ {lost} revoked" in told
    assert f"spl fleet stop --instance {lost}" in told
    moved = until(
        lambda: (now := machine.json("task", "join-status", "MOVE-1")["subtasks"][0])["attempt"] == 2 and now
    )
    assert moved["instance"] != one["instance"]
    assert "archived" in machine.spl("fleet", "list")
    assert "revoked" in machine.spl("fleet", "list")
    home = f".syncro-{lost}"
    for token in (secret(machine, home, "instance.token"), secret(machine, home, "fleet.token")):
        attacker = Attacker(machine, token)
        beat = {
            "did": one["instance"], "alias": lost, "role": "worker", "endpoint": "http://127.0.0.1:1",
            "version": "0", "uptime_secs": 1.0,
        }  # fmt: skip
        status, _ = attacker.post("coordinator", beat, "/v1/fleet/heartbeat")
        assert status == 401
    (machine.path / "told").touch()
    joined = machine.joined("MOVE-1")
    assert joined["subtasks"][0]["instance"] == moved["instance"]
    code, out, err = machine.run("fleet", "start", "--workers", "2", "--port", str(machine.port))
    assert code == 0, err
    assert f"[{lost}] left out" in out
    assert f"--reissue {lost}" in err
    machine.spl("fleet", "stop", "--instance", lost)
    machine.start("--reissue", lost)
    shown = machine.json("fleet", "show", lost)
    assert (shown["status"], shown["credential"]) == ("live", "own")


def test_a_fleet_that_has_only_the_shared_token_is_given_credentials(machine: Machine) -> None:
    machine.start()
    machine.spl("fleet", "stop", "--all")
    for home in machine.path.glob(".syncro*"):
        for name in ("instance.token", "coordinator.json"):
            (home / "secrets" / name).unlink(missing_ok=True)
        for file in (home / "secrets" / "peers").glob("*"):
            file.unlink()
    # As it was before: started by hand, each with the token that all share.
    machine.spl("serve", "--port", str(machine.port))
    worker = str(machine.path / ".syncro-worker-a")
    with machine.popen("serve", environ={"SYNCROPEL_HOME": worker}) as process:
        process.communicate(timeout=60)
    machine.start()
    rows = {one["alias"]: one["credential"] for one in machine.json("fleet", "list")["data"]}
    assert set(rows) == {"coordinator", "worker-a", "worker-b"}
    machine.spl("fleet", "stop", "--workers")
    machine.start()
    until(lambda: {one["credential"] for one in machine.json("fleet", "list")["data"]} == {"own"})
    assert all(psutil.pid_exists(pid) for pid in machine.pids().values())
