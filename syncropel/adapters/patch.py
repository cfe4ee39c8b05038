"""What an attempt changed in its worktree, committed or not: a patch against the commit it began at."""

from __future__ import annotations

from pathlib import Path

from syncropel.adapters.files import folder_name
from syncropel.adapters.workspace import Worktree, read_record
from syncropel.system.clean_git import PLAIN_DIFF, diff_of_commits


def patch_path(work: Path, thread: str, attempt: int) -> Path:
    """Where the patch of an attempt is kept. `work`: the instance's folder of work."""
    return work / folder_name(thread) / f"attempt-{attempt}.diff"


def write_patch(path: Path) -> None:
    """Make the patch of an attempt. Blocks.

    Raises FileNotFoundError when the attempt has no worktree, GitFailed.
    """
    made = read_record(path.with_suffix(".worktree.json"))
    if made is None:
        raise FileNotFoundError(path)
    path.write_bytes(_patch(made))


def _patch(made: Worktree) -> bytes:
    if not Path(made.path).exists():  # removed after its branch was merged, say
        return diff_of_commits(Path(made.common), made.base, f"refs/heads/{made.branch}")
    repository = made.repository()
    tip = repository.commit()
    with repository.scratch(tip, exclude=made.copied) as scratch:
        return scratch.run("diff", *PLAIN_DIFF, made.base, scratch.tree(made.copied, made.base))
