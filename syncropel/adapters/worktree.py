"""What a goal left in the git worktree that it ran in, for whoever has to save its work."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any, Final

_PATIENCE_SECS: Final = 5.0


async def head(folder: Path) -> str | None:
    """The commit that this worktree is at; None when the folder is none, or has no commit."""
    return await _git(folder, "rev-parse", "--verify", "HEAD")


async def left_in(folder: Path, base: str) -> dict[str, Any] | None:
    """What stands in a worktree that was at the commit `base` when the goal began.

    `path, branch` (None: detached), `commit, subject, commits_ahead` (of base), `uncommitted` (files changed
    or untracked). None when git does not answer.
    """
    latest = await _git(folder, "log", "-1", "--format=%H%x00%s")
    ahead = await _git(folder, "rev-list", "--count", f"{base}..HEAD")
    changed = await _git(folder, "status", "--porcelain")
    if latest is None or changed is None:
        return None
    commit, _, subject = latest.partition("\0")
    return {
        "path": await _git(folder, "rev-parse", "--show-toplevel") or str(folder),
        "branch": await _git(folder, "symbolic-ref", "--short", "-q", "HEAD"),
        "commit": commit,
        "subject": subject[:200],
        "commits_ahead": int(ahead) if ahead and ahead.isdecimal() else 0,
        "uncommitted": len(changed.splitlines()),
    }


async def _git(folder: Path, *words: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            git,
            "-c",
            "core.fsmonitor=false",
            "-C",
            str(folder),
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_SECS)
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode("utf-8", errors="replace").strip("\n") if process.returncode == 0 else None
