"""Goals that turn on the daemon from their worktree: what it commits, tells, runs, and waits for."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from pathlib import Path

import pytest

from syncropel.adapters import pruning
from syncropel.adapters.patch import patch_path, write_patch
from syncropel.adapters.workspace import LEAK, Worktree
from syncropel.adapters.worktree import head, left_in
from syncropel.record.canonical import canonical_json
from syncropel.system import clean_git
from syncropel.system.clean_git import GitFailed
from syncropel.system.interruptible import MOST_AT_ONCE, in_thread
from tests.adapters.test_workspace import SECRET, Bench
from tests.git_repository import git, hold_git_up

COPIED = "TOKEN=only-in-the-copied-file\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit, and a file that is copied into worktrees."""
    folder = tmp_path / "project"
    (folder / "lib").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "code.py").write_text("one = 1\n")
    (folder / "lib" / "more.py").write_text("more = 1\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    (folder / ".env").write_text(COPIED)
    return folder


@pytest.fixture
def bench(project: Path, tmp_path: Path) -> Bench:
    return Bench(project, tmp_path / "work", copy=(".env",))


def patch(bench: Bench, made: Worktree) -> bytes:
    path = patch_path(bench.work, made.child_thread, made.attempt)
    write_patch(path)
    return path.read_bytes()


def test_an_ignore_file_does_not_bring_a_copied_file_into_the_commit_or_the_diff(
    bench: Bench, project: Path
) -> None:
    made = bench.prepare()
    (Path(made.path) / ".gitignore").write_text("!.env\n")
    outcome = bench.settle(made)
    assert outcome.verdict == "accept"
    assert git(project, "ls-tree", "--name-only", made.branch).split() == [".gitignore", "code.py", "lib"]
    assert b".gitignore" in (shown := patch(bench, made))
    assert COPIED.encode() not in shown


def test_a_copied_file_that_was_committed_is_not_in_the_diff(bench: Bench) -> None:
    made = bench.prepare()
    git(Path(made.path), "add", "-f", ".env")
    git(Path(made.path), "commit", "-qm", "Oops")
    (Path(made.path) / "code.py").write_text("two = 2\n")
    assert b"two" in (shown := patch(bench, made))
    assert COPIED.encode() not in shown


def test_a_copied_file_that_the_base_has_stays_as_it_is_there(bench: Bench, project: Path) -> None:
    (project / ".env").write_text("TOKEN=example\n")
    git(project, "add", "-f", ".env")
    git(project, "commit", "-qm", "Show which variables there are")
    (project / ".env").write_text(COPIED)
    made = bench.prepare()
    (Path(made.path) / "new.py").write_text("new\n")
    assert bench.settle(made).verdict == "accept"
    assert git(project, "show", f"{made.branch}:.env") == "TOKEN=example"
    assert COPIED.encode() not in patch(bench, made)


def test_a_copied_file_is_known_under_another_name(bench: Bench) -> None:
    made = bench.prepare()
    (Path(made.path) / "notes.txt").write_text(COPIED)
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", LEAK)
    assert "another name" in outcome.summary


@pytest.mark.parametrize("where", ["lines", "name", "message"])
def test_a_secret_is_found_as_it_is_stored(bench: Bench, where: str) -> None:
    """A patch has a sign before each line, and quotes odd names."""
    value = 'first-lïne"of it' + ("\nand second" if where == "lines" else "")
    bench.spaces._secrets = lambda: {"KEY": value}
    made = bench.prepare()
    folder = Path(made.path)
    if where == "lines":
        (folder / "key.pem").write_text(value)
    elif where == "name":
        (folder / value).write_text("x\n")
    else:
        git(folder, "commit", "-q", "--allow-empty", "-m", f"Use {value}")
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", LEAK)


def test_a_secret_that_the_base_has_may_be_removed(bench: Bench, project: Path) -> None:
    (project / "old.py").write_text(SECRET)
    git(project, "add", "old.py")
    git(project, "commit", "-qm", "Leak it")
    made = bench.prepare()
    (Path(made.path) / "old.py").unlink()
    assert bench.settle(made).verdict == "accept"


def test_a_pipe_in_place_of_the_exclude_file_holds_nobody_up(bench: Bench, project: Path) -> None:
    made = bench.prepare()
    exclude = project / ".git" / "info" / "exclude"
    exclude.unlink(missing_ok=True)
    os.mkfifo(exclude)
    (Path(made.path) / "new.py").write_text("new\n")
    assert bench.settle(made).verdict == "accept"


@pytest.mark.parametrize("what", [".gitattributes", "an included configuration"])
def test_git_that_waits_for_a_pipe_is_given_up(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    made = bench.prepare()
    pipe = Path(made.path) / what if what.startswith(".") else tmp_path / "pipe"
    if not what.startswith("."):
        git(Path(made.path), "config", "include.path", str(pipe))
    os.mkfifo(pipe)
    monkeypatch.setattr(clean_git, "PATIENCE_SECS", 1.0)
    monkeypatch.setattr(clean_git, "NAMES_PATIENCE_SECS", 1.0)
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", "not_committed")
    assert "has not ended within 1s" in outcome.summary


def test_a_lock_that_the_goal_left_does_not_deny_its_commit(bench: Bench, project: Path) -> None:
    made = bench.prepare()
    (project / ".git" / "worktrees" / Path(made.path).name / "index.lock").touch()
    (Path(made.path) / "new.py").write_text("new\n")
    outcome = bench.settle(made)
    assert outcome.verdict == "accept"
    assert "new.py" in git(project, "ls-tree", "--name-only", made.branch)


def test_what_a_sparse_worktree_leaves_out_is_not_committed_as_deleted(bench: Bench, project: Path) -> None:
    made = bench.prepare()
    git(Path(made.path), "sparse-checkout", "set", "--no-cone", "/code.py")
    (Path(made.path) / "code.py").write_text("two = 2\n")
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", "not_committed")
    assert "sparse" in outcome.summary
    assert git(project, "rev-parse", made.branch) == made.base


def test_a_link_in_place_of_the_worktree_shows_nothing_of_what_it_leads_to(
    bench: Bench, project: Path
) -> None:
    made = bench.prepare()
    (project / "unfinished.txt").write_text("the operator's own\n")
    Path(made.path).rename(project.parent / "away")
    Path(made.path).symlink_to(project)
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", "not_committed")
    with pytest.raises(GitFailed, match="is a link now"):
        patch(bench, made)


def test_a_missing_object_is_not_fetched_by_a_program_of_the_goals(
    bench: Bench, project: Path, tmp_path: Path
) -> None:
    made = bench.prepare()
    caught, evil = tmp_path / "caught", tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {caught}\nexit 1\n")
    evil.chmod(0o755)
    for key, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "o"),
        ("remote.o.promisor", "true"),
        ("remote.o.url", str(project)),
        ("remote.o.uploadpack", str(evil)),
        ("protocol.file.allow", "always"),
    ):
        git(Path(made.path), "config", key, value)
    (project / ".git" / "worktrees" / Path(made.path).name / "HEAD").write_text("1" * 40 + "\n")
    assert bench.settle(made).reason == "not_committed"
    assert not caught.exists()
    subprocess.run(["git", "-C", made.path, "cat-file", "-e", "1" * 40], check=False, capture_output=True)
    assert caught.exists(), "it would have run"


def test_odd_bytes_in_a_branch_and_a_message_can_be_recorded(bench: Bench) -> None:
    made = bench.prepare()
    subprocess.run([b"git", b"-C", os.fsencode(made.path), b"switch", b"-qc", b"x\xff\xfe"], check=True)
    git(Path(made.path), "commit", "-q", "--allow-empty", "-m", "\x1b[31mred")
    left = bench.settle(made).worktree
    assert left is not None
    assert canonical_json(left)
    assert (left["branch"], left["subject"]) == ("x\ufffd\ufffd", " [31mred")


async def test_git_ends_with_the_task_that_waits_for_it(bench: Bench) -> None:
    """A daemon that stops waits for its threads; those of its goals are free all the time."""
    made, over = bench.prepare(), threading.Event()
    pipe = hold_git_up(Path(made.path), "code.py")

    def settle() -> None:
        try:
            bench.settle(made)
        finally:
            over.set()

    waiting = [asyncio.create_task(in_thread(settle)) for _ in range(3 * MOST_AT_ONCE)]
    # A pipe opens for writing as soon as somebody reads it: git is there.
    held = await asyncio.wait_for(asyncio.to_thread(os.open, pipe, os.O_WRONLY), 20.0)
    for one in waiting:
        one.cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in ended} == {asyncio.CancelledError}
    assert await asyncio.to_thread(over.wait, 20.0)
    os.close(held)


@pytest.mark.parametrize("what", ["gitdir", "logs/HEAD"])
def test_a_pipe_in_the_git_folder_holds_no_removal_up(bench: Bench, project: Path, what: str) -> None:
    made = bench.prepare()
    place = project / ".git" / "worktrees" / Path(made.path).name / what
    place.rename(place.with_name("before"))
    os.mkfifo(place)
    found = pruning.look(made, bench.spaces._settings.repos["app"])
    assert found is not None
    assert found.kept


async def test_looking_at_what_is_left_in_a_folder_runs_nothing_of_its(project: Path, tmp_path: Path) -> None:
    """Without a worktree of its own, too: an agent works in the folder that its adapter names."""
    caught, evil = tmp_path / "caught", tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\necho $0 >> {caught}\ncat\n")
    evil.chmod(0o755)
    (project / ".gitignore").write_text(".env\n")
    base = await head(project)
    assert base is not None
    for key in ("filter.x.clean", "core.fsmonitor", "gpg.program", "log.showSignature"):
        git(project, "config", key, "true" if key.startswith("log") else str(evil))
    (project / ".gitattributes").write_text("* filter=x\n")
    (project / "code.py").write_text("two = 2\n")
    left = await left_in(project, base)
    assert left is not None
    assert (left["branch"], left["uncommitted"], left["commits_ahead"]) == ("main", 3, 0)
    assert not caught.exists()
    git(project, "status", "--porcelain")
    assert caught.exists(), "it would have run"


async def test_a_folder_that_git_cannot_read_in_time_tells_nothing(project: Path) -> None:
    base = await head(project)
    assert base is not None
    hold_git_up(project, "code.py")
    assert await asyncio.wait_for(left_in(project, base), 30.0) is None
