"""What a gate runs of a repository: found in its words, taken from the base, put back after it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from syncropel.adapters.gate_files import command_files
from syncropel.adapters.swapping import swap_back, swap_in
from syncropel.system.clean_git import GitFailed, Repository
from tests.git_repository import git

FILES = ("check.sh", "ci/run.py", "data.txt", "ci/help.sh")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "ci").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name in FILES:
        (folder / name).write_text(f"{name} of the base\n")
    (folder / "check.sh").chmod(0o755)
    (folder / "link.sh").symlink_to("check.sh")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    return folder


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["./check.sh"], ["check.sh"]),
        (["ci/../check.sh", "data.txt"], ["check.sh"]),
        (["check.sh"], []),  # without a slash a program is on PATH
        (["bash", "check.sh", "data.txt"], ["check.sh"]),
        (["bash", "-e", "./check.sh"], ["check.sh"]),
        (["sh", "-c", "cat data.txt && . ci/help.sh; ./check.sh | tee out"], ["check.sh", "ci/help.sh"]),
        (["bash", "-euc", "x=$(ci/run.py data.txt)"], ["ci/run.py"]),
        (["sh", "-c", "if test -e data.txt; then bash -c 'exec ./check.sh'; fi"], ["check.sh"]),
        (["sh", "-c", "eval './check.sh'"], ["check.sh"]),
        (["sh", "-c", "unbalanced ' ./check.sh"], ["check.sh"]),
        (["env", "-i", "A=b", "python3.11", "-W", "ignore", "ci/run.py"], ["ci/run.py"]),
        (["timeout", "60", "./check.sh"], ["check.sh"]),
        (["node", "-r", "ci/help.sh", "ci/run.py", "data.txt"], ["ci/help.sh", "ci/run.py"]),
        (["make", "test"], []),
        (["pytest", "ci/run.py"], []),
        (["python", "-m", "pytest"], []),
        (["/bin/true"], []),
        (["bash", "../check.sh"], []),
    ],
)
def test_the_scripts_of_a_command_are_found_and_what_it_reads_is_not(
    project: Path, words: list[str], paths: list[str]
) -> None:
    found = command_files(Repository.find(project), words, git(project, "rev-parse", "HEAD"))
    assert list(found.paths) == paths
    assert bool(found.digest) == bool(paths)


def test_a_digest_is_of_paths_modes_and_contents(project: Path) -> None:
    repository = Repository.find(project)

    def digest() -> str:
        return command_files(repository, ["./check.sh"], git(project, "rev-parse", "HEAD")).digest

    digests = [digest()]
    (project / "data.txt").write_text("another\n")
    git(project, "commit", "-qam", "Another file")
    assert digest() == digests[0]
    (project / "check.sh").chmod(0o644)
    git(project, "commit", "-qam", "Another mode")
    digests.append(digest())
    (project / "check.sh").write_text("exit 0\n")
    git(project, "commit", "-qam", "Another content")
    digests.append(digest())
    assert len(set(digests)) == 3


def test_the_config_may_name_files_and_folders_or_none(project: Path) -> None:
    repository, commit = Repository.find(project), git(project, "rev-parse", "HEAD")
    assert command_files(repository, ["make"], commit, ["ci", "check.sh"]).paths == (
        "check.sh",
        "ci/help.sh",
        "ci/run.py",
    )
    assert command_files(repository, ["./check.sh"], commit, []).paths == ()
    with pytest.raises(GitFailed, match="nowhere is not in"):
        command_files(repository, ["make"], commit, ["nowhere"])
    with pytest.raises(GitFailed, match=r"link\.sh is a link"):
        command_files(repository, ["./link.sh"], commit)


def swapped(project: Path, tmp_path: Path) -> tuple[Repository, Path]:
    worktree = Repository.find(project)
    files = command_files(worktree, ["sh", "-c", "./check.sh; ci/run.py"], git(project, "rev-parse", "HEAD"))
    swap_in(files, worktree, tmp_path / "kept")
    return worktree, tmp_path / "kept"


def test_what_a_goal_made_of_them_comes_back_after_the_gate(project: Path, tmp_path: Path) -> None:
    (project / "check.sh").write_text("exit 0 # says the goal\n")
    (project / "check.sh").chmod(0o600)
    (project / "ci" / "run.py").unlink()
    worktree, kept = swapped(project, tmp_path)
    assert (project / "check.sh").read_text() == "check.sh of the base\n"
    assert os.access(project / "check.sh", os.X_OK)
    assert (project / "ci" / "run.py").exists()
    (project / "check.sh").write_text("written by the gate\n")
    swapped(project, tmp_path)  # a daemon that comes later goes on, and keeps nothing anew
    swap_back(worktree.top, kept)
    assert (project / "check.sh").read_text() == "exit 0 # says the goal\n"
    assert (project / "check.sh").stat().st_mode & 0o777 == 0o600
    assert not (project / "ci" / "run.py").exists()
    assert not kept.exists()
    swap_back(worktree.top, kept)


@pytest.mark.parametrize("link", ["check.sh", "ci"])
def test_a_link_in_their_place_leads_nowhere(project: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "run.py").write_text("precious\n")
    if link == "ci":
        git(project, "rm", "-rqf", "ci")
        (project / "ci").symlink_to(outside)
    else:
        (project / "check.sh").unlink()
        (project / "check.sh").symlink_to(outside / "run.py")
    with pytest.raises(OSError, match=r"link|symbolic|directory"):
        swapped(project, tmp_path)
    assert (outside / "run.py").read_text() == "precious\n"


@pytest.mark.parametrize("attribute", ["working-tree-encoding=UTF-7", "ident", "eol=crlf", "text eol=crlf"])
def test_attributes_of_an_agent_rewrite_nothing_that_was_allowed(project: Path, attribute: str) -> None:
    script = "false || exit 1 # $Id$\necho done\n"
    (project / "check.sh").write_text(script)
    git(project, "commit", "-qam", "Check")
    repository = Repository.find(project)
    files = command_files(repository, ["./check.sh"], git(project, "rev-parse", "HEAD"))
    (project / ".gitattributes").write_text(f"*.sh {attribute}\n")
    (project / ".git" / "info" / "attributes").write_text(f"*.sh {attribute}\n")

    files.put(repository)

    assert (project / "check.sh").read_bytes() == script.encode()


@pytest.mark.parametrize("made", ["removed", "a folder", "a file", "a link"])
def test_what_was_kept_comes_back_whatever_a_gate_has_made_of_its_place(
    project: Path, tmp_path: Path, made: str
) -> None:
    repository, kept = Repository.find(project), tmp_path / "kept"
    files = command_files(
        repository, ["sh", "-c", "ci/help.sh; ./check.sh"], git(project, "rev-parse", "HEAD")
    )
    (project / "ci" / "help.sh").write_text("the goal's\n")
    (project / "check.sh").write_text("the goal's, too\n")
    swap_in(files, repository, kept)
    shutil.rmtree(project / "ci")
    if made == "a folder":
        (project / "ci" / "help.sh" / "in").mkdir(parents=True)
    elif made == "a file":
        (project / "ci").write_text("no folder\n")
    elif made == "a link":
        (project / "ci").symlink_to(tmp_path)

    swap_back(project, kept)

    assert (project / "ci" / "help.sh").read_text() == "the goal's\n"
    assert (project / "check.sh").read_text() == "the goal's, too\n"
    assert not (tmp_path / "help.sh").exists()
    assert not kept.exists()
