"""What `spl task diagnose` and `spl task tree` print."""

from __future__ import annotations

from syncropel.cli.text.diagnosis import diagnosis_lines, tree_lines
from syncropel.wire.diagnosis import (
    AttemptDiagnosis,
    Diagnosis,
    SubprocessExit,
    TaskTree,
    TreeNode,
)
from syncropel.wire.reviews import WorktreeLeft

from .wire import THREAD, WORKER_A, child


def attempt(**changes: object) -> AttemptDiagnosis:
    fields = {
        "index": 0,
        "attempt": 1,
        "goal": "write",
        "state": "in_progress",
        "instance": WORKER_A,
        "child_thread": "th_c",
        "spawned_at": 1.0,
    }
    return AttemptDiagnosis.model_validate({**fields, **changes})


def told(*attempts: AttemptDiagnosis) -> list[str]:
    return diagnosis_lines(
        Diagnosis(thread=THREAD, alias="T-1", goal="write", status="failed", attempts=list(attempts))
    )


def test_the_blocks_of_a_killed_attempt_are_those_of_the_manual() -> None:
    lines = told(
        attempt(
            state="failed",
            success=False,
            codepath="stream_eof_fallback",
            failure_reason="result_missing",
            subprocess=SubprocessExit(pid=4711, runtime_ms=5300, exit_code=None, signal=9),
            worktree=WorktreeLeft(
                path="/srv/p-T-1",
                branch="task/T-1",
                commit="ab" * 20,
                subject="first",
                commits_ahead=0,
                uncommitted=2,
            ),
            advice="SIGKILL",
        )
    )
    assert "\n".join(lines[lines.index("Subprocess") :]) == (
        "Subprocess\n"
        "  pid: 4711\n"
        "  runtime: 5300ms\n"
        "  exit_code: None\n"
        "  signal: Some(9)\n"
        "\n"
        "Completion\n"
        "  codepath: stream_eof_fallback\n"
        "  failure_reason: result_missing\n"
        "  success: false\n"
        "✗ SIGKILL"
    )
    for line in ("worktree: /srv/p-T-1", "latest commit: abababababab first", "commits ahead: 0"):
        assert f"  {line}" in lines


def test_an_attempt_without_a_result_says_so() -> None:
    lines = told(attempt())
    assert lines[-1] == "no result yet"
    assert "Subprocess" not in lines
    assert told()[-1] == "nothing was given to an instance yet"


def test_an_attempt_without_a_process_says_so() -> None:
    lines = told(attempt(state="accept", success=True, codepath="adapter_result"))
    assert lines[lines.index("Subprocess") + 1] == "  none, or it was ended by the engine"
    assert lines[-1] == "  success: true"


def node(index: int, parent: int | None, depth: int, **changes: object) -> TreeNode:
    return TreeNode(**{**child(index, f"goal {index}").model_dump(), **changes}, parent=parent, depth=depth)


def test_the_tree_has_a_branch_for_each_subtask() -> None:
    tree = TaskTree(
        thread=THREAD,
        alias="T-1",
        goal="write",
        status="in_progress",
        cost_usd=0.5,
        nodes=[
            node(0, None, 0, state="accept", wall_time_secs=2.0, cost_usd=0.5, instance_alias="worker-a"),
            node(1, 0, 1, state="failed", attempt=2),
            node(2, None, 0, state="pending", depends_on=[0, 1], instance=None, why="waits for [1]"),
        ],
    )
    assert tree_lines(tree) == [
        "· T-1 write  in_progress",
        "├─ ✓ [0] goal 0  accept · worker-a · $0.50, 2s",
        f"│  └─ ✗ [1] goal 1  failed · {WORKER_A} · attempt 2",
        "└─ · [2] goal 2  pending · after [0], [1] · waits for [1]",
    ]


def test_a_long_chain_stays_within_the_screen() -> None:
    nodes = [node(i, i - 1 if i else None, i) for i in range(500)]
    lines = tree_lines(TaskTree(thread=THREAD, alias="", goal="g", status="open", cost_usd=0, nodes=nodes))
    assert max(map(len, lines)) < 200
