"""Worktrees of attempts, on real repositories: made, settled, and never run by what an agent configures."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters.base import Job, Outcome
from syncropel.adapters.files import Files
from syncropel.adapters.workspace import LEAK, NoWorktree, Workspaces, Worktree, name_of, read_record
from syncropel.settings.workspace import Repo, WorkspaceSettings
from syncropel.system import clean_git
from tests.git_repository import git

SECRET = "s3cret-value-of-the-provider"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "code.py").write_text("one = 1\n")
    (folder / ".gitignore").write_text("*.tmp\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    return folder


class Bench:
    """A workspace with the repository `app`, and attempts in it."""

    def __init__(self, project: Path, work: Path, **settings: object) -> None:
        self.project = project
        self.work = work
        repo = Repo("app", project, copy=tuple(settings.pop("copy", ())))  # type: ignore[arg-type]
        chosen = WorkspaceSettings(repos={"app": repo}, **settings)  # type: ignore[arg-type]
        self.spaces = Workspaces(chosen, lambda: {"KEY": SECRET, "SHORT": "one"})

    def job(self, attempt: int = 1, work: str = "T-1", repo: str = "app") -> Job:
        return Job("th_child", "Improve the code\nmuch", attempt, 60.0, repo=repo, work=work)

    def prepare(self, attempt: int = 1, **more: str) -> Worktree:
        job = self.job(attempt, **more)
        files = Files.of(job, self.work, None)
        files.kept.mkdir(parents=True, exist_ok=True)
        return self.spaces.prepare(job, files)

    def settle(self, made: Worktree, verdict: str = "accept") -> Outcome:
        return self.spaces.settle(made, Outcome(verdict, "done"), self.job(made.attempt))


@pytest.fixture
def bench(project: Path, tmp_path: Path) -> Bench:
    return Bench(project, tmp_path / "work")


@pytest.mark.parametrize(
    ("work", "attempt", "name"),
    [
        ("T-1", 1, "T-1"),
        ("T-1", 2, "T-1+a2"),
        ("T-1+0", 3, "T-1+0+a3"),
        ("../../etc", 1, "etc"),
        ("a b/c", 1, "a-b-c"),
        ("--upload-pack=x", 1, "upload-pack-x"),
        ("x.lock", 1, "x"),
        ("…", 1, "work"),
    ],
)
def test_names_are_the_tasks_own_and_safe(work: str, attempt: int, name: str) -> None:
    assert name_of(work, attempt) == name


def test_the_first_attempt_has_the_names_of_the_runbook(bench: Bench, project: Path) -> None:
    made = bench.prepare()
    assert (made.path, made.branch) == (str(project.parent / "project-T-1"), "task/T-1")
    assert (Path(made.path) / "code.py").read_text() == "one = 1\n"
    assert git(Path(made.path), "status", "--porcelain") == ""
    assert git(project, "branch", "--show-current") == "main"


def test_an_attempt_that_is_begun_again_goes_on_where_it_was(bench: Bench) -> None:
    made = bench.prepare()
    (Path(made.path) / "half.py").write_text("done\n")
    assert bench.prepare() == made
    assert (Path(made.path) / "half.py").exists()


class Killed(BaseException):
    """The daemon is killed."""


@pytest.mark.parametrize("at", ["update-ref", "worktree", "read-tree"])
def test_an_attempt_begins_although_a_daemon_was_killed_while_it_made_the_worktree(
    bench: Bench, project: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Before or after each of the commands of git that make it; the base may have moved meanwhile."""
    run = clean_git._run

    def killed(words: Sequence[str], *args: Any, **more: Any) -> bytes:
        answer = b"" if at == "read-tree" and at in words else run(words, *args, **more)
        if at in words:
            raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(clean_git, "_run", killed)
        with pytest.raises(Killed):
            bench.prepare()
    (project / "more.py").write_text("more = 1\n")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "More")
    made = bench.prepare()
    assert git(Path(made.path), "branch", "--show-current") == made.branch == "task/T-1"
    assert (Path(made.path) / "code.py").read_text() == "one = 1\n"
    assert git(Path(made.path), "status", "--porcelain") == ""
    assert git(Path(made.path), "rev-parse", "HEAD") == made.base


def test_a_second_attempt_leaves_the_first_ones_work_alone(bench: Bench) -> None:
    first = bench.prepare()
    (Path(first.path) / "half.py").write_text("done\n")
    second = bench.prepare(2)
    assert second.branch == "task/T-1+a2"
    assert not (Path(second.path) / "half.py").exists()
    assert (Path(first.path) / "half.py").exists()


def test_success_is_committed_with_its_task_and_attempt(bench: Bench, project: Path) -> None:
    made = bench.prepare()
    folder = Path(made.path)
    (folder / "code.py").write_text("one = 1\ntwo = 2\n")
    (folder / "new.py").write_text("new\n")
    (folder / "noise.tmp").write_text("ignored\n")
    left = bench.settle(made).worktree
    assert left is not None
    assert (left["commits_ahead"], left["uncommitted"], left["files"]) == (1, 0, 2)
    assert (left["insertions"], left["deletions"], left["branch"]) == (2, 0, "task/T-1")
    assert git(project, "rev-parse", "task/T-1") == left["commit"]
    assert git(folder, "status", "--porcelain") == ""
    message = git(folder, "log", "-1", "--format=%s|%an|%(trailers:key=Syncropel-Task,valueonly)")
    assert message.split("|") == ["Improve the code", "Syncropel", "T-1"]


def test_nothing_to_commit_makes_no_commit(bench: Bench) -> None:
    made = bench.prepare()
    left = bench.settle(made).worktree
    assert left is not None
    assert (left["commits_ahead"], left["commit"]) == (0, made.base)


@pytest.mark.parametrize("verdict", ["failed", "timeout", "terminated"])
def test_a_failure_keeps_its_tree_and_is_not_committed(bench: Bench, verdict: str) -> None:
    made = bench.prepare()
    (Path(made.path) / "half.py").write_text("done\n")
    outcome = bench.settle(made, verdict)
    assert outcome.worktree is not None
    assert (outcome.verdict, outcome.worktree["uncommitted"]) == (verdict, 1)
    assert (Path(made.path) / "half.py").exists()


def test_commits_can_be_switched_off(project: Path, tmp_path: Path) -> None:
    bench = Bench(project, tmp_path / "work", commit=False)
    made = bench.prepare()
    (Path(made.path) / "new.py").write_text("new\n")
    left = bench.settle(made).worktree
    assert left is not None
    assert (left["commits_ahead"], left["uncommitted"], left["files"]) == (0, 1, 1)


@pytest.mark.parametrize("how", ["left", "committed", "committed and removed"])
def test_a_secret_in_a_commit_fails_the_run_and_stays_out_of_the_branch(bench: Bench, how: str) -> None:
    made = bench.prepare()
    folder = Path(made.path)
    (folder / "settings.py").write_text(f"key = '{SECRET}'\n")
    if how != "left":
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "Oops")
    if how == "committed and removed":
        (folder / "settings.py").unlink()
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", LEAK)
    assert "the secret KEY" in outcome.summary
    assert SECRET not in outcome.summary
    if how == "left":
        assert git(folder, "rev-parse", "HEAD") == made.base


def test_a_copied_file_is_there_and_in_no_commit_and_no_count(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("TOKEN=1\n")
    bench = Bench(project, tmp_path / "work", copy=(".env", "missing"))
    made = bench.prepare()
    folder = Path(made.path)
    assert (folder / ".env").read_text() == "TOKEN=1\n"
    (folder / "new.py").write_text("new\n")
    outcome = bench.settle(made)
    assert outcome.worktree is not None
    assert (outcome.verdict, outcome.worktree["files"]) == ("accept", 1)
    assert ".env" not in git(folder, "ls-tree", "--name-only", "HEAD")


def test_a_copied_file_that_the_goal_commits_fails_the_run(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("TOKEN=1\n")
    bench = Bench(project, tmp_path / "work", copy=(".env",))
    made = bench.prepare()
    git(Path(made.path), "add", "-A")
    git(Path(made.path), "commit", "-qm", "Oops")
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", LEAK)


def test_nothing_that_the_goal_configures_runs(bench: Bench, project: Path, tmp_path: Path) -> None:
    """Hooks, filters, fsmonitor, external diff, textconv: set by a goal, all would run as the daemon."""
    made = bench.prepare()
    folder, caught = Path(made.path), tmp_path / "caught"
    evil = tmp_path / "evil.sh"
    evil.write_text(f'#!/bin/sh\necho "$0 $*" >> {caught}\ncat\n')
    evil.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("pre-commit", "post-commit", "reference-transaction", "post-checkout", "post-index-change"):
        (hooks / hook).symlink_to(evil)
        (project / ".git/hooks" / hook).unlink(missing_ok=True)
        (project / ".git/hooks" / hook).symlink_to(evil)
    for key in ("core.fsmonitor", "diff.external", "diff.x.textconv", "diff.x.command", "core.pager",
                "filter.x.clean", "filter.x.smudge", "filter.x.process", "gpg.program"):  # fmt: skip
        git(folder, "config", key, str(evil))
    git(folder, "config", "core.hooksPath", str(hooks))
    git(folder, "config", "commit.gpgSign", "true")
    (folder / ".gitattributes").write_text("* filter=x diff=x\n")
    (folder / "code.py").write_text("two = 2\n")
    caught.unlink(missing_ok=True)
    outcome = bench.settle(made)
    again = bench.prepare(2)
    assert outcome.verdict == "accept"
    assert outcome.worktree is not None
    assert outcome.worktree["commits_ahead"] == 1
    assert (Path(again.path) / "code.py").exists()
    assert not caught.exists(), caught.read_text()
    (folder / "code.py").write_text("three = 3\n")
    git(folder, "add", "-A")
    assert caught.exists(), "it would have run"


def test_work_on_another_branch_is_told_and_not_committed_there(bench: Bench) -> None:
    made = bench.prepare()
    git(Path(made.path), "switch", "-qc", "mine")
    (Path(made.path) / "new.py").write_text("new\n")
    left = bench.settle(made).worktree
    assert left is not None
    assert (left["branch"], left["uncommitted"]) == ("mine", 1)


def test_an_unfinished_merge_fails_a_success(bench: Bench) -> None:
    made = bench.prepare()
    folder = Path(made.path)
    git(folder, "switch", "-qc", "other")
    (folder / "code.py").write_text("one = 2\n")
    git(folder, "commit", "-qam", "Two")
    git(folder, "switch", "-q", "task/T-1")
    (folder / "code.py").write_text("one = 3\n")
    git(folder, "commit", "-qam", "Three")
    with pytest.raises(subprocess.CalledProcessError):
        git(folder, "merge", "other")
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", "not_committed")
    assert "merge" in outcome.summary


def test_a_worktree_that_the_goal_removed_fails_a_success(bench: Bench, project: Path) -> None:
    made = bench.prepare()
    git(project, "worktree", "remove", "--force", made.path)
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", "not_committed")


@pytest.mark.parametrize("repo", ["other", "/etc", "../app"])
def test_a_record_chooses_among_the_configured_repositories(bench: Bench, repo: str) -> None:
    with pytest.raises(NoWorktree, match=r"not in \[workspace\.repos\] here; known: app"):
        bench.prepare(repo=repo)


@pytest.mark.parametrize("how", ["core.worktree", "another repository"])
def test_a_goal_cannot_have_other_files_committed(
    bench: Bench, project: Path, tmp_path: Path, how: str
) -> None:
    made = bench.prepare()
    folder, other = Path(made.path), tmp_path / "private"
    other.mkdir()
    (other / "letters").write_text("private\n")
    if how == "core.worktree":
        git(folder, "config", "extensions.worktreeConfig", "true")
        git(folder, "config", "--worktree", "core.worktree", str(other))
    else:
        git(other, "init", "-q")
        (folder / ".git").write_text(f"gitdir: {other / '.git'}\n")
    outcome = bench.settle(made)
    assert (outcome.verdict, outcome.reason) == ("failed", "not_committed")
    assert git(project, "rev-parse", "task/T-1") == made.base


def test_what_is_in_the_way_is_not_touched(bench: Bench, project: Path) -> None:
    other = project.parent / "project-T-1"
    other.mkdir()
    (other / "mine").write_text("keep")
    with pytest.raises(NoWorktree, match="exists already"):
        bench.prepare()
    assert (other / "mine").read_text() == "keep"


def test_a_folder_that_is_no_repository_is_named(bench: Bench, tmp_path: Path) -> None:
    settings = replace(bench.spaces._settings, repos={"app": Repo("app", tmp_path / "nothing")})
    bench.spaces._settings = settings
    with pytest.raises(NoWorktree, match="repository 'app'"):
        bench.prepare()


def test_two_fleets_on_one_repository_take_nothing_from_each_other(project: Path, tmp_path: Path) -> None:
    one, other = Bench(project, tmp_path / "one"), Bench(project, tmp_path / "other")
    mine = one.prepare()
    (Path(mine.path) / "mine.py").write_text("mine\n")
    with pytest.raises(NoWorktree, match=r"perhaps another fleet made it\); give the task another alias"):
        other.prepare()
    assert read_record(tmp_path / "other" / "th_child" / "attempt-1.worktree.json") is None
    theirs = other.prepare(work="T-2")
    (Path(theirs.path) / "theirs.py").write_text("theirs\n")
    assert one.settle(mine).verdict == other.settle(theirs).verdict == "accept"
    assert "mine.py" in git(project, "ls-tree", "--name-only", mine.branch)
    assert "theirs.py" not in git(project, "ls-tree", "--name-only", mine.branch)


def test_a_worktree_that_another_fleet_made_meanwhile_is_not_called_its_own(
    project: Path, tmp_path: Path
) -> None:
    bench = Bench(project, tmp_path / "work")
    git(project, "branch", "task/T-1")  # the name is taken, and the folder is not there yet
    with pytest.raises(NoWorktree, match="already exists"):
        bench.prepare()
    assert read_record(tmp_path / "work" / "th_child" / "attempt-1.worktree.json") is None
