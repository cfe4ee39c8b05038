"""`spl doctor` and `spl status` on what a daemon holds in memory, and on loops that are backed up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.client import Client
from syncropel.wire import EngineDetails, EngineHealth, FleetStatus, InstanceOut, MemoryOut, Start, StoreOut
from tests.cli.conftest import Ran
from tests.cli.doctor_findings import SERVING, finding
from tests.cli.live import daemon_home, live

__all__ = ["daemon_home", "live"]
Spl = Callable[..., Ran]
MB = 1_000_000


def answer(monkeypatch: pytest.MonkeyPatch, memory: MemoryOut, *instances: InstanceOut, **more: Any) -> None:
    """Answer as a daemon with this memory, in this fleet."""
    details = EngineDetails(connections={"tcp": 0, "tcp_limit": 9}, memory=memory, **more)
    health = EngineHealth.model_construct(pid=1, role="coordinator", details=details)
    answers = {
        Start: SERVING,
        StoreOut: StoreOut(state="sound", records=1),
        FleetStatus: FleetStatus.model_construct(instances=list(instances)),
    }
    monkeypatch.setattr(Client, "send", lambda _, call: answers.get(call.answer, health))


@pytest.mark.parametrize(
    ("now", "start", "state", "told"),
    [
        (90, 85, "ok", "90 MB held by the daemon, 5 MB more than at its start"),
        (80, 85, "ok", "80 MB held by the daemon, 5 MB less than at its start"),
        (1700, 1100, "ok", "1700 MB held by the daemon, 600 MB more than at its start"),
        (700, 100, "warn", "700 MB held by the daemon, 600 MB more than at its start"),
    ],
)
def test_memory_that_grew_is_told_once_it_is_much(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch, now: int, start: int, state: str, told: str
) -> None:
    grown = (now - start) * MB
    answer(monkeypatch, MemoryOut(resident_bytes=now * MB, at_start_bytes=start * MB, growth_bytes=grown))
    found = finding(spl, "daemon memory")
    assert (found["state"], found["told"]) == (state, told)
    assert ("spl status -o json" in found["hint"]) is (state == "warn")


@pytest.mark.parametrize(
    ("problem", "state", "told"),
    [
        ("", "ok", "3 sent, 0 wait, 1 were dropped"),
        ("x answered 401", "warn", "x answered 401 (3 sent, 0 wait, 1 were dropped)"),
    ],
)
def test_traces_that_are_not_taken_are_told(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch, problem: str, state: str, told: str
) -> None:
    traces = {"sent": 3, "waiting": 0, "dropped": 1, "problem": problem}
    answer(monkeypatch, MemoryOut(resident_bytes=1, at_start_bytes=1, growth_bytes=0), traces=traces)
    found = finding(spl, "traces")
    assert (found["state"], found["told"]) == (state, told)


@pytest.mark.parametrize(
    ("problem", "state", "told"),
    [
        ("", "ok", "3 sent, 2 wait, 1 were dropped"),
        ("it answered 401", "warn", "it answered 401 (3 sent, 2 wait, 1 were dropped)"),
    ],
)
def test_a_webhook_that_takes_nothing_is_told_by_its_name(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch, problem: str, state: str, told: str
) -> None:
    webhooks = [{"name": "chat", "sent": 3, "waiting": 2, "dropped": 1, "problem": problem}]
    answer(monkeypatch, MemoryOut(resident_bytes=1, at_start_bytes=1, growth_bytes=0), webhooks=webhooks)
    found = finding(spl, "webhook chat")
    assert (found["state"], found["told"]) == (state, told)
    assert ("spl webhook test chat" in found["hint"]) is bool(problem)


def test_a_loop_that_is_backed_up_is_told_with_its_instance(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "reconcile is backed up: 3 wait, th_a for 40 s"
    rows = [
        InstanceOut.model_construct(alias="worker-a", status="live", backed_up=why, clock_ahead_secs=0.0),
        InstanceOut.model_construct(alias="worker-b", status="archived", backed_up=why, clock_ahead_secs=0.0),
    ]
    answer(monkeypatch, MemoryOut(resident_bytes=1, at_start_bytes=1, growth_bytes=0), *rows)
    found = [one for one in spl("doctor", "-o", "json").json["findings"] if one["about"] == "loops"]
    assert [(one["state"], one["told"]) for one in found] == [("warn", f"worker-a: {why}")]
    assert "spl debug replay" in found[0]["hint"]


def test_the_status_tells_memory_and_its_growth(spl: Spl, live: Path) -> None:
    details = spl("status", "-o", "json").json["engine"]["details"]
    memory = details["memory"]
    assert memory["growth_bytes"] == memory["resident_bytes"] - memory["at_start_bytes"]
    assert memory["at_start_bytes"] > MB
    assert [one["name"] for one in details["loops"]] == ["ingest", "reconcile", "dispatch", "delivery"]
    assert "\nMemory: " in spl("status").out
