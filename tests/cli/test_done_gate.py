"""`spl task done` in a git worktree, and the salvage of a dead worker's task."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]
Spl = Callable[..., Ran]


@pytest.fixture
def worktree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    subprocess.run(("git", "init", "-q", str(folder.parent)), check=True)
    monkeypatch.chdir(folder)
    return folder


def test_uncommitted_changes_keep_a_task_from_being_done(live: Path, spl: Spl, worktree: Path) -> None:
    assert spl("task", "add", "x", "--alias", "GATE-1").code == 0
    (worktree.parent / "new").touch()
    ran = spl("task", "done", "GATE-1")
    assert ran.code == 1
    assert "uncommitted changes" in ran.err
    assert "--force" in ran.err
    assert "Status: open" in spl("task", "show", "GATE-1").out
    forced = spl("task", "done", "GATE-1", "--force")
    assert (forced.code, "not checked for uncommitted changes" in forced.err) == (0, True)
    assert "Status: done" in spl("task", "show", "GATE-1").out


def test_a_clean_worktree_and_a_folder_without_git_pass(
    live: Path, spl: Spl, worktree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for alias in ("GATE-2", "GATE-3"):
        assert spl("task", "add", "x", "--alias", alias).code == 0
    assert spl("task", "done", "GATE-2").code == 0
    (worktree / "new").touch()
    monkeypatch.chdir(tmp_path)
    assert spl("task", "done", "GATE-3").code == 0


def test_a_worktree_that_git_cannot_answer_for_is_not_taken_for_clean(
    live: Path, spl: Spl, worktree: Path
) -> None:
    assert spl("task", "add", "x", "--alias", "GATE-4").code == 0
    (worktree.parent / ".git" / "HEAD").unlink()
    ran = spl("task", "done", "GATE-4")
    assert ran.code == 1
    assert "cannot tell whether this folder has uncommitted changes" in ran.err
    assert "Status: open" in spl("task", "show", "GATE-4").out


def test_a_task_whose_worker_failed_is_salvaged_step_by_step(
    live: Path, spl: Spl, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spl("task", "add", "save me", "--alias", "SALVAGE").code == 0
    dispatched = spl("task", "dispatch", "SALVAGE", "--adapter", "bash", "--allow-unknown", "--wait")
    assert dispatched.code == 1
    shown = spl("task", "show", "SALVAGE").out
    assert "Status: failed\n" in shown
    assert "Prior attempts: 1 failed ($0.00 total)\n" in shown
    assert "\nCompletion\n  codepath: adapter_result\n" in spl("task", "diagnose", "SALVAGE").out
    assert spl("task", "reopen", "SALVAGE", "--reason", "salvaged in-session after worker SIGKILL").code == 0
    assert "Status: open" in spl("task", "show", "SALVAGE").out
    for actor, words in (
        ("dev", ("done", "SALVAGE", "--summary", "by hand", "--domain", "code")),
        ("reviewer", ("approve", "SALVAGE", "--domain", "code", "--notes", "gate is green")),
    ):
        monkeypatch.setenv("SPL_ACTOR", f"did:sync:agent:{actor}")
        assert spl("task", *words).code == 0
    shown = spl("task", "show", "SALVAGE").out
    assert "Status: approved (gate is green)\n" in shown
    assert "Completed by: did:sync:agent:dev\n" in shown
    assert "Verdict: accept (by did:sync:agent:reviewer)\n" in shown
