"""Worktrees of one repository, added and removed by several at once."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncropel.adapters.merging.checkouts import checkouts
from syncropel.adapters.merging.merged_tree import make_tree, remove_tree
from syncropel.system import git_worktrees
from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.git_worktrees import add_detached, add_on_branch, listed, one_at_a_time, remove_entry
from tests.git_repository import git


@pytest.fixture
def main(tmp_path: Path) -> Repository:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "--allow-empty", "-qm", "Begin")
    return Repository.find(folder)


def branches(main: Repository) -> list[str]:
    return git(main.top, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()


def half_written(main: Repository) -> Path:
    """An entry as git leaves it for a moment while it adds a worktree: a file is there, and empty."""
    entry = main.common / "worktrees" / "other"
    entry.mkdir(parents=True)
    for name, text in {
        "gitdir": f"{main.top}-other/.git\n",
        "HEAD": f"{main.commit()}\n",
        "commondir": "",
    }.items():
        (entry / name).write_text(text)
    return entry / "commondir"


def written_meanwhile(monkeypatch: pytest.MonkeyPatch, file: Path, after: int = 1) -> list[float]:
    """The other git writes the rest while this one pauses for the nth time."""
    pauses: list[float] = []

    def pause(secs: float) -> None:
        pauses.append(secs)
        if len(pauses) == after:
            file.write_text("../..\n")

    pausing(monkeypatch, pause)
    return pauses


def pausing(monkeypatch: pytest.MonkeyPatch, pause: Callable[[float], None]) -> None:
    """Its own pauses only: others wait for the programs that they run."""
    monkeypatch.setattr(git_worktrees, "time", SimpleNamespace(sleep=pause, monotonic=time.monotonic))


@pytest.mark.parametrize(
    "use",
    [
        lambda main: add_on_branch(main, main.top.with_name("new"), "task/T", main.commit()),
        lambda main: add_detached(main, main.top.with_name("new"), main.commit()),
        listed,
        lambda main: make_tree(main, main.top.with_name("new"), main.commit()),
        lambda main: checkouts(main, "main"),
    ],
    ids=["add a branch", "add detached", "list", "merged tree", "checkouts"],
)
def test_an_entry_that_another_git_is_writing_is_waited_for(
    main: Repository, monkeypatch: pytest.MonkeyPatch, use: Callable[[Repository], object]
) -> None:
    pauses = written_meanwhile(monkeypatch, half_written(main), after=3)
    use(main)
    assert len(pauses) == 3


def test_an_entry_that_stays_damaged_is_reported_and_leaves_no_branch(
    main: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_written(main)
    pauses: list[float] = []
    pausing(monkeypatch, pauses.append)
    with pytest.raises(GitFailed, match=r"failed to read .*worktrees/other/commondir"):
        add_on_branch(main, main.top.with_name("new"), "task/T", main.commit())
    assert len(pauses) == git_worktrees._TRIES - 1
    assert branches(main) == ["main"]
    assert not main.top.with_name("new").exists()


def test_a_branch_that_exists_is_left_as_it_is(main: Repository) -> None:
    git(main.top, "branch", "task/T")
    with pytest.raises(GitFailed, match="task/T"):
        add_on_branch(main, main.top.with_name("new"), "task/T", main.commit())
    assert branches(main) == ["main", "task/T"]
    assert not main.top.with_name("new").exists()


def test_a_folder_in_the_way_is_left_as_it_is_and_no_branch_is_made(main: Repository) -> None:
    new = main.top.with_name("new")
    new.mkdir()
    (new / "file").write_text("mine")
    with pytest.raises(GitFailed, match="already exists"):
        add_on_branch(main, new, "task/T", main.commit())
    assert branches(main) == ["main"]
    assert (new / "file").read_text() == "mine"


def test_only_one_at_a_time_changes_the_list(main: Repository) -> None:
    descriptor = os.open(main.common, os.O_RDONLY)
    try:
        with one_at_a_time(main.common):
            assert not git_worktrees._locked(descriptor, 0)
        assert git_worktrees._locked(descriptor, 0)
    finally:
        os.close(descriptor)


def test_a_lock_that_is_never_released_holds_nobody_up_for_ever(
    main: Repository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pausing(monkeypatch, lambda secs: None)
    caplog.set_level(logging.WARNING)
    with one_at_a_time(main.common), one_at_a_time(main.common, patience_secs=0):
        pass
    assert "its lock was not released within 0s; going on without it" in caplog.text


def test_a_repository_that_is_gone_is_gits_to_report(tmp_path: Path) -> None:
    with one_at_a_time(tmp_path / "none"):
        pass
    with pytest.raises(OSError, match="none"):
        remove_entry(tmp_path / "none", tmp_path / "none" / "worktrees" / "x")


def test_many_are_added_and_removed_at_once(main: Repository) -> None:
    commit = main.commit()

    def come_and_go(index: int) -> None:
        for turn in range(4):
            path = main.top.with_name(f"gone-{index}-{turn}")
            make_tree(main, path, commit)
            remove_tree(main, path)
        add_on_branch(main, main.top.with_name(f"new-{index}"), f"task/{index}", commit)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(8)))
    assert sorted(Path(one["worktree"]).name for one in listed(main)) == sorted(
        ["project", *(f"new-{index}" for index in range(8))]
    )
