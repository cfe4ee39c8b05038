"""The part of the daemon's environment that every program gets, and how its program is found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from typing import Final

PASSED: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
)
"""Variables of the daemon that every program is given."""


def passed(more: Iterable[str] = ()) -> dict[str, str]:
    """Those of the daemon's variables that are set; `more`: others that the config names."""
    return {name: os.environ[name] for name in (*PASSED, *more) if name in os.environ}


def found(command: list[str], environment: Mapping[str, str]) -> list[str]:
    """The command, with its program's path if the environment's PATH contains it."""
    path = shutil.which(command[0], path=environment.get("PATH"))
    return [path or command[0], *command[1:]]
