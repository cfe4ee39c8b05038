"""`spl worktree`: every instance's worktrees, and what pruning removed or kept, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.client import Client
from syncropel.client.calls import Call
from syncropel.wire import UnknownWorktrees, WorktreeList, WorktreeOut, WorktreesPruned

from .conftest import Ran

Spl = Callable[..., Ran]
DOWN = UnknownWorktrees(instance="did:sync:instance:b", alias="worker-b", why="it does not answer")


def worktree(**more: Any) -> WorktreeOut:
    values: dict[str, Any] = {
        "task": "T",
        "index": 0,
        "attempt": 1,
        "child_thread": "th_c",
        "instance": "did:sync:instance:a",
        "alias": "worker-a",
        "repo": "app",
        "path": "/srv/app-T+0",
        "branch": "task/T+0",
        "size": 1500,
        "commits_ahead": 1,
        "uncommitted": 0,
        "merged": True,
        "state": "accept",
    }
    return WorktreeOut(**{**values, **more})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, spl: Spl) -> Callable[[Any], list[Call[Any]]]:
    """Let a daemon answer with this; gives the calls that it gets."""

    def give(answer: Any) -> list[Call[Any]]:
        asked: list[Call[Any]] = []

        def send(_: Client, call: Call[Any]) -> Any:
            asked.append(call)
            return answer

        monkeypatch.setattr(Client, "send", send)
        return asked

    return give


def test_what_cannot_be_told_is_unknown(spl: Spl, answers: Callable[[Any], Any]) -> None:
    blank = {"branch": None, "size": None, "commits_ahead": None, "uncommitted": None, "merged": None}
    rows = [worktree(), worktree(index=1, path="/srv/app-T+1\x1b[2J", state="in_progress", **blank)]
    answers(WorktreeList(instance="c", data=rows, unknown=[DOWN]))
    ran = spl("worktree", "list")
    assert ran.code == 0
    _, first, second = (line.split() for line in ran.out.splitlines())
    assert first == [
        "T",
        "[0]",
        "1",
        "accept",
        "task/T+0",
        "1.5",
        "kB",
        "1",
        "0",
        "yes",
        "worker-a",
        "/srv/app-T+0",
    ]
    assert second[:9] == ["T", "[1]", "1", "running", "-", *["unknown"] * 4]
    assert "\x1b" not in ran.out
    assert "worker-b are unknown: it does not answer" in ran.err


@pytest.mark.parametrize(("dry", "verb"), [(False, "removed"), (True, "would remove")])
def test_pruning_says_what_went_and_why_the_rest_stays(
    spl: Spl, answers: Callable[[Any], list[Call[Any]]], dry: bool, verb: str
) -> None:
    kept = worktree(index=1, path="/srv/app-T+1", kept="not merged into main")
    asked = answers(WorktreesPruned(dry_run=dry, removed=[worktree()], kept=[kept]))
    ran = spl("worktree", "prune", *(["--dry-run"] if dry else []))
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"{verb} /srv/app-T+0 of T [0], attempt 1, on worker-a",
        "kept /srv/app-T+1 of T [1], attempt 1, on worker-a: not merged into main",
    ]
    assert [call.body for call in asked] == [{"dry_run": dry}]


def test_an_instance_that_is_down_fails_a_prune(spl: Spl, answers: Callable[[Any], Any]) -> None:
    answers(WorktreesPruned(dry_run=False, removed=[], kept=[], unknown=[DOWN]))
    ran = spl("worktree", "prune")
    assert (ran.code, ran.out) == (1, "")
    assert "warning: the worktrees of worker-b are unknown" in ran.err


def test_json_is_what_the_daemon_answered(spl: Spl, answers: Callable[[Any], Any]) -> None:
    answer = WorktreeList(instance="c", data=[worktree()])
    answers(answer)
    assert spl("worktree", "list", "-o", "json").json == answer.model_dump(mode="json")
