"""`spl kill` exits 0 only when no instance can be taking what the freeze forbids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.wire import Confirmation, ControlWritten, FleetStatus, FreezeOut, InstanceOut

from . import wire
from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]
RECORD = "ab" * 32
KILL = ("kill", "--namespace", "docs", "--reason", "wrong prices", "--wait", "0")


def confirmed(did: str, alias: str, **changes: Any) -> Confirmation:
    return Confirmation(**{"instance": did, "alias": alias, "at": 100.02, **changes})


def freeze(**changes: Any) -> FreezeOut:
    fields: dict[str, Any] = {
        "level": "soft",
        "namespace": "docs",
        "reason": "wrong prices",
        "grace_secs": 60.0,
        "at": 100.0,
        "record": RECORD,
        "confirmed": [
            confirmed(wire.COORDINATOR, "coordinator"),
            confirmed(wire.WORKER_A, "worker-a"),
        ],
    }
    return FreezeOut(**{**fields, **changes})


def fleet(*freezes: FreezeOut, other: InstanceOut | None = None) -> FleetStatus:
    instances = [
        wire.instance(wire.COORDINATOR, "coordinator", 9100),
        wire.instance(wire.WORKER_A, "worker-a", 9201),
        *([other] if other else []),
    ]
    return wire.fleet(*instances, freezes=list(freezes))


def kill(spl: Spl, daemon: FakeDaemon, status: FleetStatus, *words: str) -> Ran:
    daemon.answer("/v1/fleet/freeze", ControlWritten(record=RECORD, namespace="docs"))
    daemon.answer("/v1/fleet/status", status)
    return spl(*KILL, *words)


def test_all_have_confirmed(spl: Spl, daemon: FakeDaemon) -> None:
    ran = kill(spl, daemon, fleet(freeze()))
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "✓ soft freeze of 'docs' recorded",
        "  confirmed by 2 of 2 instances (20 ms)",
    ]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 0, "what runs is not known yet"),
        (("--level", "hard"), 0, "what runs is not known yet"),
        (("--terminate",), 1, "not known whether what ran there has ended"),
        (("--level", "hard", "--grace", "0"), 1, "not known whether what ran there has ended"),
    ],
)
def test_a_daemon_that_reads_its_log_does_not_know_what_runs(
    spl: Spl, daemon: FakeDaemon, words: tuple[str, ...], code: int, told: str
) -> None:
    starting = fleet(freeze()).model_copy(update={"starting": "312,000 of 1,000,000 records"})
    ran = kill(spl, daemon, starting, *words)
    assert ran.code == code
    assert "confirmed by 2 of 2 instances" in ran.out
    assert "it has read 312,000 of 1,000,000 records of its log" in ran.err
    assert told in ran.err


class Clock:
    """Passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, secs: float) -> None:
        self.now += secs


def test_a_long_wait_asks_the_fleet_seldom(
    spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("syncropel.cli.kill.time", clock)
    ran = kill(spl, daemon, fleet(freeze(waiting=["worker-b"])), "--wait", "60")
    assert "not confirmed within 60s by: worker-b" in ran.err
    asked = [request for request in daemon.requests if request.url.path == "/v1/fleet/status"]
    assert 60 <= clock.now < 61
    assert 100 < len(asked) < 300
    daemon.requests.clear()
    unconfirmed, clock.now = fleet(freeze(waiting=["worker-a"])), 0.0
    daemon.answers_in_turn("/v1/fleet/status", *[unconfirmed] * 4, fleet(freeze()))
    assert spl(*KILL, "--wait", "60").code == 0
    assert clock.now < 0.1


def test_one_whose_heartbeats_are_refused_is_not_reached(spl: Spl, daemon: FakeDaemon) -> None:
    shut_out = wire.instance(wire.WORKER_B, "worker-b", 9202, status="left", refused="it was revoked")
    ran = kill(spl, daemon, fleet(freeze(waiting=["worker-b"]), other=shut_out))
    assert ran.code == 1
    assert "not reached, as its heartbeats are refused: worker-b (it was revoked)" in ran.err
    assert "not confirmed within" not in ran.err
    ran = kill(spl, daemon, fleet(freeze(waiting=["worker-a", "worker-b"]), other=shut_out))
    assert ran.code == 1
    assert "not confirmed within 0s by: worker-a\n" in ran.err.replace(" —", "\n")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"waiting": ["worker-b"]}, "not confirmed within 0s by: worker-b"),
        ({"level": "hard", "grace_left_secs": 0.0}, "not every instance refuses every write"),
    ],
)
def test_an_instance_that_may_still_take_writes(
    spl: Spl, daemon: FakeDaemon, changes: dict[str, Any], words: str
) -> None:
    ran = kill(spl, daemon, fleet(freeze(**changes)))
    assert ran.code == 1
    assert words in ran.err


@pytest.mark.parametrize(
    "changes",
    [
        {"level": "hard", "grace_left_secs": 4.9},
        {"level": "hard", "grace_left_secs": 0.0, "refuses_all": True},
    ],
)
def test_a_hard_freeze_is_waited_for_only_when_its_grace_is_over(
    spl: Spl, daemon: FakeDaemon, changes: dict[str, Any]
) -> None:
    ran = kill(spl, daemon, fleet(freeze(**changes)))
    assert ran.code == 0, ran.err


def test_a_confirmation_without_proof_counts_only_when_it_is_told_to(spl: Spl, daemon: FakeDaemon) -> None:
    claims = confirmed(wire.WORKER_A, "worker-a", verified=False)
    status = fleet(freeze(confirmed=[confirmed(wire.COORDINATOR, "coordinator"), claims]))
    ran = kill(spl, daemon, status)
    assert ran.code == 1
    assert "confirmed by 2 of 2 instances · unverified: worker-a" in ran.out
    assert "confirmed without proof by: worker-a" in ran.err
    assert "--accept-unverified" in ran.err
    assert kill(spl, daemon, status, "--accept-unverified").code == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "archived"}, 1),
        ({"status": "archived", "credential": "revoked"}, 0),
        ({"status": "left"}, 0),
    ],
)
def test_an_instance_that_nobody_waits_for_is_named(
    spl: Spl, daemon: FakeDaemon, changes: dict[str, Any], code: int
) -> None:
    gone = wire.instance(wire.WORKER_B, "worker-b", 9202, **changes)
    ran = kill(spl, daemon, fleet(freeze(), other=gone))
    assert ran.code == code
    assert ("archived before the freeze and not reached: worker-b" in ran.err) is bool(code)
    assert ("spl fleet revoke worker-b" in ran.err) is bool(code)


def test_an_archived_instance_that_has_confirmed_is_not_named(spl: Spl, daemon: FakeDaemon) -> None:
    back = wire.instance(wire.WORKER_B, "worker-b", 9202, status="archived")
    known = [confirmed(wire.COORDINATOR, "coordinator"), confirmed(wire.WORKER_B, "worker-b")]
    assert kill(spl, daemon, fleet(freeze(confirmed=known), other=back)).code == 0


def test_somebody_lifted_it_again(spl: Spl, daemon: FakeDaemon) -> None:
    ran = kill(spl, daemon, fleet())
    assert ran.code == 1
    assert "somebody lifted this freeze again" in ran.err
