"""A worker behind a proxy that dies during a freeze, and heals."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tests.fleet.conftest import Machine, machine, until

from .proxy import proxy

__all__ = ["machine"]

NS = "docs/v0.11"


def port_of(machine: Machine, alias: str) -> int:
    (one,) = [one for one in machine.json("fleet", "list")["data"] if one["alias"] == alias]
    port = urlsplit(one["endpoint"]).port
    assert port is not None
    return port


def serve_behind(machine: Machine, home: Path, port: int, advertised: str, coordinator: str) -> None:
    """Start a worker's daemon so that it reaches others, and others reach it, through proxies."""
    config = home / "config.toml"
    kept = [line for line in config.read_text().splitlines() if not line.startswith("advertise_url")]
    at = kept.index("[fleet]") + 1
    config.write_text("\n".join([*kept[:at], f'advertise_url = "{advertised}"', *kept[at:], ""]))
    more = {"SYNCROPEL_HOME": str(home), "SPL_FLEET_COORDINATOR_URL": coordinator}
    with machine.popen("serve", "--port", str(port), environ=more) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_a_worker_behind_a_dead_proxy_is_told_as_not_reached_and_takes_the_freeze_before_work(
    machine: Machine,
) -> None:
    machine.start()
    ports = {alias: port_of(machine, alias) for alias in ("coordinator", "worker-b")}
    machine.spl("fleet", "stop", "--instance", "worker-b")
    with proxy(ports["coordinator"]) as up, proxy(ports["worker-b"]) as down:
        serve_behind(machine, machine.path / ".syncro-worker-b", ports["worker-b"], down.url, up.url)
        until(lambda: port_of(machine, "worker-b") == down.port)
        machine.spl("task", "add", "practice", "--alias", "P-1", "--namespace", NS)
        up.hold()
        down.hold()
        code, out, err = machine.run("kill", "--namespace", NS, "--reason", "cut off", "--wait", "5")
        assert code == 1
        assert "confirmed by 2 of 3 instances · waiting for worker-b" in out
        assert "worker-b" in err
        (freeze,) = machine.json("fleet", "status")["freezes"]
        assert freeze["waiting"] == ["worker-b"]
        up.heal()
        down.heal()
        until(lambda: not machine.json("fleet", "status")["freezes"][0]["waiting"])
        machine.spl("unkill", "--namespace", NS)
        machine.spl("task", "fan-out", "P-1", "--subtask", "goal=work,target=worker-b")
        assert machine.joined("P-1")["verdict"] == "accept"
        machine.spl("fleet", "stop", "--instance", "worker-b")
