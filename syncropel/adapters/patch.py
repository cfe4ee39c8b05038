"""What an attempt changed in its worktree: a patch against its starting commit, of the commit that its result
names, or of what the worktree holds, committed or not.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from syncropel.adapters.files import folder_name
from syncropel.adapters.workspace import Worktree, read_record
from syncropel.system.clean_git import PLAIN_DIFF, GitFailed, diff_of_commits, has_commit


def patch_path(work: Path, thread: str, attempt: int) -> Path:
    """Where the patch of an attempt is stored. `work`: the instance's folder of work."""
    return work / folder_name(thread) / f"attempt-{attempt}.diff"


class PatchGone(Exception):
    """Raised when the commit of an attempt is no longer in its repository; the text says so."""


def write_patch(path: Path, commit: str = "") -> None:
    """Make the patch of an attempt. Blocks. `commit`: that of its result, where this has all it changed;
    without one, the patch is of what its worktree, or else its branch, holds now.

    Raises FileNotFoundError when the attempt has no worktree, PatchGone, GitFailed.
    """
    made = read_record(path.with_suffix(".worktree.json"))
    if made is None:
        raise FileNotFoundError(path)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        _write(made, draft, commit)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write(made: Worktree, path: Path, commit: str) -> None:
    """Have git write it: it may be larger than memory."""
    common = Path(made.common)
    if commit:
        try:
            diff_of_commits(common, made.base, commit, path)
        except GitFailed:
            if has_commit(common, commit):
                raise
            raise PatchGone(f"its commit {commit} is no longer in the repository {made.repo!r}") from None
        return
    if not Path(made.path).exists():  # removed after its branch was merged, for example
        diff_of_commits(common, made.base, f"refs/heads/{made.branch}", path)
        return
    repository = made.repository()
    tip = repository.commit()
    with repository.scratch(tip, exclude=made.copied) as scratch:
        tree = scratch.tree(made.copied, made.base)
        scratch.run("diff", *PLAIN_DIFF, made.base, tree, out=path)
