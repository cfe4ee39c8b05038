"""A worktree is removed only when nothing is lost by it; each way to lose something, on real repositories."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.adapters import pruning
from syncropel.adapters.pruning import look, remove
from syncropel.adapters.workspace import Worktree
from syncropel.settings.workspace import Repo
from tests.git_repository import git

from .test_workspace import Bench, bench, project

__all__ = ["bench", "project"]


def entry(bench: Bench, made: Worktree) -> Path:
    return bench.project / ".git/worktrees" / Path(made.path).name


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def merged(bench: Bench) -> Worktree:
    """The worktree of an attempt whose work is committed and merged."""
    made = bench.prepare()
    (Path(made.path) / "new.py").write_text("new\n")
    bench.settle(made)
    git(bench.project, "merge", "-q", "--ff-only", made.branch)
    return made


def repo(bench: Bench, **more: object) -> Repo:
    return Repo("app", bench.project, **more)  # type: ignore[arg-type]


def test_what_is_merged_and_clean_is_removed_and_its_branch_is_kept(bench: Bench) -> None:
    made = merged(bench)
    (Path(made.path) / "noise.tmp").write_text("ignored\n")
    tip = git(bench.project, "rev-parse", made.branch)
    found = remove(made, repo(bench))
    assert found is not None
    assert (found.kept, found.merged, found.uncommitted, found.commits_ahead) == ("", True, 0, 1)
    assert not Path(made.path).exists()
    assert not entry(bench, made).exists()
    assert git(bench.project, "rev-parse", made.branch) == tip
    assert git(bench.project, "worktree", "list", "--porcelain").count("worktree ") == 1
    assert look(made, repo(bench)) is None


Change = Callable[[Bench, Path], object]


def commit(folder: Path, name: str) -> None:
    (folder / name).write_text("work\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", name)


def _another_branch(bench: Bench, folder: Path) -> None:
    git(folder, "switch", "-qc", "mine")


def _detached(bench: Bench, folder: Path) -> None:
    git(folder, "switch", "-q", "--detach")


def _detached_and_back(bench: Bench, folder: Path) -> None:
    git(folder, "switch", "-q", "--detach")
    commit(folder, "lost.py")
    git(folder, "switch", "-q", "task/T-1")


def _staged(bench: Bench, folder: Path) -> None:
    (folder / "code.py").write_text("staged = 1\n")
    git(folder, "add", "code.py")
    (folder / "code.py").write_text("one = 1\n")


def _hidden(bench: Bench, folder: Path) -> None:
    git(folder, "update-index", "--assume-unchanged", "code.py")
    (folder / "code.py").write_text("hidden = 1\n")


def _other_entry(bench: Bench, folder: Path) -> None:
    place = bench.project / ".git/worktrees" / folder.name / "gitdir"
    place.write_text(f"{bench.project}/elsewhere/.git\n")


def _another_repository(bench: Bench, folder: Path) -> None:
    (folder / "vendor.tmp").mkdir()
    git(folder / "vendor.tmp", "init", "-q")


def _protected(bench: Bench, folder: Path) -> None:
    (folder / "cache.tmp").mkdir()
    (folder / "cache.tmp").chmod(0o500)


def _linked(bench: Bench, folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(folder.with_name("moved"))


def _main_detached(bench: Bench, folder: Path) -> None:
    git(bench.project, "switch", "-q", "--detach")


CHANGES: dict[str, tuple[Change, str]] = {
    "a changed file": (lambda b, f: (f / "code.py").write_text("x\n"), "uncommitted: 1"),
    "a new file": (lambda b, f: (f / "x.py").write_text("x\n"), "uncommitted: 1"),
    "a removed file": (lambda b, f: (f / "code.py").unlink(), "uncommitted: 1"),
    "a commit that is not merged": (lambda b, f: commit(f, "more.py"), "not merged into main"),
    "a staged version": (_staged, "its index holds"),
    "a change hidden from git status": (_hidden, "uncommitted: 1"),
    "HEAD on another branch": (_another_branch, "HEAD is at mine, not at task/T-1"),
    "a detached HEAD": (_detached, "HEAD is at no branch"),
    "a commit that only HEAD's log has": (_detached_and_back, "HEAD was at a commit that no branch has"),
    "a ref of its own": (
        lambda b, f: git(f, "update-ref", "refs/worktree/x", "HEAD"),
        "refs of its",
    ),
    "a lock": (lambda b, f: git(f, "worktree", "lock", "."), "it is locked"),
    "unreadable git": (lambda b, f: (f / ".git").write_text("nonsense"), "cannot be read"),
    "no git at all": (lambda b, f: (f / ".git").unlink(), "cannot be read"),
    "another entry": (_other_entry, "another place"),
    "another repository in it": (_another_repository, "another repository is in it: vendor.tmp"),
    "a protected folder": (_protected, "a folder in it is protected"),
    "a link in its place": (_linked, "a link or a file"),
    "no base branch": (_main_detached, "no base branch"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_would_be_lost_is_kept_with_the_reason(bench: Bench, change: str) -> None:
    if change == "a protected folder" and os.geteuid() == 0:
        pytest.skip("nothing is protected from root")
    made = merged(bench)
    folder = Path(made.path)
    do, reason = CHANGES[change]
    do(bench, folder)
    before = snapshot(folder)
    found = remove(made, repo(bench))
    assert found is not None
    assert reason in found.kept
    assert snapshot(folder) == before
    assert entry(bench, made).exists()


@pytest.mark.parametrize("name", sorted(pruning._UNFINISHED))
def test_each_sign_of_unfinished_work_keeps_it(bench: Bench, name: str) -> None:
    made = merged(bench)
    (entry(bench, made) / name).write_text("x\n")
    found = remove(made, repo(bench))
    assert found is not None
    assert found.kept
    assert Path(made.path).exists()


@pytest.mark.parametrize(("text", "kept"), [("A=1\n", ""), ("A=2\n", ".env differs"), (None, "")])
def test_a_copied_file_is_lost_only_when_it_was_changed(
    project: Path, tmp_path: Path, text: str | None, kept: str
) -> None:
    (project / ".env").write_text("A=1\n")
    bench = Bench(project, tmp_path / "work", copy=(".env",))
    made = merged(bench)
    copy = Path(made.path) / ".env"
    copy.write_text(text) if text is not None else copy.unlink()
    found = remove(made, repo(bench, copy=(".env",)))
    assert found is not None
    assert kept in found.kept
    assert Path(made.path).exists() is bool(kept)


def test_without_its_entry_nothing_is_known_of_its_base(bench: Bench) -> None:
    made = merged(bench)
    found = remove(made, None)
    assert found is not None
    assert "[workspace.repos]" in found.kept
    assert found.merged is None


def test_what_changes_after_the_first_look_is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made = merged(bench)
    folder, first = Path(made.path), look

    def late(*arguments: object) -> object:
        found = first(*arguments)  # type: ignore[arg-type]
        (folder / "late.py").write_text("late\n")
        return found

    monkeypatch.setattr(pruning, "look", late)
    found = remove(made, repo(bench))
    assert found is not None
    assert found.kept == "uncommitted: 1 files"
    assert (folder / "late.py").read_text() == "late\n"


def test_an_interrupted_removal_is_put_back(bench: Bench) -> None:
    made = merged(bench)
    folder = Path(made.path)
    folder.rename(folder.with_name(f".{folder.name}.pruned"))
    found = look(made, repo(bench))
    assert found is not None
    assert found.kept == ""
    assert (folder / "new.py").exists()


def test_nothing_that_the_goal_configures_runs(bench: Bench, tmp_path: Path) -> None:
    made = merged(bench)
    folder, caught, evil = Path(made.path), tmp_path / "caught", tmp_path / "evil.sh"
    evil.write_text(f'#!/bin/sh\necho "$0 $*" >> {caught}\ncat\n')
    evil.chmod(evil.stat().st_mode | stat.S_IXUSR)
    for key in ("core.fsmonitor", "diff.external", "core.pager", "filter.x.clean", "filter.x.smudge",
                "filter.x.process", "core.alternateRefsCommand", "remote.origin.uploadpack"):  # fmt: skip
        git(folder, "config", key, str(evil))
    git(folder, "config", "remote.origin.url", f"ext::{evil} x")
    git(folder, "config", "remote.origin.promisor", "true")
    git(folder, "config", "protocol.ext.allow", "always")
    (bench.project / ".git/info/attributes").write_text("* filter=x diff=x\n")
    log = entry(bench, made) / "logs/HEAD"
    log.write_text(log.read_text() + f"{'0' * 40} {'ab' * 20} A <a@example.com> 0 +0000\tx\n")
    caught.unlink(missing_ok=True)
    found = remove(made, repo(bench))
    assert found is not None
    assert not caught.exists(), caught.read_text()


def test_a_worktree_that_is_gone_is_not_listed(bench: Bench) -> None:
    made = merged(bench)
    shutil.rmtree(made.path)
    assert look(made, repo(bench)) is None
