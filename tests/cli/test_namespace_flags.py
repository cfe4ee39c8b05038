"""`--namespace` of every command: what is no namespace is told, an empty one too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]

COMMANDS = [
    ("task", "add", "a goal"),
    ("task", "fan-out", "FAN", "--subtask", "goal=g,target=worker-a"),
    ("task", "dispatch", "FAN"),
    ("run", "a goal"),
    ("kill", "--reason", "r"),
    ("kill", "--dry-run"),
    ("unkill",),
]


@pytest.mark.parametrize("namespace", ["", "Docs"])
@pytest.mark.parametrize("command", COMMANDS, ids=[" ".join(one[:2]) for one in COMMANDS])
def test_what_is_no_namespace_is_told(
    live: Path, spl: Callable[..., Ran], command: tuple[str, ...], namespace: str
) -> None:
    spl("task", "add", "much", "--alias", "FAN")
    before = spl("task", "list").out
    ran = spl(*command, "--namespace", namespace)
    assert ran.code != 0
    assert ran.err.startswith("error: ")
    assert spl("task", "list").out == before


def test_an_empty_name_lifts_no_emergency_stop(live: Path, spl: Callable[..., Ran]) -> None:
    assert spl("kill", "--emergency", "--reason", "r").code == 0
    try:
        assert spl("unkill", "--namespace", "").code != 0
        assert spl("unkill", "--namespace", "*").code != 0
    finally:
        assert spl("unkill", "--emergency").code == 0
