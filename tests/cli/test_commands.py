"""What commands send to the daemon, and what they print of its answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from syncropel.cli.task_verbs import task_records as cli_records
from syncropel.client import task_records
from syncropel.wire import EngineHealth, Health, JoinStatus, Page, RecordOut, TaskSummary

from . import wire
from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]


def test_add_sends_every_field_and_writes_the_tasks_file(spl: Spl, daemon: FakeDaemon, home: Path) -> None:
    daemon.answer("/v1/tasks", wire.task(hypothesis="It works.", criteria=["All done"]), 201)
    ran = spl(
        "task", "add", "Tutorial: parallel docs writing", "--priority", "medium", "--domain", "docs",
        "--hypothesis", "It works.", "--criteria", "All done", "--criteria", "In time", "--alias", "TUT-001",
        "--labels", "a, b,", "--assignee", "did:sync:agent:dev", "--namespace", "docs/v0.11",
    )  # fmt: skip
    assert ran.code == 0
    assert ran.out.startswith("◇ Task created: Tutorial: parallel docs writing\n  thread: th_")
    assert daemon.body() == {
        "goal": "Tutorial: parallel docs writing",
        "alias": "TUT-001",
        "priority": "medium",
        "domain": "docs",
        "labels": ["a", "b"],
        "hypothesis": "It works.",
        "criteria": ["All done", "In time"],
        "assignee": "did:sync:agent:dev",
        "namespace": "docs/v0.11",
        "actor": "did:sync:user:tester",
    }
    text = (home / ".syncro-data" / "tasks" / "TUT-001.md").read_text()
    assert "# Tutorial: parallel docs writing" in text
    assert "- [ ] All done" in text


def test_a_tasks_file_that_exists_is_kept(spl: Spl, daemon: FakeDaemon, home: Path) -> None:
    path = home / ".syncro-data" / "tasks" / "TUT-001.md"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    daemon.answer("/v1/tasks", wire.task(), 201)
    assert spl("task", "add", "x").code == 0
    assert path.read_text() == "mine"


def test_an_alias_cannot_lead_out_of_the_data_folder(spl: Spl, daemon: FakeDaemon, home: Path) -> None:
    daemon.answer("/v1/tasks", wire.task(alias="../../evil"), 201)
    assert spl("task", "add", "x").code == 0
    assert not list(home.rglob("*evil*"))


def test_a_tasks_file_that_cannot_be_written_is_a_warning(spl: Spl, daemon: FakeDaemon, home: Path) -> None:
    (home / ".syncro-data").write_text("a file in the way")
    daemon.answer("/v1/tasks", wire.task(), 201)
    ran = spl("task", "add", "x")
    assert ran.code == 0
    assert "warning: the task's file was not written" in ran.err


def test_fan_out(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/TUT-001/fan-out", wire.record(), 201)
    ran = spl(
        "task", "fan-out", "TUT-001", "--subtask", "goal=A,target=worker-a", "--subtask",
        "goal=B,target=worker-b,depends=0", "--budget", "1.5",
    )  # fmt: skip
    assert daemon.body() == {
        "subtasks": [
            {"goal": "A", "target": "worker-a"},
            {"goal": "B", "target": "worker-b", "depends_on": [0]},
        ],
        "join": "all",
        "budget_usd": 1.5,
        "actor": "did:sync:user:tester",
    }
    assert ran.out == (
        "◇ Fan-out parent INTEND created\n"
        f"  thread: {wire.THREAD}\n"
        f"  record: {'f2' * 32}\n"
        "  subtasks: 2\n"
        "  join: all\n"
        "\n"
        "  The engine will spawn child INTENDs to the targeted workers\n"
        "  and emit a join KNOW once the predicate is satisfied.\n"
        "  Watch progress: spl task join-status TUT-001\n"
    )


def test_retry(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/TUT-001/retry", wire.record(), 201)
    daemon.answer("/v1/tasks/TUT-001/join", wire.join())
    ran = spl("task", "retry", "TUT-001", "--subtask", "0", "--hint", "slower")
    sent = json.loads(daemon.requests[0].content)
    assert sent == {"index": 0, "hint": "slower", "actor": "did:sync:user:tester"}
    assert ran.out == (
        f"◇ Retry requested for subtask 0 on {wire.THREAD}\n  Watch progress: spl task join-status TUT-001\n"
    )


def test_speedup_passes_the_serial_thread_on(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/A/speedup", wire.speedup())
    assert spl("task", "speedup", "A", "--vs-serial", "th_s").code == 0
    assert daemon.requests[-1].url.params["vs_serial"] == "th_s"


@pytest.mark.parametrize(
    ("words", "act", "body", "said"),
    [
        (
            ["cancel", "A", "--reason", "stale"],
            "DO",
            {"topic": "task_cancelled", "reason": "stale"},
            "cancelled",
        ),
        (["reopen", "A"], "DO", {"topic": "task_reopened"}, "reopened"),
        (["comment", "A", "--text", "hm"], "DO", {"topic": "task_comment", "text": "hm"}, "commented"),
        (["approve", "A", "--notes", "fine"], "KNOW", {"verdict": "accept", "notes": "fine"}, "approved"),
        (["reject", "A", "--domain", "code"], "KNOW", {"verdict": "reject", "domain": "code"}, "rejected"),
        (["done", "A", "--summary", "s"], "KNOW", {"fulfills": "f2" * 32, "summary": "s"}, "done"),
    ],
)
def test_a_step_in_a_tasks_life_is_one_record(
    spl: Spl, daemon: FakeDaemon, words: list[str], act: str, body: dict[str, str], said: str
) -> None:
    opening = wire.record().model_copy(update={"body": {"task": True}})
    daemon.answer("/v1/tasks/A", wire.task())
    daemon.answer(f"/v1/threads/{wire.THREAD}/records", Page[RecordOut](data=[opening]))
    daemon.answer("/v1/records", wire.record(), 201)
    ran = spl("task", *words)
    assert ran.out == f"✓ TUT-001 {said}\n  record: {'f2' * 32}\n"
    sent = daemon.body()
    assert sent["body"].pop("at") > 0
    assert sent == {"thread": wire.THREAD, "actor": "did:sync:user:tester", "act": act, "body": body}


def test_the_command_line_has_every_step_and_verdict() -> None:
    assert list(cli_records.STEPS) == list(task_records.STEPS)
    assert {name: verdict for name, (verdict, _) in task_records.VERDICTS.items()} == cli_records.VERDICTS


def test_stop_ends_the_attempt_that_is_in_flight(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/A", wire.task())
    daemon.answer("/v1/tasks/A/join", wire.join(wire.child(0, "write"), wire.child(1, "x", state="accept")))
    daemon.answer("/v1/records", wire.record(), 201)
    ran = spl("task", "stop", "A", "--subtask", "0", "--reason", "wrong", "--wait", "0")
    assert ran.out.startswith("✓ TUT-001 [0] is being stopped\n")
    sent = daemon.body()
    assert (sent["act"], sent["thread"], sent["actor"]) == ("LEARN", wire.THREAD, "did:sync:user:tester")
    about = {key: sent["body"][key] for key in ("topic", "index", "attempt", "from", "reason")}
    assert about == {
        "topic": "fanout_end_subtask", "index": 0, "attempt": 1, "from": wire.WORKER_A, "reason": "wrong"
    }  # fmt: skip
    ran = spl("task", "stop", "A", "--subtask", "1")
    assert ran.code == 1
    assert "[1] is accept: there is nothing to stop" in ran.err


@pytest.mark.parametrize(
    ("summary", "code", "told"),
    [
        ("stopped", 0, "  [0] terminated\n"),
        ("stopped; not proven empty: still running: pid 7, 8", 1, "still running: pid 7, 8"),
    ],
)
def test_stop_says_what_became_of_the_attempt(
    spl: Spl, daemon: FakeDaemon, summary: str, code: int, told: str
) -> None:
    verdict = "failed" if code else "terminated"
    ended = wire.child(0, "write", state=verdict, verdict=verdict, summary=summary)
    joins = [wire.join(wire.child(0, "write")), wire.join(wire.child(0, "write")), wire.join(ended)]
    daemon.answer("/v1/tasks/A", wire.task())
    daemon.answers_in_turn("/v1/tasks/A/join", *joins)
    daemon.answer("/v1/records", wire.record(), 201)
    ran = spl("task", "stop", "A", "--subtask", "0")
    assert ran.code == code
    assert told in (ran.err if code else ran.out)


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

    monkeypatch.setattr(httpx, "HTTPTransport", lambda **_: httpx.MockTransport(answer))
    monkeypatch.setattr("syncropel.cli.support.following.RECONNECT_SECS", 0)
    ran = spl("fleet", "status", "--live")
    assert ran.code == 130
    assert [line.split(" ", 1)[1] for line in ran.out.splitlines()] == [
        "3 live · 0 stale · 0 archived · 0 running",
        "1 live · 0 stale · 0 archived · 0 running",
    ]


@pytest.mark.parametrize(
    ("join", "line"),
    [
        (
            wire.join(wire.child(0, "g", state="accept", verdict="accept"), complete=True, verdict="accept"),
            "  A has joined: [0] stands with accept, and nothing runs again",
        ),
        (
            wire.join(wire.child(0, "g", state="pending", why="held by the freeze of 'docs': prices")),
            "  [0] is held by the freeze of 'docs': prices",
        ),
    ],
)
def test_a_retry_that_begins_nothing_now_says_why(
    spl: Spl, daemon: FakeDaemon, join: JoinStatus, line: str
) -> None:
    daemon.answer("/v1/tasks/A/retry", wire.record(), 201)
    daemon.answer("/v1/tasks/A/join", join)
    assert spl("task", "retry", "A", "--subtask", "0").out.splitlines()[2:] == [line]


def test_cancelling_says_what_still_runs_and_end_ends_it(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/A", wire.task(subtasks=2))
    running = wire.child(0, "write", instance_alias="worker-a")
    daemon.answer("/v1/tasks/A/join", wire.join(running, wire.child(1, "x", state="accept")))
    daemon.answer("/v1/records", wire.record(), 201)
    ran = spl("task", "cancel", "A")
    assert ran.out.splitlines()[2:] == [
        "  [0] still runs on worker-a",
        "  end what runs: spl task cancel A --end",
    ]
    ran = spl("task", "cancel", "A", "--end")
    assert ran.out.splitlines()[2:] == ["  [0] is being ended on worker-a"]
    sent = daemon.body()
    assert (sent["act"], sent["body"]["topic"], sent["body"]["reason"]) == (
        "LEARN",
        "fanout_end_subtask",
        "cancelled",
    )


def test_many_workers_are_asked_about_first(spl: Spl) -> None:
    ran = spl("fleet", "start", "--workers", "99")
    assert ran.code == 2
    assert "99 workers are 99 daemons on this machine; the limit is 16" in ran.err
    assert "add --yes, or raise most_workers in [fleet]" in ran.err


def test_check_says_what_needs_a_look_and_exits_1(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/fleet/status", wire.fleet())
    quiet = spl("fleet", "status", "--check")
    assert quiet.code == 0
    assert quiet.out.startswith("nothing needs a look: ")
    away = wire.instance(wire.WORKER_A, "worker-a", 9201, status="stale", health="silent")
    daemon.answer("/v1/fleet/status", wire.fleet(away))
    loud = spl("fleet", "status", "--check")
    assert (loud.code, loud.out) == (1, "worker-a is stale\n")
    as_json = spl("fleet", "status", "--check", "-o", "json")
    assert as_json.code == 1
    assert json.loads(as_json.out)["data"] == [{"kind": "instance", "name": "worker-a", "words": "is stale"}]


def test_a_fan_out_takes_its_subtasks_from_the_tasks_own_file(
    spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    body = tmp_path / "body.md"
    body.write_text("## Subtasks\n\njoin: any\n- goal=Write,target=worker-a\n", encoding="utf-8")
    monkeypatch.setenv("SYNCROPEL_DATA", str(tmp_path / "data"))
    daemon.answer("/v1/tasks", wire.task(), 201)
    assert spl("task", "add", "Write", "--alias", "TUT-001", "--body", str(body)).code == 0
    daemon.answer("/v1/tasks/TUT-001/fan-out", wire.record(), 201)
    ran = spl("task", "fan-out", "TUT-001")
    assert "subtasks: 1" in ran.out
    assert daemon.body()["subtasks"] == [{"goal": "Write", "target": "worker-a"}]
    assert daemon.body()["join"] == "any"
    assert spl("task", "fan-out", "OTHER").code == 2
    body.write_text("## Subtasks\n- goal=Write\n", encoding="utf-8")
    refused = spl("task", "add", "Write", "--body", str(body))
    assert refused.code == 2
    assert "line 2: subtask 0: target is missing" in refused.err
