"""What commands send to the daemon, and what they print of its answer (task commands: test_task_commands)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from syncropel.wire import EngineHealth, Health, Page, TaskSummary
from tests.network import replace_network

from . import wire
from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]


def test_names_are_quoted_in_paths(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/a/b", wire.task())
    assert spl("task", "show", "a/b").code == 0
    assert daemon.requests[-1].url.raw_path == b"/v1/tasks/a%2Fb"


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["task", "show", "A"], "/v1/tasks/A"),
        (["task", "join-status", "A"], "/v1/tasks/A/join"),
        (["task", "speedup", "A"], "/v1/tasks/A/speedup"),
        (["task", "list"], "/v1/tasks"),
        (["fleet", "status"], "/v1/fleet/status"),
        (["fleet", "show", "worker-a"], "/v1/fleet/instances/worker-a"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_json_is_the_wire_model(
    spl: Spl, daemon: FakeDaemon, words: list[str], path: str, before: bool
) -> None:
    answers = {
        "/v1/tasks/A": wire.task(),
        "/v1/tasks/A/join": wire.join(wire.child(0, "größer\x1b")),
        "/v1/tasks/A/speedup": wire.speedup(),
        "/v1/tasks": Page[TaskSummary](data=[wire.task()]),
        "/v1/fleet/status": wire.three(),
        "/v1/fleet/instances/worker-a": wire.instance(wire.WORKER_A, "worker-a", 9201),
    }
    model = answers[path]
    daemon.answer(path, model)
    ran = spl("-o", "json", *words) if before else spl(*words, "--output", "json")
    assert ran.code == 0
    assert ran.json == model.model_dump(mode="json")


def test_the_fleet_list_as_json_leaves_out_those_that_left(spl: Spl, daemon: FakeDaemon) -> None:
    gone = wire.instance(wire.WORKER_A, "worker-a", 9201, status="left")
    daemon.answer("/v1/fleet/status", wire.fleet(gone))
    assert spl("fleet", "list", "-o", "json").json["data"] == []
    assert len(spl("fleet", "list", "--all", "-o", "json").json["data"]) == 1


def test_ping_asks_the_instance_itself(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/fleet/instances/worker-a", wire.instance(wire.WORKER_A, "worker-a", 9201))
    daemon.answer("/health", Health(status="ok", version="1", records=1, store="s", uptime_secs=1.0))
    ran = spl("fleet", "ping", "worker-a")
    assert ran.code == 0
    assert ran.out.startswith(f"✓ {wire.WORKER_A} reachable in ")
    assert ran.out.endswith("ms (200 OK)\n")
    assert daemon.requests[-1].url.port == 9201
    assert "authorization" not in daemon.requests[-1].headers


def test_ping_fails_when_it_does_not_answer(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/fleet/instances/worker-a", wire.instance(wire.WORKER_A, "worker-a", 9201))
    daemon.refuse("/health", 503, "UNAVAILABLE", "stopping")
    ran = spl("fleet", "ping", "worker-a")
    assert ran.code == 1
    assert ran.out == f"✗ {wire.WORKER_A} not reachable at http://127.0.0.1:9201: stopping\n"


def test_status(spl: Spl, daemon: FakeDaemon) -> None:
    health = Health(status="ok", version="0.1.0", records=12, store="/s/hub.db", uptime_secs=61)
    engine = EngineHealth(
        did=wire.COORDINATOR,
        role="coordinator",
        alias="coordinator",
        pid=42,
        home="/s",
        ingested_total=1,
        reconciled_total=1,
        reconcile_queue_depth=0,
        dispatch_running=1,
        dispatch_queued=0,
        outbox_pending=0,
        watchers=0,
        uptime_secs=61,
        store_bytes=4096,
    )
    daemon.answer("/health", health)
    daemon.answer("/v1/engine/health", engine)
    ran = spl("status")
    assert ran.out.startswith("✓ ok\nVersion: 0.1.0\n")
    assert "Records: 12\n" in ran.out
    assert "PID: 42\n" in ran.out
    assert "refuses" not in ran.out
    assert spl("status", "-o", "json").json["engine"]["did"] == wire.COORDINATOR
    refused = engine.model_copy(update={"role": "worker", "coordinator_refuses": "HTTP 401"})
    daemon.answer("/v1/engine/health", refused)
    assert "\n✗ warning: the coordinator refuses this worker's heartbeats: HTTP 401\n" in spl("status").out
    assert "takes no work" not in spl("status").out
    daemon.answer("/v1/engine/health", refused.model_copy(update={"takes_no_work": "it was \x1b revoked"}))
    assert "\n✗ takes no work: it was \ufffd revoked\n" in spl("status").out


def test_text_from_records_cannot_steer_the_terminal(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/A", wire.task(goal="red \x1b[31malert\x07\nsecond line"))
    assert spl("task", "show", "A").out.startswith("Task: red \ufffd[31malert\ufffd second line\n")


def test_a_token_goes_with_a_url_only(
    spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    daemon.answer("/v1/tasks/A", wire.task())
    bearer = "spl_prod_sa-me_" + "s" * 32
    assert spl("token", "save", bearer).code == 0
    saved = home / ".syncro" / "secrets" / "client.token"
    assert (saved.read_text(), saved.stat().st_mode & 0o777) == (bearer + "\n", 0o600)
    spl("task", "show", "A")
    assert "authorization" not in daemon.requests[-1].headers
    spl("task", "show", "A", "--url", "http://127.0.0.1:9100/")
    assert daemon.requests[-1].headers["authorization"] == f"Bearer {bearer}"
    assert daemon.requests[-1].url == httpx.URL("http://127.0.0.1:9100/v1/tasks/A")
    monkeypatch.setenv("SPL_TOKEN", "other")
    monkeypatch.setenv("SPL_URL", "http://127.0.0.1:1")
    spl("task", "show", "A")
    assert daemon.requests[-1].headers["authorization"] == "Bearer other"


def test_the_console_needs_a_terminal(spl: Spl) -> None:
    ran = spl("console")
    assert ran.code == 2
    assert "needs a terminal" in ran.err


def test_a_terminal_that_cannot_draw_gets_words(spl: Spl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    ran = spl("console")
    assert ran.code == 2
    assert "TERM=dumb" in ran.err
    assert "spl fleet status --live" in ran.err


def test_a_key_that_makes_no_sense_is_told_by_line_before_the_screen_opens(
    spl: Spl, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncropel.cli.console._on_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    (home / ".syncro").mkdir()
    config = home / ".syncro" / "config.toml"
    for line, said in (
        ('frieze = "x"', "did you mean freeze?"),
        ("freeze = 3", "must be a key or a list of keys"),
        ('freeze = ["q"]', "is that of quit"),
    ):
        config.write_text(f"[console]\n\n[console.keys]\n# mine\n{line}\n")
        ran = spl("console")
        assert ran.code == 2
        assert f"{config}:5: " in ran.err
        assert said in ran.err


def test_live_on_a_pipe_prints_a_line_a_change(
    spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = wire.three(), wire.fleet(wire.instance(wire.COORDINATOR, "coordinator", 9100))
    events = "".join(
        f"event: fleet.snapshot\ndata: {status.model_dump_json()}\n\n" for status in (first, first, second)
    )
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise KeyboardInterrupt
        assert request.url.path == "/v1/fleet/watch"
        stream = events + "event: heartbeat\ndata: {}\n\n"
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    replace_network(monkeypatch, httpx.MockTransport(answer))
    monkeypatch.setattr("syncropel.cli.support.following.RECONNECT_SECS", 0)
    ran = spl("fleet", "status", "--live")
    assert ran.code == 130
    assert [line.split(" ", 1)[1] for line in ran.out.splitlines()] == [
        "3 live · 0 stale · 0 archived · 0 running",
        "1 live · 0 stale · 0 archived · 0 running",
    ]


def test_many_workers_are_asked_about_first(spl: Spl) -> None:
    ran = spl("fleet", "start", "--workers", "99")
    assert ran.code == 2
    assert "99 workers are 99 daemons on this machine; the limit is 16" in ran.err
    assert "add --yes, or raise most_workers in [fleet]" in ran.err


def test_check_says_what_needs_a_look_and_exits_1(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/fleet/status", wire.fleet())
    quiet = spl("fleet", "status", "--check")
    assert quiet.code == 0
    assert quiet.out.startswith("nothing needs attention: ")
    away = wire.instance(wire.WORKER_A, "worker-a", 9201, status="stale", health="silent")
    daemon.answer("/v1/fleet/status", wire.fleet(away))
    loud = spl("fleet", "status", "--check")
    assert (loud.code, loud.out) == (1, "worker-a is stale\n")
    as_json = spl("fleet", "status", "--check", "-o", "json")
    assert as_json.code == 1
    assert json.loads(as_json.out)["data"] == [{"kind": "instance", "name": "worker-a", "words": "is stale"}]
