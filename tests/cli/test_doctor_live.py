"""`spl doctor`: what it repeats of a daemon that runs, of its fleet, and of its log."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from syncropel.settings.home import Home
from syncropel.wire import EngineDetails, EngineHealth, InstanceOut, StoreOut
from tests.certificates import DAY, home_with_ca

from .doctor_findings import Spl, answer, finding, fresh
from .live import daemon_home, live

__all__ = ["daemon_home", "fresh", "live"]


def test_a_daemon_says_how_many_connections_it_has(spl: Spl, live: Path) -> None:
    found = finding(spl, "connections")
    assert (found["state"], found["told"].endswith(" TCP connections")) == ("ok", True)


def test_what_the_daemon_says_of_its_log_and_its_backup_is_told(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = EngineDetails(backup={"state": "failed", "problem": "the disk is full"})
    answer(
        monkeypatch,
        EngineHealth.model_construct(pid=1, role="coordinator", details=details),
        log=StoreOut(
            state="held",
            records=9,
            problem="4 of 5 records are gone",
            hint="do this",
            views_through=2,
            views_problem="cannot write views-1.db: disk full",
        ),
    )
    found = finding(spl, "views")
    assert (found["state"], found["told"]) == ("warn", "cannot write views-1.db: disk full")
    assert "spl views drop" in found["hint"]
    found = finding(spl, "log")
    assert (found["state"], found["told"], found["hint"]) == (
        "fail",
        "held: 4 of 5 records are gone",
        "do this",
    )
    found = finding(spl, "backup")
    assert (found["state"], found["told"]) == ("fail", "the last one failed: the disk is full")


def test_connections_that_had_to_go_are_told(spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"tcp": 7, "tcp_limit": 9, "closed_for_room": 5, "refused": 0, "accept_errors": 2}
    health = EngineHealth.model_construct(
        pid=1, role="coordinator", details=EngineDetails(connections=counts)
    )
    answer(monkeypatch, health)
    found = finding(spl, "connections")
    assert found["state"] == "warn"
    assert found["told"] == (
        "7 of at most 9 TCP connections; since the start 5 were closed to make room, "
        "accepting one failed 2 times"
    )
    assert "ulimit -n" in found["hint"]


@pytest.mark.parametrize(
    ("ahead", "state", "told"),
    [
        ({"worker-a": 0.02, "worker-b": -0.3}, "ok", "within 0.30 s of the coordinator's"),
        ({"worker-a": 5.0, "worker-b": -5.0}, "ok", "within 5.00 s of the coordinator's"),
        ({"worker-a": -90.0, "worker-b": 0.0}, "warn", "worker-a is 90 s behind"),
        ({"worker-a": None, "worker-b": 172_800.0}, "warn", "worker-b is 2.0 days ahead"),
        ({"worker-a": None, "worker-b": 0.0}, "warn", "not measured yet: worker-a"),
    ],
)
def test_clocks_that_differ_are_told(
    spl: Spl,
    live: Path,
    monkeypatch: pytest.MonkeyPatch,
    ahead: dict[str, float | None],
    state: str,
    told: str,
) -> None:
    rows = [
        InstanceOut.model_construct(alias=alias, status="live", clock_ahead_secs=secs)
        for alias, secs in {"coordinator": 0.0, **ahead}.items()
    ]
    answer(
        monkeypatch, EngineHealth.model_construct(pid=1, role="coordinator", details=EngineDetails()), *rows
    )
    found = finding(spl, "clocks")
    assert (found["state"], found["told"]) == (state, told)


def test_credentials_that_were_not_renewed_are_told(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = {"fine": 20.0, "late": 31.0, "older": 40.0}
    rows = [
        InstanceOut.model_construct(
            alias=alias, status="live", clock_ahead_secs=0.0, credential_at=1e9 - days * DAY, protocol=1
        )
        for alias, days in ages.items()
    ]
    health = EngineHealth.model_construct(pid=1, role="coordinator", details=EngineDetails())
    answer(monkeypatch, health, *rows)
    found = finding(spl, "credentials")
    assert (found["state"], found["told"]) == ("warn", "not renewed for more than 30 days: late, older")


@pytest.mark.parametrize(
    ("made", "state", "told"),
    [(0.0, "ok", "90 days left"), (-80.0, "warn", "expires in 10 days"), (-91.0, "fail", "has expired")],
)
def test_the_certificate_for_other_hosts_is_looked_at(
    spl: Spl, fresh: Home, made: float, state: str, told: str
) -> None:
    home_with_ca(fresh.path, time.time() + made * DAY, "fleet.example")
    fresh.config.write_text('[server]\nlisten = "0.0.0.0:9443"\n')
    found = finding(spl, "tls")
    assert (found["state"], told in found["told"]) == (state, True), found
    assert state == "ok" or found["hint"] == "spl fleet tls renew"


@pytest.mark.parametrize(
    ("secs", "told"), [(-7.0, "is 7 s behind"), (None, "not measured yet"), (0.1, "within")]
)
def test_a_worker_tells_of_its_own_clock(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch, secs: float | None, told: str
) -> None:
    health = EngineHealth.model_construct(
        pid=1, role="worker", alias="worker-a", details=EngineDetails(), clock_ahead_secs=secs
    )
    answer(monkeypatch, health)
    assert told in finding(spl, "clocks")["told"]


@pytest.mark.parametrize("role", ["worker", "coordinator"])
def test_refused_heartbeats_are_told_on_either_side(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    why = "this token is not known here"
    health = EngineHealth.model_construct(
        pid=1,
        role=role,
        alias=role,
        details=EngineDetails(),
        coordinator_refuses=why if role == "worker" else "",
    )
    left = InstanceOut.model_construct(alias="worker-a", status="left", refused=why)
    rows = [left] if role == "coordinator" else []
    answer(monkeypatch, health, *rows)
    found = finding(spl, "heartbeats")
    assert (found["state"], "hears of no freeze" in found["hint"]) == ("warn", True)
    whose = "the coordinator refuses this worker's" if role == "worker" else "refused of worker-a"
    assert found["told"] == f"{whose}: {why}"


def test_a_worker_that_takes_no_work_says_so_and_how_it_is_let_in(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = EngineHealth.model_construct(
        pid=1,
        role="worker",
        alias="worker-a",
        details=EngineDetails(),
        takes_no_work="its coordinator revoked it (lost)",
    )
    answer(monkeypatch, health)
    found = finding(spl, "work")
    assert (found["state"], found["told"]) == ("warn", "takes none: its coordinator revoked it (lost)")
    assert "--reissue" in found["hint"]


def test_results_that_did_not_arrive_and_unproven_writers_are_told(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = EngineDetails(
        connections={"tcp": 0, "tcp_limit": 9},
        reports={"waiting": 2, "problems": ["not taken: frozen"], "refused": 1},
        writers={"any_actor": 1, "unverified": ["worker-a"]},
    )
    health = EngineHealth.model_construct(
        pid=1, role="worker", alias="worker-a", details=details, clock_ahead_secs=0.0
    )
    answer(monkeypatch, health)
    assert "older service accounts" in finding(spl, "accounts")["told"]
    assert "worker-a" in finding(spl, "credentials")["told"]
    told = [one["told"] for one in spl("doctor", "-o", "json").json["findings"]]
    assert "2 results wait to be reported: not taken: frozen" in told
    assert "1 reports of attempts were refused" in told
