"""The look at running worktrees: each has its turn, and one that holds git up holds nobody up."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from syncropel.adapters.workspace import Worktree
from syncropel.engine.merging import radar
from syncropel.engine.merging.radar import MOST_TOLD, MOST_TREES, Radar
from syncropel.folds.fanout.child import ChildIntend
from syncropel.peer.runtime import Runtime
from tests.git_repository import git, hold_git_up, new_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return new_project(tmp_path / "project")


def attempt(project: Path, number: int) -> ChildIntend:
    """An attempt with a worktree of its own, in which it has touched a.txt and a file of its own."""
    tree = project.parent / f"tree-{number}"
    git(project, "worktree", "add", "-q", "-b", f"task/{number}", str(tree))
    (tree / "a.txt").write_text(f"{number}\n")
    (tree / f"own-{number}").touch()
    base, common = git(project, "rev-parse", "main"), str((project / ".git").resolve())
    made = Worktree("app", str(tree), f"task/{number}", base, f"th_{number}", "T", 1, common=common)
    folder = project.parent / "work" / f"th_{number}"
    folder.mkdir(parents=True)
    (folder / "attempt-1.worktree.json").write_text(json.dumps(asdict(made)))
    return ChildIntend(f"intend-{number}", f"th_{number}", number, {"repo": "app", "attempt": 1})


async def test_each_worktree_has_its_turn_and_what_ended_is_forgotten(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radar, "MOST_TREES", 2)
    running = [attempt(project, number) for number in range(3)]
    running.append(ChildIntend("plain", "th_plain", 9, {}))
    looking = Radar(lambda: running, project.parent / "work", Runtime())
    await looking.look()
    told = [looking.files(one.record) for one in running]
    assert told == [("a.txt", "own-0"), ("a.txt", "own-1"), (), ()]
    (project.parent / "tree-1" / "more").touch()
    await looking.look()  # the one that was never looked at, and the one that was seen longest ago
    assert looking.files("intend-2") == ("a.txt", "own-2")
    assert looking.files("intend-1") == ("a.txt", "own-1")
    await looking.look()
    assert looking.files("intend-1") == ("a.txt", "more", "own-1")
    del running[1]
    await looking.look()
    assert looking.files("intend-1") == ()
    assert MOST_TREES * 50 <= MOST_TOLD


async def test_one_that_holds_git_up_or_leads_elsewhere_is_unknown_and_others_are_seen(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radar, "LOOK_SECS", 0.3)
    running = [attempt(project, number) for number in range(3)]
    hold_git_up(project.parent / "tree-0", "a.txt")
    (project.parent / "tree-1" / ".git").write_text("gitdir: /nowhere\n")
    looking = Radar(lambda: running, project.parent / "work", Runtime())
    await looking.look()
    assert [looking.files(one.record) for one in running] == [(), (), ("a.txt", "own-2")]
