"""What task commands send to the daemon, and what they print of its answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli.task_verbs import task_records as cli_records
from syncropel.client import task_records
from syncropel.wire import JoinStatus, Page, RecordOut

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
