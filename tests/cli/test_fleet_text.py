"""Fleet texts, as the manual prints them."""

from __future__ import annotations

from syncropel.cli.text import fleet as fleet_text
from syncropel.wire import FreezeOut

from . import wire


def test_the_list_is_sorted_by_did_and_counted() -> None:
    assert (
        "\n".join(fleet_text.list_lines(wire.three(), every=False))
        == f"""\
DID                                 ENDPOINT               STATUS  VERSION  UPTIME  HEALTH
{wire.WORKER_A}  http://127.0.0.1:9201  live    0.1.0    5s      healthy
{wire.WORKER_B}  http://127.0.0.1:9202  live    0.1.0    5s      healthy
{wire.COORDINATOR}  http://127.0.0.1:9100  live    0.1.0    5s      healthy
3 live · 0 stale · 0 archived"""
    )


def test_those_that_left_are_listed_only_on_request() -> None:
    status = wire.fleet(wire.instance(wire.WORKER_A, "worker-a", 9201, status="left", uptime_secs=None))
    assert len(fleet_text.list_lines(status, every=False)) == 2
    assert "  -  " in fleet_text.list_lines(status, every=True)[1]


def test_a_quiet_fleet() -> None:
    assert (
        "\n".join(fleet_text.status_lines(wire.three()))
        == """\
Fleet status
  Coordinator URL: http://127.0.0.1:9100
  Heartbeat: every 5s
  Instances: 3 live · 0 stale · 0 archived
  Active freezes: (none)
  Emergency stop: inactive"""
    )


def test_a_frozen_fleet() -> None:
    freeze = FreezeOut(
        level="soft", namespace="docs/v0.11", reason="wrong approach", grace_secs=60, at=1.0, record="r"
    )
    lines = fleet_text.status_lines(wire.fleet(freezes=[freeze], emergency=True))
    assert "    [soft] docs/v0.11 — wrong approach" in lines
    assert lines[-1] == "  Emergency stop: ACTIVE"


def test_one_instance() -> None:
    lines = fleet_text.instance_lines(wire.instance(wire.WORKER_A, "worker-a", 9201), 1776119020.0)
    assert lines[0] == f"Instance: {wire.WORKER_A}"
    for line in (
        "  Endpoint: http://127.0.0.1:9201",
        "  Status: live",
        "  Uptime: 5s",
        "  Health: healthy",
        "  Active dispatches: 0",
        "  Store records: 7",
        "  Last heartbeat: 1776119018 (unix)",
    ):
        assert line in lines


def test_a_change_in_one_line() -> None:
    status = wire.fleet(
        wire.instance(wire.WORKER_A, "worker-a", 9201),
        wire.instance(wire.WORKER_B, "worker-b", 9202, status="stale"),
        dispatches=[wire.dispatch()],
        fanouts=[wire.progress()],
    )
    assert fleet_text.change_line(status) == (
        "1 live · 1 stale · 0 archived · 1 running · TUT-001 1/3 · worker-b stale"
    )
