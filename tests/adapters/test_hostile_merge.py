"""Branches that turn on whoever merges them: nothing of theirs runs, and nothing outside is touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.adapters.merging.branches import Branches, Joined
from syncropel.adapters.merging.checkouts import checkouts
from syncropel.adapters.merging.merged_tree import make_tree, remove_tree
from syncropel.adapters.merging.stopped import Stopped
from syncropel.folds.tasks.merges import Branch, Mode
from syncropel.system.clean_git import Repository
from tests.git_repository import git, new_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return new_project(tmp_path / "project")


def on_branch(project: Path, name: str, work: Callable[[Path], object], index: int = 0) -> Branch:
    """A branch on which this was done and committed, in a worktree of its own."""
    tree = project.parent / f"tree-{name}"
    git(project, "worktree", "add", "-q", "-b", name, str(tree), "main")
    work(tree)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", f"Work of {name}")
    return Branch(index, 1, name, git(tree, "rev-parse", "HEAD"), work=f"T+{index}", title=f"work {name}")


def merged(project: Path, *branches: Branch, mode: Mode = "merge") -> str:
    """Merge into main as a merge does: join, check out for the gate, move, bring the checkout forward."""
    main = Repository.find(project)
    merging = Branches(main, "Syncropel <syncropel@localhost>")
    start, joined = merging.commit("main"), list[Joined]()
    merging.check(branches)
    for one in branches:
        tip = joined[-1].commit if joined else start
        joined.append(merging.join(start, tip, one, joined, mode, "main"))
    tip = joined[-1].commit
    tree = project.parent / "gate" / "tree"
    make_tree(main, tree, tip)
    remove_tree(main, tree)
    held = checkouts(main, "main")
    for checkout in held:
        checkout.may_move(start, tip)
    merging.move("main", start, tip, "syncropel: merge")
    for checkout in held:
        checkout.move(start, tip)
    return tip


def loud(folder: Path, name: str = "ran") -> str:
    """A program that leaves a mark."""
    program = folder / name
    program.write_text(f"#!/bin/sh\ntouch {folder / 'mark'}\ncat\n")
    program.chmod(0o755)
    return str(program)


def test_hooks_filters_and_fsmonitor_do_not_run(project: Path, tmp_path: Path) -> None:
    def plant(tree: Path) -> None:
        (tree / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
        (tree / "hooks").mkdir()
        (tree / "hooks" / "post-checkout").write_text("#!/bin/sh\n")
        (tree / "b.txt").write_text("two\n")

    branch = on_branch(project, "evil", plant)
    evil, hooks = loud(tmp_path), project / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "post-checkout",
        "post-merge",
        "pre-merge-commit",
        "reference-transaction",
        "post-index-change",
    ):
        os.link(evil, hooks / name)
    for key in ("filter.evil.smudge", "filter.evil.clean", "merge.evil.driver", "diff.evil.textconv",
                "core.fsmonitor", "gpg.program", "core.sshCommand", "core.pager", "core.editor"):  # fmt: skip
        git(project, "config", key, evil)
    git(project, "config", "commit.gpgsign", "true")
    git(project, "config", "merge.verifySignatures", "true")
    tip = merged(project, branch)
    assert (project / "b.txt").read_text() == "two\n"
    assert (project / ".git" / "refs" / "heads" / "main").read_text().strip() == tip
    assert not (tmp_path / "mark").exists()


def test_a_merge_driver_of_the_target_does_not_run_and_union_is_kept(project: Path, tmp_path: Path) -> None:
    (project / ".gitattributes").write_text("a.txt merge=evil\nlog.txt merge=union\n")
    (project / "log.txt").write_text("begin\n")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "Attributes")
    git(project, "config", "merge.evil.driver", f"{loud(tmp_path)} %A %O %B")
    one = on_branch(project, "one", lambda tree: (tree / "log.txt").write_text("begin\nfirst\n"), 0)
    two = on_branch(project, "two", lambda tree: (tree / "log.txt").write_text("begin\nsecond\n"), 1)
    merged(project, one, two)
    assert (project / "log.txt").read_text().splitlines() == ["begin", "first", "second"]
    three = on_branch(project, "three", lambda tree: (tree / "a.txt").write_text("three\n"), 2)
    four = on_branch(project, "four", lambda tree: (tree / "a.txt").write_text("four\n"), 3)
    with pytest.raises(Stopped) as stopped:
        merged(project, three, four)
    assert stopped.value.facts["files"] == [{"path": "a.txt", "index": 2}]
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("ending", ["file", "folder"])
def test_a_link_out_of_the_repository_is_a_link_and_is_not_written_through(
    project: Path, tmp_path: Path, ending: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine\n")
    where = outside if ending == "folder" else outside / "precious"

    def link(tree: Path) -> None:
        (tree / "a.txt").unlink()
        (tree / "a.txt").symlink_to(where)

    tip = merged(project, on_branch(project, "link", link))
    assert (project / "a.txt").is_symlink()
    through = on_branch(project, "through", lambda tree: replaced(tree / "a.txt", ending), 1)
    assert git(project, "rev-parse", "main") == tip
    merged(project, through)
    assert [(one.name, one.read_text()) for one in outside.iterdir()] == [("precious", "mine\n")]
    assert not (project / "a.txt").is_symlink()


def replaced(path: Path, ending: str) -> None:
    path.unlink()
    if ending == "folder":
        path.mkdir()
        (path / "precious").write_text("written through the link\n")
    else:
        path.write_text("written through the link\n")


def test_a_name_that_could_be_an_option_or_a_way_out_is_only_a_name(project: Path) -> None:
    def names(tree: Path) -> None:
        (tree / "--output=x").write_text("1\n")
        (tree / "new\nline").write_text("2\n")
        (tree / "\x1b[2Jclear").write_text("3\n")

    one = on_branch(project, "names", names)
    merged(project, one)
    assert (project / "new\nline").read_text() == "2\n"
    two = on_branch(project, "other", lambda tree: (tree / "new\nline").write_text("x\n"), 1)
    three = on_branch(project, "third", lambda tree: (tree / "new\nline").write_text("y\n"), 2)
    with pytest.raises(Stopped) as stopped:
        merged(project, two, three)
    assert "\x1b" not in stopped.value.told
    assert stopped.value.facts["files"][0]["index"] == 1


def test_a_branch_that_is_a_link_to_another_or_has_moved_is_not_what_was_accepted(project: Path) -> None:
    one = on_branch(project, "one", lambda tree: (tree / "x").write_text("x\n"))
    git(project, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    with pytest.raises(Stopped, match="stands for another one"):
        Branches(Repository.find(project), "A <a@b>").target("alias", "HEAD")
    git(project.parent / "tree-one", "commit", "--amend", "-qm", "Another")
    with pytest.raises(Stopped, match="which was accepted"):
        merged(project, one)
    git(project, "replace", git(project, "rev-parse", "one"), one.commit)
    with pytest.raises(Stopped, match="which was accepted"):
        merged(project, one)


def test_submodules_are_merged_as_commits_and_nothing_is_fetched(project: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q", "-b", "main")
    git(inner, "commit", "-q", "--allow-empty", "-m", "Inner")

    def add(tree: Path) -> None:
        git(tree, "submodule", "add", "-q", str(inner), "lib")
        (tree / ".gitmodules").write_text(
            f'[submodule "lib"]\n\tpath = lib\n\turl = ext::touch {tmp_path}/mark\n'
            f"\tupdate = !touch {tmp_path}/mark\n"
        )

    merged(project, on_branch(project, "module", add))
    assert git(project, "ls-tree", "main", "lib").startswith("160000 commit ")
    assert not any((project / "lib").iterdir())
    assert not (tmp_path / "mark").exists()


def test_a_target_in_the_middle_of_something_is_left_alone(project: Path) -> None:
    one = on_branch(project, "one", lambda tree: (tree / "a.txt").write_text("branch\n"))
    (project / "a.txt").write_text("main\n")
    git(project, "commit", "-qam", "Here, too")
    (project / ".git" / "MERGE_HEAD").write_text(one.commit + "\n")
    with pytest.raises(Stopped, match="a merge is under way there"):
        checkouts(Repository.find(project), "main")
    (project / ".git" / "MERGE_HEAD").unlink()
    (project / ".git" / "rebase-merge").mkdir()
    (project / ".git" / "rebase-merge" / "head-name").write_text("refs/heads/release\n")
    git(project, "checkout", "-q", "--detach")
    with pytest.raises(Stopped, match="a rebase is under way there"):
        checkouts(Repository.find(project), "release")
    git(project, "checkout", "-q", "main")
    (project / ".git" / "rebase-merge" / "head-name").unlink()
    (project / ".git" / "rebase-merge").rmdir()
    (project / "lib").mkdir()
    (project / "lib" / "b.txt").write_text("b\n")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "A folder")
    git(project, "sparse-checkout", "set", "nowhere")
    with pytest.raises(Stopped, match="only a part of its files"):
        checkouts(Repository.find(project), "main")


def test_a_worktree_whose_folder_is_gone_holds_nothing_up(project: Path, tmp_path: Path) -> None:
    one = on_branch(project, "one", lambda tree: (tree / "x").write_text("x\n"))
    git(project, "checkout", "-q", "--detach")
    git(project, "worktree", "add", "-q", str(tmp_path / "gone"), "main")
    os.rename(tmp_path / "gone", tmp_path / "elsewhere")
    merged(project, one)
    assert "x" in git(project, "ls-tree", "--name-only", "main").split()


def test_histories_without_a_common_commit_are_refused(project: Path) -> None:
    git(project, "checkout", "-q", "--orphan", "island")
    git(project, "commit", "-qm", "Island")
    git(project, "checkout", "-q", "main")
    island = Branch(3, 1, "island", git(project, "rev-parse", "island"))
    with pytest.raises(Stopped, match="of subtask 3 has no commit in common with the target"):
        merged(project, island)
