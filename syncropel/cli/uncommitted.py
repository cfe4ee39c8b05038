"""What git says of the folder that a command is typed in."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_PATIENCE_SECS: Final = 10.0


def uncommitted_files(folder: Path) -> int:
    """How many files of the git worktree around this folder are changed or untracked.

    0 when the folder is in none, and when git is missing or does not answer.
    """
    try:
        told = subprocess.run(
            ("git", "-C", str(folder), "status", "--porcelain"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return len(told.stdout.splitlines()) if told.returncode == 0 else 0
