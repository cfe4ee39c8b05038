"""Two hosts of their own, and what a newcomer types on each."""

from __future__ import annotations

from pathlib import Path

from tests.fleet.conftest import Machine, until
from tests.fleet.hosts import Host, two_hosts

__all__ = ["two_hosts"]


def shows_link(coordinator: Machine) -> bool:
    shown = coordinator.json("fleet", "show", "laptop-a")
    return (shown["endpoint"], shown["link"]["state"]) == ("link:", "up")


def test_a_newcomer_joins_with_one_line_and_is_shut_out_with_one(
    two_hosts: list[Host], tmp_path: Path
) -> None:
    near, far = two_hosts
    coordinator, laptop = near.machine(tmp_path / "near"), far.machine(tmp_path / "far")
    coordinator.spl("fleet", "tls", "init", "--listen", "0.0.0.0:9443")
    coordinator.spl("serve")
    typed = coordinator.spl("fleet", "invite", "--alias", "laptop-a").split()
    assert typed[:3] == ["spl", "fleet", "join"]
    code, out, err = laptop.run(*typed[1:])
    assert code == 0, err
    assert "✓ joined as laptop-a" in out
    assert "its coordinator hears it" in err
    (node,) = coordinator.json("fleet", "nodes", "list")["nodes"]
    assert (node["alias"], node["credential"], node["status"]) == ("laptop-a", "valid", "live")
    shown = coordinator.json("fleet", "show", "laptop-a")
    assert shown["credential"] == "own"
    assert abs(shown["clock_ahead_secs"]) < 1
    assert laptop.run(*typed[1:])[0] == 0, "a second time is no harm"
    copied = far.machine(tmp_path / "copied")
    code, _, err = copied.run(*typed[1:])
    assert (code, "invite_used" in err) == (1, True)

    # Nobody can connect to it: work, its result, and freezes go through the link that it made.
    assert "accept" in coordinator.spl("run", "one", "--target", "laptop-a")
    assert "confirmed by 2 of 2 instances" in coordinator.spl(
        "kill", "--namespace", "docs", "--reason", "look"
    )
    assert shows_link(coordinator)

    coordinator.spl("fleet", "nodes", "rotate", "laptop-a")
    token = tmp_path / "far" / ".syncro" / "secrets" / "instance.token"
    before = token.read_text()
    until(lambda: token.read_text() != before)
    until(lambda: coordinator.json("fleet", "nodes", "list")["nodes"][0]["credential"] == "valid")
    assert "accept" in coordinator.spl("run", "two", "--target", "laptop-a"), "the link outlives a renewal"

    coordinator.spl("fleet", "nodes", "revoke", "laptop-a")
    until(lambda: "its coordinator revoked it" in "".join(map(str, laptop.run("status"))))
    laptop.spl("stop")
    again = coordinator.spl("fleet", "invite", "--alias", "laptop-a").split()
    code, out, err = laptop.run(*again[1:])
    assert (code, "another secret" in out) == (0, True), err
    assert coordinator.json("fleet", "nodes", "list")["nodes"][0]["status"] == "live"
