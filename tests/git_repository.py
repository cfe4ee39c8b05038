"""git in the repositories that tests make, as a person of no configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from syncropel.cli.task_verbs.git import clean

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")


def git(folder: Path, *words: str) -> str:
    """What it writes, without line breaks at its end. Raises CalledProcessError."""
    told = subprocess.run(
        ("git", "-C", str(folder), *IDENTITY, *words), check=True, capture_output=True, env=clean(os.environ)
    )
    return told.stdout.decode().rstrip("\n")


def new_project(folder: Path) -> Path:
    """Make a repository with one commit on `main`, of the file `a.txt`; returns its folder."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    return folder


def hold_git_up(folder: Path, tracked: str) -> Path:
    """Make git wait for ever once it looks at this work tree; returns the pipe that it waits for.

    git reads attributes only to compare contents; that the tracked file has another time makes it do so,
    whatever the clock was when the index was written.
    """
    pipe = folder / ".gitattributes"
    os.mkfifo(pipe)
    os.utime(folder / tracked, (1, 1))
    return pipe
