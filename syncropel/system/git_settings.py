"""Settings under which git runs no program that a repository names, and hides nothing.

They hold for every git that spl runs, whoever asks and whatever the repository's own configuration says.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

SAFE: Final[Mapping[str, str]] = {
    # programs that git would run
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",  # git takes its word for what has changed
    "core.alternateRefsCommand": "",
    "protocol.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # what would make it look away
    "core.excludesFile": os.devnull,
    "core.untrackedCache": "false",
    "core.trustctime": "true",
    "core.checkStat": "default",
    "status.submoduleSummary": "false",
}
ENVIRONMENT: Final[Mapping[str, str]] = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ALLOW_PROTOCOL": "",  # an agent may name a program as the remote for missing objects
    "LC_ALL": "C",
}


def without_filters(names: Iterable[str]) -> dict[str, str]:
    """Settings that switch these filters of a repository off: each is a program."""
    settings: dict[str, str] = {}
    for name in names:
        settings |= {f"filter.{name}.{key}": "" for key in ("clean", "smudge", "process")}
        settings[f"filter.{name}.required"] = "false"
    return settings


def options(settings: Mapping[str, str]) -> list[str]:
    """The options of a git command that make these settings."""
    return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
