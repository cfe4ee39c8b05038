"""git, asked so that no environment or configuration decides what it looks at, or runs programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE_SECS: Final = 30.0
_SETTINGS: Final = {
    "core.fsmonitor": "false",  # a program, whose word git takes for what has changed
    "core.untrackedCache": "false",
    "core.hooksPath": os.devnull,
    "core.excludesFile": os.devnull,
    "core.trustctime": "true",
    "core.checkStat": "default",
    "status.submoduleSummary": "false",
    "protocol.allow": "never",
}
_OPTIONS: Final = ("--no-optional-locks", "--no-replace-objects", "--literal-pathspecs", "--no-pager")


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
        settings = dict(_SETTINGS)
        for name in self.filters:
            settings |= {f"filter.{name}.{key}": "" for key in ("clean", "smudge", "process")}
            settings[f"filter.{name}.required"] = "false"
        said = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        try:
            told = subprocess.run(
                ("git", *_OPTIONS, *said, "-C", str(self.folder), *words),
                input=os.fsencode(text or ""),
                capture_output=True,
                timeout=PATIENCE_SECS,
                check=False,
                env={**clean(os.environ), **({"GIT_INDEX_FILE": str(self.index)} if self.index else {})},
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
    return kept | {"LC_ALL": "C", "GIT_DISCOVERY_ACROSS_FILESYSTEM": "1", "GIT_NO_LAZY_FETCH": "1"}
