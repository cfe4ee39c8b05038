"""A repository that git cannot answer for, or a git that cannot answer, is not clean."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli.task_verbs import git as asked
from syncropel.cli.task_verbs.git import GitFailed
from syncropel.cli.task_verbs.uncommitted import refuse_uncommitted, worktree_around
from syncropel.errors import Conflict
from tests.git_repository import git

from .repository import committed


def no_head(repo: Path) -> None:
    (repo / ".git" / "HEAD").unlink()


def broken_index(repo: Path) -> None:
    (repo / ".git" / "index").write_bytes(b"no index")


def lost_objects(repo: Path) -> None:
    subprocess.run(("rm", "-rf", str(repo / ".git" / "objects")), check=True)


def broken_settings(repo: Path) -> None:
    (repo / ".git" / "config").write_text("[core\n")


def dangling(repo: Path) -> None:
    (repo / ".git").rename(repo / "moved")
    (repo / ".git").write_text("gitdir: /nonexistent\n")


def bare(repo: Path) -> None:
    git(repo, "config", "core.bare", "true")


def empty(repo: Path) -> None:
    (repo / ".git").rename(repo / "moved")
    (repo / ".git").mkdir()


def elsewhere(repo: Path) -> None:
    git(repo, "config", "core.worktree", str(committed(repo.parent / "clean")))


def below(repo: Path) -> None:
    git(repo, "config", "core.worktree", str(repo / "deep"))


def strange_owner(repo: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(repo, 12345, 12345)
    os.chown(repo / ".git", 12345, 12345)


@pytest.mark.parametrize(
    "spoil",
    [
        no_head,
        broken_index,
        lost_objects,
        broken_settings,
        dangling,
        bare,
        empty,
        elsewhere,
        below,
        strange_owner,
    ],
)
def test_a_repository_that_git_cannot_answer_for_is_no_clean_one(
    spoil: Callable[[Path], None], repo: Path
) -> None:
    spoil(repo)
    with pytest.raises(Conflict) as refused:
        refuse_uncommitted(repo / "deep")
    assert "cannot tell whether this folder has uncommitted changes: " in refused.value.message
    assert "--force" in refused.value.hint


@pytest.mark.parametrize("inside", [True, False])
def test_without_git_nothing_is_known(inside: bool, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo / "deep"))
    with pytest.raises(GitFailed, match="git is not installed"):
        worktree_around(repo if inside else repo.parent)


def fake_git(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    place = folder / "git"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_git_that_warns_has_not_seen_all(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What git itself says, with status 0, of a folder that it may not read.
    real = subprocess.run(("which", "git"), capture_output=True, text=True, check=True).stdout.strip()
    warns = f"""case "$*" in *--others*) echo "warning: could not open directory 'x/'" >&2;; esac
exec {real} "$@\""""
    fake_git(repo.parent / "bin", warns, monkeypatch)
    with pytest.raises(GitFailed, match="could not open directory 'x/'"):
        worktree_around(repo)


def test_a_git_that_hangs_is_not_waited_for_for_ever(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(repo.parent / "bin", "exec sleep 60", monkeypatch)
    monkeypatch.setattr(asked, "PATIENCE_SECS", 0.2)
    began = time.monotonic()
    with pytest.raises(GitFailed, match="did not answer within"):
        worktree_around(repo)
    assert time.monotonic() - began < 10


def test_a_git_that_cannot_be_run_has_said_nothing(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(repo.parent / "bin", "", monkeypatch)
    (repo.parent / "bin" / "git").write_bytes(b"\x7fELF")
    monkeypatch.setenv("PATH", str(repo.parent / "bin"))
    with pytest.raises(GitFailed, match="git cannot be run"):
        worktree_around(repo)


def test_a_folder_that_is_gone_is_not_clean(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(Conflict, match="cannot be read"):
        refuse_uncommitted(Path())
