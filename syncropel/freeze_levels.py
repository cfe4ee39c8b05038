"""The levels of a freeze, and how each is set and lifted: the only place that names them."""

from __future__ import annotations

import shlex
from typing import Final, Literal, get_args

Level = Literal["soft", "hard", "emergency"]
SOFT: Final = "soft"
"""New work is refused; running work finishes."""
HARD: Final = "hard"
"""As soft; after the grace every write is refused, and running work is ended."""
EMERGENCY: Final = "emergency"
"""Soft, for the whole fleet."""
MEANINGS: Final[dict[Level, str]] = {
    SOFT: "no new work; what runs finishes",
    HARD: "no new work; after the grace no write, and what still runs is ended",
    EMERGENCY: "no new work in the whole fleet; what runs finishes",
}
"""Each level, the mildest first, and what a person reads about it before setting it."""
LEVELS: Final[tuple[Level, ...]] = tuple(MEANINGS)
NamespaceLevel = Literal["soft", "hard"]
NAMESPACE_LEVELS: Final[tuple[NamespaceLevel, ...]] = get_args(NamespaceLevel)
"""Levels that a namespace can be frozen at."""
EVERYWHERE: Final = "*"
"""Stands for the whole fleet, in place of a freeze's namespace."""
DEFAULT_GRACE_SECS: Final = 60.0
"""How long running work has under a hard freeze that names no grace."""


def unkill_command(namespace: str, reason: str = "") -> str:
    """The command that lifts the freeze of a namespace, or with `*` the emergency stop."""
    where = "--emergency" if namespace == EVERYWHERE else f"--namespace {shlex.quote(namespace)}"
    return f"spl unkill {where}" + (f" --reason {shlex.quote(reason)}" if reason else "")


def kill_command(
    level: str, namespace: str, reason: str, grace_secs: float = DEFAULT_GRACE_SECS, terminate: bool = False
) -> str:
    """The command that sets a freeze; flags with default values are omitted."""
    words = ["spl", "kill"]
    words += ["--emergency"] if level == EMERGENCY else ["--namespace", shlex.quote(namespace) or "NS"]
    words += ["--level", level] if level == HARD else []
    words += ["--grace", f"{grace_secs:g}"] if level == HARD and grace_secs != DEFAULT_GRACE_SECS else []
    words += ["--terminate"] if terminate else []
    return " ".join([*words, "--reason", shlex.quote(reason) if reason else "…"])
