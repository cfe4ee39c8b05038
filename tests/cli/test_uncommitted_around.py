"""Whose worktree is looked at: submodules, linked worktrees, and an environment that names another."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncropel.cli.task_verbs.git import GitFailed
from syncropel.cli.task_verbs.uncommitted import Worktree, worktree_around
from tests.git_repository import git

from .repository import committed, found


@pytest.fixture
def outer(tmp_path: Path, repo: Path) -> Path:
    """A project with `repo` as its submodule `sub`."""
    folder = committed(tmp_path / "outer")
    git(folder, "submodule", "--quiet", "add", str(repo), "sub")
    git(folder, "commit", "-qam", "sub")
    assert found(folder) == Worktree(folder)
    assert found(folder / "sub") == Worktree(folder / "sub")
    return folder


@pytest.mark.parametrize("place", ["config", "gitmodules"])
def test_a_submodule_is_looked_into_whatever_is_to_be_ignored_of_it(outer: Path, place: str) -> None:
    if place == "config":
        git(outer, "config", "submodule.sub.ignore", "all")
        git(outer, "config", "diff.ignoreSubmodules", "all")
    else:
        git(outer, "config", "-f", ".gitmodules", "submodule.sub.ignore", "all")
        git(outer, "commit", "-qam", "ignore")
    (outer / "sub" / "new").touch()
    (outer / "sub" / "kept").write_text("2\n")
    git(outer / "sub", "config", "status.showUntrackedFiles", "no")
    git(outer / "sub", "update-index", "--assume-unchanged", "deep/kept")
    tree = found(outer)
    assert set(tree.changed) == {"sub/new", "sub/kept"}
    assert tree.hidden == ("sub/deep/kept",)


def test_a_submodule_at_another_commit_is_a_change(outer: Path) -> None:
    git(outer, "config", "submodule.sub.ignore", "all")
    (outer / "sub" / "kept").write_text("2\n")
    git(outer / "sub", "commit", "-qam", "second")
    assert found(outer).changed == ("sub",)


def test_a_submodule_that_was_not_checked_out_is_nothing_and_files_in_its_place_are(
    tmp_path: Path, outer: Path
) -> None:
    git(tmp_path, "clone", "-q", str(outer), "copy")
    copy = tmp_path / "copy"
    assert found(copy) == Worktree(copy)
    (copy / "sub" / "new").touch()
    with pytest.raises(GitFailed, match=r"sub' has files, but is not a repository"):
        worktree_around(copy)


def test_a_linked_worktree_is_looked_at_itself(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", str(tmp_path / "linked"))
    (repo / "new").touch()
    assert found(tmp_path / "linked") == Worktree(tmp_path / "linked")


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_the_environment_does_not_say_where_to_look(
    name: str, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_one = committed(tmp_path / "clean")
    (repo / "new").touch()
    places = {"GIT_WORK_TREE": clean_one, "GIT_INDEX_FILE": clean_one / ".git" / "index"}
    monkeypatch.setenv(name, str(places.get(name, clean_one / ".git")))
    assert found(repo).changed == ("new",)


def test_the_environment_does_not_configure(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "new").touch()
    ignore = repo.parent / "ignore"
    ignore.write_text("*\n")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.excludesFile")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(ignore))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(ignore))
    assert found(repo).changed == ("new",)


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE"])
def test_a_repository_that_only_the_environment_names_is_not_passed_by(
    name: str, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(repo / ".git"))
    with pytest.raises(GitFailed, match=f"{name} is set"):
        worktree_around(tmp_path)
