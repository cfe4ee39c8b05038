"""Whether a worktree is clean: what hides a change is seen through or refused, and doubt is no yes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli.task_verbs.uncommitted import Worktree, refuse_uncommitted, worktree_around
from syncropel.errors import Conflict
from tests.git_repository import git

from .repository import found


def test_clean_and_in_no_repository(repo: Path, tmp_path: Path) -> None:
    assert found(repo) == Worktree(repo)
    assert found(repo / "deep") == Worktree(repo), "from a folder below, all of it is looked at"
    assert worktree_around(tmp_path) is None
    refuse_uncommitted(repo)
    refuse_uncommitted(tmp_path)


def test_everything_that_is_not_committed_is_named_once(repo: Path) -> None:
    (repo / "kept").write_text("2\n")
    (repo / "staged one").touch()
    git(repo, "add", "staged one")
    (repo / "deep" / "kept").unlink()
    (repo / "new\nline").touch()
    (repo / "folder").mkdir()
    for name in "ab":
        (repo / "folder" / name).touch()
    every = {"kept", "staged one", "deep/kept", "new\nline", "folder/a", "folder/b"}
    assert len(found(repo).changed) == len(every)
    assert set(found(repo / "deep").changed) == every
    with pytest.raises(Conflict) as refused:
        refuse_uncommitted(repo / "deep")
    assert "uncommitted changes" in refused.value.message
    assert "6 files" in refused.value.message
    assert refused.value.message.endswith(", …)")
    assert "--force" in refused.value.hint


def test_a_conflict_is_named_by_its_path(repo: Path) -> None:
    git(repo, "checkout", "-qb", "other")
    for branch, text in (("other", "2\n"), ("master", "3\n")):
        git(repo, "checkout", "-q", "-B", branch, *(["HEAD~1"] if branch == "master" else []))
        (repo / "kept").write_text(text)
        git(repo, "commit", "-qam", branch)
    with pytest.raises(subprocess.CalledProcessError):
        git(repo, "merge", "other")
    assert found(repo).changed == ("kept",)


def show_nothing(repo: Path) -> None:
    git(repo, "config", "status.showUntrackedFiles", "no")


def exclude_here(repo: Path) -> None:
    (repo / ".git" / "info" / "exclude").write_text("*\n")


def exclude_by_local_setting(repo: Path) -> None:
    place = repo.parent / "ignore"
    place.write_text("*\n")
    git(repo, "config", "core.excludesFile", str(place))


def exclude_by_hidden_gitignore(repo: Path) -> None:
    (repo / ".gitignore").write_text("*\n")


def exclude_by_hidden_gitignore_below(repo: Path) -> None:
    (repo / "deep" / ".gitignore").write_text("*\n")


@pytest.mark.parametrize(
    "hide",
    [show_nothing, exclude_here, exclude_by_local_setting, exclude_by_hidden_gitignore],
)
def test_what_hides_new_files_from_git_does_not_hide_them(hide: Callable[[Path], None], repo: Path) -> None:
    (repo / "new").touch()
    hide(repo)
    assert "new" not in git(repo, "status", "--porcelain").split()
    assert found(repo).changed


def test_a_gitignore_that_hides_itself_beside_tracked_files_is_named(repo: Path) -> None:
    exclude_by_hidden_gitignore_below(repo)
    (repo / "deep" / "new").touch()
    assert git(repo, "status", "--porcelain") == ""
    assert found(repo).changed == ("deep/.gitignore",)


def test_what_the_project_or_the_person_ignores_is_no_work(repo: Path, person: Path) -> None:
    (repo / ".gitignore").write_text("*.log\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "ignore")
    (repo / "a.log").touch()
    tool = repo / ".tool_cache"
    tool.mkdir()
    (tool / ".gitignore").write_text("*\n")
    (tool / "x").touch()
    assert found(repo) == Worktree(repo)
    (repo / "note.swp").touch()
    assert found(repo).changed == ("note.swp",)
    usual = person / ".config" / "git" / "ignore"
    usual.parent.mkdir(parents=True)
    usual.write_text("*.swp\n")
    assert found(repo) == Worktree(repo)
    git(repo, "config", "--global", "core.excludesFile", "~/mine")
    assert found(repo).changed == ("note.swp",), "the usual place is not read then, as by git"
    (person / "mine").write_text("*.swp\n")
    assert found(repo) == Worktree(repo)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_files_that_git_is_told_to_pass_over_are_refused_by_name(flag: str, repo: Path) -> None:
    git(repo, "update-index", flag, "deep/kept")
    assert found(repo).hidden == ("deep/kept",), "changed or not: nobody can say"
    with pytest.raises(Conflict) as refused:
        refuse_uncommitted(repo)
    assert "ignore changes of 1 file ('deep/kept')" in refused.value.message
    assert "git update-index --no-assume-unchanged" in refused.value.hint


def test_a_sparse_checkout_may_lack_files_but_not_hide_one(repo: Path) -> None:
    git(repo, "sparse-checkout", "set", "--no-cone", "/kept")
    assert not (repo / "deep" / "kept").exists()
    assert found(repo) == Worktree(repo)
    (repo / "deep").mkdir(exist_ok=True)
    (repo / "deep" / "kept").write_text("2\n")
    assert found(repo).changed == ("deep/kept",)
    git(repo, "config", "sparse.expectFilesOutsideOfPatterns", "true")
    git(repo, "update-index", "--skip-worktree", "deep/kept")
    assert git(repo, "status", "--porcelain") == ""
    assert found(repo).hidden == ("deep/kept",)


def test_a_missing_index_is_everything_undone(repo: Path) -> None:
    (repo / ".git" / "index").unlink()
    assert "kept" in found(repo).changed


def test_nothing_that_a_repository_names_is_run(repo: Path) -> None:
    ran = repo.parent / "ran"
    trap = repo.parent / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    trap.chmod(0o755)
    (repo / ".gitattributes").write_text("* filter=trap diff=trap\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "attributes")
    hooks = repo.parent / "hooks"
    hooks.mkdir()
    (hooks / "post-index-change").symlink_to(trap)
    for key in ("core.fsmonitor", "filter.trap.clean", "filter.trap.process", "diff.trap.textconv"):
        git(repo, "config", key, str(trap))
    git(repo, "config", "filter.trap.required", "true")
    git(repo, "config", "diff.trap.command", str(trap))
    git(repo, "config", "core.hooksPath", str(hooks))
    (repo / "kept").touch()
    index = (repo / ".git" / "index").read_bytes()
    assert found(repo) == Worktree(repo)
    (repo / "kept").write_text("2\n")
    assert found(repo).changed == ("kept",)
    assert not ran.exists()
    assert (repo / ".git" / "index").read_bytes() == index


@pytest.mark.parametrize("old", [False, True])
def test_a_filter_does_not_hide_a_change(repo: Path, old: bool) -> None:
    (repo / ".gitattributes").write_text("kept filter=liar\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "attributes")
    git(repo, "config", "filter.liar.clean", "echo 1")
    (repo / "kept").write_text("2\n")
    if old:  # so that git, which has run the filter, remembers the file as clean
        os.utime(repo / "kept", ns=(1, (time.time_ns() - 10**10)))
    assert git(repo, "status", "--porcelain") == ""
    assert found(repo).changed == ("kept",)


def test_a_sparse_checkout_with_a_filter_is_clean(repo: Path) -> None:
    (repo / "far").mkdir()
    (repo / "far" / "file").write_text("far\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "far")
    git(repo, "config", "filter.any.clean", "cat")
    git(repo, "sparse-checkout", "set", "--no-cone", "/kept")
    assert not (repo / "far").exists()
    assert found(repo).changed == ()


def test_a_change_of_the_same_size_and_time_is_seen(repo: Path) -> None:
    git(repo, "config", "core.trustctime", "false")
    git(repo, "config", "core.checkStat", "minimal")
    kept = repo / "kept"
    before = kept.stat()
    # Old enough that git does not look at the content for fear of a race.
    os.utime(kept, ns=(before.st_atime_ns, before.st_mtime_ns - 10**10))
    git(repo, "update-index", "--refresh")
    stamp = kept.stat()
    while int(time.time()) <= int(stamp.st_ctime):
        time.sleep(0.05)  # git compares whole seconds
    kept.write_text("2\n")
    os.utime(kept, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert git(repo, "status", "--porcelain") == ""
    assert found(repo).changed == ("kept",)


def test_a_replaced_commit_does_not_vouch(repo: Path) -> None:
    first = git(repo, "rev-parse", "HEAD").strip()
    (repo / "kept").write_text("2\n")
    git(repo, "commit", "-qam", "second")
    second = git(repo, "rev-parse", "HEAD").strip()
    git(repo, "reset", "-q", "--soft", first)
    git(repo, "replace", first, second)
    assert git(repo, "status", "--porcelain") == ""
    assert found(repo).changed == ("kept",)
