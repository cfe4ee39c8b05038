"""git, asked so that no environment or configuration decides what it looks at, or runs programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.system.git_settings import ENVIRONMENT, SAFE, options, without_filters

PATIENCE_SECS: Final = 30.0


class GitFailed(Exception):
    """git gave no reliable answer. The text says why, to follow "cannot tell …: "."""


@dataclass(frozen=True)
class Git:
    """git in one folder. `filters`: those that the repository names, each a program that would be run."""

    folder: Path
    filters: tuple[str, ...] = ()
    index: Path | None = None
    """Another index than the worktree's own."""

    def ask(self, *words: str, text: str | None = None) -> list[str]:
        """The NUL-terminated parts of what it says. Raises GitFailed also when it says so with a warning."""
        code, out, told = self.run(*words, text=text)
        if code != 0 or told:
            raise GitFailed(f"git: {told}" if told else f"git {words[0]} failed with status {code}")
        return out.split("\0")[:-1]

    def run(self, *words: str, text: str | None = None) -> tuple[int, str, str]:
        """Its exit status, its output, and the first line that it writes to stderr; `text` is its stdin.
        Raises GitFailed when it cannot be run, or does not end in time."""
        environment = {**clean(os.environ), **ENVIRONMENT}
        if self.index is not None:
            environment["GIT_INDEX_FILE"] = str(self.index)
        settings = options({**SAFE, **without_filters(self.filters)})
        try:
            told = subprocess.run(
                ("git", "--no-pager", *settings, "-C", str(self.folder), *words),
                input=os.fsencode(text or ""),
                capture_output=True,
                timeout=PATIENCE_SECS,
                check=False,
                env=environment,
            )
        except FileNotFoundError:
            raise GitFailed("git is not installed") from None
        except OSError as error:
            raise GitFailed(f"git cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git did not answer within {PATIENCE_SECS:.0f} s") from None
        out, err = (os.fsdecode(one) for one in (told.stdout, told.stderr))
        return told.returncode, out, err.strip().partition("\n")[0]


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that tells git where to look or what to hide."""
    kept = {key: value for key, value in environ.items() if not key.startswith("GIT_")}
    kept.pop("LANGUAGE", None)
    # The repository is looked for up to the root, so that "there is none" means that there is none.
    return kept | {"LC_ALL": "C", "GIT_DISCOVERY_ACROSS_FILESYSTEM": "1"}
