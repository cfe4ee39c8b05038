"""`spl task merge`: what it asks for, what it says step by step, and how it exits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.client import Client
from syncropel.client.calls import Call
from syncropel.wire import ConflictFile, MergedBranch, MergeList, MergeOut, MergeStep

from .conftest import Ran

Spl = Callable[..., Ran]
Asked = list[Call[Any]]


def step(number: int, what: str, **more: Any) -> MergeStep:
    return MergeStep(step=number, what=what, at=1.0, **more)


def merge(state: str, *steps: MergeStep, **more: Any) -> MergeOut:
    ended = None if state in ("queued", "running", "merge_untaken") else 2.0
    values: dict[str, Any] = {
        "id": "ab" * 32,
        "state": state,
        "repo": "app",
        "into": "main",
        "mode": "merge",
        "dry_run": False,
        "instance": "did:sync:instance:a",
        "instance_alias": "worker-a",
        "by": "did:sync:user:tester",
        "at": 1.0,
        "ended_at": ended,
        "branches": [
            MergedBranch(index=index, attempt=1, branch=f"task/T+{index}", commit="c") for index in (0, 1)
        ],
        "steps": list(steps),
    }
    return MergeOut(**{**values, **more})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, spl: Spl) -> Callable[..., Asked]:
    """Let a daemon answer with these merges, one after the other; gives the calls that it gets."""

    def give(*found: MergeOut) -> Asked:
        asked: Asked = []
        left = list(found)

        def send(_: Client, call: Call[Any]) -> Any:
            asked.append(call)
            now = left.pop(0) if len(left) > 1 else left[0]
            return now if call.method == "POST" else MergeList(thread="th_t", alias="T", data=[now])

        monkeypatch.setattr(Client, "send", send)
        monkeypatch.setattr("syncropel.cli.task_verbs.merge._POLL_SECS", 0.0)
        return asked

    return give


MERGED = (step(0, "started"), step(1, "merged", index=0, made="12" * 20), step(2, "nothing_new", index=1))


def test_it_is_followed_to_its_end_and_each_step_is_said_once(
    spl: Spl, answers: Callable[..., Asked]
) -> None:
    passed = (step(3, "gate_started", index=1, commit="34" * 20), step(4, "gate_passed"))
    asked = answers(
        merge("queued"),
        merge("running", *MERGED[:2]),
        merge("running", *MERGED),
        merge("merged", *MERGED, *passed, step(5, "ended"), told="main is at 343434343434 now"),
    )
    ran = spl("task", "merge", "T", "1", "0", "--into", "main", "--squash")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "◇ Merge of T [0] [1] on worker-a",
        "  [0] merged (121212121212)",
        "  [1] has nothing new",
        "  gate on 343434343434, up to [1]",
        "  gate passed",
        "✓ main is at 343434343434 now",
    ]
    assert asked[0].body == {
        "subtasks": [1, 0],
        "actor": "did:sync:user:tester",
        "into": "main",
        "mode": "squash",
        "dry_run": False,
    }
    assert not asked[0].repeatable


def test_a_conflict_names_the_files_and_what_to_do(spl: Spl, answers: Callable[..., Asked]) -> None:
    files = [
        ConflictFile(path="a\x1b[2J.py", index=0),
        ConflictFile(path="b.py", since="1234 fix (of T+7)"),
        ConflictFile(path="c.py"),
    ]
    told = "subtask 1 and subtask 0, main changed the same lines: a.py, b.py"
    answers(merge("conflict", *MERGED[:2], step(2, "ended", index=1), told=told, files=files))
    ran = spl("task", "merge", "T")
    assert ran.code == 1
    assert ran.out.splitlines()[-4:] == [
        f"✗ conflict: {told}",
        "    a\ufffd[2J.py: [1] and [0]",
        "    b.py: [1] and 1234 fix (of T+7)",
        "    c.py: [1] and main",
    ]
    assert ran.err.splitlines() == [
        "main was left as it was",
        "  merge those before it: spl task merge T 0",
        "  then merge it by hand: git merge task/T+1",
    ]


@pytest.mark.parametrize(
    ("state", "more", "code", "last"),
    [
        (
            "checked",
            {"dry_run": True, "told": "all of it can be merged"},
            0,
            "✓ nothing was moved: all of it can be merged",
        ),
        ("refused", {"told": "main moved"}, 1, "✗ refused: main moved"),
        ("frozen", {"told": "stopped"}, 1, "✗ frozen: stopped"),
        ("interrupted", {"told": "ended"}, 1, "✗ interrupted: ended"),
        ("merge_untaken", {"told": "it does not answer"}, 1, "✗ not taken on: it does not answer"),
    ],
)
def test_each_end_has_its_words_and_its_exit_status(
    spl: Spl, answers: Callable[..., Asked], state: str, more: dict[str, Any], code: int, last: str
) -> None:
    answers(merge(state, **more))
    ran = spl("task", "merge", "T")
    assert (ran.code, ran.out.splitlines()[-1]) == (code, last)


def test_the_last_lines_of_a_gate_are_shown(spl: Spl, answers: Callable[..., Asked]) -> None:
    steps = (
        step(3, "gate_failed", index=1, told="the gate failed (exit status 1): make", tail="x\n1 failed"),
        step(4, "bisected", index=1, tail="1 failed"),
    )
    answers(merge("gate_failed", *MERGED, *steps, told="the gate fails from subtask 1 on"))
    ran = spl("task", "merge", "T")
    assert ran.code == 1
    assert ran.out.splitlines()[-4:] == [
        "  the gate failed (exit status 1): make",
        "  the gate fails from [1] on",
        "✗ gate failed: the gate fails from subtask 1 on",
        "    1 failed",
    ]
    assert ran.err.splitlines() == ["main was left as it was", "  leave [1] out: spl task merge T 0"]


def test_without_waiting_it_says_where_to_look(spl: Spl, answers: Callable[..., Asked]) -> None:
    asked = answers(merge("queued"))
    ran = spl("task", "merge", "T", "--no-wait")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "  Watch progress: spl task merge T --status")
    assert len(asked) == 1
    ran = spl("task", "merge", "T", "--status")
    assert (ran.code, ran.out) == (0, "[0] [1] into main: queued\n")
    assert asked[-1].method == "GET"


@pytest.mark.parametrize("more", [["0"], ["--into", "x"], ["--squash"], ["--dry-run"], ["--no-wait"]])
def test_status_merges_nothing_and_says_so(spl: Spl, answers: Callable[..., Asked], more: list[str]) -> None:
    asked = answers(merge("queued"))
    ran = spl("task", "merge", "T", *more, "--status")
    assert (ran.code, asked) == (2, [])
    assert "--status merges nothing" in ran.err


def test_json_is_the_merge_once_it_has_ended(spl: Spl, answers: Callable[..., Asked]) -> None:
    answers(merge("queued"), merge("merged", *MERGED))
    ran = spl("task", "merge", "T", "-o", "json")
    assert ran.code == 0
    assert MergeOut.model_validate_json(ran.out).state == "merged"
