"""Whether a worktree is clean: what hides a change is seen through or refused, and doubt is no yes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli.task_verbs import git as asked
from syncropel.cli.task_verbs.git import GitFailed, clean
from syncropel.cli.task_verbs.uncommitted import Worktree, refuse_uncommitted, worktree_around
from syncropel.errors import Conflict

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "protocol.file.allow=always")


def git(folder: Path, *words: str) -> str:
    told = subprocess.run(
        ("git", "-C", str(folder), *IDENTITY, *words), check=True, capture_output=True, env=clean(os.environ)
    )
    return told.stdout.decode()


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of their own, whose configuration is theirs for all repositories."""
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
def repo(tmp_path: Path) -> Path:
    return committed(tmp_path / "project")


def found(folder: Path) -> Worktree:
    tree = worktree_around(folder)
    assert tree is not None
    return tree


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
    with pytest.raises(GitFailed, match=r"sub' has files, but is no repository"):
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


def test_a_missing_index_is_everything_undone(repo: Path) -> None:
    (repo / ".git" / "index").unlink()
    assert "kept" in found(repo).changed


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


def test_a_filter_does_not_hide_a_change(repo: Path) -> None:
    (repo / ".gitattributes").write_text("kept filter=liar\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "attributes")
    git(repo, "config", "filter.liar.clean", "echo 1")
    (repo / "kept").write_text("2\n")
    assert git(repo, "status", "--porcelain") == ""
    assert found(repo).changed == ("kept",)


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
