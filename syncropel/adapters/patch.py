"""What an attempt changed in its worktree, committed or not: a patch against its starting commit."""

from __future__ import annotations

import secrets
from pathlib import Path

from syncropel.adapters.files import folder_name
from syncropel.adapters.workspace import Worktree, read_record
from syncropel.system.clean_git import PLAIN_DIFF, diff_of_commits


def patch_path(work: Path, thread: str, attempt: int) -> Path:
    """Where the patch of an attempt is stored. `work`: the instance's folder of work."""
    return work / folder_name(thread) / f"attempt-{attempt}.diff"


def write_patch(path: Path) -> None:
    """Make the patch of an attempt. Blocks.

    Raises FileNotFoundError when the attempt has no worktree, GitFailed.
    """
    made = read_record(path.with_suffix(".worktree.json"))
    if made is None:
        raise FileNotFoundError(path)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        _write(made, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write(made: Worktree, path: Path) -> None:
    """Have git write it: it may be larger than memory."""
    if not Path(made.path).exists():  # removed after its branch was merged, for example
        diff_of_commits(Path(made.common), made.base, f"refs/heads/{made.branch}", path)
        return
    repository = made.repository()
    tip = repository.commit()
    with repository.scratch(tip, exclude=made.copied) as scratch:
        tree = scratch.tree(made.copied, made.base)
        scratch.run("diff", *PLAIN_DIFF, made.base, tree, out=path)
