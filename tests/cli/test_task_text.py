"""Task texts, word for word as the manual prints them."""

from __future__ import annotations

from syncropel.cli.text import task as task_text
from syncropel.wire import AddedByOut, RefusedSubtaskOut, SerialBaseline

from . import wire


def text(lines: list[str]) -> str:
    return "\n".join(lines)


def test_a_created_task() -> None:
    assert text(task_text.created_lines(wire.task())) == (
        f"◇ Task created: Tutorial: parallel docs writing\n  thread: {wire.THREAD}\n  alias: TUT-001"
    )


def test_join_status_while_it_runs() -> None:
    status = wire.join(
        wire.child(0, "Write section A on Loki integration"),
        wire.child(1, "Write section B on Prometheus integration", instance=wire.WORKER_B),
        wire.child(
            2,
            "Write summary synthesizing A and B",
            target="least-loaded-worker",
            predicted=True,
            state="pending",
            why="waits for [0], [1]",
            attempt=0,
        ),
        spawned=2,
    )
    assert (
        text(task_text.join_lines(status))
        == f"""\
Fan-out join status: {wire.THREAD}
  Subtasks: 3
  Spawned: 2 / 3
  Completed: 0 / 3
  Join predicate: all
  Join complete: no

  Per-subtask:
    [0] Write section A on Loki integration → specific:{wire.WORKER_A}
        in progress
    [1] Write section B on Prometheus integration → specific:{wire.WORKER_B}
        in progress
    [2] Write summary synthesizing A and B → specific:{wire.WORKER_A}
        pending spawn (waits for [0], [1])"""
    )


def test_join_status_says_what_agents_added_and_what_they_may_not() -> None:
    by = AddedByOut(index=0, attempt=2, depth=1, at=5.0)
    forged = "Test it\n    [9] All is well → worker-a\n        accepted"
    why = "agents have added 1 subtasks, and the operator allows no more"
    refused = [RefusedSubtaskOut(index=0, attempt=2, goal=forged, reason=why, at=6.0)]
    status = wire.join(
        wire.child(0, "Plan"), wire.child(1, forged, added_by=by), spawned=2, may_add=1, refused=refused
    )
    assert "  Added by agents: 1 of at most 1" in task_text.join_lines(status)
    assert (
        text(task_text.join_lines(status)).partition("Per-subtask:\n")[2]
        == f"""\
    [0] Plan → specific:{wire.WORKER_A}
        in progress
    [1] Test it [9] All is well → worker-a accepted → specific:{wire.WORKER_A}
        in progress
        added by the agent of [0], attempt 2

  Not added:
    [0] asked for 'Test it [9] All is well → worker-a accepted': {why}"""
    )


def test_join_status_when_it_has_joined() -> None:
    done = {"state": "accept", "verdict": "accept", "cost_usd": 0.42, "wall_time_secs": 119.7}
    status = wire.join(
        wire.child(0, "Write", **done), spawned=1, completed=1, complete=True, verdict="accept"
    )
    lines = task_text.join_lines(status)
    assert "  Join complete: yes" in lines
    assert lines[-1] == "        accept ($0.42, 120s)"


def test_a_join_out_of_reach_says_why_and_what_to_do() -> None:
    failed = wire.child(
        0,
        "make test",
        state="failed",
        summary="1\n2\nboom\nexit status 2",
        wall_time_secs=0.31,
        attempt=2,
        output="/w/attempt-2.log",
    )
    status = wire.join(
        failed,
        satisfiable=False,
        explanation="all can no longer be satisfied: [0] failed on worker-a",
        hint="spl task retry TUT-001 --subtask 0",
    )
    lines = task_text.join_lines(status)
    at = lines.index("  ✗ all can no longer be satisfied: [0] failed on worker-a")
    assert lines[at + 1] == "    spl task retry TUT-001 --subtask 0"
    assert lines[-5:] == [
        "        failed ($0.00, 0.3s, attempt 2)",
        "        2",
        "        boom",
        "        exit status 2",
        "        output: /w/attempt-2.log",
    ]


def test_a_subtask_without_an_instance_shows_its_target() -> None:
    lines = task_text.child_lines(wire.child(3, "x", instance=None, state="pending", attempt=0))
    assert lines == ["    [3] x → worker-a", "        pending spawn"]


def test_an_approved_task() -> None:
    task = wire.task(
        status="approved",
        hypothesis="Validate spl task fan-out end-to-end on a 3-instance fleet.",
        criteria=["All 3 subtasks complete within wall-clock 5 minutes"],
        completed_by="engine",
        verdict="accept",
        verdict_by="engine",
        records=9,
    )
    assert (
        text(task_text.task_lines(task))
        == f"""\
Task: Tutorial: parallel docs writing
Thread: {wire.THREAD}
Alias: TUT-001
Status: approved
Priority: medium
Hypothesis: Validate spl task fan-out end-to-end on a 3-instance fleet.
Success Criteria:
  [ ] All 3 subtasks complete within wall-clock 5 minutes
Evaluation:
  Completed by: engine
  Verdict: accept (by engine)
Records: 9"""
    )


def test_a_task_shows_what_is_unusual_about_it() -> None:
    task = wire.task(
        status="failed",
        reason="out of memory",
        namespace="docs/v0.11",
        labels=["a", "b"],
        assignee="did:sync:agent:dev",
        attempts_failed=1,
    )
    lines = task_text.task_lines(task)
    for line in (
        "Status: failed (out of memory)",
        "Namespace: docs/v0.11",
        "Labels: a, b",
        "Assignee: did:sync:agent:dev",
        "Prior attempts: 1 failed ($0.00 total)",
    ):
        assert line in lines


def test_speedup_as_an_estimate() -> None:
    assert (
        text(task_text.speedup_lines(wire.speedup()))
        == f"""\
Fan-out speedup report: {wire.THREAD}

Parallel run:
  subtasks: 2
  per-subtask walls: [1, 1]
  parallel wall: 1s (critical path = max)
  total cost: $0.0000

Weak estimate (single-run, sanity check only):
  serial estimate: 2s (sum of subtask walls)
  estimated speedup: 2.00×
  caveat: summing subtask walls is a sanity check, not a
          rigorous measurement. For a clean comparison, run
          the same workload serially and pass the resulting
          thread via `--vs-serial <thread>`."""
    )


def test_speedup_names_the_critical_path_over_dependencies() -> None:
    report = wire.speedup(
        subtasks=3,
        walls=[1.0, 0.25, None],
        has_dependencies=True,
        critical_path=[0, 2],
        complete=False,
        estimated_speedup=None,
    )
    lines = task_text.speedup_lines(report)
    assert "  per-subtask walls: [1, 0.2, -]" in lines
    assert "  parallel wall: 1s (critical path = [0] → [2])" in lines
    assert "  not joined yet: 1 of 3 subtasks have no result" in lines
    assert "  estimated speedup: —" in lines


def test_speedup_against_a_serial_run_is_a_measurement() -> None:
    serial = SerialBaseline(thread="th_s", wall_secs=3.0, cost_usd=0.1, speedup=2.5)
    lines = task_text.speedup_lines(wire.speedup(serial=serial))
    assert "  measured speedup: 2.50×" in lines
    assert not any("caveat" in line for line in lines)


def test_a_task_list() -> None:
    rows = [wire.task(subtasks=3, completed=2), wire.task(alias="", goal="two\nlines " + "x" * 80)]
    lines = task_text.list_lines(rows, more=True)
    assert lines[0].split() == ["TASK", "STATUS", "PRIORITY", "SUBTASKS", "GOAL"]
    assert lines[1].split()[:4] == ["TUT-001", "open", "medium", "2/3"]
    assert lines[2].startswith(wire.THREAD)
    assert lines[2].endswith("two lines…")
    assert lines[3].startswith("…and more")
    assert task_text.list_lines([], more=False) == ["no tasks"]


def test_what_an_agent_says_of_its_progress() -> None:
    lines = task_text.child_lines(wire.child(0, "x", state="in_progress", progress="half done"))
    assert "        progress: half done" in lines
