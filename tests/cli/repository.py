"""A git repository to ask about, and a person whose git is their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncropel.cli.task_verbs.uncommitted import Worktree, worktree_around
from tests.git_repository import git


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of one whose git configuration holds for all their repositories, and no other."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in [one for one in os.environ if one.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return home


def committed(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "kept").write_text("1\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "kept").write_text("1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def repo(tmp_path: Path, person: Path) -> Path:
    return committed(tmp_path / "project")


def found(folder: Path) -> Worktree:
    tree = worktree_around(folder)
    assert tree is not None
    return tree
